package main

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"seedbed/internal/fetch/fetchtest"
)

// A repository is fetched from its address and read; the same commit is the
// same source, and nothing that the server keeps or says holds the password.
func TestFetch(t *testing.T) {
	root := fetchtest.Project(t)
	host, _ := fetchtest.Serve(t, root)
	p := startProgram(t, t.TempDir(), "SEEDBED_LOCAL_URLS=true")
	post := func(address string) (int, string, uploaded) {
		t.Helper()
		body, err := json.Marshal(map[string]string{"url": address})
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.Post(p.URL+"/api/v1/sources", "application/json", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		data, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		var got uploaded
		_ = json.Unmarshal(data, &got) // a problem is none
		return res.StatusCode, string(data), got
	}
	address := host.URL + "/pile.git"
	status, said, first := post(strings.Replace(address, "//", "//me:secret@", 1))
	if status != http.StatusCreated || len(first.Sources) != 1 || len(first.Runs) != 1 {
		t.Fatalf("POST %s: %d %s", address, status, said)
	}
	p.until(first.Runs[0].ID, ended)
	head := fetchtest.Git(t, filepath.Join(root, "pile"), "rev-parse", "main")
	if want := "pile-" + head[:12] + ".tar"; first.Sources[0].Name != want || strings.Contains(said, "secret") {
		t.Errorf("the source is %s, want its name to be %s", said, want)
	}
	status, said, again := post(address)
	if status != http.StatusOK || len(again.Sources) != 1 || again.Sources[0].ID != first.Sources[0].ID {
		t.Errorf("the same commit again: %d %s", status, said)
	}
	if status, said, _ := post(strings.Replace(host.URL, "//", "//me:secret@", 1) + "/none.git"); status != http.StatusBadRequest || strings.Contains(said, "secret") {
		t.Errorf("no repository: %d %s", status, said)
	}
	p.kill() // what it said is complete then
	if log := p.said.String(); strings.Contains(log, "secret") {
		t.Errorf("the log tells the password:\n%s", log)
	}

	p = startProgram(t, t.TempDir())
	if status, said, _ := post(address); status != http.StatusBadRequest || !strings.Contains(said, "https") {
		t.Errorf("a local address that is not allowed: %d %s", status, said)
	}
}
