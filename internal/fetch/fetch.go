// Package fetch brings sources from the net: the newest state of a git
// repository as a tar archive, or one file.
//
// Addresses come from people, answers from anybody: only https is spoken, no
// connection is made to this computer or its network, and what arrives is
// bounded. A user and password in an address are sent to its host and nowhere
// else; no error, name or archive holds them.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"seedbed/internal/seedbed"
)

// Options bound what is brought. Zero fields take the defaults.
type Options struct {
	MaxBytes int64         // that arrive, and that a snapshot may hold; 1 GiB
	Time     time.Duration // 2 minutes

	// Local allows http too, and addresses of this computer and its network.
	// It is for tests, and for networks in which everybody may read everything.
	Local bool
}

// WithDefaults are the options with what is taken for zero fields.
func (o Options) WithDefaults() Options {
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.Time == 0 {
		o.Time = 2 * time.Minute
	}
	return o
}

// A Fetched is what was brought.
type Fetched struct {
	Path   string `json:"path"`   // of the file, in the folder it was to be left in
	Name   string `json:"name"`   // to call it by
	Commit string `json:"commit"` // of a repository, "" for a file
}

// IsURL reports whether an argument is an address, not a path.
func IsURL(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	return ok && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

// Check says what is wrong with an address before anything is done, nil if
// nothing is.
func Check(address string, o Options) error {
	_, err := parse(address, o)
	return err
}

// Show is an address without the user and password in it, for people.
func Show(address string) string {
	if !strings.Contains(address, "://") {
		return address
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return "the address"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func parse(address string, o Options) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return nil, seedbed.Errorf(seedbed.Invalid, "that is no address: it looks like https://host/path")
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && o.Local:
	case strings.HasPrefix(address, "git@"), u.Scheme == "ssh", u.Scheme == "git":
		return nil, seedbed.Errorf(seedbed.Invalid, "repositories are fetched over https only: give its address as https://host/path")
	default:
		return nil, seedbed.Errorf(seedbed.Invalid, "only https addresses are fetched: give one like https://host/path")
	}
	if u.Host == "" || len(address) > 2000 {
		return nil, seedbed.Errorf(seedbed.Invalid, "that is no address: it looks like https://host/path")
	}
	return u, nil
}

// To brings what stands at an address into dir. A repository is known by what
// its host answers; its #fragment chooses a branch or a tag. Errors are
// *seedbed.Error, but for those of ctx and of the folder.
func To(ctx context.Context, o Options, address, dir string) (Fetched, error) {
	o = o.WithDefaults()
	u, err := parse(address, o)
	if err != nil {
		return Fetched{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.Time, seedbed.Errorf(seedbed.Limit, "%s took longer than %s to fetch", Show(address), o.Time))
	defer cancel()
	user := u.User
	u.User = nil
	f := fetcher{opts: o, shown: Show(address), client: client(o), dir: dir, user: user}
	got, err := f.repository(ctx, u)
	if errors.Is(err, errNoRepository) {
		got, err = f.file(ctx, u)
	}
	if err != nil {
		return Fetched{}, f.explain(ctx, err)
	}
	return got, nil
}

type fetcher struct {
	opts   Options
	shown  string
	client *http.Client
	dir    string
	user   *url.Userinfo
}

// get asks for an address, as the user that was named with it.
func (f *fetcher) get(ctx context.Context, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if f.user != nil {
		password, _ := f.user.Password()
		req.SetBasicAuth(f.user.Username(), password)
	}
	return f.client.Do(req)
}

// file brings one file.
func (f *fetcher) file(ctx context.Context, u *url.URL) (Fetched, error) {
	res, err := f.get(ctx, u)
	if err != nil {
		return Fetched{}, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return Fetched{}, refused(f.shown, res.StatusCode)
	}
	out := Fetched{Path: filepath.Join(f.dir, "file"), Name: fileName(res)}
	w, err := os.Create(out.Path)
	if err != nil {
		return Fetched{}, err
	}
	_, err = io.Copy(w, res.Body)
	return out, errors.Join(err, w.Close())
}

func refused(shown string, status int) error {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return seedbed.Errorf(seedbed.Invalid, "there is nothing at %s", shown)
	case http.StatusUnauthorized, http.StatusForbidden:
		return seedbed.Errorf(seedbed.Invalid, "%s is not open to everybody: download it yourself and upload it", shown)
	}
	return seedbed.Errorf(seedbed.Unavailable, "%s answered %d %s", shown, status, http.StatusText(status))
}

// fileName is what a file is called by its host, or else by its address.
func fileName(res *http.Response) string {
	if _, params, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return path.Base(params["filename"])
	}
	name := path.Base(res.Request.URL.Path)
	if name == "." || name == "/" {
		name = res.Request.URL.Hostname()
	}
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind == "text/html" && !strings.Contains(path.Ext(name), "htm") {
		name += ".html"
	}
	return name
}

// explain turns what went wrong into words for people.
func (f *fetcher) explain(ctx context.Context, err error) error {
	if known, ok := errors.AsType[*seedbed.Error](err); ok {
		return known
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // which tells the address again
	}
	if errors.As(err, new(*os.PathError)) {
		return fmt.Errorf("fetch %s: %w", f.shown, err)
	}
	return seedbed.Errorf(seedbed.Unavailable, "%s could not be fetched: %w", f.shown, err)
}
