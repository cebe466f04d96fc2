// Package auth says who may come in: accounts with a password, the sessions of
// browsers, the tokens of programs, and the links that make an account.
//
// Cookies, tokens and links are 256 random bits, and the database has their
// SHA-256 only: who reads it can use none of them. A password can be guessed,
// so that its hash is slow to compute, see password.go, and tries are counted,
// see limiter.go.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

const (
	// idle is how long a session lasts that nobody uses.
	idle = 30 * 24 * time.Hour
	// invited is how long a link holds that makes an account.
	invited = 24 * time.Hour

	tokenPrefix = "sb_" // lets people, and programs that look for leaks, tell a token
)

// Accounts let people and programs in. They are safe for concurrent use, also
// by several processes on one database; failed logins are counted by each.
type Accounts struct {
	db    *store.DB
	log   *slog.Logger
	now   func() time.Time
	tries *limiter
	hash  hasher
}

// New makes the accounts of a database.
func New(db *store.DB, log *slog.Logger, now func() time.Time) *Accounts {
	return &Accounts{db: db, log: log, now: now, tries: newLimiter(now), hash: newHasher()}
}

// Any reports whether there is an account.
func (a *Accounts) Any(ctx context.Context) (bool, error) { return a.db.HasUsers(ctx) }

// Users lists the accounts by name.
func (a *Accounts) Users(ctx context.Context) ([]seedbed.User, error) { return a.db.Users(ctx) }

// Add makes an account.
func (a *Accounts) Add(ctx context.Context, name, password string) error {
	u, err := a.newUser(ctx, name, password)
	if err != nil {
		return err
	}
	return a.db.Update(ctx, func(tx *store.Tx) error { return tx.AddUser(ctx, u) })
}

// Remove removes an account with all that lets it in. The last one is removed
// only by force: without an account, whoever is on this computer may do
// everything.
func (a *Accounts) Remove(ctx context.Context, name string, force bool) (last bool, err error) {
	err = a.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, "users"); err != nil {
			return err
		}
		u, err := tx.UserNamed(ctx, canonical(name))
		if err != nil {
			return err
		}
		all, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		if last = len(all) == 1; last && !force {
			return seedbed.Errorf(seedbed.Invalid, "%s is the last account", u.Name)
		}
		return tx.DeleteUser(ctx, u.ID)
	})
	return last, err
}

// SetPassword gives an account a new password, and ends its sessions.
func (a *Accounts) SetPassword(ctx context.Context, name, password string) error {
	u, err := a.db.UserNamed(ctx, canonical(name))
	if err != nil {
		return err
	}
	return a.setPassword(ctx, u.ID, password, "", "")
}

// ChangePassword is SetPassword for who knows the old one. The session that
// asks for it goes on.
func (a *Accounts) ChangePassword(ctx context.Context, user seedbed.User, session, old, password, from string) error {
	u, err := a.check(ctx, user.Name, old, from)
	if err != nil {
		if seedbed.CodeOf(err) == seedbed.Unknown {
			return seedbed.Errorf(seedbed.Invalid, "the current password is wrong")
		}
		return err
	}
	return a.setPassword(ctx, u.ID, password, session, u.Password)
}

// setPassword changes a password, if old is its hash or "", and ends all
// sessions but one.
func (a *Accounts) setPassword(ctx context.Context, id, password, session, old string) error {
	hash, err := a.newPassword(ctx, password)
	if err != nil {
		return err
	}
	return a.db.Update(ctx, func(tx *store.Tx) error {
		if err := unchanged(ctx, tx, id, old); err != nil {
			return err
		}
		if err := tx.SetPassword(ctx, id, hash); err != nil {
			return err
		}
		return tx.DeleteSessions(ctx, id, hashOf(session))
	})
}

// unchanged is nil while old is the hash of an account's password, or "", and
// keeps it from being changed. To compute a hash takes its time: who gave the
// password of before must not be let in after all others were shut out.
func unchanged(ctx context.Context, tx *store.Tx, id, old string) error {
	if err := tx.Lock(ctx, "password", id); err != nil {
		return err
	}
	u, err := tx.User(ctx, id)
	if err != nil {
		return unknown(err, wrong)
	}
	if old != "" && u.Password != old {
		return seedbed.Errorf(seedbed.Unknown, wrong)
	}
	return nil
}

// wrong is all that is told of a login that fails.
const wrong = "the name or the password is wrong"

func (a *Accounts) newUser(ctx context.Context, name, password string) (seedbed.User, error) {
	name = canonical(name)
	if err := checkName(name); err != nil {
		return seedbed.User{}, err
	}
	hash, err := a.newPassword(ctx, password)
	now := a.now()
	return seedbed.User{ID: store.NewID(now), Name: name, Password: hash, Created: now}, err
}

// names hold nothing that a page or a terminal would show in another way.
var names = regexp.MustCompile(`^[\pL\pN][\pL\pM\pN._@-]{0,63}$`)

func checkName(name string) error {
	if !names.MatchString(name) {
		return seedbed.Errorf(seedbed.Invalid, "%.80q is no name for an account: take up to 64 letters, digits and . _ - @", name)
	}
	return nil
}

// canonical is a name as it is stored: Ada and ada are the same.
func canonical(name string) string { return norm.NFC.String(strings.ToLower(strings.TrimSpace(name))) }

// Login begins a session for who knows a password. From is the address that
// the request comes from.
func (a *Accounts) Login(ctx context.Context, name, password, from string) (session string, err error) {
	u, err := a.check(ctx, name, password, from)
	if err != nil {
		return "", err
	}
	err = a.db.Update(ctx, func(tx *store.Tx) error {
		if err := unchanged(ctx, tx, u.ID, u.Password); err != nil {
			return err
		}
		session, err = a.begin(ctx, tx, u.ID)
		return err
	})
	return session, err
}

// check is the account with a name and a password. Tries that fail are
// counted for the name, whether there is such an account or not, and for the
// address.
func (a *Accounts) check(ctx context.Context, name, password, from string) (seedbed.User, error) {
	name = canonical(name)
	keys := []string{hashOf("name " + name), "from " + network(from)}
	if wait := a.tries.begin(keys...); wait > 0 {
		return seedbed.User{}, seedbed.Errorf(seedbed.TooMany, "too many failed tries: wait %w", seedbed.WaitError(wait))
	}
	u, err := a.db.UserNamed(ctx, name)
	if err != nil && seedbed.CodeOf(err) != seedbed.NotFound {
		a.tries.undo(keys...)
		return seedbed.User{}, err
	}
	// Without an account a hash is computed all the same: its time would tell.
	right, err := a.hash.verify(ctx, u.Password, password)
	if err != nil {
		a.tries.undo(keys...)
		return seedbed.User{}, err
	}
	if !right {
		a.log.Warn("failed login", "from", from)
		return seedbed.User{}, seedbed.Errorf(seedbed.Unknown, wrong)
	}
	a.tries.forget(keys[0])
	a.tries.undo(keys[1])
	return u, nil
}

// network is an address as tries are counted for it: who has one of IPv6 has
// 2^64 of them.
func network(from string) string {
	ip, err := netip.ParseAddr(from)
	if err != nil || ip.Unmap().Is4() {
		return from
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return from
	}
	return p.String()
}

// begin begins a session, always a new one: a cookie that somebody else put
// into a browser is worth nothing.
func (a *Accounts) begin(ctx context.Context, tx *store.Tx, user string) (session string, err error) {
	session = secret()
	now := a.now()
	return session, tx.AddSession(ctx, hashOf(session), user, now, now.Add(idle))
}

// Session is whose session it is. Using it keeps it.
func (a *Accounts) Session(ctx context.Context, session string) (seedbed.User, error) {
	now := a.now()
	hash := hashOf(session)
	u, until, err := a.db.Session(ctx, hash, now)
	if err != nil {
		return seedbed.User{}, unknown(err, "the login is over")
	}
	if until.Sub(now) < idle-time.Hour {
		a.note(ctx, func(tx *store.Tx) error { return tx.KeepSession(ctx, hash, now.Add(idle)) })
	}
	return u, nil
}

// Logout ends a session.
func (a *Accounts) Logout(ctx context.Context, session string) error {
	return a.db.Update(ctx, func(tx *store.Tx) error { return tx.DeleteSession(ctx, hashOf(session)) })
}

// Token is whose token it is.
func (a *Accounts) Token(ctx context.Context, token string) (seedbed.User, error) {
	t, u, err := a.db.TokenOf(ctx, hashOf(token))
	if err != nil {
		return seedbed.User{}, unknown(err, "the token is not known: it may have been revoked")
	}
	if now := a.now(); now.Sub(t.Used) >= time.Minute {
		a.note(ctx, func(tx *store.Tx) error { return tx.UseToken(ctx, t.ID, now) })
	}
	return u, nil
}

// note writes what nobody has to wait for to be right: that the database has
// no room must not shut anybody out.
func (a *Accounts) note(ctx context.Context, do func(*store.Tx) error) {
	if err := a.db.Update(ctx, do); err != nil && ctx.Err() == nil {
		a.log.Warn("the use of a session or token was not noted", "err", err)
	}
}

// Tokens lists the tokens of a user, without their values.
func (a *Accounts) Tokens(ctx context.Context, user string) ([]seedbed.Token, error) {
	return a.db.Tokens(ctx, user)
}

// NewToken makes a token. Its value is not to be had again.
func (a *Accounts) NewToken(ctx context.Context, user, name string) (seedbed.Token, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 200 {
		return seedbed.Token{}, seedbed.Errorf(seedbed.Invalid, "give the token a name of up to 200 bytes, such as the program that it is for")
	}
	now := a.now().Truncate(time.Millisecond).UTC()
	t := seedbed.Token{ID: store.NewID(now), User: user, Name: name, Created: now, Value: tokenPrefix + secret()}
	return t, a.db.Update(ctx, func(tx *store.Tx) error { return tx.AddToken(ctx, t, hashOf(t.Value)) })
}

// RevokeToken removes a token of a user.
func (a *Accounts) RevokeToken(ctx context.Context, user, id string) error {
	return a.db.Update(ctx, func(tx *store.Tx) error { return tx.DeleteToken(ctx, user, id) })
}

// Invite makes the code of a link that makes one account within a day: for the
// first account if nobody invites.
func (a *Accounts) Invite(ctx context.Context, inviter string) (code string, err error) {
	code = secret()
	now := a.now()
	return code, a.db.Update(ctx, func(tx *store.Tx) error {
		return tx.AddInvitation(ctx, hashOf(code), inviter, now, now.Add(invited))
	})
}

// errInvitation is the error of a code that does not hold.
var errInvitation = seedbed.Errorf(seedbed.NotFound, "this link was used, or is older than a day: ask for a new one where you got it")

// Invited is nil while a code holds.
func (a *Accounts) Invited(ctx context.Context, code string) error {
	ok, err := a.db.Invited(ctx, hashOf(code), a.now())
	if err == nil && !ok {
		return errInvitation
	}
	return err
}

// Join uses a code to make an account, and begins a session. A name or a
// password that does not do leaves the code as it is.
func (a *Accounts) Join(ctx context.Context, code, name, password string) (session string, err error) {
	// First, so that no hash is computed for who has no code.
	if err := a.Invited(ctx, code); err != nil {
		return "", err
	}
	u, err := a.newUser(ctx, name, password)
	if err != nil {
		return "", err
	}
	err = a.db.Update(ctx, func(tx *store.Tx) error {
		ok, err := tx.TakeInvitation(ctx, hashOf(code), a.now())
		if err != nil {
			return err
		}
		if !ok {
			return errInvitation
		}
		if err := tx.AddUser(ctx, u); err != nil {
			return err
		}
		session, err = a.begin(ctx, tx, u.ID)
		return err
	})
	return session, err
}

// unknown says that somebody is not known where err says that something is not
// there.
func unknown(err error, words string) error {
	var e *seedbed.Error
	if errors.As(err, &e) && e.Code == seedbed.NotFound {
		return seedbed.Errorf(seedbed.Unknown, "%s", words)
	}
	return err
}

// secret is 256 random bits.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what is stored of a secret. It needs no salt, and need not be
// slow: nobody guesses 256 bits.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
