package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// Screen turns away passages that teach nothing: tables of contents,
// indexes, lists of references, licences, thanks, navigation, and what is
// mostly signs, numbers or links. The rules come first and judge prose only,
// so that code, data tables and formulas pass. With Rate a model then rates
// what is left.
//
// A passage that is turned away ends with an [extract.Skip].
type Screen struct {
	Rate      bool `yaml:"rate"`      // have a model rate what the rules let through
	Threshold int  `yaml:"threshold"` // 0–5: a passage whose best rating is lower is skipped
	Asking    `yaml:",inline"`
}

// Name is "screen".
func (*Screen) Name() string { return "screen" }

func (s *Screen) needsModel() bool { return s.Rate }

func (*Screen) prompts() []string { return []string{"screen"} }

func (s *Screen) check() error {
	if s.Threshold < 0 || s.Threshold > 5 {
		return fmt.Errorf("threshold is %d and has to be from 0 to 5", s.Threshold)
	}
	if (s.ModelName != "" || s.Prompts != nil) && !s.Rate {
		return errors.New("it says how to ask a model and asks none: add rate: true")
	}
	return s.Asking.check()
}

// Do returns the seeds as they are, or a Skip.
func (s *Screen) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	if reason := screened(p); reason != "" {
		return nil, extract.Skip(reason)
	}
	if !s.Rate {
		return seeds, nil
	}
	var r ratings
	err := inParts(ctx, p, func(part extract.Passage) error {
		of, err := s.rate(ctx, part)
		r = r.best(of) // one part worth reading is enough
		return err
	})
	if err != nil {
		return nil, err
	}
	if best := max(r.Educational, r.Factual, r.Reasoning); best < s.Threshold {
		return nil, extract.Skip(fmt.Sprintf("rated too low: educational value %d, facts %d, reasoning %d of 5 (%s)",
			r.Educational, r.Factual, r.Reasoning, clip(r.Reason, 200)))
	}
	return seeds, nil
}

// Ratings are what the model thinks a passage is worth, each from 0 to 5.
type ratings struct {
	Reason      string `json:"reason" jsonschema:"description=One sentence: what the passage is and what could be learned from it."`
	Educational int    `json:"educational_value" jsonschema:"description=0 to 5: how much a learner of the subject gains from the passage."`
	Factual     int    `json:"factual_content" jsonschema:"description=0 to 5: how many checkable facts the passage states."`
	Reasoning   int    `json:"reasoning_content" jsonschema:"description=0 to 5: how much the passage argues and derives or works out."`
}

// best has the better of each rating.
func (r ratings) best(of ratings) ratings {
	return ratings{
		Reason:      cmp.Or(of.Reason, r.Reason),
		Educational: max(r.Educational, of.Educational), Factual: max(r.Factual, of.Factual), Reasoning: max(r.Reasoning, of.Reasoning),
	}
}

var ratingSchema = schemaOf(&ratings{})

func (s *Screen) rate(ctx context.Context, p extract.Passage) (ratings, error) {
	var r ratings
	reply, err := s.complete(ctx, "screen", promptOf(p), 0)
	if err != nil {
		return r, err
	}
	if err := decodeReply(reply.Text, &r); err != nil {
		return r, fmt.Errorf("rating: %w", err)
	}
	for _, n := range []int{r.Educational, r.Factual, r.Reasoning} {
		if n < 0 || n > 5 {
			return r, fmt.Errorf("rating: %d is not from 0 to 5", n)
		}
	}
	return r, nil
}

// screened is the reason why the rules turn a passage away, "" where they
// let it through.
func screened(p extract.Passage) string {
	prose, other := proseOf(p)
	lines := nonEmptyLines(prose)
	words := len(strings.Fields(prose))
	if other > 0 && other >= utf8.RuneCountInString(prose)/4 {
		return "" // code, tables and formulas speak for themselves
	}
	title := ""
	if n := len(p.Path); n > 0 {
		title = strings.ToLower(strings.Trim(p.Path[n-1], " .:#*_0123456789"))
	}
	lower := strings.ToLower(prose)
	switch {
	case words == 0 && other == 0:
		return "only a heading"
	case !strings.ContainsFunc(prose, unicode.IsLetter) && other == 0:
		return "only numbers and signs"
	case len(lines) >= 3 && share(lines, isLeader) >= 0.5, contents[title] && share(lines, tocLine.MatchString) >= 0.5:
		return "table of contents"
	case len(lines) >= 4 && share(lines, isIndexed) >= 0.6:
		return "index"
	case references[title] && share(nonEmptyLines(lower), isCitation) >= 0.25, len(lines) >= 4 && share(nonEmptyLines(lower), isCitation) >= 0.7:
		return "list of references"
	case licence(title, lower, words):
		return "licence or copyright notice"
	case thanks[title] && gratitude.MatchString(lower), words < 200 && strings.Count(lower, "thank") >= 3:
		return "acknowledgements"
	case matter[title] && words < 250:
		return "front or back matter: " + title
	case len(lines) >= 3 && linkShare(prose) >= 0.6, words < 60 && navigation.MatchString(lower):
		return "links and navigation"
	case letterShare(prose) < 0.4 && other == 0 && words >= 5:
		return "mostly numbers and signs"
	case words < 5 && other == 0:
		return "too little text"
	}
	return ""
}

// proseOf is a passage's running text, and how many characters of it are
// something else: code, tables, formulas.
func proseOf(p extract.Passage) (prose string, other int) {
	blocks := p.Blocks()
	if len(blocks) == 0 {
		return p.Text, 0
	}
	if len(blocks) == 1 && blocks[0].Start < p.Start || blocks[len(blocks)-1].End > p.End {
		// A part of a block that was too long.
		switch blocks[0].Kind {
		case extract.Code, extract.Table, extract.Formula:
			return "", utf8.RuneCountInString(p.Text)
		}
		return p.Text, 0
	}
	var w strings.Builder
	for _, b := range blocks {
		switch b.Kind {
		case extract.Code, extract.Table, extract.Formula:
			other += b.End - b.Start
		case extract.Heading:
		default:
			text := b.Text
			if strings.Contains(text, "```") {
				for _, f := range fenced().FindAllString(text, -1) {
					other += utf8.RuneCountInString(f)
				}
				text = fenced.ReplaceAllString(text, "")
			}
			w.WriteString(text)
			w.WriteString("\n")
		}
	}
	return w.String(), other
}

var (
	fenced     = lazily("(?s)(?:^|\n)\\s*```.*?\n\\s*```")
	leader     = lazily(`(?:\. ?){4,}\s*[ivxlc\d]+\s*$|…\s*\d+\s*$`)
	tocLine    = lazily(`(?i)^\W*(?:\[[^\]]+\]\([^)]*\)|.{1,80}?\s+[ivxlc\d]+\s*$|(?:chapter|part|appendix|\d+(?:\.\d+)*)\b.{0,80})$`)
	indexed    = lazily(`^\W*[^.!?]{1,70}?,\s*\d{1,4}(?:\s*[-–,]\s*\d{1,4})*\s*[.;]?$|^\W*.{1,60}\bsee (?:also )?.{1,50}$`)
	citation   = lazily(`(?:\(\s*(?:19|20)\d\d[a-z]?\s*\)|,\s*(?:19|20)\d\d[a-z]?\s*[.,;]|\bet al\b|\bdoi\b|\bpp?\.\s*\d|\barxiv\b|\bvol\.\s*\d|\bproceedings of\b|\bisbn\b)`)
	gratitude  = lazily(`\b(?:thank|grateful|gratitude|indebted|appreciation)`)
	navigation = lazily(`(?:^|\n)\W*(?:home|previous|prev|next|back to top|skip to (?:main )?content|menu|sign in|log in|cookie)\W*(?:\||»|›|·|\n|$)`)
	links      = lazily(`!?\[[^\]]*\]\([^)]*\)|<?https?://\S+`)
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.SplitSeq(words, "|") {
		m[w] = true
	}
	return m
}

var (
	contents   = set("contents|table of contents|toc|list of figures|list of tables|inhalt|inhaltsverzeichnis|sommaire|índice")
	references = set("references|bibliography|works cited|literature|literatur|further reading|literature cited|references and notes|sources")
	thanks     = set("acknowledgements|acknowledgments|acknowledgement|acknowledgment|thanks|credits|danksagung|remerciements|agradecimientos")
	matter     = set("dedication|colophon|about the author|about the authors|about this book|imprint|impressum|contributors|title page|half title|errata|also by|cover|contact|code of conduct|changelog|table of contents")
	licences   = set("license|licence|copyright|copyright notice|legal|legal notice|mit license|apache license|licensing|copying|terms of use|disclaimer")
)

// licence reports whether a passage is the text of a licence or says who
// holds the rights. A book about licences has sentences of its own: the
// phrases have to be dense, or stand under a heading that says so.
func licence(title, lower string, words int) bool {
	count := func(phrases []string) int {
		n := 0
		for _, p := range phrases {
			if strings.Contains(lower, p) {
				n++
			}
		}
		return n
	}
	legal, names := count(legalese), count(licenceNames)
	return licences[title] && legal+names > 0 && words < 2000 || legal >= 3 && words < 400 || legal >= 2 && words < 80 || legal == 1 && names > 0 && words < 60
}

var (
	legalese = []string{
		"permission is hereby granted", "without warranty", "all rights reserved", "redistribution and use in source", "copyright ©", "copyright (c)",
		"© 20", "© 19", "isbn", "no part of this", "as is\" basis", "the software is provided", "library of congress", "merchantability", "hereby disclaim",
		"published by", "licensed under",
	}
	licenceNames = []string{"creative commons", "gnu general public", "apache license", "mit license", "bsd license", "cc by", "public domain"}
)

func nonEmptyLines(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// Patterns are slow, and what they look for is in few lines: whether a line can
// match at all is found out first.

func isLeader(line string) bool {
	return strings.ContainsAny(line[len(line)-1:], "ivxlc0123456789") && leader.MatchString(line)
}

func isIndexed(line string) bool {
	end := strings.TrimRight(line, ".; \t\r\f")
	return (strings.Contains(line, "see ") || end != "" && strings.ContainsAny(end[len(end)-1:], "0123456789")) && indexed.MatchString(line)
}

func isCitation(lower string) bool {
	return slices.ContainsFunc(citing, func(s string) bool { return strings.Contains(lower, s) }) && citation.MatchString(lower)
}

var citing = []string{"19", "20", "et al", "doi", "p.", "arxiv", "vol.", "proceedings of", "isbn"}

// share is the share of the lines, of which none is empty, that are so.
func share(lines []string, so func(string) bool) float64 {
	if len(lines) == 0 {
		return 0
	}
	n := 0
	for _, line := range lines {
		if so(line) {
			n++
		}
	}
	return float64(n) / float64(len(lines))
}

// linkShare is the share of the text that is links.
func linkShare(s string) float64 {
	if !strings.Contains(s, "](") && !strings.Contains(s, "://") {
		return 0
	}
	n := 0
	for _, m := range links().FindAllStringIndex(s, -1) {
		n += m[1] - m[0]
	}
	return float64(n) / float64(max(1, len(strings.TrimSpace(s))))
}

// letterShare is the share of letters among all signs but white space.
func letterShare(s string) float64 {
	letters, all := 0, 0
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
		case unicode.IsLetter(r), unicode.IsMark(r):
			letters++
			all++
		default:
			all++
		}
	}
	return float64(letters) / float64(max(1, all))
}

// clip shortens s to n characters.
func clip(s string, n int) string {
	s = squeeze(s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
