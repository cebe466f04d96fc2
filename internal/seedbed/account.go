package seedbed

import (
	"context"
	"time"
)

// A User is somebody who may log in. All may do the same.
type User struct {
	ID       string
	Name     string
	Password string // its hash
	Created  time.Time
}

// A Token lets a program in as the user who made it.
type Token struct {
	ID      string    `json:"id"`
	User    string    `json:"-"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`   // to the minute
	Value   string    `json:"value,omitempty"` // only when it was made just now
}

type userKey struct{}

// WithUser says for whom something is done.
func WithUser(ctx context.Context, u User) context.Context {
	return context.WithValue(ctx, userKey{}, u)
}

// UserOf is for whom something is done, nobody where no account is asked for.
func UserOf(ctx context.Context) User {
	u, _ := ctx.Value(userKey{}).(User)
	return u
}
