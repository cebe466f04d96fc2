package search

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meilisearch/meilisearch-go"

	"seedbed/internal/seedbed"
)

// A meiliDocument is a seed as the server has it. The fields that are
// filtered and counted hold keys, see [key].
type meiliDocument struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Gone    bool   `json:"gone"` // deleted; then the rest is empty

	// Searched.
	Question  string `json:"question,omitempty"`
	Answer    string `json:"answer,omitempty"`
	Reasoning string `json:"reasoning,omitempty"`
	Evidence  string `json:"evidence,omitempty"`
	Title     string `json:"title,omitempty"`
	Section   string `json:"section,omitempty"`
	Tags      string `json:"tags,omitempty"`

	// Filtered and counted.
	Verdict    string   `json:"verdict,omitempty"`
	Type       string   `json:"type,omitempty"`
	Origin     string   `json:"origin,omitempty"`
	Source     string   `json:"source,omitempty"`
	Language   string   `json:"language,omitempty"`
	Tag        []string `json:"tag,omitempty"`
	Kind       string   `json:"kind,omitempty"`
	Collection string   `json:"collection,omitempty"`
	Run        string   `json:"run,omitempty"`
	Check      []string `json:"check,omitempty"` // name:verdict

	Group string `json:"group,omitempty"` // of duplicates

	// Sorted by.
	Difficulty int    `json:"difficulty"`
	Created    int64  `json:"created"` // Unix milliseconds
	Order      string `json:"order,omitempty"`
	Place      int    `json:"place"` // of the first evidence in its document
}

const (
	meiliAtOnce = 1000     // documents of one request
	meiliAhead  = 20       // requests that a new index is filled with before the first is done
	meiliBytes  = 16 << 20 // of them, about; the server takes 100 MB
	maxOrder    = 100      // runes of a title that are sorted by
)

// stillThere leaves out the deleted.
const stillThere = "gone = false"

func newMeiliDocument(c Change) meiliDocument {
	d := meiliDocument{ID: documentID(c.ID), Version: c.Version, Gone: c.Seed == nil}
	if d.Gone {
		return d
	}
	s := c.Seed
	t := texts(s)
	for i, text := range t {
		t[i] = clean(text) // marks of the text's own would pass for the server's
	}
	d.Question, d.Answer, d.Reasoning, d.Evidence, d.Title, d.Section, d.Tags = t[0], t[1], t[2], t[3], t[4], t[5], t[6]
	d.Verdict, d.Type, d.Origin, d.Source = key(s.Verdict), key(s.Type), key(s.Origin), key(s.Source.ID)
	d.Language, d.Kind, d.Collection, d.Run = key(s.Language), key(s.Source.Kind), key(c.Collection), key(s.Run)
	d.Tag, d.Group = keys(s.Tags), key(s.Group())
	for _, check := range s.Checks {
		d.Check = append(d.Check, key(check.Name+":"+check.Verdict))
	}
	d.Difficulty, d.Created = s.Difficulty.Estimated, s.Created.UnixMilli()
	d.Order = cutRunes(strings.ToLower(d.Title), maxOrder)
	if len(s.Evidence) > 0 {
		d.Place = s.Evidence[0].Start
	}
	return d
}

func cutRunes(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}

func keys(values []string) []string {
	var out []string
	for _, v := range values {
		if k := key(v); k != "" && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// maxKey is how long a key gets. The server cuts what it compares at 468 bytes.
const maxKey = 300

// key is a value in small letters, digits and "-", everything else as "_" and
// two hexadecimal digits a byte. The server compares values without regard to
// case and accents; keys are equal only where the values are. A long value
// becomes the hash of it, after a point.
func key(value string) string {
	k := escape(value, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' })
	if len(k) > maxKey {
		sum := sha256.Sum256([]byte(value))
		return "." + hex.EncodeToString(sum[:])
	}
	return k
}

// value is what key was made of, and whether that can be told.
func value(key string) (string, bool) {
	if strings.HasPrefix(key, ".") {
		return "", false
	}
	return unescape(key)
}

// documentID is a seed's id in the characters that the server allows there.
func documentID(id string) string {
	return escape(id, func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
	})
}

func (d meiliDocument) seedID() string {
	id, ok := unescape(d.ID)
	if !ok {
		return d.ID // not from us: it will be found to be surplus
	}
	return id
}

func escape(s string, keep func(byte) bool) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; keep(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'_', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	for s != "" {
		before, after, found := strings.Cut(s, "_")
		b.WriteString(before)
		if !found {
			break
		}
		if len(after) < 2 {
			return "", false
		}
		c, err := hex.DecodeString(after[:2])
		if err != nil {
			return "", false
		}
		b.Write(c)
		s = after[2:]
	}
	return b.String(), true
}

// quote is a value as it stands in a filter. Keys need no quoting; this does
// not rely on it.
func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// oneOf is a filter: field has one of the values.
func oneOf(field string, values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(key(v))
	}
	return field + " IN [" + strings.Join(quoted, ", ") + "]"
}

// checkID keeps the server from doing what nobody wants: it takes the deletion
// of "" for that of everything.
func checkID(c Change) error {
	if c.ID == "" {
		return seedbed.Errorf(seedbed.Invalid, "a change has no seed id")
	}
	if len(documentID(c.ID)) > 511 {
		return seedbed.Errorf(seedbed.Invalid, "the seed id %.40q… is too long for the search index", c.ID)
	}
	return nil
}

// AtOnce implements [Index]. A thousand documents take the server hardly
// longer than one.
func (*Meili) AtOnce() int { return meiliAtOnce }

// Apply implements [Index]. It returns when the server has done it.
func (m *Meili) Apply(ctx context.Context, changes []Change) error {
	for _, c := range changes {
		if err := checkID(c); err != nil {
			return err
		}
	}
	m.applying.Lock()
	defer m.applying.Unlock()
	if err := m.rested(); err != nil {
		return fmt.Errorf("apply %d changes to the search index: %w", len(changes), err)
	}
	for batch := range slices.Chunk(changes, meiliAtOnce) {
		err := m.apply(ctx, batch)
		m.note(ctx, err)
		if err != nil {
			return fmt.Errorf("apply %d changes to the search index: %w", len(changes), err)
		}
	}
	return nil
}

func (m *Meili) apply(ctx context.Context, changes []Change) error {
	ctx, cancel := m.long(ctx)
	defer cancel()
	if err := m.prepare(ctx, true); err != nil {
		return err
	}
	has, err := m.held(ctx, changes)
	if err != nil {
		return err
	}
	newer := map[string]meiliDocument{}
	for _, c := range changes {
		id := documentID(c.ID)
		had, known := has[id]
		if known && (had.Version > c.Version || had.Version == c.Version && (c.Seed != nil || had.Gone)) {
			continue
		}
		newer[id] = newMeiliDocument(c)
		has[id] = newer[id]
	}
	all, err := m.send(ctx, m.opts.Index, slices.Collect(maps.Values(newer)))
	if err != nil {
		return err
	}
	for _, sent := range all {
		if err := m.wait(ctx, sent); err != nil {
			return err
		}
	}
	return nil
}

// send hands over documents, as many at once as the server takes.
func (m *Meili) send(ctx context.Context, index string, docs []meiliDocument) (all []task, err error) {
	var body []json.RawMessage
	size := 0
	flush := func() error {
		if len(body) == 0 {
			return nil
		}
		sent, err := m.begin(ctx, fmt.Sprintf("write %d seeds", len(body)), func(ctx context.Context) (*meilisearch.TaskInfo, error) {
			id := "id"
			return m.server.Index(index).AddDocumentsWithContext(ctx, body, &meilisearch.DocumentOptions{PrimaryKey: &id})
		})
		all = append(all, sent)
		body, size = nil, 0
		return err
	}
	for _, d := range docs {
		data, err := json.Marshal(d)
		if err != nil {
			return nil, fmt.Errorf("seed %s: %w", d.seedID(), err)
		}
		if size > 0 && size+len(data) > meiliBytes {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		body, size = append(body, data), size+len(data)
	}
	return all, flush()
}

// held is what the server has of the seeds that change, by document id.
func (m *Meili) held(ctx context.Context, changes []Change) (map[string]meiliDocument, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	ids := make([]string, len(changes))
	for i, c := range changes {
		ids[i] = documentID(c.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	docs, _, err := m.fetch(ctx, meilisearch.DocumentsQuery{Ids: ids, Limit: int64(len(ids)), Fields: []string{"id", "version", "gone"}})
	if err != nil {
		return nil, err
	}
	has := make(map[string]meiliDocument, len(docs))
	for _, d := range docs {
		has[d.ID] = d
	}
	return has, nil
}
