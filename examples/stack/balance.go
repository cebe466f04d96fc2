package stack

import "fmt"

// pairs maps each closing bracket to the one that opens it.
var pairs = map[rune]rune{')': '(', ']': '[', '}': '{'}

// A BracketError says where brackets stop matching.
type BracketError struct {
	Bracket rune
	Offset  int // in bytes from the start of the text
}

// Error describes the bracket and its place.
func (e *BracketError) Error() string {
	return fmt.Sprintf("bracket %q at offset %d has no partner", e.Bracket, e.Offset)
}

// Balanced reports whether the brackets ( ), [ ] and { } in text match. It
// returns nil if they do and a *BracketError for the first bracket without a
// partner otherwise: a closing one where it stands, or else the innermost one
// that was never closed.
func Balanced(text string) error {
	var open Stack[BracketError]
	for i, r := range text {
		switch r {
		case '(', '[', '{':
			open.Push(BracketError{r, i})
		case ')', ']', '}':
			if b, ok := open.Pop(); !ok || b.Bracket != pairs[r] {
				return &BracketError{r, i}
			}
		}
	}
	if b, ok := open.Pop(); ok {
		return &b
	}
	return nil
}
