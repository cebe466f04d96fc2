package jobs

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// TestLookups: the first lookups of passages wait for each other and are
// answered each with its own; a second one waits for nobody.
func TestLookups(t *testing.T) {
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "seedbed.db")})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "c"} {
		if err := db.Put(t.Context(), key, nil, []byte("reply to "+key)); err != nil {
			t.Fatal(err)
		}
	}
	k := keeper{DB: db}
	look := func(l *lookups, keys ...string) (contexts []context.Context, answers []chan string) {
		for _, key := range keys {
			next := make(chan struct{})
			ctx := l.begin(t.Context(), func() { close(next) })
			answer := make(chan string, 1)
			go func() {
				reply, ok, err := k.Get(ctx, key)
				switch {
				case err != nil:
					answer <- seedbed.CodeOf(err)
				case ok:
					answer <- string(reply)
				default:
					answer <- "none"
				}
			}()
			<-next
			contexts, answers = append(contexts, ctx), append(answers, answer)
		}
		return contexts, answers
	}

	l := &lookups{db: db}
	contexts, answers := look(l, "a", "b", "c", "a")
	for i, answer := range answers {
		select {
		case got := <-answer:
			t.Errorf("lookup %d is answered with %q before they are sent", i, got)
		default:
		}
	}
	if reply, ok, err := k.Get(contexts[1], "c"); string(reply) != "reply to c" || !ok || err != nil {
		t.Errorf("a second lookup gives %q, %v, %v; want the reply at once", reply, ok, err)
	}
	l.send(t.Context())
	var got []string
	for _, answer := range answers {
		got = append(got, <-answer)
	}
	if want := []string{"reply to a", "none", "reply to c", "reply to a"}; !slices.Equal(got, want) {
		t.Errorf("the lookups give %q; want %q", got, want)
	}

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, answers = look(l, "a", "b")
	l.send(t.Context())
	for _, answer := range answers {
		if got := <-answer; got == "none" || got == "reply to a" {
			t.Errorf("of a database that is closed a lookup gives %q; want its error", got)
		}
	}
}
