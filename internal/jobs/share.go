package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"seedbed/extract/llm"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// What a model server is asked at once, and in a minute, its workers share. A
// table says what each of them may use. Each takes its fair part of what it
// wants, but no more than the others have left: who has too much gives it back
// as its calls end, and only then another can have it. So there are never
// more calls than the limit, however many processes come, go and die.
//
// A part holds for a lease by the clock of the database, and for its worker
// as long by its own from before it asked: who does not get through to the
// database, or was stopped for a while, makes no call with a part that another
// may have by now.

// A sharer is the limiter of one model server.
type sharer struct {
	*llm.LocalLimiter
	server string
	limits llm.Limits
	held   bool // there is a row for it
}

// serverKey is what a model server's limits are shared under. What is at
// localhost is another server on each machine.
func serverKey(e seedbed.Endpoint) string {
	h := sha256.New()
	_, _ = h.Write([]byte(e.ID + "\x00" + e.URL))
	if u, err := url.Parse(e.URL); err == nil {
		if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip.IsLoopback() {
			host, _ := os.Hostname()
			_, _ = h.Write([]byte("\x00" + host))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// limiter is the limiter of a model server, which keeps to these limits from
// now on.
func (m *models) limiter(s *Service, e seedbed.Endpoint, l llm.Limits, o llm.Options) *sharer {
	key := serverKey(e)
	sh := m.sharers[key]
	if sh == nil {
		sh = &sharer{LocalLimiter: llm.NewLimiter(l, o), server: key}
		if s.DB.Pool() != nil {
			sh.Share(func() {
				select {
				case s.wanting <- struct{}{}:
				default:
				}
			})
		}
		if m.sharers == nil {
			m.sharers = map[string]*sharer{}
		}
		m.sharers[key] = sh
	}
	sh.limits = l
	sh.Limit(l)
	return sh
}

// share asks for parts of the servers' limits until ctx ends.
func (s *Service) share(ctx context.Context) {
	if s.DB.Pool() == nil {
		return // nobody else is there
	}
	often := time.NewTicker(min(look, s.Beat))
	defer often.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-often.C:
		case <-s.wanting:
		}
		s.models.mu.Lock()
		var all []sharer
		for _, sh := range s.models.sharers {
			all = append(all, *sh)
		}
		s.models.mu.Unlock()
		var err error
		for _, sh := range all {
			err = errors.Join(err, s.shareOne(ctx, sh))
		}
		if err != nil && ctx.Err() == nil && seedbed.CodeOf(err) != seedbed.Unavailable {
			s.Log.Warn("share the limits of a model server", "err", err)
		}
	}
}

func (s *Service) shareOne(ctx context.Context, sh sharer) error {
	me := store.Share{Worker: s.id, Wants: sh.Wants()}
	if me.Wants == 0 && !sh.held {
		return nil
	}
	lease := s.lease()
	part := llm.Part{Until: time.Now().Add(lease)}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.Shares(ctx, sh.server)
		if err != nil {
			return err
		}
		part.Places, part.Rate = partOf(sh.limits, all, me, int(s.Now().UnixMilli()/s.Beat.Milliseconds()))
		// What is in flight is counted too, though there is no place for it.
		me.Places, me.Rate = max(part.Places, sh.Narrow(part.Places)), part.Rate
		return tx.SaveShare(ctx, sh.server, me, lease)
	})
	if err != nil {
		return err
	}
	sh.Give(part)
	s.models.mu.Lock()
	defer s.models.mu.Unlock()
	if kept := s.models.sharers[sh.server]; kept != nil {
		kept.held = me.Wants > 0 || me.Places > 0
	}
	return nil
}

// partOf is what me may use of limits, where all have the others. Parts are
// equal, who wants less leaves the rest to the others, and what cannot be
// divided goes round by turns. Nothing is taken from who has it.
func partOf(l llm.Limits, all []store.Share, me store.Share, turn int) (places int, rate float64) {
	if me.Wants == 0 {
		return 0, 0
	}
	places, rate = l.Concurrency, 1
	want := []store.Share{me}
	for _, s := range all {
		if s.Worker == me.Worker {
			continue
		}
		places -= s.Places
		rate -= s.Rate
		if s.Wants > 0 {
			want = append(want, s)
		}
	}
	slices.SortFunc(want, func(a, b store.Share) int { return strings.Compare(a.Worker, b.Worker) })
	turn %= len(want)
	want = slices.Concat(want[turn:], want[:turn])
	n := min(len(want), l.Concurrency)
	if l.RPM > 0 { // so that each may ask for some
		n = min(n, max(1, l.RPM/4))
	}
	mine := slices.IndexFunc(want[:n], func(s store.Share) bool { return s.Worker == me.Worker })
	if mine < 0 {
		return 0, 0
	}
	given := make([]int, n)
	for left, more := l.Concurrency, true; more; {
		more = false
		for i, s := range want[:n] {
			if left > 0 && given[i] < s.Wants {
				given[i]++
				left--
				more = true
			}
		}
	}
	places = max(0, min(places, given[mine]))
	const rounding = 1e-9
	if fair := 1 / float64(n); rate > fair-rounding {
		return places, fair
	}
	return places, 0
}
