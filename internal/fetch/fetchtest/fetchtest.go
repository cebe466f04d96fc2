// Package fetchtest has a git server for tests.
package fetchtest

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Git runs a command of git's in a folder.
func Git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Serve serves the repositories below a folder as git's own server does. It
// notes the Authorization headers that it is sent.
func Serve(t testing.TB, root string) (*httptest.Server, *[]string) {
	t.Helper()
	var sent []string
	backend := &cgi.Handler{
		Path: filepath.Join(Git(t, root, "--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Get("Authorization"))
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv, &sent
}

// Project makes a folder with two repositories: pile, with two commits, a
// branch and a tag, and its bare copy pile.git. Without git on PATH the test is
// skipped, or fails where CI is set.
func Project(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("git is not on PATH")
	}
	root := t.TempDir()
	work := filepath.Join(root, "pile")
	Git(t, root, "init", "-q", "-b", "main", "pile")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("README.md", "# Old\n")
	Git(t, work, "add", ".")
	Git(t, work, "commit", "-q", "-m", "first")
	Git(t, work, "tag", "-a", "v1", "-m", "first")
	write("README.md", "# Pile\n")
	write("src/pile.go", "package pile\n")
	if err := os.Symlink("../../etc/passwd", filepath.Join(work, "link")); err != nil {
		t.Fatal(err)
	}
	Git(t, work, "add", ".")
	Git(t, work, "commit", "-q", "-m", "second")
	Git(t, work, "branch", "other")
	Git(t, root, "clone", "-q", "--bare", "pile", "pile.git")
	return root
}
