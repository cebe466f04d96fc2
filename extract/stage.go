package extract

import "context"

// A Stage is one step of a recipe. Do takes a passage and the seeds made so
// far and returns the seeds to go on with: it adds seeds, checks them with
// [Seed.Record], or both. Seeds it rejects stay in the list, so that they are
// kept with their reason; it leaves alone seeds that are no longer [Seed.Live].
//
// An error means that the passage failed and may be tried again; a [Skip]
// means that it was screened out for good.
type Stage interface {
	Name() string
	Do(ctx context.Context, p Passage, seeds []Seed) ([]Seed, error)
}

// A Skip is the error of a stage that screens a passage out; its text is the
// reason.
//
//nolint:errname // it is returned as what it does: extract.Skip("licence")
type Skip string

func (s Skip) Error() string { return string(s) }

// A Model completes chats. Implementations are safe for concurrent use.
type Model interface {
	Complete(ctx context.Context, r Request) (Reply, error)
}

// A Message is one turn of a chat. Role is system, user or assistant.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// A Request asks for one reply. Two requests that are equal in all their
// fields but MaxTokens ask the same thing and share a cached reply.
type Request struct {
	Model       string    `json:"model,omitempty"` // "" is the client's own
	Messages    []Message `json:"messages"`
	SchemaName  string    `json:"schema_name,omitempty"`
	Schema      []byte    `json:"schema,omitempty"` // JSON Schema of the reply; nil asks for plain text
	Temperature float64   `json:"temperature"`
	TopP        float64   `json:"top_p,omitempty"`
	Seed        *int64    `json:"seed,omitempty"`
	Sample      int       `json:"sample,omitempty"` // tells apart independent draws of the same question
	MaxTokens   int       `json:"-"`                // room for the reply, 0 leaves it to the server
}

// A Reply is what a model answered.
type Reply struct {
	Text         string `json:"text"`                // without fences and thinking
	Reasoning    string `json:"reasoning,omitempty"` // what the model thought aloud
	Raw          string `json:"raw"`                 // the content as it came
	Model        string `json:"model"`               // as the server names it
	FinishReason string `json:"finish_reason"`
	Usage        Usage  `json:"usage"`
	Mistake      string `json:"mistake,omitempty"`  // what was wrong with a first reply, which the model then corrected
	Rejected     string `json:"rejected,omitempty"` // that first reply
	Cached       bool   `json:"-"`                  // came from our own cache: nothing was paid
}

// Usage counts the tokens of one call, as the server reports them.
type Usage struct {
	In     int     `json:"in"`
	Out    int     `json:"out"`
	Cached int     `json:"cached,omitempty"` // of In, read from the server's prefix cache
	Cost   float64 `json:"cost,omitempty"`   // by the prices the client was given
}

// Tokens are those that the call took.
func (u Usage) Tokens() Tokens { return Tokens{In: u.In, Out: u.Out} }

// Spent is what the call cost that went out.
func (u Usage) Spent() Spent {
	return Spent{Calls: 1, Tokens: u.Tokens(), Prefix: u.Cached, Cost: u.Cost}
}
