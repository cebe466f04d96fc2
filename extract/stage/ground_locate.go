package stage

import (
	"strings"
	"unicode/utf8"

	"seedbed/extract"
)

const (
	// windowBytes is how much of a document is searched at once: what is not
	// there to the letter takes some ten times its room.
	windowBytes = 1 << 20
	overlap     = 1 << 14 // bytes of a window that are looked at again in the next
)

// Locate looks for a quote in all of a document as [Ground] does in a passage:
// the evidence is the document's own words and where they stand. Where they are
// not found it has no Match, and closest is what is most like the quote, "" if
// that is not half of it.
func Locate(doc *extract.Document, quote string) (found extract.Evidence, closest string) {
	quote = strings.TrimSpace(quote)
	found.Quote = quote
	if !strings.ContainsFunc(quote, isWordRune) {
		return found, ""
	}
	in := searched{similarity: repairable}
	in.Doc = doc
	if from := strings.Index(doc.Text, quote); from >= 0 {
		in.Text, in.End = doc.Text, utf8.RuneCountInString(doc.Text)
		in.take(&found, from, from+len(quote), extract.MatchExact)
		return found, ""
	}
	like := 0.5 // the most so far
	start := 0  // of the window, in code points
	for rest := doc.Text; rest != ""; {
		end := min(windowBytes, len(rest))
		for end < len(rest) && !utf8.RuneStart(rest[end]) {
			end++
		}
		in := searched{similarity: in.similarity}
		in.Doc, in.Text, in.Start = doc, rest[:end], start
		in.End = start + utf8.RuneCountInString(in.Text)
		e := extract.Evidence{Quote: quote}
		score, _ := in.find(&e)
		switch {
		case e.Match == extract.MatchNormalized:
			return e, ""
		case score >= in.similarity && score > like:
			like, found, closest = score, e, ""
		case found.Match == "":
			if a := in.words.align(quote, like); a.score >= like && a.to > a.from {
				like, closest = a.score, in.Text[a.from:a.to]
			}
		}
		if end == len(rest) {
			break
		}
		for end -= overlap; !utf8.RuneStart(rest[end]); {
			end--
		}
		start += utf8.RuneCountInString(rest[:end])
		rest = rest[end:]
	}
	return found, closest
}
