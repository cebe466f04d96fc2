package fetch

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"seedbed/internal/seedbed"
)

// client speaks only to the public net, and reads no more than it may.
func client(o Options) *http.Client {
	dialer := &net.Dialer{Timeout: 20 * time.Second}
	if !o.Local {
		// Names are looked up by then: one that means a public address at first
		// and a private one later does not get through.
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil || !public(ap.Addr()) {
				return seedbed.Errorf(seedbed.Invalid, "that address is not on the public net: download it yourself and upload it")
			}
			return nil
		}
	}
	left := &atomic.Int64{}
	left.Store(o.MaxBytes)
	return &http.Client{
		Transport: &bounded{
			// No proxy: behind one nobody knows where a connection ends.
			next: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 20 * time.Second, ResponseHeaderTimeout: time.Minute, MaxResponseHeaderBytes: 1 << 20},
			opts: o,
			left: left,
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) >= 5 {
				return seedbed.Errorf(seedbed.Unavailable, "that address leads on and on")
			}
			return nil
		},
	}
}

// special are ranges that netip has no word for, and that lead inside all the
// same.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),   // carriers' own
	netip.MustParsePrefix("192.0.0.0/24"),    // protocols
	netip.MustParsePrefix("192.0.2.0/24"),    // examples
	netip.MustParsePrefix("198.18.0.0/15"),   // measurements
	netip.MustParsePrefix("198.51.100.0/24"), // examples
	netip.MustParsePrefix("203.0.113.0/24"),  // examples
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"),   // IPv4 inside
	netip.MustParsePrefix("64:ff9b:1::/48"), // IPv4 inside
	netip.MustParsePrefix("2001::/32"),      // IPv4 inside
	netip.MustParsePrefix("2001:db8::/32"),  // examples
	netip.MustParsePrefix("2002::/16"),      // IPv4 inside
	netip.MustParsePrefix("fec0::/10"),
}

func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// bounded refuses requests that are not https and stops answers that are too
// long, all of one fetch together.
type bounded struct {
	next http.RoundTripper
	opts Options
	left *atomic.Int64
}

func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !b.opts.Local {
		return nil, seedbed.Errorf(seedbed.Invalid, "that address leads to one that is not https")
	}
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = &body{ReadCloser: res.Body, left: b.left, max: b.opts.MaxBytes}
	return res, nil
}

type body struct {
	io.ReadCloser
	left *atomic.Int64
	max  int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left.Add(-int64(n)) < 0 {
		return 0, tooLarge(b.max) // nothing: what has its fill stops asking
	}
	return n, err
}

func tooLarge(limit int64) error {
	return seedbed.Errorf(seedbed.TooLarge, "it is larger than %s", seedbed.Size(limit))
}
