package storetest

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A Line is the way to a PostgreSQL database, which can break.
type Line struct {
	Address string // of the database, by this way

	server   string // socket
	listener net.Listener
	done     sync.WaitGroup

	mu    sync.Mutex
	sent  int
	cut   func(n int) Cut
	conns map[net.Conn]bool
}

// A Cut is how a connection breaks.
type Cut int

const (
	Whole  Cut = iota // it does not
	Before            // what is sent does not arrive
	After             // what is sent arrives, the answer does not
)

// NewLine is a way to a database of [Postgres] until the test ends. Whenever
// something is sent, the nth time, cut says whether the connection breaks.
func NewLine(t testing.TB, address string, cut func(n int) Cut) *Line {
	t.Helper()
	const socket = ".s.PGSQL.5432"
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	// A socket's path has to be short: this is no place for t.TempDir.
	dir, err := os.MkdirTemp("", "seedbed-line-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l := &Line{server: filepath.Join(query.Get("host"), socket), cut: cut, conns: map[net.Conn]bool{}}
	query.Set("host", dir)
	u.RawQuery = query.Encode()
	l.Address = u.String()
	var config net.ListenConfig
	if l.listener, err = config.Listen(t.Context(), "unix", filepath.Join(dir, socket)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	l.done.Go(l.accept)
	return l
}

// Sent is how often something was sent.
func (l *Line) Sent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// Heal ends all trouble.
func (l *Line) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = func(int) Cut { return Whole }
}

func (l *Line) next() Cut {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	return l.cut(l.sent)
}

func (l *Line) close() {
	_ = l.listener.Close()
	l.mu.Lock()
	for c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
	l.mu.Unlock()
	l.done.Wait()
}

// hold has a connection closed with the line, which may be closed already.
func (l *Line) hold(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		_ = c.Close()
		return false
	}
	l.conns[c] = true
	return true
}

func (l *Line) drop(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

func (l *Line) accept() {
	for {
		client, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && l.hold(client) {
			l.done.Go(func() { l.carry(client) })
		}
	}
}

// carry carries what is sent and answered until one of both ends.
func (l *Line) carry(client net.Conn) {
	defer l.drop(client)
	var dialer net.Dialer
	server, err := dialer.Dial("unix", l.server)
	if err != nil || !l.hold(server) {
		return
	}
	defer l.drop(server)
	l.done.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	data := make([]byte, 1<<20)
	for {
		n, err := client.Read(data)
		if err != nil {
			return
		}
		cut := l.next()
		if cut == Before {
			return
		}
		if cut == After {
			_ = client.Close()
		}
		if _, err := server.Write(data[:n]); err != nil {
			return
		}
		if cut == After {
			// It is done before it is told that nobody listens.
			_ = server.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = server.Read(make([]byte, 1))
			return
		}
	}
}
