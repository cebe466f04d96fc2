package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"seedbed/internal/seedbed"
)

// HasUsers reports whether there is an account.
func (r reads) HasUsers(ctx context.Context) (bool, error) {
	n, err := r.number(ctx, `SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1) AS first`)
	if err != nil {
		return false, fmt.Errorf("look for accounts: %w", err)
	}
	return n > 0, nil
}

func scanUser(row scanner) (seedbed.User, error) {
	var u seedbed.User
	err := row.Scan(&u.ID, &u.Name, &u.Password, stamp{&u.Created})
	return u, err
}

const selectUser = `SELECT id, name, password, created FROM users `

// Users lists the accounts by name.
func (r reads) Users(ctx context.Context) ([]seedbed.User, error) {
	out, err := list(ctx, r.q, scanUser, selectUser+`ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return out, nil
}

// UserNamed is an account by its name.
func (r reads) UserNamed(ctx context.Context, name string) (seedbed.User, error) {
	u, err := scanUser(r.q.QueryRowContext(ctx, selectUser+`WHERE name = $1`, name))
	return u, found(err, "account", name)
}

// User is an account by its id.
func (r reads) User(ctx context.Context, id string) (seedbed.User, error) {
	u, err := scanUser(r.q.QueryRowContext(ctx, selectUser+`WHERE id = $1`, id))
	return u, found(err, "account", id)
}

// AddUser adds an account. A name that is taken is a [seedbed.Conflict].
// Invitations for the first account are over for good: not even removing all
// accounts brings those back that were not used.
func (tx *Tx) AddUser(ctx context.Context, u seedbed.User) error {
	if err := tx.Lock(ctx, "invitations"); err != nil {
		return err
	}
	n, err := tx.exec(ctx, `INSERT INTO users (id, name, password, created) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING`,
		u.ID, u.Name, u.Password, millis(u.Created))
	if err != nil {
		return fmt.Errorf("add an account: %w", err)
	}
	if n == 0 {
		return seedbed.Errorf(seedbed.Conflict, "there is an account %s already: choose another name", u.Name)
	}
	if _, err := tx.exec(ctx, `DELETE FROM invitations WHERE inviter IS NULL`); err != nil {
		return fmt.Errorf("end the invitations for the first account: %w", err)
	}
	return nil
}

// SetPassword changes an account's password, of which it gets the hash.
func (tx *Tx) SetPassword(ctx context.Context, id, password string) error {
	n, err := tx.exec(ctx, `UPDATE users SET password = $2 WHERE id = $1`, id, password)
	return changed(n, err, "account", id)
}

// DeleteUser removes an account with its sessions, tokens and invitations.
func (tx *Tx) DeleteUser(ctx context.Context, id string) error {
	n, err := tx.exec(ctx, `DELETE FROM users WHERE id = $1`, id)
	return changed(n, err, "account", id)
}

// AddSession adds a session under its hash, and forgets those that are over.
func (tx *Tx) AddSession(ctx context.Context, hash, user string, now, until time.Time) error {
	_, err := tx.exec(ctx, `DELETE FROM sessions WHERE until <= $1`, millis(now))
	if err == nil {
		_, err = tx.exec(ctx, `INSERT INTO sessions (id, user_id, until) VALUES ($1, $2, $3)`, hash, user, millis(until))
	}
	if err != nil {
		return fmt.Errorf("add a session: %w", err)
	}
	return nil
}

// Session is whose session it is, and until when, unless it is over.
func (r reads) Session(ctx context.Context, hash string, now time.Time) (u seedbed.User, until time.Time, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT u.id, u.name, u.created, s.until FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.id = $1 AND s.until > $2`, hash, millis(now)).Scan(&u.ID, &u.Name, stamp{&u.Created}, stamp{&until})
	return u, until, found(err, "session", "like that")
}

// KeepSession lets a session go on until then.
func (tx *Tx) KeepSession(ctx context.Context, hash string, until time.Time) error {
	if _, err := tx.exec(ctx, `UPDATE sessions SET until = $2 WHERE id = $1`, hash, millis(until)); err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	return nil
}

// DeleteSession ends a session.
func (tx *Tx) DeleteSession(ctx context.Context, hash string) error {
	if _, err := tx.exec(ctx, `DELETE FROM sessions WHERE id = $1`, hash); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// DeleteSessions ends all sessions of an account but one, "" for all.
func (tx *Tx) DeleteSessions(ctx context.Context, user, but string) error {
	if _, err := tx.exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND id <> $2`, user, but); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

func scanToken(row scanner) (seedbed.Token, error) {
	var t seedbed.Token
	err := row.Scan(&t.ID, &t.User, &t.Name, stamp{&t.Created}, stamp{&t.Used})
	return t, err
}

const selectToken = `SELECT id, user_id, name, created, used FROM tokens `

// Tokens lists the tokens of an account, the oldest first.
func (r reads) Tokens(ctx context.Context, user string) ([]seedbed.Token, error) {
	out, err := list(ctx, r.q, scanToken, selectToken+`WHERE user_id = $1 ORDER BY created, id`, user)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return out, nil
}

// TokenOf is the token with a hash, and whose it is.
func (r reads) TokenOf(ctx context.Context, hash string) (seedbed.Token, seedbed.User, error) {
	t, err := scanToken(r.q.QueryRowContext(ctx, selectToken+`WHERE hash = $1`, hash))
	if err := found(err, "token", "like that"); err != nil {
		return seedbed.Token{}, seedbed.User{}, err
	}
	u, err := r.User(ctx, t.User)
	return t, u, err
}

// AddToken adds a token under its hash.
func (tx *Tx) AddToken(ctx context.Context, t seedbed.Token, hash string) error {
	if _, err := tx.exec(ctx, `INSERT INTO tokens (id, user_id, name, hash, created) VALUES ($1, $2, $3, $4, $5)`,
		t.ID, t.User, t.Name, hash, millis(t.Created)); err != nil {
		return fmt.Errorf("add a token: %w", err)
	}
	return nil
}

// UseToken notes when a token was last used.
func (tx *Tx) UseToken(ctx context.Context, id string, at time.Time) error {
	if _, err := tx.exec(ctx, `UPDATE tokens SET used = $2 WHERE id = $1`, id, millis(at)); err != nil {
		return fmt.Errorf("note the use of a token: %w", err)
	}
	return nil
}

// DeleteToken removes a token of an account.
func (tx *Tx) DeleteToken(ctx context.Context, user, id string) error {
	n, err := tx.exec(ctx, `DELETE FROM tokens WHERE user_id = $1 AND id = $2`, user, id)
	return changed(n, err, "token", id)
}

// AddInvitation adds an invitation under its hash, and forgets those that are
// over. Without an inviter it is for the first account.
func (tx *Tx) AddInvitation(ctx context.Context, hash, inviter string, now, until time.Time) error {
	_, err := tx.exec(ctx, `DELETE FROM invitations WHERE until <= $1`, millis(now))
	if err == nil {
		_, err = tx.exec(ctx, `INSERT INTO invitations (id, inviter, until) VALUES ($1, $2, $3)`,
			hash, sql.NullString{String: inviter, Valid: inviter != ""}, millis(until))
	}
	if err != nil {
		return fmt.Errorf("add an invitation: %w", err)
	}
	return nil
}

// usable are the invitations that still hold: those for the first account
// until there is one.
const usable = ` FROM invitations WHERE id = $1 AND until > $2 AND (inviter IS NOT NULL OR NOT EXISTS (SELECT 1 FROM users))`

// Invited reports whether an invitation holds.
func (r reads) Invited(ctx context.Context, hash string, now time.Time) (bool, error) {
	n, err := r.number(ctx, `SELECT count(*)`+usable, hash, millis(now))
	if err != nil {
		return false, fmt.Errorf("look for an invitation: %w", err)
	}
	return n > 0, nil
}

// TakeInvitation uses an invitation up, and reports whether it held. Of
// several who take the first account's at once, one gets it.
func (tx *Tx) TakeInvitation(ctx context.Context, hash string, now time.Time) (bool, error) {
	if err := tx.Lock(ctx, "invitations"); err != nil {
		return false, err
	}
	_, err := scanOne[string](tx.q.QueryRowContext(ctx, `DELETE`+usable+` RETURNING id`, hash, millis(now)))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("take an invitation: %w", err)
	}
	return true, nil
}
