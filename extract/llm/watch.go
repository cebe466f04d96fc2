package llm

import (
	"context"
	"fmt"
	"io"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// A watch ends a sending that takes too long to connect, to begin, to go on
// or to end.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	limits Timeouts
	state  atomic.Int32
	next   *time.Timer // for the next piece
	total  *time.Timer
}

// How far a sending has come.
const (
	connecting = iota
	waiting
	reading
)

// A lateError is why a watch ended a sending.
type lateError string

func (e lateError) Error() string { return string(e) }

func newWatch(ctx context.Context, t Timeouts) *watch {
	w := &watch{limits: t}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.next = time.AfterFunc(t.Connect, func() {
		switch w.state.Load() {
		case connecting:
			w.cancel(lateError(fmt.Sprintf("did not accept a connection within %v", t.Connect)))
		case waiting:
			w.cancel(lateError(fmt.Sprintf("did not begin to reply within %v", t.FirstByte)))
		default:
			w.cancel(lateError(fmt.Sprintf("fell silent in the middle of its reply for %v", t.Idle)))
		}
	})
	w.ctx = httptrace.WithClientTrace(w.ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		w.state.Store(waiting)
		w.next.Reset(t.FirstByte)
	}})
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
		r.w.state.Store(reading)
		r.w.next.Reset(r.w.limits.Idle)
	}
	return n, err
}

// settle gives a stream that has said its last a moment to end: only then can
// its connection be used again.
func (w *watch) settle(r io.Reader) {
	w.next.Reset(250 * time.Millisecond)
	_, _ = io.Copy(io.Discard, io.LimitReader(r, 16<<10))
}
