package seedbed

import "time"

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
