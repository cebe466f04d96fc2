package pdf

import (
	"context"
	"sync"
)

// A Runtime is PDFium as compiled for this machine. It is loaded when it is
// first needed and then serves any number of files, at once too: each gets an
// instance of its own, with its own memory. It stays as long as the process.
type Runtime struct {
	dir    string
	mu     sync.Mutex
	loaded *runtime
}

// NewRuntime keeps what is compiled in dir. With an empty dir each runtime
// compiles PDFium anew, which takes seconds and 300 MB.
func NewRuntime(dir string) *Runtime { return &Runtime{dir: dir} }

func (r *Runtime) load(ctx context.Context) (*runtime, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded == nil {
		rt, err := newRuntime(ctx, r.dir)
		if err != nil {
			return nil, err
		}
		r.loaded = rt
	}
	return r.loaded, nil
}

// runtime is the one to read with, and what to do after that.
func (o Options) runtime(ctx context.Context) (rt *runtime, done func(), err error) {
	if o.Runtime != nil {
		rt, err = o.Runtime.load(ctx)
		return rt, func() {}, err
	}
	if rt, err = newRuntime(ctx, o.CacheDir); err != nil {
		return nil, nil, err
	}
	return rt, rt.close, nil
}
