package pdf

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract"
)

// A page is what is kept of a sheet.
type page struct {
	extract.PageReport
	width, height float64
	lines         []line
	leftward      bool // it is written from right to left, and its lines are mirrored
	err           error

	letters int
	inked   bool   // something is drawn
	doubt   string // what is wrong with this reading, in words
	other   *page  // as the second engine reads it
}

// Verdicts on a page.
const (
	verdictClean   = "clean"
	verdictGarbled = "garbled" // the fonts do not say which letters they show
	verdictScan    = "scan"    // pictures and no text
	verdictEmpty   = "empty"
)

// newPage reads a page with one engine and judges what it gives.
func newPage(e engine, i int) page {
	s, err := e.page(i)
	s.glyphs = accents(once(s.glyphs))
	p := page{width: s.width, height: s.height, err: err, inked: s.pictures || s.inked}
	p.Width, p.Height = round1(s.width), round1(s.height)
	p.Page, p.Label, p.Engine, p.Verdict = i+1, s.label, e.name(), verdictClean
	p.lines, p.leftward = lines(s, i), rightToLeft(s.glyphs)
	for _, g := range s.glyphs {
		if !visible(g) {
			continue
		}
		p.letters++
		if g.odd && g.style&formula == 0 || g.r == 0xFFFD {
			p.Unmapped++
		}
	}
	for _, l := range p.lines {
		for w := range strings.FieldsSeq(l.text) {
			p.Words++
			if l.style&mono == 0 && glued(w) {
				p.Glued++
			}
		}
	}
	switch {
	case p.Words == 0 && s.pictures:
		p.Verdict = verdictScan
	case p.Words == 0:
		p.Verdict = verdictEmpty
	case isGarbled(s.glyphs):
		p.Verdict = verdictGarbled
	}
	return p
}

// doubtful says why a reading should not be trusted, "" where it may be.
func (p page) doubtful() string {
	switch {
	case p.err != nil:
		return "could not read it"
	case p.Verdict == verdictGarbled:
		return "read letters that make no words"
	case p.Words == 0 && p.inked:
		return "found no text"
	case p.Glued > 2 && p.Glued*50 > p.Words:
		return "ran words together"
	case p.Unmapped > 20 && p.Unmapped*10 > p.letters:
		return "did not know many letters"
	}
	return ""
}

// illegible reports whether a page shows text, or may, that this is not.
func (p page) illegible() bool {
	return p.Verdict == verdictScan || p.Verdict == verdictGarbled || p.Words == 0 && p.inked
}

// glued reports whether a word can only be two run together: longer than words
// are, or with the end of a sentence inside.
func glued(w string) bool {
	if strings.ContainsAny(w, "/@\\_=") || strings.HasPrefix(strings.ToLower(w), "www.") {
		return false
	}
	run, lower, after := 0, 0, -1
	for _, r := range w {
		switch {
		case unicode.IsUpper(r) && after > 0:
			return true
		case unicode.IsLower(r):
			lower++
			run++
			after = -1
		case strings.ContainsRune(".,;:!?", r) && lower > 2:
			after = lower
			run, lower = 0, 0
		default:
			after = -1
			lower = 0
			if unicode.Is(unicode.Latin, r) {
				run++
			} else {
				run = 0
			}
		}
		if run > 28 {
			return true
		}
	}
	return false
}

// settle chooses, for each page that was read twice, the better reading, now
// that the words of all other pages are known, and learns the words.
func (f *file) settle() error {
	f.words = vocabulary{}
	learn := func(trusted bool) {
		hyphen := false
		for _, p := range f.pages {
			if p.Verdict == verdictClean && (!trusted || p.doubt == "") {
				for _, l := range p.lines {
					hyphen = f.words.learn(l, hyphen)
				}
			}
		}
	}
	learn(true)
	for i := range f.pages {
		p := &f.pages[i]
		q := p.other
		p.other = nil
		if q == nil || !q.better(*p, f.words) {
			continue
		}
		q.Note = p.Engine + " " + p.doubt + "."
		*p = *q
	}
	learn(false)
	return nil
}

// better reports whether a second reading of a page is to be preferred.
func (p page) better(first page, known vocabulary) bool {
	switch {
	case first.err != nil:
		return true
	case p.Words == 0:
		return p.Verdict == verdictScan && first.Verdict == verdictEmpty
	case first.Words == 0:
		return true
	case p.Verdict == verdictGarbled, p.letters*2 < first.letters:
		return false
	case first.Verdict == verdictGarbled:
		return true
	}
	return p.faults(known)+0.02 < first.faults(known)
}

// faults is the share of a page's words that are wrong: letters nobody knows,
// words run together, and words that occur on no other page, as far as the
// document is long enough to tell.
func (p page) faults(known vocabulary) float64 {
	share := float64(p.Unmapped)/float64(max(p.letters, 1)) + 4*float64(p.Glued)/float64(max(p.Words, 1))
	if len(known) < 500 {
		return share
	}
	strange, all := 0, 0
	for _, l := range p.lines {
		for w := range strings.FieldsSeq(strings.ToLower(l.text)) {
			if w = strings.TrimFunc(w, notLetter); utf8.RuneCountInString(w) > 3 {
				all++
				if !known[w] {
					strange++
				}
			}
		}
	}
	return share + float64(strange)/float64(max(all, 1))
}
