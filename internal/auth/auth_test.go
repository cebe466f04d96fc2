package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seedbed/internal/auth"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// A clock goes as it is told.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.at.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.at.Add(d.Milliseconds()) }

const password = "correct horse battery"

// each runs a test on the accounts of an empty database of each kind, with one
// account, ada.
func each(t *testing.T, do func(*testing.T, *auth.Accounts, *clock, *store.DB)) {
	storetest.Each(t, func(t *testing.T, o store.Options) {
		db, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		c := &clock{}
		c.at.Store(1_700_000_000_000)
		a := auth.New(db, slog.New(slog.DiscardHandler), c.now)
		if any, err := a.Any(t.Context()); any || err != nil {
			t.Fatalf("Any of none gives %v, %v", any, err)
		}
		if err := a.Add(t.Context(), " Ada ", password); err != nil {
			t.Fatal(err)
		}
		do(t, a, c, db)
	})
}

// want fails the test unless err has a code; "" is none.
func want(t *testing.T, what string, err error, code string) {
	t.Helper()
	if got := seedbed.CodeOf(err); err == nil && code != "" || err != nil && got != code {
		t.Errorf("%s gives %v, want code %q", what, err, code)
	}
}

func login(t *testing.T, a *auth.Accounts, name string) string {
	t.Helper()
	s, err := a.Login(t.Context(), name, password, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLogin(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, c *clock, _ *store.DB) {
		ctx := t.Context()
		first, second := login(t, a, "ada"), login(t, a, "ADA")
		if first == second || len(first) != 43 {
			t.Errorf("the sessions of two logins are %q and %q", first, second)
		}
		u, err := a.Session(ctx, first)
		if err != nil || u.Name != "ada" || u.Password != "" {
			t.Errorf("Session gives %+v, %v", u, err)
		}
		_, wrong := a.Login(ctx, "ada", "wrong horse battery", "192.0.2.1")
		_, nobody := a.Login(ctx, "eve", password, "192.0.2.2")
		want(t, "a wrong password", wrong, seedbed.Unknown)
		if fmt.Sprint(wrong) != fmt.Sprint(nobody) {
			t.Errorf("a wrong password: %v; an unknown name: %v; want the same words", wrong, nobody)
		}
		for _, s := range []string{"", "x", first + "x", strings.ToUpper(first)} {
			_, err := a.Session(ctx, s)
			want(t, "Session of "+s, err, seedbed.Unknown)
		}
		if err := a.Logout(ctx, first); err != nil {
			t.Fatal(err)
		}
		_, err = a.Session(ctx, first)
		want(t, "a session that was ended", err, seedbed.Unknown)

		// Use keeps a session for 30 days more; nothing brings back one that is over.
		for range 3 {
			c.forward(29 * 24 * time.Hour)
			if _, err := a.Session(ctx, second); err != nil {
				t.Fatalf("a session in use: %v", err)
			}
		}
		c.forward(30*24*time.Hour + time.Minute)
		_, err = a.Session(ctx, second)
		want(t, "a session that nobody used for 30 days", err, seedbed.Unknown)
	})
}

// What is in the database lets nobody in.
func TestOnlyHashesAreStored(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, _ *clock, db *store.DB) {
		session := login(t, a, "ada")
		u, err := a.Session(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		token, err := a.NewToken(t.Context(), u.ID, "laptop")
		if err != nil {
			t.Fatal(err)
		}
		code, err := a.Invite(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for table, columns := range map[string]string{"users": "name || ' ' || password", "sessions": "id", "tokens": "id || ' ' || hash", "invitations": "id"} {
			var row string
			if err := db.Writer().QueryRowContext(t.Context(), "SELECT "+columns+" FROM "+table).Scan(&row); err != nil {
				t.Fatal(err)
			}
			all.WriteString(row + "\n")
		}
		for _, secret := range []string{session, strings.TrimPrefix(token.Value, "sb_"), code, password} {
			if strings.Contains(all.String(), secret) {
				t.Errorf("the database has %s:\n%s", secret, &all)
			}
		}
		if !strings.Contains(all.String(), "ada $argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("the parameters do not stand beside the hash:\n%s", &all)
		}
	})
}

func TestFailedLogins(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, c *clock, _ *store.DB) {
		ctx := t.Context()
		try := func(name, password, from string) error {
			_, err := a.Login(ctx, name, password, from)
			return err
		}
		// By account, wherever the tries come from, and though they come at once.
		var wrong, many atomic.Int64
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				switch err := try("ada", "wrong horse battery", fmt.Sprintf("192.0.2.%d", i)); seedbed.CodeOf(err) {
				case seedbed.Unknown:
					wrong.Add(1)
				case seedbed.TooMany:
					many.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if wrong.Load() != 5 || many.Load() != 35 {
			t.Errorf("of 40 tries at once %d were looked at and %d had to wait; want 5, 35", wrong.Load(), many.Load())
		}
		err := try("ada", password, "203.0.113.1")
		var wait seedbed.WaitError
		if !errors.As(err, &wait) || time.Duration(wait) != time.Second {
			t.Errorf("the right password after five wrong ones: %v, want to wait a second", err)
		}
		waited := time.Duration(0)
		for range 20 {
			err := try("ada", "wrong horse battery", "203.0.113.1")
			if errors.As(err, &wait) {
				c.forward(time.Duration(wait))
				waited = time.Duration(wait)
			}
		}
		if waited != time.Minute {
			t.Errorf("after many tries the wait is %v, want a minute", waited)
		}
		c.forward(time.Minute)
		if err := try("ada", password, "198.51.100.1"); err != nil {
			t.Errorf("the right password after the wait: %v", err)
		}
		if err := try("ada", "wrong horse battery", "198.51.100.1"); seedbed.CodeOf(err) != seedbed.Unknown {
			t.Errorf("after a login, a wrong password: %v; want it to count anew", err)
		}

		// By address, whoever is tried; and all addresses of one IPv6 network are one.
		for i := range 5 {
			want(t, "a name that is tried", try(fmt.Sprintf("user%d", i), password, fmt.Sprintf("2001:db8::%d", i)), seedbed.Unknown)
		}
		want(t, "the sixth name from there", try("user6", password, "2001:db8::ff"), seedbed.TooMany)
		want(t, "and from elsewhere", try("user6", password, "2001:db8:1::1"), seedbed.Unknown)
		// Those who log in are not counted.
		for range 20 {
			if err := try("ada", password, "192.0.2.200"); err != nil {
				t.Fatalf("the right password: %v", err)
			}
		}
	})
}

func TestPasswords(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, _ *clock, _ *store.DB) {
		ctx := t.Context()
		for i, tt := range []struct{ password, code string }{
			{"", seedbed.Invalid}, {"ninechars", seedbed.Invalid}, {"öööööööööö", ""}, {"ööööö", seedbed.Invalid},
			{strings.Repeat("x", 128), ""}, {strings.Repeat("x", 129), seedbed.Invalid},
			{"two\nlines of text", seedbed.Invalid}, {"no text \xff at all", seedbed.Invalid},
		} {
			name := fmt.Sprintf("user%d", i)
			want(t, fmt.Sprintf("Add with the password %q", tt.password), a.Add(ctx, name, tt.password), tt.code)
			_, err := a.Login(ctx, name, tt.password, fmt.Sprintf("192.0.2.%d", i))
			if (err == nil) != (tt.code == "") {
				t.Errorf("Login with it: %v", err)
			}
		}
		for name, code := range map[string]string{
			"ada": seedbed.Conflict, "ADA": seedbed.Conflict, "": seedbed.Invalid, "a b": seedbed.Invalid, "-ada": seedbed.Invalid, "<b>": seedbed.Invalid,
			"ada\u202e": seedbed.Invalid, strings.Repeat("a", 65): seedbed.Invalid, "ada@example.com": "", "Ünal": "", "李": "",
		} {
			want(t, fmt.Sprintf("Add of %q", name), a.Add(ctx, name, password), code)
		}
		// The same word in another form of Unicode.
		if _, err := a.Login(ctx, "u\u0308nal", password, "192.0.2.50"); err != nil {
			t.Errorf("Login as ünal, written with two signs: %v", err)
		}

		// A new password ends all other sessions.
		here, there := login(t, a, "ada"), login(t, a, "ada")
		u, err := a.Session(ctx, here)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "ChangePassword with a wrong one", a.ChangePassword(ctx, u, here, "wrong horse battery", "another horse battery", "192.0.2.1"), seedbed.Invalid)
		want(t, "ChangePassword to a short one", a.ChangePassword(ctx, u, here, password, "short", "192.0.2.1"), seedbed.Invalid)
		if _, err := a.Session(ctx, there); err != nil {
			t.Fatalf("a session after changes that failed: %v", err)
		}
		if err := a.ChangePassword(ctx, u, here, password, "another horse battery", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		_, err = a.Session(ctx, here)
		want(t, "the session that changed the password", err, "")
		_, err = a.Session(ctx, there)
		want(t, "another session", err, seedbed.Unknown)
		_, err = a.Login(ctx, "ada", password, "192.0.2.1")
		want(t, "the old password", err, seedbed.Unknown)
		if err := a.SetPassword(ctx, "ada", password); err != nil {
			t.Fatal(err)
		}
		_, err = a.Session(ctx, here)
		want(t, "every session after SetPassword", err, seedbed.Unknown)
		want(t, "SetPassword of nobody", a.SetPassword(ctx, "eve", password), seedbed.NotFound)
	})
}

func TestTokens(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, c *clock, _ *store.DB) {
		ctx := t.Context()
		if err := a.Add(ctx, "bob", password); err != nil {
			t.Fatal(err)
		}
		users, err := a.Users(ctx)
		if err != nil || len(users) != 2 {
			t.Fatalf("Users gives %v, %v", users, err)
		}
		ada, bob := users[0], users[1]
		_, err = a.NewToken(ctx, ada.ID, " ")
		want(t, "a token without a name", err, seedbed.Invalid)
		token, err := a.NewToken(ctx, ada.ID, " laptop ")
		if err != nil || !strings.HasPrefix(token.Value, "sb_") || len(token.Value) != 46 || token.Name != "laptop" {
			t.Fatalf("NewToken gives %+v, %v", token, err)
		}
		used := func() time.Time {
			t.Helper()
			list, err := a.Tokens(ctx, ada.ID)
			if err != nil || len(list) != 1 || list[0].ID != token.ID || list[0].Value != "" || !list[0].Created.Equal(token.Created) {
				t.Fatalf("Tokens gives %+v, %v; want the one, without its value", list, err)
			}
			return list[0].Used
		}
		if !used().IsZero() {
			t.Error("a new token was used")
		}
		for _, tt := range []struct{ after, last time.Duration }{{0, 0}, {30 * time.Second, 0}, {31 * time.Second, 61 * time.Second}} {
			start := token.Created
			c.forward(tt.after)
			if u, err := a.Token(ctx, token.Value); err != nil || u.ID != ada.ID {
				t.Fatalf("Token gives %+v, %v", u, err)
			}
			if got := used().Sub(start); got != tt.last {
				t.Errorf("%v after it was made, the token was last used at %v; want %v", c.now().Sub(start), got, tt.last)
			}
		}
		for _, s := range []string{"", "sb_", strings.TrimPrefix(token.Value, "sb_"), token.Value + "x", token.ID} {
			_, err := a.Token(ctx, s)
			want(t, "Token of "+s, err, seedbed.Unknown)
		}
		_, err = a.Session(ctx, token.Value)
		want(t, "a token as a session", err, seedbed.Unknown)
		want(t, "RevokeToken by another", a.RevokeToken(ctx, bob.ID, token.ID), seedbed.NotFound)
		if err := a.RevokeToken(ctx, ada.ID, token.ID); err != nil {
			t.Fatal(err)
		}
		_, err = a.Token(ctx, token.Value)
		want(t, "a token that was revoked", err, seedbed.Unknown)
	})
}

func TestInvitations(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, c *clock, _ *store.DB) {
		ctx := t.Context()
		ada := login(t, a, "ada")
		u, err := a.Session(ctx, ada)
		if err != nil {
			t.Fatal(err)
		}
		invite := func(by string) string {
			t.Helper()
			code, err := a.Invite(ctx, by)
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
		code := invite(u.ID)
		if err := a.Invited(ctx, code); err != nil {
			t.Errorf("Invited gives %v", err)
		}
		_, err = a.Join(ctx, code, "ada", password)
		want(t, "Join under a name that is taken", err, seedbed.Conflict)
		_, err = a.Join(ctx, code, "bob", "short")
		want(t, "Join with a short password", err, seedbed.Invalid)
		session, err := a.Join(ctx, code, "bob", password)
		if err != nil {
			t.Fatalf("Join after that: %v", err)
		}
		if u, err := a.Session(ctx, session); err != nil || u.Name != "bob" {
			t.Errorf("the session gives %+v, %v", u, err)
		}
		_, err = a.Join(ctx, code, "carol", password)
		want(t, "Join with a link that was used", err, seedbed.NotFound)
		want(t, "Invited by it", a.Invited(ctx, code), seedbed.NotFound)
		want(t, "Invited by no code", a.Invited(ctx, ""), seedbed.NotFound)

		// A link for the first account is worth nothing once there is one.
		want(t, "the first account's link", a.Invited(ctx, invite("")), seedbed.NotFound)
		_, err = a.Join(ctx, invite(""), "carol", password)
		want(t, "Join with it", err, seedbed.NotFound)

		late := invite(u.ID)
		c.forward(24 * time.Hour)
		want(t, "Invited a day later", a.Invited(ctx, late), seedbed.NotFound)

		// Who is gone lets nobody in.
		theirs, err := a.Users(ctx)
		if err != nil {
			t.Fatal(err)
		}
		open, mine := invite(theirs[1].ID), invite(u.ID)
		token, err := a.NewToken(ctx, theirs[1].ID, "script")
		if err != nil {
			t.Fatal(err)
		}
		if last, err := a.Remove(ctx, "Bob", false); last || err != nil {
			t.Fatalf("Remove gives %v, %v", last, err)
		}
		want(t, "their invitation", a.Invited(ctx, open), seedbed.NotFound)
		want(t, "another's invitation", a.Invited(ctx, mine), "")
		_, err = a.Session(ctx, session)
		want(t, "their session", err, seedbed.Unknown)
		_, err = a.Token(ctx, token.Value)
		want(t, "their token", err, seedbed.Unknown)
		_, err = a.Remove(ctx, "bob", true)
		want(t, "Remove of nobody", err, seedbed.NotFound)
		_, err = a.Remove(ctx, "ada", false)
		want(t, "Remove of the last", err, seedbed.Invalid)
		if last, err := a.Remove(ctx, "ada", true); !last || err != nil {
			t.Errorf("Remove of the last by force gives %v, %v", last, err)
		}
	})
}

// TestFirstAccount has many take links for the first account at once: one of
// them gets it.
func TestFirstAccount(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, _ *clock, _ *store.DB) {
		ctx := t.Context()
		if _, err := a.Remove(ctx, "ada", true); err != nil {
			t.Fatal(err)
		}
		var got atomic.Int64
		var wg sync.WaitGroup
		same, err := a.Invite(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			code := same
			if i%2 == 0 {
				if code, err = a.Invite(ctx, ""); err != nil {
					t.Fatal(err)
				}
			}
			wg.Go(func() {
				switch _, err := a.Join(ctx, code, fmt.Sprintf("user%d", i), password); {
				case err == nil:
					got.Add(1)
				case seedbed.CodeOf(err) != seedbed.NotFound:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		users, err := a.Users(ctx)
		if got.Load() != 1 || len(users) != 1 || err != nil {
			t.Errorf("%d of six joined; there are %d accounts, %v", got.Load(), len(users), err)
		}
	})
}

// Who logs in with the old password while it is changed is not in afterwards.
func TestLoginWhileThePasswordChanges(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, c *clock, db *store.DB) {
		ctx := t.Context()
		console := auth.New(db, slog.New(slog.DiscardHandler), c.now) // as seedbed user password has
		for range 4 {
			sessions := make(chan string, 5)
			var wg sync.WaitGroup
			for range cap(sessions) {
				wg.Go(func() {
					session, err := a.Login(ctx, "ada", password, "192.0.2.1")
					if err != nil && seedbed.CodeOf(err) != seedbed.Unknown {
						t.Error(err)
					}
					sessions <- session
				})
			}
			if err := console.SetPassword(ctx, "ada", "another horse battery"); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			close(sessions)
			for session := range sessions {
				_, err := a.Session(ctx, session)
				want(t, "a session of the old password", err, seedbed.Unknown)
			}
			if err := console.SetPassword(ctx, "ada", password); err != nil {
				t.Fatal(err)
			}
			c.forward(2 * time.Hour) // the failed ones are forgotten
		}
	})
}

// A link for the first account that was not used, because the account was made
// on the command line, stays without use when that account is removed.
func TestUnusedLinkStaysClosed(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, _ *clock, _ *store.DB) {
		ctx := t.Context()
		remove := func(name string) {
			t.Helper()
			if _, err := a.Remove(ctx, name, true); err != nil {
				t.Fatal(err)
			}
		}
		remove("ada")
		old, err := a.Invite(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the link", a.Invited(ctx, old), "")
		if err := a.Add(ctx, "bob", password); err != nil {
			t.Fatal(err)
		}
		remove("bob")
		want(t, "the link after an account came and went", a.Invited(ctx, old), seedbed.NotFound)
		_, err = a.Join(ctx, old, "eve", password)
		want(t, "joining with it", err, seedbed.NotFound)
	})
}

// A login that nobody waits for any more costs no hash.
func TestLoginGivenUp(t *testing.T) {
	each(t, func(t *testing.T, a *auth.Accounts, _ *clock, _ *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.Login(ctx, "ada", password, "192.0.2.1"); !errors.Is(err, context.Canceled) {
			t.Errorf("Login gives %v", err)
		}
	})
}
