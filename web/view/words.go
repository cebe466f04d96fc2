package view

import (
	"fmt"
	"math"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// Bytes is a size as people say it: "4.1 MB".
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		f /= 1000
		if f < 999.5 {
			break
		}
	}
	if f < 9.95 {
		return fmt.Sprintf("%.1f %s", f, unit)
	}
	return fmt.Sprintf("%.0f %s", f, unit)
}

// Limit is a size that somebody set, in the units they think in: "2 GiB".
func Limit(n int64) string {
	for i, unit := range []string{"GiB", "MiB", "KiB"} {
		if size := int64(1) << (30 - 10*i); n >= size && n%size == 0 {
			return fmt.Sprintf("%d %s", n/size, unit)
		}
	}
	return Bytes(n)
}

// Number is n with its thousands set apart: "12,345".
func Number(n int) string {
	s := strconv.Itoa(n)
	digits := strings.TrimPrefix(s, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return s[:len(s)-len(strings.TrimPrefix(s, "-"))] + digits
}

// Count is a number with its noun: "1 seed", "1,204 seeds".
func Count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + one + "s"
}

// Ago is how long before now t was, in words: "3 minutes ago".
func Ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return ""
	case d < 45*time.Second:
		return "just now"
	case d < time.Hour:
		return Count(max(1, int(math.Round(d.Minutes()))), "minute") + " ago"
	case d < 24*time.Hour:
		return Count(max(1, int(math.Round(d.Hours()))), "hour") + " ago"
	case d < 14*24*time.Hour:
		return Count(int(math.Round(d.Hours()/24)), "day") + " ago"
	}
	return t.Format("2 January 2006")
}

// Duration is a length of time as people say it: "1 h 4 min", "32 s".
func Duration(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Second:
		return "under a second"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// Tokens is a number of tokens in few digits: "950", "12.3k", "4.1M".
func Tokens(n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n)
	case n < 999_950:
		return trim(fmt.Sprintf("%.1f", float64(n)/1e3)) + "k"
	}
	return trim(fmt.Sprintf("%.1f", float64(n)/1e6)) + "M"
}

func trim(s string) string { return strings.TrimSuffix(s, ".0") }

// share is a part of one in percent: "9.4 %".
func share(x float64) string { return trim(strconv.FormatFloat(100*x, 'f', 1, 64)) + " %" }

// percent is how much of total n is, rounded down: 100 only when it is all.
func percent(n, total int) int {
	if total <= 0 {
		return 0
	}
	return n * 100 / total
}

// upper is s with a capital first letter.
func upper(s string) string {
	s = Plain(s)
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-32) + s[1:]
}

// in is the address of a thing by its id.
func in(kind, id string, rest ...string) templ.SafeURL {
	p := "/" + kind + "/" + url.PathEscape(id)
	if more := path.Join(rest...); more != "" {
		p += "/" + more
	}
	return templ.SafeURL(p)
}

// at is the place in a source's text where the characters from start to end
// are marked.
func at(source string, start, end int) templ.SafeURL {
	return templ.SafeURL(fmt.Sprintf("%s?at=%d-%d#at", in("sources", source), start, end))
}

// sourceTitle is what to call a source before anything is known of it.
func sourceTitle(s seedbed.Source) string {
	if strings.TrimSpace(s.Title) != "" {
		return s.Title
	}
	return s.Name
}

// where says on which page, or in which lines of which file, a quote stands.
func where(e extract.Evidence) string {
	var parts []string
	if e.File != "" {
		parts = append(parts, e.File)
	}
	if e.Page > 0 {
		parts = append(parts, "page "+strconv.Itoa(e.Page))
	}
	if e.Lines[0] > 0 && e.Lines[1] > e.Lines[0] {
		parts = append(parts, fmt.Sprintf("lines %d–%d", e.Lines[0], e.Lines[1]))
	} else if e.Lines[0] > 0 {
		parts = append(parts, fmt.Sprintf("line %d", e.Lines[0]))
	}
	return strings.Join(parts, ", ")
}

var matchWords = map[string]string{
	extract.MatchExact:      "Word for word",
	extract.MatchNormalized: "Word for word but for spacing",
	extract.MatchRepaired:   "Mended to the source’s words",
	"":                      "Not yet compared with the source",
}

var originWords = map[string]string{
	extract.Explicit: "stated in the text",
	extract.Derived:  "derived by a model",
	extract.Reversal: "made from code",
	extract.Rewrite:  "rewritten",
	extract.Manual:   "written by hand",
}

// Origin says where a seed comes from.
func Origin(origin string) string { return upper(words(originWords, origin)) }

var whoWords = map[string]string{
	seedbed.ByGroup:  "Grouped anew",
	seedbed.ByDedupe: "Gave way to a better duplicate",
}

// fieldWords are the fields of a seed's record that are not called what they
// are shown as.
var fieldWords = map[string]string{
	"type":           "Kind of question",
	"verdict_reason": "Reason",
}

var checkWords = map[string]string{
	"screen":        "Worth reading",
	"ground":        "Grounded in the source",
	"standalone":    "Understandable alone",
	"dedupe":        "Not a duplicate",
	"roundtrip":     "Answered again from the passage",
	"vote":          "Independent answers agree",
	"execute":       "Code runs",
	"reverse":       "Code follows from the instruction",
	"revise":        "Held up to criticism",
	"decontaminate": "Not in a benchmark",
}

// words is m's word for key, or the key itself.
func words(m map[string]string, key string) string {
	if w, ok := m[key]; ok {
		return w
	}
	return upper(strings.ReplaceAll(key, "_", " "))
}

// sourceAdvice says what a person can do about a source that could not be
// read, where the reason itself does not end with it.
var sourceAdvice = map[string]string{
	seedbed.Unavailable: "Wait a moment and upload it again.",
	seedbed.Internal:    "Upload it again. If it fails again, the server’s log says more.",
}

// A failure says what the failures of one code have in common, and what to do.
type failure struct{ title, advice string }

var failureWords = map[string]failure{
	"auth":        {"The model server refused the key", "Check the key in the settings, then retry."},
	"not_found":   {"The model server knows no such model", "Choose a model that the server lists in the settings, then retry."},
	"quota":       {"The account has run out of credit", "Add credit with the provider, then retry."},
	"rate":        {"The model server asked to slow down", "Retry later, or lower the number of calls at once in the settings."},
	"unavailable": {"The model server did not answer", "See that it is running and reachable, then retry."},
	"timeout":     {"The model took too long", "Retry, lower the number of calls at once, or choose a faster model."},
	"refusal":     {"The model refused to answer", "Another model may accept these passages."},
	"truncated":   {"The reply was cut off", "Retry: the next attempt gets more room."},
	"malformed":   {"The reply was not what was asked for", "Retry, or choose a model that follows a JSON schema."},
	"too_long":    {"The passage does not fit into the model’s context", "Choose a model with a longer context."},
	"invalid":     {"The model server did not understand the request", "Check the base URL and the model in the settings, then retry."},
	"internal":    {"Something went wrong on the server", "Retry. The server’s log says more."},
}

func failureOf(code string) failure {
	if f, ok := failureWords[code]; ok {
		return f
	}
	return failure{upper(strings.ReplaceAll(code, "_", " ")), "Retry these passages."}
}

// runAdvice says what to do about a run that stopped: because of its model, or
// because its source could not be read.
func runAdvice(code string) string {
	if f, ok := failureWords[code]; ok && sourceAdvice[code] == "" {
		return f.advice
	}
	return sourceAdvice[code]
}

var runWords = map[string]string{
	seedbed.RunQueued:    "Waiting",
	seedbed.RunReading:   "Reading",
	seedbed.RunRunning:   "Running",
	seedbed.RunPaused:    "Paused",
	seedbed.RunDone:      "Done",
	seedbed.RunFailed:    "Failed",
	seedbed.RunCancelled: "Cancelled",
}

var sourceWords = map[string]string{
	seedbed.SourceQueued:  "Waiting",
	seedbed.SourceReading: "Reading",
	seedbed.SourceReady:   "Ready",
	seedbed.SourceFailed:  "Not readable",
}

// runState is the state of a run in words; a run that ends with failures says so.
func runState(r seedbed.Run) string {
	if r.State == seedbed.RunDone && r.Passages.Failed > 0 {
		return "Done with " + Count(r.Passages.Failed, "failure")
	}
	return words(runWords, r.State)
}

// tone is the colour that a state is shown in.
func tone(state string) string {
	switch state {
	case seedbed.SourceReady, seedbed.RunDone, extract.Accepted, extract.Pass:
		return "good"
	case seedbed.SourceFailed, extract.Rejected, extract.Fail:
		return "bad"
	case seedbed.SourceReading, seedbed.RunRunning:
		return "busy"
	case seedbed.RunPaused, extract.Uncertain:
		return "warn"
	}
	return "calm"
}

func runTone(r seedbed.Run) string {
	if r.State == seedbed.RunDone && r.Passages.Failed > 0 {
		return "warn"
	}
	return tone(r.State)
}

// settled is how many of a run's passages need no more work.
func settled(c seedbed.PassageCounts) int { return c.Done + c.Failed + c.Skipped }

// recipeName is a seed's recipe without its hash.
func recipeName(recipe string) string {
	name, _, _ := strings.Cut(recipe, "@")
	return name
}

func itoa(n int) string { return strconv.Itoa(n) }

// linkTo is path with one parameter.
func linkTo(path, name, value string) string {
	return path + "?" + url.Values{name: {value}}.Encode()
}

// passageTitle is what to call a passage.
func passageTitle(x seedbed.RunPassage) string {
	if len(x.Path) > 0 {
		return strings.Join(x.Path, " › ")
	}
	if x.File != "" {
		return x.File
	}
	return "Passage " + Number(x.Ordinal+1)
}

// money is an amount without its currency: "0.42", "0.0031", nothing for 0.
func money(f float64) string {
	switch {
	case f == 0:
		return ""
	case f < 0.1:
		return strconv.FormatFloat(f, 'g', 2, 64)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// unlessZero is a number for a field, which is empty where there is none.
func unlessZero(n int) string {
	if n == 0 {
		return ""
	}
	return itoa(n)
}
