// Package query says what the parameters of a request mean: one reading for
// the pages, the API and the exports.
package query

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// Any is the verdict that stands for every verdict.
const Any = "any"

// The values that a parameter may have, in the order they are shown.
var (
	Verdicts = []string{extract.Draft, extract.Accepted, extract.Rejected}
	Origins  = []string{extract.Explicit, extract.Derived, extract.Reversal, extract.Rewrite, extract.Manual}
	Kinds    = []string{extract.Book, extract.Paper, extract.Page, extract.Repository}
	Sorts    = []string{"relevance", "newest", "oldest", "difficulty", "source"}
)

// A ParamError says which parameter of a request is wrong, and why.
type ParamError struct {
	Name    string
	Message string
}

func (e *ParamError) Error() string { return e.Name + ": " + e.Message }

// Wrong is the error of a parameter that cannot be read: seedbed.Invalid
// around a ParamError.
func Wrong(name, format string, args ...any) error {
	p := &ParamError{Name: name, Message: fmt.Sprintf(format, args...)}
	return &seedbed.Error{Code: seedbed.Invalid, Message: p.Error(), Err: p}
}

// filters are the names that Filter knows.
var filters = []string{"q", "verdict", "type", "origin", "kind", "source", "collection", "run", "tag", "language", "min_difficulty", "check", "distinct", "sort", "page", "size"}

// Filter reads a filter. Empty values are as good as none; a value or a name
// that nobody knows is an error, so that a typing mistake never widens what is
// shown or exported. The names in also belong to the caller.
func Filter(v url.Values, also ...string) (seedbed.Filter, error) {
	var f seedbed.Filter
	for _, name := range sorted(v) {
		values := slices.DeleteFunc(slices.Clone(v[name]), func(s string) bool { return strings.TrimSpace(s) == "" })
		if len(values) == 0 {
			continue
		}
		var err error
		switch name {
		case "q":
			f.Query = strings.TrimSpace(values[0])
		case "verdict":
			f.Verdict, err = among(name, values, append(slices.Clone(Verdicts), Any))
			if slices.Contains(f.Verdict, Any) {
				f.Verdict = slices.Sorted(slices.Values(Verdicts))
			}
		case "type":
			f.Type, err = among(name, values, extract.SeedTypes)
		case "origin":
			f.Origin, err = among(name, values, Origins)
		case "kind":
			f.Kind, err = among(name, values, Kinds)
		case "source":
			f.Source = values
		case "collection":
			f.Collection = values
		case "run":
			f.Run = values
		case "tag":
			f.Tag = values
		case "language":
			f.Language = values
		case "min_difficulty":
			f.MinDifficulty, err = number(name, values[0], 0, 10)
		case "check":
			f.Check, err = check(values[0])
		case "distinct":
			f.Distinct, err = Bool(name, values[0], false)
		case "sort":
			var s []string
			s, err = among(name, values[:1], Sorts)
			f.Sort = strings.Join(s, "")
		case "page":
			f.Page, err = number(name, values[0], 1, 1_000_000)
		case "size":
			f.Size, err = number(name, values[0], 1, seedbed.MaxPageSize)
		default:
			if !slices.Contains(also, name) {
				err = unknown(name, append(slices.Clone(filters), also...))
			}
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// Values writes a filter as [Filter] reads it. Zero fields are left out.
func Values(f seedbed.Filter) url.Values { return f.Values() }

// unknown is the error of a parameter that is none of the known.
func unknown(name string, known []string) error {
	if len(known) == 0 {
		return Wrong(name, "this address takes no parameters")
	}
	return Wrong(name, "there is no such parameter; there are %s", strings.Join(known, ", "))
}

// Only reports the first parameter that is not among the names.
func Only(v url.Values, names ...string) error {
	for _, name := range sorted(v) {
		if !slices.Contains(names, name) {
			return unknown(name, names)
		}
	}
	return nil
}

// Change reports what is wrong with a change to a seed.
func Change(c seedbed.SeedChange) error {
	if c.Question != nil && strings.TrimSpace(*c.Question) == "" {
		return Wrong("question", "a seed needs a question")
	}
	if c.Answer != nil && strings.TrimSpace(*c.Answer) == "" {
		return Wrong("answer", "a seed needs an answer")
	}
	if c.Type != nil {
		if _, err := among("type", []string{*c.Type}, extract.SeedTypes); err != nil {
			return err
		}
	}
	if c.Verdict != nil {
		if _, err := among("verdict", []string{*c.Verdict}, Verdicts); err != nil {
			return err
		}
	}
	return nil
}

// NewSeed reports what is wrong with a seed that a person wrote.
func NewSeed(n seedbed.NewSeed) error {
	if n.Source == "" {
		return Wrong("source", "a seed needs a source")
	}
	if n.Difficulty < 0 || n.Difficulty > 10 {
		return Wrong("difficulty", "%d is no number from 1 to 10, nor 0 for none", n.Difficulty)
	}
	c := seedbed.SeedChange{Question: &n.Question, Answer: &n.Answer}
	if n.Type != "" {
		c.Type = &n.Type
	}
	return Change(c)
}

// Version reads a seed's version, 0 where there is none.
func Version(name, value string) (int64, error) {
	if value == "" {
		return 0, nil
	}
	v, err := strconv.ParseInt(value, 10, 64)
	if err != nil || v < 1 {
		return 0, Wrong(name, "%q is no version", value)
	}
	return v, nil
}

// Export reads how seeds are to be exported, from [ExportNames].
func Export(v url.Values) (seedbed.ExportOptions, error) {
	o := seedbed.ExportOptions{Format: v.Get("format"), System: strings.TrimSpace(v.Get("system"))}
	var err error
	if o.Reasoning, err = Bool("reasoning", v.Get("reasoning"), false); err != nil {
		return o, err
	}
	if o.Split, err = seedbed.ParseSplit(v.Get("split")); err != nil {
		return o, Wrong("split", "%v", err)
	}
	if n := strings.TrimSpace(v.Get("split_seed")); n != "" {
		if o.SplitSeed, err = strconv.ParseInt(n, 10, 64); err != nil {
			return o, Wrong("split_seed", "%q is no whole number", n)
		}
	}
	return o, nil
}

// ExportNames are the parameters that Export reads.
var ExportNames = []string{"format", "reasoning", "system", "split", "split_seed"}

// ExportValues writes a filter and options as [Filter] and [Export] read them.
func ExportValues(o seedbed.ExportOptions, f seedbed.Filter) url.Values {
	v := Values(f)
	v.Set("format", o.Format)
	if o.Reasoning {
		v.Set("reasoning", "true")
	}
	if o.System != "" {
		v.Set("system", o.System)
	}
	if len(o.Split) > 0 {
		v.Set("split", seedbed.FormatSplit(o.Split))
		if o.SplitSeed != 0 {
			v.Set("split_seed", strconv.FormatInt(o.SplitSeed, 10))
		}
	}
	return v
}

// Bool reads a switch: true, on, yes, 1 and their opposites; def when empty.
func Bool(name, value string, def bool) (bool, error) {
	switch strings.ToLower(value) {
	case "":
		return def, nil
	case "true", "on", "yes", "1":
		return true, nil
	case "false", "off", "no", "0":
		return false, nil
	}
	return def, Wrong(name, "%q is neither true nor false", value)
}

// among reads values out of a known few. One value may hold several, with
// commas between: a list to choose from can then offer "draft,accepted".
func among(name string, values, known []string) ([]string, error) {
	var out []string
	for _, v := range values {
		for v := range strings.SplitSeq(v, ",") {
			if !slices.Contains(known, v) {
				return nil, Wrong(name, "%q is none of %s", v, strings.Join(known, ", "))
			}
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func number(name, value string, low, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return 0, Wrong(name, "%q is no number from %d to %d", value, low, high)
	}
	return n, nil
}

// check reads the name of a check with an optional verdict: "ground:fail".
func check(value string) (string, error) {
	name, verdict, found := strings.Cut(value, ":")
	if name == "" {
		return "", Wrong("check", "%q names no check", value)
	}
	if !found {
		return value, nil
	}
	if _, err := among("check", []string{verdict}, []string{extract.Pass, extract.Fail, extract.Uncertain, extract.Skipped}); err != nil {
		return "", err
	}
	return value, nil
}

func sorted(v url.Values) []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
