package measure

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Table writes the card for a person to read, in groups, a number a line.
func (c *Card) Table(w io.Writer) error { return c.table(w, false) }

// Explain writes the table with a line under each number that says what it
// means.
func (c *Card) Explain(w io.Writer) error { return c.table(w, true) }

const (
	nameWidth  = 26
	valueWidth = 10
	aimWidth   = 9
	lineWidth  = 100
)

func (c *Card) table(w io.Writer, explain bool) error {
	out := bufio.NewWriter(w)
	t := &table{out: out, explain: explain}
	t.head(c)
	last := ""
	for i := range Metrics {
		m := &Metrics[i]
		if m.Group != last {
			if t.omits(c, m.Group) {
				continue
			}
			t.lists(c, last)
			t.title(m.Group)
			last = m.Group
		}
		t.metric(m, m.show(c))
	}
	t.lists(c, last)
	t.checks(c)
	t.line("")
	if c.Coverage == nil {
		t.line("Grounding and coverage need the source: --source PATH")
	}
	t.legend()
	return out.Flush()
}

// A table is being written. Errors stay with the writer until it is flushed.
type table struct {
	out     *bufio.Writer
	explain bool
	aims    bool // one was shown
	arrows  bool
}

func (t *table) line(format string, args ...any) {
	_, _ = t.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (t *table) title(s string) { t.line("\n%s", strings.ToUpper(s)) }

func (t *table) head(c *Card) {
	s := c.Seeds
	t.line("%s measured of %s", plural(s.Measured, "seed"), group(s.Total))
	if c.Lines.Bad > 0 {
		t.line("%s of %s could not be read", plural(c.Lines.Bad, "line"), group(c.Lines.Read))
	}
	if c.Coverage != nil && c.Coverage.Elsewhere > 0 {
		t.line("%s of no source given: left out of grounding and coverage", isAre(c.Coverage.Elsewhere, "seed"))
	}
}

// omits reports whether a group has nothing to say.
func (t *table) omits(c *Card, group string) bool {
	switch group {
	case "Difficulty":
		return c.Difficulty.Entropy.Of == 0
	case "Answered again":
		return c.Answers.Roundtrip.Of == 0 && c.Answers.Voted == 0
	case "Coverage":
		return c.Coverage == nil
	case "Cost":
		return c.Cost.Known == 0
	case "Run":
		return c.Run == nil
	}
	return false
}

// lists writes what a group counts by name, after its numbers.
func (t *table) lists(c *Card, of string) {
	switch of {
	case "Set":
		t.list("verdicts", c.Seeds.Verdicts)
		t.list("rejected by", c.Seeds.RejectedBy)
		t.list("rejected because", c.Seeds.Reasons)
		t.list("not valid", c.Seeds.Invalid)
		t.list("origins", c.Seeds.Origins)
		t.list("types", c.Seeds.Types)
		t.list("languages", c.Seeds.Languages)
		t.list("models", c.Seeds.Models)
	case "Evidence":
		t.list("quotes found by", c.Evidence.Matches)
	case "Difficulty":
		t.levels(c.Difficulty.Estimated)
	case "Answered again":
		t.list("largest group", c.Answers.Votes)
		t.list("labels", c.Answers.Labels)
	case "Run":
		t.list("passages", c.Run.Passages)
		for _, w := range c.Run.Without {
			t.wrap("  "+pad("without seeds", nameWidth)+"  ", []string{group(w.Count) + " × " + plain(w.Why())}, " ")
		}
		for _, n := range c.Run.Notes {
			t.wrap("  "+pad("noted", nameWidth)+"  ", []string{plain(n)}, " ")
		}
	case "Coverage":
		t.missed(c.Coverage)
		t.sources(c.Coverage)
	}
}

// list writes the most frequent names on one or more lines.
func (t *table) list(name string, tally Tally) {
	const shown = 12
	counts := tally.Counts()
	if len(counts) == 0 || len(counts) == 1 && counts[0].Name == "" {
		return
	}
	var items []string
	for i, c := range counts {
		if i == shown && len(counts) > shown+1 {
			items = append(items, fmt.Sprintf("and %d more", len(counts)-shown))
			break
		}
		items = append(items, plain(c.Name)+" "+group(c.N))
	}
	t.wrap("  "+pad(name, nameWidth)+"  ", items, " · ")
}

// levels draws how many seeds there are of each level, from the first to the
// last that has any.
func (t *table) levels(tally Tally) {
	if len(tally) == 0 {
		return
	}
	most := tally.Counts()[0].N
	first, last := 10, 1
	for level := 1; level <= 10; level++ {
		if tally[strconv.Itoa(level)] > 0 {
			first, last = min(first, level), level
		}
	}
	for level := first; level <= last; level++ {
		n := tally[strconv.Itoa(level)]
		bar := strings.Repeat("▇", (n*24+most-1)/most)
		t.line("  %s%s  %s %s", pad(fmt.Sprintf("level %d", level), nameWidth), right(group(n), valueWidth), pad("", aimWidth), bar)
	}
}

// missed names the longest sections that no seed reaches.
func (t *table) missed(c *Coverage) {
	if c == nil {
		return
	}
	if c.Unplaced > 0 {
		t.line("  %s  %s in no section of the source", pad("not placed", nameWidth), plural(c.Unplaced, "seed"))
	}
	const shown = 5
	name := "longest not reached"
	for _, m := range c.Missed[:min(len(c.Missed), shown)] {
		title := "before the first heading"
		if len(m.Section) > 0 {
			title = plain(m.Section[len(m.Section)-1])
		}
		where := ""
		if len(c.Sources) > 1 {
			where = ", " + plain(m.Source)
		}
		t.line("  %s  %s (%s%s)", pad(name, nameWidth), title, plural(m.Tokens, "token"), where)
		name = ""
	}
}

func (t *table) sources(c *Coverage) {
	if c == nil || len(c.Sources) < 2 {
		return
	}
	t.line("")
	t.line("  %s%s%s%s%s%s", pad("source", nameWidth), right("seeds", valueWidth), right("tokens", valueWidth),
		right("sections", valueWidth), right("passages", valueWidth), right("quoted", valueWidth))
	for _, s := range c.Sources {
		t.line("  %s%s%s%s%s%s", pad(plain(s.Name), nameWidth), right(group(s.Seeds), valueWidth), right(group(s.Tokens), valueWidth),
			right(known(s.Sections), valueWidth), right(known(s.Passages), valueWidth), right(known(s.Quoted), valueWidth))
	}
}

func (t *table) checks(c *Card) {
	if len(c.Checks) == 0 {
		return
	}
	t.line("\n%s%s%s%s%s", pad("CHECKS", nameWidth+2), right("pass", valueWidth), right("fail", valueWidth), right("uncertain", valueWidth), right("skipped", valueWidth))
	for i, k := range c.Checks {
		if i == 40 {
			t.line("  and %d more", len(c.Checks)-i)
			return
		}
		t.line("  %s%s%s%s%s", pad(plain(k.Name), nameWidth), right(group(k.Pass), valueWidth), right(group(k.Fail), valueWidth),
			right(group(k.Uncertain), valueWidth), right(group(k.Skipped), valueWidth))
	}
}

func (t *table) metric(m *Metric, c cell) {
	sign := ""
	switch {
	case c.value == "":
		c.value = "–"
	case c.aim != 0:
		sign = map[int]string{1: "✓ ", -1: "✗ "}[c.aim] + m.Aim
		t.aims = true
	case m.Better == Higher:
		sign, t.arrows = "↑", true
	case m.Better == Lower:
		sign, t.arrows = "↓", true
	}
	t.line("  %s%s  %s %s", pad(m.Name, nameWidth), right(c.value, valueWidth), pad(sign, aimWidth), c.note)
	if t.explain {
		t.wrap("      ", strings.Fields(m.Meaning), " ")
		if m.Source != "" {
			t.wrap("      ", strings.Fields("After: "+m.Source+"."), " ")
		}
	}
}

func (t *table) legend() {
	var says []string
	if t.aims {
		says = append(says, "✓ ✗ what a good set reaches, and whether this one does")
	}
	if t.arrows {
		says = append(says, "↑ ↓ which way is better")
	}
	if len(says) > 0 {
		t.line("%s", strings.Join(says, " · "))
	}
}

// wrap writes items after first, and below its end where a line is full.
func (t *table) wrap(first string, items []string, between string) {
	line, start := first, utf8.RuneCountInString(first)
	for i, item := range items {
		sep := between
		if i == 0 {
			sep = ""
		}
		if i > 0 && utf8.RuneCountInString(line+sep+item) > lineWidth {
			t.line("%s", line)
			line, sep = strings.Repeat(" ", start), ""
		}
		line += sep + item
	}
	t.line("%s", line)
}

// plain is a name from a file as a terminal can be shown it.
func plain(s string) string {
	if s == "" {
		return "none"
	}
	var out []rune
	for _, r := range s {
		if len(out) == 39 {
			return string(out) + "…"
		}
		if !unicode.IsGraphic(r) {
			r = '·'
		}
		out = append(out, r)
	}
	return string(out)
}

// pad fills s up to width; what is longer is cut.
func pad(s string, width int) string {
	n := utf8.RuneCountInString(s)
	if n > width-1 && width > 1 {
		return string([]rune(s)[:width-2]) + "… "
	}
	return s + strings.Repeat(" ", width-n)
}

func right(s string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s))) + s
}

// percent never rounds to 0 or 100 what is not.
func percent(v float64) string {
	s := fmt.Sprintf("%.1f %%", 100*v)
	switch {
	case s == "100.0 %" && v < 1:
		return "> 99.9 %"
	case s == "0.0 %" && v > 0:
		return "< 0.1 %"
	}
	return s
}

func known(s Share) string {
	v, ok := s.Value()
	if !ok {
		return "–"
	}
	return percent(v)
}

// group writes a number with commas between thousands.
func group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return group(n) + " " + what + "s"
}

func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return group(n) + " " + what + "s are"
}
