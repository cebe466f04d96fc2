// Package storetest runs tests on every kind of database that the store
// knows, among them a PostgreSQL server of their own.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"seedbed/internal/store"
)

// Engines are the names of the kinds of database.
var Engines = []string{"sqlite", "postgres"}

// Each runs a test on an empty database of each kind.
func Each(t *testing.T, do func(*testing.T, store.Options)) {
	for _, engine := range Engines {
		t.Run(engine, func(t *testing.T) { do(t, Fresh(t, engine)) })
	}
}

// Fresh is an empty database of a kind.
func Fresh(t testing.TB, engine string) store.Options {
	t.Helper()
	if engine == "postgres" {
		return store.Options{URL: Postgres(t)}
	}
	return store.Options{Path: filepath.Join(t.TempDir(), "seedbed.db")}
}

// shared is the server of all tests of a test binary. It ends with it.
var shared = sync.OnceValues(Start)

var databases atomic.Int64

// Postgres is the address of an empty PostgreSQL database. Where PostgreSQL
// is not installed the test is skipped, under CI=true it fails.
func Postgres(t testing.TB) string {
	t.Helper()
	s, err := shared()
	check(t, err)
	return s.Database(t)
}

func check(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, errNotInstalled) && os.Getenv("CI") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

// A Server is a PostgreSQL server on a socket in a temporary folder.
type Server struct {
	bin, dir string
	attr     *syscall.SysProcAttr // as whom it runs

	mu    sync.Mutex
	stdin io.WriteCloser // while this is open, the server runs
	wait  func() error
}

// New starts a server for one test, which may stop it.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := Start()
	check(t, err)
	t.Cleanup(s.Stop)
	return s
}

var errNotInstalled = errors.New("PostgreSQL is not installed")

// Start starts a server. It ends with Stop, and with the process.
func Start() (*Server, error) {
	s := &Server{}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		// Where Debian keeps them; the newest comes last.
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(found) == 0 {
			return nil, errNotInstalled
		}
		slices.Sort(found)
		initdb = found[len(found)-1]
	}
	s.bin = filepath.Dir(initdb)
	// A socket's path has to be short: this is no place for t.TempDir.
	if s.dir, err = os.MkdirTemp("", "seedbed-pg-"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // as whom PostgreSQL refuses to run
		if s.attr, err = as("postgres", "nobody"); err != nil {
			return nil, err
		}
		if err := os.Chown(s.dir, int(s.attr.Credential.Uid), int(s.attr.Credential.Gid)); err != nil {
			return nil, err
		}
	}
	if err := s.command("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--pgdata="+s.data()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, s.start()
}

// as is how to run as the first of some users there is.
func as(names ...string) (*syscall.SysProcAttr, error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return nil, fmt.Errorf("none of the users %v is there to run PostgreSQL", names)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.attr
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return nil
}

// A shell stands between us and the server and ends it when it is told to, or
// when we end in whatever way: its standard input is closed then.
const keeper = `"$0" "$@" </dev/null & server=$!
read -r remove
kill -QUIT $server
wait $server
[ "$remove" = keep ] || rm -rf "$PWD"`

func (s *Server) start() error {
	cmd := exec.Command("/bin/sh", "-c", keeper, filepath.Join(s.bin, "postgres"), "-D", s.data(),
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+s.dir,
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200", "-c", "deadlock_timeout=100ms")
	cmd.Dir, cmd.SysProcAttr = s.dir, s.attr
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.stdin, s.wait = stdin, cmd.Wait
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), s.Address("postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, said)
		}
	}
}

// Address is that of a database.
func (s *Server) Address(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database}
	u.RawQuery = url.Values{"host": {s.dir}}.Encode()
	return u.String()
}

// Database makes an empty database and returns its address.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	address, drop, err := Create(context.WithoutCancel(t.Context()), s.Address("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(drop)
	return address
}

// Create makes an empty database on a server, of which the URL of any database
// is given. Drop removes it again, unless the server is stopped.
func Create(ctx context.Context, server string) (address string, drop func(), err error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("seedbed_test_%d_%d", os.Getpid(), databases.Add(1))
	if err := execute(ctx, server, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		_ = execute(context.Background(), server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	}, nil
}

func execute(ctx context.Context, address, statement string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// Halt stops the server at once, as if the machine had been switched off;
// its data stays for Go.
func (s *Server) Halt() { s.tell("keep\n") }

// Go starts the server again that Halt has stopped.
func (s *Server) Go(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server and removes its data.
func (s *Server) Stop() {
	s.tell("")
	_ = os.RemoveAll(s.dir)
}

func (s *Server) tell(word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin == nil {
		return
	}
	_, _ = io.WriteString(s.stdin, word)
	_ = s.stdin.Close()
	_ = s.wait()
	s.stdin = nil
}
