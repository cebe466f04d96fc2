package jobs_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
)

func TestOnce(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	later := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	dir := t.TempDir()
	b := start(t, dir, jobs.Options{Now: clock})
	worked := 0
	once := func(key string) (seedbed.Answer, bool) {
		t.Helper()
		a, first, err := b.Once(t.Context(), key, func() (seedbed.Answer, error) {
			worked++
			return seedbed.Answer{Print: "p", Status: 201, Location: "/x", Body: fmt.Appendf(nil, "work %d", worked)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return a, first
	}
	if a, first := once("k"); !first || string(a.Body) != "work 1" {
		t.Errorf("the first time: %q, first %v", a.Body, first)
	}
	later(23 * time.Hour)
	a, first := once("k")
	if first || string(a.Body) != "work 1" || a.Status != 201 || a.Location != "/x" || a.Print != "p" {
		t.Errorf("within 24 hours: %+v, first %v; want the first answer", a, first)
	}
	later(2 * time.Hour)
	if a, first := once("k"); !first || string(a.Body) != "work 2" {
		t.Errorf("after 24 hours: %q, first %v; want the work done again", a.Body, first)
	}

	broken := errors.New("it failed")
	if _, _, err := b.Once(t.Context(), "e", func() (seedbed.Answer, error) { return seedbed.Answer{}, broken }); !errors.Is(err, broken) {
		t.Errorf("Once of what fails: %v, want %v", err, broken)
	}
	if _, first := once("e"); !first {
		t.Error("an error is kept as an answer")
	}

	// One of many twins works, and the next where that one fails.
	var wg sync.WaitGroup
	begun, tries := 0, 0
	for i := range 12 {
		wg.Go(func() {
			a, _, err := b.Once(t.Context(), "twins", func() (seedbed.Answer, error) {
				mu.Lock()
				defer mu.Unlock()
				if tries++; tries == 1 {
					return seedbed.Answer{}, broken
				}
				begun++
				return seedbed.Answer{Status: 200, Body: fmt.Appendf(nil, "twin %d", i)}, nil
			})
			if err == nil && !bytes.HasPrefix(a.Body, []byte("twin ")) || err != nil && !errors.Is(err, broken) {
				t.Errorf("a twin gets %q, %v", a.Body, err)
			}
		})
	}
	wg.Wait()
	if begun != 1 || tries != 2 {
		t.Errorf("twelve twins did the work %d times in %d tries, want 1 in 2", begun, tries)
	}

	// A process that is killed in the middle loses its claim after a while.
	hang, inWork := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		_, _, _ = b.Once(t.Context(), "killed", func() (seedbed.Answer, error) {
			close(inWork)
			<-hang
			return seedbed.Answer{Status: 200, Body: []byte("too late")}, nil
		})
	})
	<-inWork
	later(2 * time.Minute) // without the renewal that its process would make
	if a, first := once("killed"); !first || string(a.Body) == "too late" {
		t.Errorf("after a claim was left: %q, first %v; want the work done", a.Body, first)
	}
	close(hang)
	wg.Wait()
	if a, first := once("killed"); first || string(a.Body) == "too late" {
		t.Errorf("who came back late has written over its successor: %q, first %v", a.Body, first)
	}
}
