// Package llm asks language models. [Client] speaks to any server with an
// OpenAI-compatible chat endpoint; [Cached] keeps every reply so that none is
// paid for twice.
//
// A client answers only with replies that can be used: whole, without fences
// and thinking, and, where the request has a schema, JSON that satisfies it.
// Everything else is an [Error] whose Kind says what to do about it.
package llm

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"seedbed/extract"
)

// Options say where the model is and how patient to be. Only URL is needed;
// the zero value of every other field works.
type Options struct {
	URL         string        // base of the API, usually ending in /v1
	Key         string        // sent as a bearer token to URL's host and nowhere else
	Model       string        // for requests that name none
	Concurrency int           // requests in flight at once, 4 when 0; a Limiter has its own
	Limiter     Limiter       // shared by the clients of a server, nil for one of the client's own
	MaxAttempts int           // sendings of one request that fails in passing, 6 when 0
	MaxWait     time.Duration // between sendings of one request in all, 2 minutes when 0; a server that asks for more gets its error passed on
	MaxTokens   int           // how much room a reply that was cut off may be given, 32768 when 0
	MaxReply    int           // bytes of a reply, 4 MiB when 0
	Timeouts    Timeouts
	Server      Server // what another client's Learn said of it

	// What a million tokens cost, in any currency: the replies' Usage.Cost.
	PriceIn, PriceOut float64

	HTTP *http.Client // its Transport and Jar are used
	Log  *slog.Logger

	// The clock, for tests: the time now, and waiting that ends early with an
	// error when the context does.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// Timeouts of one sending of a request. Zero fields take the defaults, which
// suit a slow model on one's own machine.
type Timeouts struct {
	Connect   time.Duration // until there is a connection, 15 seconds
	FirstByte time.Duration // from there until the reply begins, 5 minutes
	Idle      time.Duration // between two pieces of it, 2 minutes
	Total     time.Duration // until it is whole, 20 minutes
}

// fill puts the defaults in.
func (o *Options) fill() {
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 6
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 2 * time.Minute
	}
	if o.MaxTokens <= 0 {
		o.MaxTokens = 32768
	}
	if o.MaxReply <= 0 {
		o.MaxReply = 4 << 20
	}
	if o.Timeouts.Connect <= 0 {
		o.Timeouts.Connect = 15 * time.Second
	}
	if o.Timeouts.FirstByte <= 0 {
		o.Timeouts.FirstByte = 5 * time.Minute
	}
	if o.Timeouts.Idle <= 0 {
		o.Timeouts.Idle = 2 * time.Minute
	}
	if o.Timeouts.Total <= 0 {
		o.Timeouts.Total = 20 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
}

// A Client asks one server. It is safe for concurrent use; all its users
// share its limit of requests in flight.
type Client struct {
	opts Options
	base string // without a slash at the end
	host string
	bad  error // what is wrong with the options
	http *http.Client

	learning sync.Mutex // held while the server is asked what it is
	learned  bool

	mu     sync.Mutex
	server knownServer
	sizes  sizes
	plans  map[string]plan  // what the server took so far, by model and schema
	forms  map[string]*form // compiled schemas
}

// New makes a client. Options that cannot work, such as a URL without a host,
// show in the first request's error.
func New(o Options) *Client {
	o.fill()
	if o.Limiter == nil {
		o.Limiter = NewLimiter(Limits{Concurrency: o.Concurrency}, o)
	}
	o.Key = strings.TrimSpace(o.Key)

	c := &Client{
		opts:  o,
		sizes: sizes{perByte: 0.25, reply: 500},
		plans: map[string]plan{},
		forms: map[string]*form{},
	}
	c.base, c.host, c.bad = baseURL(o.URL)
	c.server = knownServer{Server: o.Server}
	c.learned = o.Server.Kind != ""
	c.http = &http.Client{
		// A redirect would take prompts, and perhaps the key, to an address
		// that nobody entered; it is reported instead.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if o.HTTP != nil {
		c.http.Transport, c.http.Jar = o.HTTP.Transport, o.HTTP.Jar
	}
	if c.http.Transport == nil {
		if t, ok := http.DefaultTransport.(*http.Transport); ok {
			t = t.Clone()
			t.MaxIdleConnsPerHost = o.Concurrency
			c.http.Transport = t
		}
	}
	return c
}

// baseURL checks a base URL and returns it without a slash at its end.
func baseURL(s string) (base, host string, err error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", "the model server", &Error{Kind: Invalid, Message: "no model server is set: give its base URL, such as http://localhost:11434/v1"}
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		// The parser's own words would repeat the URL, which may hold a password.
		return "", "the model server", &Error{Kind: Invalid, Message: "the model server's URL is not usable: it has to look like http://localhost:11434/v1"}
	}
	// People paste the address of the call itself.
	u.Path = strings.TrimRight(u.Path, "/")
	u.Path = strings.TrimSuffix(u.Path, "/chat/completions")
	u.RawPath, u.RawQuery, u.Fragment = "", "", ""
	return strings.TrimRight(u.String(), "/"), u.Host, nil
}

// Model is the model that requests without one are sent to.
func (c *Client) Model() string { return c.opts.Model }

// Close ends idle connections. The client can still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Complete asks for one reply. With a schema the reply's Text is JSON that
// satisfies it, fields beyond the schema aside; a model that gets it wrong is
// shown its mistake once. Usage counts all that this took. The error is an
// *Error, or the context's.
func (c *Client) Complete(ctx context.Context, r extract.Request) (extract.Reply, error) {
	if c.bad != nil {
		return extract.Reply{}, c.bad
	}
	if r.Model == "" {
		r.Model = c.opts.Model
	}
	if r.Schema == nil {
		reply, err := c.whole(ctx, r)
		if err == nil && reply.Text == "" {
			return extract.Reply{}, c.refusal(r, reply, "it thought, and then said nothing")
		}
		return reply, err
	}
	f, err := c.form(r.Schema)
	if err != nil {
		return extract.Reply{}, &Error{Kind: Invalid, Message: fmt.Sprintf("schema %s: %v", r.SchemaName, err), Err: err}
	}

	reply, err := c.whole(ctx, r)
	if err != nil {
		return extract.Reply{}, err
	}
	text, wrong := f.read(reply)
	if wrong == nil {
		reply.Text = text
		return reply, nil
	}

	c.opts.Log.Debug("model is shown its mistake", "model", r.Model, "schema", r.SchemaName, "mistake", wrong)
	again := r
	again.Messages = append(r.Messages[:len(r.Messages):len(r.Messages)],
		extract.Message{Role: "assistant", Content: clip(reply.Raw, 32<<10)},
		// With the schema in words: a server may take one and never show it
		// to the model.
		extract.Message{Role: "user", Content: "That reply cannot be used: " + wrong.Error() +
			"\nGive the whole reply again, corrected." + inPrompt(r.Schema)})
	spent, rejected := reply.Usage, clip(reply.Raw, 32<<10)
	reply, err = c.whole(ctx, again)
	if err != nil {
		return extract.Reply{}, spend(err, spent)
	}
	reply.Usage = plus(reply.Usage, spent)
	reply.Mistake, reply.Rejected = wrong.Error(), rejected
	if reply.Text, wrong = f.read(reply); wrong != nil {
		return extract.Reply{}, &Error{
			Kind:    Malformed,
			Message: fmt.Sprintf("the reply of %s is not what was asked for, twice: %v", r.Model, wrong),
			Raw:     reply.Raw,
			Usage:   reply.Usage,
			Err:     wrong,
		}
	}
	return reply, nil
}

// whole asks until the reply was not cut off, with more room each time.
func (c *Client) whole(ctx context.Context, r extract.Request) (extract.Reply, error) {
	var spent extract.Usage
	var cut *Error
	for {
		reply, err := c.send(ctx, r)
		if err != nil {
			// Too much room asked for: what matters is that the reply did not fit.
			if k := Kind(err); cut != nil && (k == TooLong || k == Invalid) {
				cut.Err = err
				err = cut
			}
			return extract.Reply{}, spend(err, spent)
		}
		reply.Usage = plus(reply.Usage, spent)
		if reply.FinishReason != "length" {
			return reply, nil
		}
		had := max(r.MaxTokens, reply.Usage.Out-spent.Out, len(reply.Raw)/4) // a server may report no usage
		spent = reply.Usage
		cut = &Error{
			Kind:    Truncated,
			Message: fmt.Sprintf("the reply of %s does not fit: it was cut off after %d tokens", r.Model, had),
			Raw:     c.redact(reply.Raw),
		}
		room := min(max(2*had, 1024), c.opts.MaxTokens)
		if room <= had {
			return extract.Reply{}, spend(cut, spent)
		}
		c.opts.Log.Debug("reply was cut off", "model", r.Model, "had", had, "room", room)
		r.MaxTokens = room
	}
}

// refusal is the error for a reply that says nothing.
func (c *Client) refusal(r extract.Request, reply extract.Reply, why string) *Error {
	return &Error{
		Kind:    Refusal,
		Message: fmt.Sprintf("%s gave no answer: %s", r.Model, c.redact(clean(why))),
		Raw:     c.redact(reply.Raw),
		Usage:   reply.Usage,
	}
}

// Test asks for one word and returns, in words, what came of it.
func (c *Client) Test(ctx context.Context) (string, error) {
	if c.bad != nil {
		return "", c.bad
	}
	start := c.opts.Now()
	r := extract.Request{
		Model:     c.opts.Model,
		Messages:  []extract.Message{{Role: "user", Content: "Reply with the one word: ready"}},
		MaxTokens: 64,
	}
	reply, err := c.adapted(ctx, r)
	took := c.opts.Now().Sub(start).Round(10 * time.Millisecond)
	switch {
	case Kind(err) == Refusal, err == nil && reply.Text == "":
		return fmt.Sprintf("%s at %s is there (%v), though it said nothing", r.Model, c.host, took), nil
	case err != nil:
		return "", err
	}
	return fmt.Sprintf("%s at %s answered “%s” in %v", reply.Model, c.host, clip(clean(reply.Text), 60), took), nil
}

func plus(a, b extract.Usage) extract.Usage {
	return extract.Usage{In: a.In + b.In, Out: a.Out + b.Out, Cached: a.Cached + b.Cached, Cost: a.Cost + b.Cost}
}
