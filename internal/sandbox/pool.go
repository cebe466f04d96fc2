package sandbox

import (
	"slices"
	"sync"
	"time"
)

// A Pool keeps children for more than one file: to start one, and PDFium in
// it, takes longer than to read most papers. A child reads one file at a time.
// One that died, was stopped at a limit or has grown is not used again. The
// zero value is ready to use.
type Pool struct {
	mu     sync.Mutex
	idle   []*process
	closed bool
}

// What a pool keeps.
const (
	mostIdle   = 2                // children at once
	idleTime   = 20 * time.Second // before a child gives its memory back
	idleMemory = 192 << 20        // resident bytes of a child
)

// take is an idle child of a kind, or a new one.
func (p *Pool) take(k kind) (*process, error) {
	if c := p.find(k); c != nil {
		return c, nil
	}
	return start(k)
}

func (p *Pool) find(k kind) *process {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.idle, func(c *process) bool { return c.kind == k && !c.gone() })
	if i < 0 {
		return nil
	}
	c := p.idle[i]
	c.tired.Stop()
	p.idle = slices.Delete(p.idle, i, i+1)
	return c
}

// put takes back a child that has done what it was told.
func (p *Pool) put(c *process) {
	if p == nil || c.stopped.Load() != 0 || resident(c.pid) > idleMemory || !p.keep(c) {
		c.stop()
	}
}

func (p *Pool) keep(c *process) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= mostIdle {
		return false
	}
	p.idle = append(p.idle, c)
	c.tired = time.AfterFunc(idleTime, func() {
		if p.drop(c) {
			c.stop()
		}
	})
	return true
}

// drop takes out a child, and reports whether it was idle still.
func (p *Pool) drop(c *process) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	return i >= 0
}

// Close ends the children that are idle; others end when they are done.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.tired.Stop()
		c.stop()
	}
}
