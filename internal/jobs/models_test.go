package jobs

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/internal/store/storetest"
)

// TestClientsOfManyModels asks for the clients of more models than are kept,
// at the same time: each is there, also where the others have been forgotten
// meanwhile.
func TestClientsOfManyModels(t *testing.T) {
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "seedbed.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s, err := New(t.Context(), Options{DB: db, Env: &seedbed.Endpoint{URL: "http://models.example/v1"}})
	if err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for n := range 8 {
		asking.Go(func() {
			for i := range 2000 {
				c, err := s.client(t.Context(), seedbed.Run{Endpoint: EnvEndpoint, Model: fmt.Sprint(n, i)})
				if err != nil || c == nil {
					t.Errorf("client of model %d %d: %v, %v", n, i, c, err)
					return
				}
			}
		})
	}
	asking.Wait()
}

// TestServerIsNotCalledRemoved loses the database while a run's model server is
// looked up: nobody has removed the server, and the run is not paused for it.
func TestServerIsNotCalledRemoved(t *testing.T) {
	var broken atomic.Bool
	line := storetest.NewLine(t, storetest.Postgres(t), func(int) storetest.Cut {
		if broken.Load() {
			return storetest.Before
		}
		return storetest.Whole
	})
	db, err := store.Open(t.Context(), store.Options{URL: line.Address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s, err := New(t.Context(), Options{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	run := seedbed.Run{ID: "r", Endpoint: "e"}
	control := s.control(run.ID)
	ctx, done := withControl(t.Context(), control)
	defer done()
	for name, look := range map[string]func(context.Context) error{
		"to resume": func(ctx context.Context) error {
			return db.Update(ctx, func(tx *store.Tx) error { return s.goOn(ctx, tx, &run) })
		},
		"to work": func(ctx context.Context) error {
			_, err := s.stepsOrPause(ctx, run)
			return err
		},
	} {
		broken.Store(true)
		if err := look(ctx); seedbed.CodeOf(err) != seedbed.Unavailable {
			t.Errorf("without the database, %s: %v; want %s", name, err, seedbed.Unavailable)
		}
		if control.isHalted() {
			t.Errorf("without the database, %s: the run is stopped", name)
		}
		broken.Store(false)
		if err := look(ctx); err == nil || seedbed.CodeOf(err) == seedbed.Unavailable {
			t.Errorf("without the model server, %s: %v; want another error", name, err)
		}
		s.renew(run.ID)
		control = s.control(run.ID)
		done()
		ctx, done = withControl(t.Context(), control)
	}
}
