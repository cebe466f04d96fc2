package llm

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// A watch ends a sending that takes too long to begin, to go on or to end.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	idle   time.Duration
	begun  atomic.Bool
	next   *time.Timer // for the next piece
	total  *time.Timer
}

// A lateError is why a watch ended a sending.
type lateError string

func (e lateError) Error() string { return string(e) }

func newWatch(ctx context.Context, t Timeouts) *watch {
	w := &watch{idle: t.Idle}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.next = time.AfterFunc(t.FirstByte, func() {
		if w.begun.Load() {
			w.cancel(lateError(fmt.Sprintf("fell silent in the middle of its reply for %v", t.Idle)))
		} else {
			w.cancel(lateError(fmt.Sprintf("did not begin to reply within %v", t.FirstByte)))
		}
	})
	w.total = time.AfterFunc(t.Total, func() {
		w.cancel(lateError(fmt.Sprintf("did not finish its reply within %v", t.Total)))
	})
	return w
}

func (w *watch) stop() {
	w.next.Stop()
	w.total.Stop()
	w.cancel(nil)
}

// reader passes on what r reads and notes that something came.
func (w *watch) reader(r io.Reader) io.Reader { return watched{w, r} }

type watched struct {
	w *watch
	r io.Reader
}

func (r watched) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.w.begun.Store(true)
		r.w.next.Reset(r.w.idle)
	}
	return n, err
}

// settle gives a stream that has said its last a moment to end: only then can
// its connection be used again.
func (w *watch) settle(r io.Reader) {
	w.next.Reset(250 * time.Millisecond)
	_, _ = io.Copy(io.Discard, io.LimitReader(r, 16<<10))
}
