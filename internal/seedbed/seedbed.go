// Package seedbed holds the stored words: what the database keeps, the web
// shows and the workers move along. It imports only extract.
package seedbed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"seedbed/extract"
)

// DefaultCollection holds what is uploaded without naming a collection. It
// keeps its name, and is never removed.
const DefaultCollection = "default"

// A Collection holds sources, and through them seeds, that belong together.
type Collection struct {
	Name    string     `json:"name"`
	Sources int        `json:"sources"`
	Seeds   SeedCounts `json:"seeds"`
	Created time.Time  `json:"created"`
}

// SeedCounts are how many seeds there are, by verdict.
type SeedCounts struct {
	Draft    int `json:"draft"`
	Accepted int `json:"accepted"`
	Rejected int `json:"rejected"`
}

// States of a source.
const (
	SourceQueued  = "queued"
	SourceReading = "reading"
	SourceReady   = "ready"
	SourceFailed  = "failed" // Error says why
)

// A Source is what a person uploaded. The same bytes are one source in a
// collection.
type Source struct {
	ID           string    `json:"id"`
	Collection   string    `json:"collection"` // its name
	SHA256       string    `json:"sha256"`     // of the original, and its name in the blob store
	Name         string    `json:"name"`       // the file's name as uploaded, never a path
	Size         int64     `json:"size"`       // bytes
	MediaType    string    `json:"media_type"`
	Kind         string    `json:"kind"`
	Title        string    `json:"title"`
	Authors      []string  `json:"authors,omitempty"`
	Language     string    `json:"language,omitempty"`
	License      string    `json:"license,omitempty"`
	State        string    `json:"state"`
	Error        *Error    `json:"error,omitempty"`
	Warnings     []string  `json:"warnings,omitempty"`
	CollectionID string    `json:"-"`        // the collection's id, which stays when that is renamed
	Document     string    `json:"-"`        // blob of the document as JSON, once read
	Pages        int       `json:"pages"`    // 0 where the format has none
	Passages     int       `json:"passages"` // that stages see
	Skipped      int       `json:"skipped"`  // passages left out, each with its reason
	Seeds        int       `json:"seeds"`    // not rejected
	Created      time.Time `json:"created"`
}

// States of a run.
const (
	RunQueued    = "queued"
	RunReading   = "reading"
	RunRunning   = "running"
	RunPaused    = "paused"
	RunDone      = "done"
	RunFailed    = "failed" // the source could not be read; Error says why
	RunCancelled = "cancelled"
)

// A Run is one recipe with one model over one source.
type Run struct {
	ID           string         `json:"id"`
	Source       string         `json:"source"`
	SourceTitle  string         `json:"source_title"`
	Collection   string         `json:"collection"`  // its name
	CollectionID string         `json:"-"`           // its id
	Recipe       string         `json:"recipe"`      // its name
	RecipeHash   string         `json:"recipe_hash"` // of what it does
	RecipeBody   string         `json:"-"`           // of a new run, as YAML, resolved: with every parameter and prompt
	Endpoint     string         `json:"endpoint,omitempty"`
	Model        string         `json:"model,omitempty"`
	State        string         `json:"state"`
	Error        *Error         `json:"error,omitempty"`
	Waits        string         `json:"waits,omitempty"` // why nothing works on it, of a single run
	Passages     PassageCounts  `json:"passages"`
	Seeds        int            `json:"seeds"`    // kept
	Rejected     int            `json:"rejected"` // kept with the reason
	Calls        int            `json:"calls"`    // to the model, without those our cache answered
	Cached       int            `json:"cached"`   // calls our cache answered
	Tokens       extract.Tokens `json:"tokens"`
	Prefix       int            `json:"prefix"` // of Tokens.In, read from the server's own prompt cache
	Cost         float64        `json:"cost"`
	Limits       Limits         `json:"limits"`
	Batch        bool           `json:"batch,omitempty"`   // the model is asked in batches, at half the price
	Batches      []Batch        `json:"batches,omitempty"` // of a single run
	Created      time.Time      `json:"created"`
	Started      time.Time      `json:"started,omitzero"`
	Finished     time.Time      `json:"finished,omitzero"`
}

// A Batch is a file of requests that the server answers within a day.
type Batch struct {
	ID       string    `json:"id"`
	Run      string    `json:"-"`
	Remote   string    `json:"remote"` // the server's id, "" while it is being sent
	State    string    `json:"state"`  // sending, or what the server calls it
	Total    int       `json:"total"`  // requests
	Done     int       `json:"done"`
	Failed   int       `json:"failed"`
	Over     bool      `json:"over"` // its replies are kept
	Failures []string  `json:"-"`    // keys of replies it did not bring
	Sent     time.Time `json:"sent"`
}

// Limits are what a run may spend; 0 is no limit. A run that reaches one is
// paused, and goes on when it is raised.
type Limits struct {
	Cost   float64 `json:"cost"`   // in the currency of the endpoint's prices
	Tokens int     `json:"tokens"` // sent and received together
}

// Overspent reports whether the run has reached a limit.
func (r Run) Overspent() bool {
	return r.Limits.Cost > 0 && r.Cost >= r.Limits.Cost || r.Limits.Tokens > 0 && r.Tokens.In+r.Tokens.Out >= r.Limits.Tokens
}

// Projected is what the run will have cost if it goes on as it did, 0 before
// the first few passages.
func (r Run) Projected() (cost float64, tokens int) {
	worked := r.Passages.Done + r.Passages.Failed
	rest := r.Passages.Total - r.Passages.Skipped - worked
	if worked < 3 || rest < 0 {
		return 0, 0
	}
	more := 1 + float64(rest)/float64(worked)
	return r.Cost * more, int(float64(r.Tokens.In+r.Tokens.Out) * more)
}

// PassageCounts is how far a run has come.
type PassageCounts struct {
	Done    int `json:"done"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Total   int `json:"total"`
}

// Left is how many passages are still to be worked off.
func (c PassageCounts) Left() int { return c.Total - c.Done - c.Failed - c.Skipped }

// Ended reports whether nothing more will happen to the run by itself.
func (r Run) Ended() bool {
	return r.State == RunDone || r.State == RunFailed || r.State == RunCancelled
}

// States of a passage in a run.
const (
	PassageQueued  = "queued"
	PassageDone    = "done"
	PassageFailed  = "failed"
	PassageSkipped = "skipped"
)

// A RunPassage is one passage's outcome in one run, or, with Run empty, the
// passage as it was cut from its source.
type RunPassage struct {
	Run      string   `json:"run,omitempty"`
	Ordinal  int      `json:"ordinal"` // from 0, in document order
	Passage  string   `json:"passage"` // its id
	Path     []string `json:"path,omitempty"`
	Start    int      `json:"start"` // code points in the document's text
	End      int      `json:"end"`
	Page     int      `json:"page,omitempty"`
	File     string   `json:"file,omitempty"`
	Tokens   int      `json:"tokens"`
	State    string   `json:"state,omitempty"`
	Code     string   `json:"code,omitempty"`   // failures: a stable word to group and retry by
	Reason   string   `json:"reason,omitempty"` // failures, skips, and where there are no seeds: in words
	Reply    string   `json:"reply,omitempty"`  // failures: the model's reply as it came, if any
	Attempts int      `json:"attempts,omitempty"`
	Parser   int      `json:"parser,omitempty"` // failures: the llm.ParserVersion that could not read the reply
	Seeds    int      `json:"seeds"`
	Rejected int      `json:"rejected,omitempty"`
}

// A Call is one question to a model about a passage, and what came of it.
type Call struct {
	ID      string        `json:"id"`
	Run     string        `json:"run"`
	Ordinal int           `json:"ordinal"` // the passage's
	N       int           `json:"n"`       // from 1, in the order the calls were made
	Stage   string        `json:"stage"`
	Model   string        `json:"model"`
	Reply   string        `json:"reply"`  // the id it is kept under: the hash of the request
	Cached  bool          `json:"cached"` // our cache answered
	Usage   extract.Usage `json:"usage"`  // what the reply cost when it was bought
	Began   time.Time     `json:"began"`
	Took    int64         `json:"took_ms"`
	Code    string        `json:"code,omitempty"` // why it failed: a stable word
	Error   string        `json:"error,omitempty"`

	// Only of a single call, and nil where it is not kept any more.
	Request *extract.Request `json:"-"`
	Answer  *extract.Reply   `json:"-"`
	Raw     string           `json:"-"` // what the model wrote, letter by letter
}

// An Endpoint is a model server that somebody connected. Its key goes to its
// URL and nowhere else, and leaves the store only for that.
type Endpoint struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	URL         string    `json:"url"` // OpenAI-compatible, ending in /v1
	Key         string    `json:"-"`
	HasKey      bool      `json:"has_key"`
	Model       string    `json:"model"`
	Concurrency int       `json:"concurrency"` // calls at once, at most
	RPM         int       `json:"rpm"`         // calls in a minute, 0 is no limit
	TPM         int       `json:"tpm"`         // tokens in a minute, 0 is no limit
	PriceIn     float64   `json:"price_in"`    // what a million tokens of prompts cost, 0 is unknown
	PriceOut    float64   `json:"price_out"`   // what a million tokens of replies cost
	Default     bool      `json:"default"`
	Created     time.Time `json:"created"`
}

// A Filter chooses seeds. Zero fields choose everything; the values of one
// field are alternatives, the fields all have to hold.
type Filter struct {
	Query         string
	Verdict       []string // nil: what the caller takes for granted
	Type          []string
	Origin        []string
	Source        []string
	Collection    []string // names
	Run           []string
	Tag           []string
	Language      []string
	Kind          []string // of the source
	MinDifficulty int
	Check         string // "ground" (passed), "ground:fail", …
	Distinct      bool   // of each group of duplicates only the first; facets count them all
	Sort          string // "", "relevance", "newest", "oldest", "difficulty", "source"
	Page          int    // from 1
	Size          int    // at most MaxPageSize, 0 is DefaultPageSize
}

// Values are the filter as the API's parameters. Zero fields are left out.
func (f Filter) Values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" && value != "0" {
			v.Set(name, value)
		}
	}
	add := func(name string, values []string) {
		if len(values) > 0 {
			v[name] = slices.Clone(values)
		}
	}
	set("q", f.Query)
	add("verdict", f.Verdict)
	add("type", f.Type)
	add("origin", f.Origin)
	add("kind", f.Kind)
	add("source", f.Source)
	add("collection", f.Collection)
	add("run", f.Run)
	add("tag", f.Tag)
	add("language", f.Language)
	set("min_difficulty", strconv.Itoa(f.MinDifficulty))
	set("check", f.Check)
	if f.Distinct {
		set("distinct", "true")
	}
	set("sort", f.Sort)
	if f.Page > 1 {
		set("page", strconv.Itoa(f.Page))
	}
	set("size", strconv.Itoa(f.Size))
	return v
}

// Page sizes of a search.
const (
	DefaultPageSize = 25
	MaxPageSize     = 200
)

// A Hit is a seed that was found, with the marked words of some fields.
// Highlights are plain text in which MarkStart and MarkEnd stand around the
// words that matched: escape first, then turn the marks into elements.
type Hit struct {
	Seed       extract.Seed      `json:"seed"`
	Highlights map[string]string `json:"highlights,omitempty"`
}

// Marks around highlighted words: private-use characters that no escaping
// touches.
const (
	MarkStart = "\uE000"
	MarkEnd   = "\uE001"
)

// A Facet counts the seeds that have one value of a field.
type Facet struct {
	Value string `json:"value"`
	Label string `json:"label,omitempty"` // what to show, where it differs: a source's title
	Count int    `json:"count"`
}

// Results is one page of a search. Facets are keyed by the filter's names:
// verdict, type, origin, source, language, tag, kind; each counts as if its
// own field were not filtered.
type Results struct {
	Hits   []Hit              `json:"hits"`
	Total  int                `json:"total"`
	Facets map[string][]Facet `json:"facets"`
	Took   time.Duration      `json:"-"`
	Behind int                `json:"behind,omitempty"` // changes the index has not seen yet

	// Fallback says that the index could not be asked and the database was,
	// which finds parts of words and puts nothing in order of relevance.
	Fallback bool `json:"fallback,omitempty"`
}

// An IndexState is how far the search index follows the database.
type IndexState struct {
	Behind  int // changes it has not seen
	Refused []Refusal
}

// A Refusal is a change of a seed that the search index does not take.
type Refusal struct {
	Seed     string
	Error    string    // in the index's words
	Attempts int       // so far
	Due      time.Time // of the next
}

// An Answer is what was answered to a request that came with a key.
type Answer struct {
	Print    string // tells the request apart from others
	Status   int    // of HTTP
	Location string // of what was made, if it has an address
	Body     []byte // JSON
	Passing  bool   // not to be kept: another try may end otherwise
}

// Codes of an Error. web/error.go alone turns them into statuses.
const (
	Invalid     = "invalid"      // the request or the file is wrong; trying again does not help
	NotFound    = "not_found"    //
	Conflict    = "conflict"     // it is there already, or its state forbids this
	Stale       = "stale"        // somebody changed it since it was read
	Duplicate   = "duplicate"    // a seed that asks the same is there: see DuplicateError
	Ungrounded  = "ungrounded"   // a quote does not stand in its source
	Reused      = "reused"       // a key of a request that was sent with another one
	TooLarge    = "too_large"    //
	Unreadable  = "unreadable"   // a file that no reader can make text of
	NoText      = "no_text"      // a file without text: scanned pages, pictures
	Encrypted   = "encrypted"    // a file that asks for a password
	Limit       = "limit"        // a file that needs more time or memory than it is given
	BatchEnded  = "batch"        // a run's batch did not end well
	Spent       = "spent"        // a run has spent what it may
	Restored    = "restored"     // a run was under way when its database was backed up
	Unknown     = "unauthorized" // nobody says who asks
	TooMany     = "too_many"     // tries; its Err is a WaitError
	SetUp       = "set_up"       // the first account is to be made before
	Unavailable = "unavailable"  // something we depend on is down; trying again may help
	Internal    = "internal"     //
)

// A WaitError says how long to wait before trying again.
type WaitError time.Duration

func (w WaitError) Error() string { return time.Duration(w).Round(time.Second).String() }

// An Error is one that a person may read: what went wrong and what to do.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Err     error  `json:"-"`
}

// Errorf makes an Error; a %w in format is unwrapped by errors.Is.
func Errorf(code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of the first Error in err's chain, Internal without one.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Size writes a number of bytes as people do: 1 GiB, 256 MiB.
func Size(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/float64(u.size)), ".0") + " " + u.name
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// A DuplicateError says which seed asks the same. It is beneath an Error.
type DuplicateError struct{ Seed, Question string }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("a seed asks the same: “%s”", e.Question)
}

// An Upload is a file on its way in. Body is read once, to its end.
type Upload struct {
	Name       string // as the browser or the user names it; only its base name is kept
	Body       io.Reader
	Collection string // "" is DefaultCollection
	NoRun      bool   // only read it
	Reading
	RunOptions
}

// Reading is what a person may ask of the reader of a source.
type Reading struct {
	OCR       bool `json:"ocr,omitempty"`        // read pages that are images with tesseract
	WholePage bool `json:"whole_page,omitempty"` // of a web page also what stands around its article
}

// RunOptions choose what a run does. Zero fields take the defaults: the
// default endpoint, its model, and the recipe quick where there is an
// endpoint, explicit where there is none.
type RunOptions struct {
	Recipe   string
	Endpoint string
	Model    string
	Count    int // seeds at most, 0 is as many as there are
	Limits   Limits
	Batch    bool // ask the model in batches: half the price, within a day
}

// Uploaded is what became of an Upload. The same bytes again give the ids
// of the first time and Existed.
type Uploaded struct {
	Source  Source `json:"source"`
	Run     *Run   `json:"run,omitempty"`
	Existed bool   `json:"existed"`
}

// A SeedChange is what a person changes about a seed; nil fields stay.
type SeedChange struct {
	Question      *string   `json:"question"`
	Answer        *string   `json:"answer"`
	ShortAnswer   *string   `json:"short_answer"`
	Reasoning     *[]string `json:"reasoning"`
	Type          *string   `json:"type"`
	Verdict       *string   `json:"verdict"`
	VerdictReason *string   `json:"verdict_reason"`
	Tags          *[]string `json:"tags"`
}

// Who changes seeds.
const (
	ByPerson = "person"
	ByDedupe = "dedupe" // it had one give way to a better duplicate
	ByGroup  = "group"  // the one it was a duplicate of was deleted, or gave way itself
)

// A Revision is one change of a seed, or that a person wrote it: then it is the
// first version, and has no changes.
type Revision struct {
	Version int64         `json:"version"` // that it made
	Time    time.Time     `json:"time"`
	Who     string        `json:"who"`
	User    string        `json:"user,omitempty"` // the account's name, of a person who has one
	Changes []FieldChange `json:"changes"`        // in the order of the record
}

// A FieldChange is what a field of a seed's record was and became, as JSON has
// it.
type FieldChange struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Changes are the fields in which two states of a seed differ.
func Changes(before, after extract.Seed) []FieldChange {
	var out []FieldChange
	b, a := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range b.NumField() {
		if was, is := asJSON(b.Field(i)), asJSON(a.Field(i)); !reflect.DeepEqual(was, is) {
			out = append(out, FieldChange{Field: b.Type().Field(i).Tag.Get("json"), Before: was, After: is})
		}
	}
	return out
}

// asJSON is a value as it comes back from JSON, with a list for one that is
// nil.
func asJSON(v reflect.Value) any {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return []any{}
	}
	data, err := json.Marshal(v.Interface())
	var out any
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		panic(err) // a seed has a JSON form
	}
	return out
}

// Back is the change that gives a seed back what it lost by a revision, as far
// as a person may change it.
func (r Revision) Back() SeedChange {
	fields := map[string]any{}
	for _, c := range r.Changes {
		fields[c.Field] = c.Before
	}
	var out SeedChange
	if data, err := json.Marshal(fields); err == nil {
		_ = json.Unmarshal(data, &out) // other fields are left alone
	}
	return out
}

// A NewSeed is what a person writes: a pair of question and answer that
// belongs to a source, and the words of that source that support it.
type NewSeed struct {
	Source      string   `json:"source"`
	Question    string   `json:"question"`
	Answer      string   `json:"answer"`
	ShortAnswer string   `json:"short_answer"`
	Reasoning   []string `json:"reasoning"`
	Type        string   `json:"type"` // "" is factual
	Tags        []string `json:"tags"`
	Language    string   `json:"language"`   // "" is that of the source
	Difficulty  int      `json:"difficulty"` // 1–10, 0 is not said
	Evidence    []Quoted `json:"evidence"`
	Duplicate   bool     `json:"duplicate"` // to be kept even if another seed asks the same
}

// Quoted are words of a source, nearly as they stand there.
type Quoted struct {
	Quote string `json:"quote"`
}

// Totals are how much there is of everything, and how far it has come.
type Totals struct {
	Sources, Runs   []Facet // by state
	Passages        PassageCounts
	Seeds, Rejected int // that runs found
	Calls, Cached   int
	Tokens          extract.Tokens
	Cost            float64
	Jobs            []JobCount // that are not done
	Behind          int        // changes that the search index has not seen
}

// A JobCount is how many jobs of a kind are in a state.
type JobCount struct {
	Kind, State string
	Count       int
}

// A Similar is a seed that asks nearly what another asks.
type Similar struct {
	Seed       extract.Seed `json:"seed"`
	Similarity float64      `json:"similarity"` // Jaccard, of the questions' sets of three words in a row, 0–1
}

// MaxSimilar is how many similar seeds a list has at most.
const MaxSimilar = 20

// A Recipe as it is listed. Its body is YAML, see extract/stage.
type Recipe struct {
	Name        string   `json:"name"`
	Hash        string   `json:"hash"`
	Description string   `json:"description"`
	NeedsModel  bool     `json:"needs_model"`
	Stages      []string `json:"stages"`
	Own         bool     `json:"own"` // somebody here wrote it; the others come with the program

	Body     string    `json:"body,omitempty"`     // as it was written; not in lists
	Resolved string    `json:"resolved,omitempty"` // with every parameter and prompt; not in lists
	Changed  time.Time `json:"changed,omitzero"`   // of one's own
}

// An Estimate is what a run is expected to take.
type Estimate struct {
	Passages int             `json:"passages"` // to be worked on
	Skipped  int             `json:"skipped"`  // that the rules leave out
	Calls    int             `json:"calls"`
	Tokens   extract.Tokens  `json:"tokens"`
	Cost     float64         `json:"cost"` // 0 where no prices are known
	Stages   []StageEstimate `json:"stages"`
}

// A StageEstimate is the part of an estimate that one stage has.
type StageEstimate struct {
	Stage  string         `json:"stage"`
	Model  string         `json:"model"`
	Calls  int            `json:"calls"`
	Tokens extract.Tokens `json:"tokens"`
	Cost   float64        `json:"cost"`
}

// PreviewOptions choose a recipe, written or by its name, and one passage.
type PreviewOptions struct {
	Body string // "" takes the recipe of RunOptions
	RunOptions
	Source  string
	Ordinal int  // of the passage
	Send    *int // the call to send, from 0; nil sends none
}

// A Preview is what a recipe would ask about a passage. Only what was to be
// sent has a Reply.
type Preview struct {
	Passage RunPassage     `json:"passage"`
	Skip    string         `json:"skip,omitempty"` // why it is screened out
	Calls   []PreviewCall  `json:"calls"`
	Reply   *extract.Reply `json:"reply,omitempty"`
	Seeds   []extract.Seed `json:"seeds,omitempty"` // made of the reply
}

// A PreviewCall is one request as it would be sent.
type PreviewCall struct {
	Stage    string            `json:"stage"`
	Model    string            `json:"model"`
	Messages []extract.Message `json:"messages"`
	Tokens   int               `json:"tokens"` // about
}
