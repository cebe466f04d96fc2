package llm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"seedbed/extract"
)

// A Cache keeps replies under their request's Key, and the requests beside
// them: what was asked can be read later. It is safe for concurrent use.
type Cache interface {
	Get(ctx context.Context, key string) (reply []byte, ok bool, err error)
	Put(ctx context.Context, key string, request, reply []byte) error
}

// A Packer is a Cache that packs requests. They are packed while the model is
// at work, so that its reply need not wait for that, and Put is given them so.
type Packer interface {
	Cache
	Pack(request []byte) []byte
}

// A Sharing is a Cache that is told when a request waits for the reply to
// another, which asks the same and was made before it: it looks for none.
type Sharing interface {
	Cache
	Shared(ctx context.Context)
}

// Key is the SHA-256 of everything that makes a request ask what it asks:
// model, schema, messages and sampling. Room for the reply is no part of it.
func Key(r extract.Request) string { return keyOf(encode(r)) }

func keyOf(request []byte) string {
	sum := sha256.Sum256(request)
	return hex.EncodeToString(sum[:])
}

func encode(r extract.Request) []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // a Request holds only plain values
	}
	return data
}

// Cached keeps every reply of a model in a cache, the moment it arrives, and
// answers from there. The same request made twice at a time is sent once.
// It goes right around a Client, whose own model is part of the key; a meter
// goes around it. A cache that fails fails the request: replies that cannot be
// kept would be paid for again and again.
func Cached(model extract.Model, cache Cache) extract.Model {
	return &cached{model: model, cache: cache, asking: map[string]*asking{}}
}

type cached struct {
	model extract.Model
	cache Cache

	mu     sync.Mutex
	asking map[string]*asking
}

// asking is a request on its way. Others that want the same wait for done.
type asking struct {
	done  chan struct{}
	reply extract.Reply
	err   error
}

// Model is the model that requests without one are sent to, where the model
// behind the cache has such a thing.
func (c *cached) Model() string {
	if m, ok := c.model.(interface{ Model() string }); ok {
		return m.Model()
	}
	return ""
}

func (c *cached) Complete(ctx context.Context, r extract.Request) (extract.Reply, error) {
	if r.Model == "" { // clients of two models may share the cache
		r.Model = c.Model()
	}
	request := encode(r)
	key := keyOf(request)
	for {
		c.mu.Lock()
		other := c.asking[key]
		if other == nil {
			mine := &asking{done: make(chan struct{}), err: errors.New("the model's client panicked")}
			c.asking[key] = mine
			c.mu.Unlock()
			defer func() {
				c.mu.Lock()
				delete(c.asking, key)
				c.mu.Unlock()
				close(mine.done)
			}()
			mine.reply, mine.err = c.complete(ctx, key, request, r)
			return mine.reply, mine.err
		}
		c.mu.Unlock()
		if cache, ok := c.cache.(Sharing); ok {
			cache.Shared(ctx)
		}
		select {
		case <-ctx.Done():
			return extract.Reply{}, fmt.Errorf("ask %s: %w", r.Model, context.Cause(ctx))
		case <-other.done:
		}
		if other.err == nil {
			reply := other.reply
			reply.Cached = true
			return reply, nil
		}
		if e, ok := errors.AsType[*Error](other.err); ok {
			unpaid := *e
			unpaid.Usage = extract.Usage{} // the other has paid
			return extract.Reply{}, &unpaid
		}
		// The other gave up for reasons of its own: ask ourselves.
	}
}

func (c *cached) complete(ctx context.Context, key string, request []byte, r extract.Request) (extract.Reply, error) {
	data, ok, err := c.cache.Get(ctx, key)
	if err != nil {
		return extract.Reply{}, fmt.Errorf("look up a kept reply of %s: %w", r.Model, err)
	}
	var reply extract.Reply
	// An entry that is damaged is asked for again.
	ok = ok && json.Unmarshal(data, &reply) == nil
	if ok && reply.Text != "" {
		reply.Cached = true
		return reply, nil
	}
	// One that could not be read may be by now.
	read := ok && reread(&reply, r)
	if !read {
		packed := c.pack(request)
		reply, err = c.model.Complete(ctx, r)
		request = packed()
		if err != nil {
			if kept := c.keepUnread(ctx, key, request, err); kept != nil {
				err = errors.Join(err, kept)
			}
			return extract.Reply{}, err
		}
	}
	data, err = json.Marshal(reply)
	if err != nil {
		return extract.Reply{}, fmt.Errorf("keep a reply of %s: %w", r.Model, err)
	}
	// It is paid for: it is kept even if the one who asked has gone.
	if err := c.cache.Put(context.WithoutCancel(ctx), key, request, data); err != nil {
		return extract.Reply{}, fmt.Errorf("keep a reply of %s: %w", r.Model, err)
	}
	reply.Cached = read
	return reply, nil
}

// pack begins to pack a request, and returns how to wait for it.
func (c *cached) pack(request []byte) (packed func() []byte) {
	p, ok := c.cache.(Packer)
	if !ok {
		return func() []byte { return request }
	}
	done := make(chan []byte, 1)
	go func() { done <- p.Pack(request) }()
	return func() []byte { return <-done }
}

// ParserVersion rises when replies are read that could not be before. A reply
// that was of no use is kept as it came, and read again before the model is
// asked again.
const ParserVersion = 1

// keepUnread keeps the reply that an error says could not be read: as it came,
// without a text.
func (c *cached) keepUnread(ctx context.Context, key string, request []byte, failed error) error {
	e, ok := errors.AsType[*Error](failed)
	if !ok || e.Kind != Malformed || e.Raw == "" {
		return nil
	}
	data, err := json.Marshal(extract.Reply{Raw: e.Raw, Usage: e.Usage})
	if err != nil {
		return fmt.Errorf("keep a reply that could not be read: %w", err)
	}
	return c.cache.Put(context.WithoutCancel(ctx), key, request, data)
}

// reread reads a reply that could not be read before, and reports whether it
// can be now.
func reread(reply *extract.Reply, r extract.Request) bool {
	if r.Schema == nil || reply.Raw == "" {
		return false
	}
	f, err := newForm(r.Schema)
	if err != nil {
		return false
	}
	said, _ := unthink(reply.Raw)
	text, err := f.read(extract.Reply{Text: said, Raw: reply.Raw})
	reply.Text, reply.Model, reply.FinishReason = text, r.Model, "stop"
	return err == nil
}

// Dir is a cache in a folder, one file a reply and one for its request. The
// folder is made when the first reply is kept; several processes may share it.
func Dir(path string) Cache { return dir(path) }

type dir string

func (d dir) file(key, kind string) string {
	return filepath.Join(string(d), key[:min(2, len(key))], key+kind)
}

func (d dir) Get(_ context.Context, key string) ([]byte, bool, error) {
	data, err := os.ReadFile(d.file(key, ".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return data, err == nil, err
}

func (d dir) Put(_ context.Context, key string, request, reply []byte) error {
	return errors.Join(write(d.file(key, ".request.json"), request), write(d.file(key, ".json"), reply))
}

// write makes a file, or replaces it, as a whole.
func write(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
