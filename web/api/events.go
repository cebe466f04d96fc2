package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	heartbeat = 15 * time.Second       // keeps proxies from closing a silent stream
	recheck   = 2 * time.Second        // what changes without a word is seen this late
	breath    = 200 * time.Millisecond // between two events, however much changes
)

// Stream sends server-sent events of the given type ("" is the default type):
// the whole of state at once and again whenever it differs, until state says
// it was the last, the client goes or stopping is closed. The last event is
// followed by one of type "end", so that a client does not connect again.
//
// An error of state ends the stream; the client connects again and sees it.
func Stream(c echo.Context, stopping <-chan struct{}, event string, changed <-chan struct{}, state func(context.Context) (data string, last bool, err error)) error {
	ctx := c.Request().Context()
	data, last, err := state(ctx)
	if err != nil {
		return err
	}
	w := c.Response()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)

	beat, tick := time.NewTicker(heartbeat), time.NewTicker(recheck)
	defer beat.Stop()
	defer tick.Stop()
	sent := ""
	for n := 1; ; {
		if data != sent || n == 1 {
			if err := send(w, event, n, data); err != nil {
				return nil // the client has gone
			}
			sent = data
			n++
		}
		if last {
			_ = send(w, "end", n, "{}")
			return nil
		}
		if err := out.Flush(); err != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-stopping:
			return nil
		case <-time.After(breath):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-stopping:
			return nil
		case _, open := <-changed:
			if !open {
				changed = nil
			}
		case <-tick.C:
		case <-beat.C:
			if _, err := io.WriteString(w, ":\n\n"); err != nil {
				return nil
			}
		}
		if data, last, err = state(ctx); err != nil {
			return nil
		}
	}
}

func send(w io.Writer, event string, id int, data string) error {
	var b strings.Builder
	if event != "" {
		fmt.Fprintf(&b, "event: %s\n", event)
	}
	fmt.Fprintf(&b, "id: %d\n", id)
	for line := range strings.Lines(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data)) {
		b.WriteString("data: ")
		b.WriteString(strings.TrimSuffix(line, "\n"))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}
