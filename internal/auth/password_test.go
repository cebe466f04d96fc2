package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A hash made with other parameters is still verified, with those beside it.
func TestVerify(t *testing.T) {
	h := newHasher()
	salt := []byte("0123456789abcdef")
	weak := params{memory: 64, times: 3, threads: 2}
	key, err := h.compute(t.Context(), weak, "correct horse battery", salt)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawStdEncoding.EncodeToString
	hash := fmt.Sprintf("$argon2id$v=19$m=64,t=3,p=2$%s$%s", b64(salt), b64(key))
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterz": false, "": false, strings.Repeat("x", 1000): false} {
		if got, err := h.verify(t.Context(), hash, password); got != want || err != nil {
			t.Errorf("verify of %.30q gives %v, %v; want %v", password, got, err, want)
		}
	}
	for _, broken := range []string{
		"correct horse battery", "$argon2id$", strings.Replace(hash, "argon2id", "argon2i", 1), strings.Replace(hash, "v=19", "v=16", 1),
		strings.Replace(hash, "t=3", "t=0", 1), strings.Replace(hash, "p=2", "p=0", 1), strings.Replace(hash, "m=64,", "", 1),
		hash[:len(hash)-4], strings.Replace(hash, b64(salt), "?", 1), hash[:strings.LastIndexByte(hash, '$')+1],
	} {
		if got, err := h.verify(t.Context(), broken, "correct horse battery"); got || err == nil {
			t.Errorf("verify with %q gives %v, %v; want an error", broken, got, err)
		}
	}
}

// Where there is no account a hash is computed as for one: here both wait for
// room that never comes.
func TestVerifyOfNobody(t *testing.T) {
	full := make(hasher)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, hash := range []string{"", "$argon2id$v=19$m=64,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.Repeat("A", 43)} {
		if got, err := full.verify(ctx, hash, "correct horse battery"); got || !errors.Is(err, context.Canceled) {
			t.Errorf("verify with the hash %q gives %v, %v; want to be told to stop waiting", hash, got, err)
		}
	}
	// What is computed is never that of no hash.
	if got, err := newHasher().verify(t.Context(), "", ""); got || err != nil {
		t.Errorf("verify of nothing gives %v, %v", got, err)
	}
}
