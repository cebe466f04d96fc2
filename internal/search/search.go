// Package search finds seeds by their words and counts them by their facets.
//
// An [Index] is a copy of what the database holds: it is fed with changes,
// may lag behind, and can be thrown away and fed again. [Embedded] keeps it in
// an SQLite file of its own, [Postgres] in a PostgreSQL database, [Meili] on a
// Meilisearch server.
package search

import (
	"context"
	"errors"
	"iter"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// ErrDamaged says that the index is not there, or cannot be read any more: it
// has to be rebuilt.
var ErrDamaged = errors.New("the search index has to be built")

// ErrAway says that the index cannot be reached, read or written now. What it
// was given is not to blame.
var ErrAway = errors.New("the search index is away")

// An Index answers searches. All methods are safe for concurrent use;
// searchtest has the suite that every index passes.
type Index interface {
	// Apply takes over changes, in order. A change that is not newer than
	// what the index has is passed over, so a batch may come twice or late.
	// After an error a part of the batch may have been applied.
	Apply(ctx context.Context, changes []Change) error

	// AtOnce is how many changes Apply is best given, where there are many.
	AtOnce() int

	// Search finds the seeds a filter chooses. Filter.Verdict nil is any
	// verdict. A query has words, which all have to occur, the last of them
	// perhaps unfinished; "phrases"; and -words or -"phrases" that must not
	// occur. There is no query that is an error: what cannot be a word is
	// passed over. An unknown Sort is a [seedbed.Invalid] error.
	Search(ctx context.Context, f seedbed.Filter) (Page, error)

	// Matches are the ids of all seeds that Search finds on its pages, in no
	// order. ErrTooDeep says that there are more than the index counts out.
	Matches(ctx context.Context, f seedbed.Filter) ([]string, error)

	// Count is how many seeds the index holds.
	Count(ctx context.Context) (int, error)

	// Versions lists what the index holds, ordered by ID, so that it can be
	// compared with the database. It ends after the first error.
	Versions(ctx context.Context) iter.Seq2[Version, error]

	// Rebuild builds the index anew from seeds, and forgets what it remembers
	// of deleted ones. Until it is done searches find what they found before,
	// and then, in one step, what is in seeds. After an error the index is as
	// it was, unless it was damaged.
	Rebuild(ctx context.Context, seeds iter.Seq2[Change, error]) error

	// Reset empties the index, also of what it remembers of deleted seeds.
	Reset(ctx context.Context) error

	Close() error
}

// A Change is a seed as it now is, or its deletion.
//
// A seed is taken over if its version is higher than that in the index, a
// deletion also at the same version; a deletion is remembered with its
// version, so that an older change that comes late does not bring the seed
// back.
type Change struct {
	ID         string
	Version    int64 // grows with every change of the seed
	Collection string
	Seed       *extract.Seed // nil deletes
}

// A Version says which state of a seed the index has.
type Version struct {
	ID      string
	Version int64
}

// A Page is a part of what a search found.
type Page struct {
	IDs   []string // at most Filter.Size, in the order asked for
	Total int      // seeds found, on all pages

	// Highlights holds, by ID and field, the text around the words that
	// matched, marked by seedbed.MarkStart and MarkEnd. Fields are question,
	// answer, reasoning, evidence, title, section and tags; one without a
	// match is absent, and all are absent where there is no query.
	Highlights map[string]map[string]string

	// Facets counts by verdict, type, origin, source, language, tag and
	// kind, the most frequent first. Each counts as if its own field were
	// not filtered; values that are filtered for are listed even when none
	// is left, others up to the hundred most frequent.
	Facets map[string][]seedbed.Facet
}

// Facets are the fields that are counted.
var Facets = []string{"verdict", "type", "origin", "source", "language", "tag", "kind"}

// Fields are what is searched; the first counts most.
var Fields = []string{"question", "answer", "reasoning", "evidence", "title", "section", "tags"}

// MaxFacetValues is how many values of a facet are counted out.
const MaxFacetValues = 100
