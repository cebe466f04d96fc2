package search

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	minTypo     = 4 // letters a word needs to be corrected
	corrections = 8 // words that a misspelled one may stand for

	// A beginning that more places than broad share is too vague to follow
	// them all: it stands for a few frequent words, none of them in more
	// seeds than filler.
	broad       = 20_000
	filler      = 5_000
	completions = 8
	inflections = 64 // words with a stem that does not begin as they do
)

// correctable reports whether a term is in the vocabulary: words of letters,
// not numbers, and nothing endless.
func correctable(t term) bool {
	if t.pair || len(t.word) > 40 {
		return false
	}
	return !strings.ContainsFunc(t.word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
}

// expand adds to a query's words what they may stand for: the words that an
// unfinished one begins, and for one that stands nowhere, those that differ
// from it by one letter.
func expand(ctx context.Context, e engine, tx *sql.Tx, q *query) error {
	for i := range q.must {
		c := &q.must[i]
		if c.typ == exact {
			continue
		}
		found, err := false, error(nil)
		if c.typ == partial {
			found, err = complete(ctx, tx, c)
		}
		if !found && err == nil {
			found, err = known(ctx, tx, c.word)
		}
		if !found && err == nil {
			found, err = e.occurs(ctx, tx, *c)
		}
		if err != nil {
			return err
		}
		if found || utf8.RuneCountInString(c.word) < minTypo {
			continue
		}
		stems, err := correct(ctx, tx, c.word, c.typ == partial)
		if err != nil {
			return err
		}
		c.add(stems)
	}
	return nil
}

// known reports whether a word is in the vocabulary. Asked for one that is in
// most seeds, the index would find them all.
func known(ctx context.Context, tx *sql.Tx, word string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT n FROM vocabulary WHERE word = $1`, word).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (c *clause) add(stems []string) {
	for _, s := range stems {
		p := phrase{terms: []string{s}}
		if !slices.ContainsFunc(c.any, func(q phrase) bool { return !q.prefix && slices.Equal(q.terms, p.terms) }) {
			c.any = append(c.any, p)
		}
	}
}

// complete adds stems of words that begin so. The index itself finds stems
// that begin so; but running is there as run, which runn does not begin. It
// reports whether there is any word that begins so.
func complete(ctx context.Context, tx *sql.Tx, c *clause) (bool, error) {
	var places int
	word, after := c.word, c.word+"\U0010FFFF"
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(n), 0) FROM vocabulary WHERE word >= $1 AND word < $2`, word, after).Scan(&places); err != nil {
		return false, err
	}
	var stems []string
	var err error
	if places > broad {
		c.any = c.any[:1]
		stems, err = list(ctx, tx, `SELECT stem FROM vocabulary WHERE word >= $1 AND word < $2 AND n <= $3 ORDER BY n DESC LIMIT $4`,
			word, after, filler, completions)
	} else {
		stems, err = list(ctx, tx, `SELECT stem FROM vocabulary WHERE word >= $1 AND word < $2 AND substr(stem, 1, length($1)) <> $1 ORDER BY n DESC LIMIT $3`,
			word, after, inflections)
	}
	c.add(stems)
	return places > 0, err
}

// correct gives the stems of the most frequent words that are one letter off,
// or, for an unfinished word, begin with something one letter off. The first
// letter is taken to be right.
func correct(ctx context.Context, tx *sql.Tx, word string, unfinished bool) ([]string, error) {
	_, size := utf8.DecodeRuneInString(word)
	length := utf8.RuneCountInString(word)
	longest := length + 1
	if unfinished {
		longest = maxWord
	}
	rows, err := tx.QueryContext(ctx, `SELECT word, stem, n FROM vocabulary WHERE word >= $1 AND word < $2 AND length(word) BETWEEN $3 AND $4`,
		word[:size], word[:size]+"\U0010FFFF", length-1, longest)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	type candidate struct {
		stem  string
		whole bool
		n     int
	}
	var found []candidate
	want := []rune(word)
	var have []rune
	for rows.Next() {
		var w string
		var c candidate
		if err := rows.Scan(&w, &c.stem, &c.n); err != nil {
			return nil, err
		}
		have = append(have[:0], []rune(w)...)
		c.whole = near(want, have)
		if c.whole || unfinished && begins(want, have) {
			found = append(found, c)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b candidate) int {
		switch {
		case a.whole != b.whole && a.whole:
			return -1
		case a.whole != b.whole:
			return 1
		}
		return cmp.Or(b.n-a.n, strings.Compare(a.stem, b.stem))
	})
	var stems []string
	for _, c := range found {
		if !slices.Contains(stems, c.stem) {
			stems = append(stems, c.stem)
		}
		if len(stems) == corrections {
			break
		}
	}
	return stems, nil
}

// near reports whether one letter more, less, other, or swapped with the next
// makes a into b.
func near(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return slices.Equal(a[i:], b[i+1:])
	}
	return i == len(a) || slices.Equal(a[i+1:], b[i+1:]) ||
		i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && slices.Equal(a[i+2:], b[i+2:])
}

// begins reports whether a is near some beginning of b.
func begins(a, b []rune) bool {
	for n := len(a) - 1; n <= len(a)+1 && n <= len(b); n++ {
		if near(a, b[:n]) {
			return true
		}
	}
	return false
}

func list(ctx context.Context, tx *sql.Tx, q string, args ...any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
