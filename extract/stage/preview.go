package stage

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"seedbed/extract"
	"seedbed/extract/tokens"
)

// A Call is a request that a stage would make.
type Call struct {
	Stage   string
	Request extract.Request
	Tokens  int // of the prompt with the form of the reply, about
}

// A Previewed is what a recipe would do with a passage, as far as that can be
// told before a model has answered.
type Previewed struct {
	Skip  string // why the passage is screened out, "" where it is not
	Calls []Call // that each stage would make first, from the seeds that the rules find

	// Of a call that was sent:
	Reply *extract.Reply
	Seeds []extract.Seed // what the stage made of the reply, as the rules of the later stages judge it
}

// maxPreview is how many calls a preview shows.
const maxPreview = 12

// Preview runs the recipe over a passage with a model that is not there: it
// shows the exact requests and sends none, unless send is the number of one,
// from 0, which then goes to model.
func Preview(ctx context.Context, r Recipe, p extract.Passage, model extract.Model, send int) (Previewed, error) {
	var out Previewed
	rec := &recorder{model: model, send: send}
	stages, err := Build(r, Tools{Model: rec})
	if err != nil {
		return out, err
	}
	var seeds []extract.Seed
	for _, s := range stages {
		a, asks := s.(asker)
		asks = asks && a.needsModel()
		if asks && rec.reply != nil {
			continue // what is sent is one call
		}
		before := len(rec.calls)
		made, err := extract.Do(ctx, []extract.Stage{begin(seeds), s}, p, extract.Options{})
		for i := before; i < len(rec.calls); i++ {
			rec.calls[i].Stage = s.Name()
		}
		var skip extract.Skip
		switch {
		case errors.As(err, &skip):
			out.Skip = string(skip)
		case err != nil && !errors.Is(err, errNotSent):
			return out, err
		case err == nil:
			seeds = made
		}
		if out.Skip != "" {
			break
		}
	}
	if send >= len(rec.calls) {
		return out, fmt.Errorf("there are %d calls to send, and none with the number %d", len(rec.calls), send+1)
	}
	out.Calls, out.Reply = rec.calls, rec.reply
	if rec.reply != nil {
		out.Seeds = seeds
	}
	return out, nil
}

// begin is a stage that begins with seeds made before.
type begin []extract.Seed

func (begin) Name() string { return "begin" }

func (b begin) Do(context.Context, extract.Passage, []extract.Seed) ([]extract.Seed, error) {
	return append([]extract.Seed(nil), b...), nil
}

// errNotSent is how a call ends that is only looked at.
var errNotSent = errors.New("the call was not sent")

// A recorder notes what it is asked, and passes one request on.
type recorder struct {
	model extract.Model
	send  int
	calls []Call
	reply *extract.Reply
	mu    sync.Mutex
}

func (r *recorder) Complete(ctx context.Context, q extract.Request) (extract.Reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if reflect.DeepEqual(c.Request.Messages, q.Messages) {
			return extract.Reply{}, errNotSent // another draw of the same
		}
	}
	if len(r.calls) == maxPreview {
		return extract.Reply{}, errNotSent
	}
	r.calls = append(r.calls, Call{Request: q, Tokens: tokensOf(q)})
	if len(r.calls)-1 != r.send {
		return extract.Reply{}, errNotSent
	}
	reply, err := r.model.Complete(ctx, q)
	if err == nil {
		r.reply = &reply
	}
	return reply, err
}

// tokensOf is about how many tokens a request is.
func tokensOf(q extract.Request) int {
	n := tokens.Count(string(q.Schema))
	for _, m := range q.Messages {
		n += tokens.Count(m.Content) + perMessage
	}
	return n
}

// perMessage is what a chat's template adds to a message.
const perMessage = 4
