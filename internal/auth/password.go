package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"seedbed/internal/seedbed"
)

// What a password may be.
const (
	minPassword = 10  // characters
	maxPassword = 128 // bytes
)

// params are how hard it is to compute a hash. They stand beside each, so that
// they can be raised and old ones still be verified.
type params struct {
	memory  uint32 // KiB
	times   uint32
	threads uint8
}

// hard is what OWASP recommends for Argon2id.
var hard = params{memory: 19 << 10, times: 2, threads: 1}

// hasher computes so many hashes at once as it has room for; others wait:
// each takes 19 MiB.
type hasher chan struct{}

func newHasher() hasher { return make(hasher, 4) }

// newPassword is the hash of a password that does.
func (a *Accounts) newPassword(ctx context.Context, password string) (string, error) {
	password = norm.NFC.String(password)
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return "", seedbed.Errorf(seedbed.Invalid, "a password has at least %d characters", minPassword)
	case len(password) > maxPassword:
		return "", seedbed.Errorf(seedbed.Invalid, "a password has at most %d bytes", maxPassword)
	case !utf8.ValidString(password) || strings.ContainsAny(password, "\x00\r\n"):
		return "", seedbed.Errorf(seedbed.Invalid, "a password is one line of text")
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	key, err := a.hash.compute(ctx, hard, password, salt)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hard.memory, hard.times, hard.threads, b64(salt), b64(key)), nil
}

const keyLen = 32

// verify reports whether a hash is of a password. Of no hash it is false, in
// the same time.
func (h hasher) verify(ctx context.Context, hash, password string) (bool, error) {
	p, salt, want := hard, make([]byte, 16), []byte{}
	if hash != "" {
		var err error
		if p, salt, want, err = parse(hash); err != nil {
			return false, err
		}
	}
	if len(password) > 2*maxPassword { // of which none can be one
		password = ""
	}
	got, err := h.compute(ctx, p, norm.NFC.String(password), salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (h hasher) compute(ctx context.Context, p params, password string, salt []byte) ([]byte, error) {
	select {
	case h <- struct{}{}:
		defer func() { <-h }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, p.times, p.memory, p.threads, keyLen), nil
}

// parse reads a hash as newPassword writes it.
func parse(hash string) (p params, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	version := 0
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return p, nil, nil, fmt.Errorf("a stored password is no argon2id hash")
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return p, nil, nil, fmt.Errorf("a stored password is of Argon2 version %s", parts[2])
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.times, &p.threads); err != nil || p.times == 0 || p.threads == 0 {
		return p, nil, nil, fmt.Errorf("a stored password has the parameters %s", parts[3])
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
		key, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err == nil && len(key) != keyLen {
		err = fmt.Errorf("it has %d bytes", len(key))
	}
	if err != nil {
		return p, nil, nil, fmt.Errorf("read a stored password: %w", err)
	}
	return p, salt, key, nil
}
