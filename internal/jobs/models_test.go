package jobs

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
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
