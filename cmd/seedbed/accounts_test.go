package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"seedbed/internal/store/storetest"
)

// answered is what a server answered.
type answered struct {
	status   int
	location string
	cookies  []*http.Cookie
	body     string
}

// TestFirstAccount starts a server that others can reach, on each kind of
// database: it answers nobody until somebody opens the link that it prints.
func TestFirstAccount(t *testing.T) {
	for _, engine := range storetest.Engines {
		t.Run(engine, func(t *testing.T) {
			data := t.TempDir()
			var env []string
			if engine == "postgres" {
				env = []string{"SEEDBED_DATABASE_URL=" + storetest.Postgres(t)}
			}
			link := regexp.MustCompile(`http://\S+/join\?code=\S+`)
			args := []string{"serve", "--addr", "0.0.0.0:0", "--data", data, "--no-worker"}
			// A link that was printed before, and never used, opens nothing later.
			before, old := launch(t, link, env, args...)
			before.kill()
			p, first := launch(t, link, env, args...)
			u, err := url.Parse(first)
			if err != nil || u.Hostname() != "127.0.0.1" || first == old {
				t.Fatalf("the link is %s, the one before %s", first, old)
			}
			p.URL = "http://" + u.Host
			_, oldCode, _ := strings.Cut(old, "code=")

			ask := func(method, path string, form url.Values, headers ...string) answered {
				t.Helper()
				req, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, strings.NewReader(form.Encode()))
				if err != nil {
					t.Fatal(err)
				}
				req.Host = "seeds.example" // by whatever name
				if form != nil {
					req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				for i := 0; i < len(headers); i += 2 {
					req.Header.Set(headers[i], headers[i+1])
				}
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = resp.Body.Close() }()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return answered{resp.StatusCode, resp.Header.Get("Location"), resp.Cookies(), string(body)}
			}
			for path, want := range map[string]int{"/": 403, "/api/v1/sources": 403, "/metrics": 403, "/login": 403, "/settings": 403, "/healthz": 200, "/readyz": 200} {
				if a := ask("GET", path, nil); a.status != want {
					t.Errorf("before there is an account, GET %s: %+v, want %d", path, a, want)
				}
			}
			if a := ask("GET", "/join?"+u.RawQuery, nil); a.status != 200 || !strings.Contains(a.body, "Make the first account") {
				t.Fatalf("the link: %+v", a)
			}
			account := func(code string) url.Values {
				return url.Values{"code": {code}, "name": {"ada"}, "password": {"correct horse battery"}, "again": {"correct horse battery"}}
			}
			made := ask("POST", "/join", account(u.Query().Get("code")))
			if made.status != http.StatusSeeOther || len(made.cookies) != 1 {
				t.Fatalf("making the account: %+v", made)
			}
			session := made.cookies[0]
			if a := ask("GET", "/", nil, "Cookie", session.Name+"="+session.Value); a.status != 200 {
				t.Errorf("with the session of it: %+v", a)
			}
			if a := ask("GET", "/", nil); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/login") {
				t.Errorf("without: %+v", a)
			}
			for _, code := range []string{u.Query().Get("code"), oldCode} {
				if a := ask("POST", "/join", account(code)); a.status != 404 {
					t.Errorf("a link for the first account, now that there is one: %+v", a)
				}
			}
			// The program did not print the password, nor what lets somebody in.
			p.kill()
			if said := p.said.String(); strings.Contains(said, "correct horse") || strings.Contains(said, session.Value) || strings.Count(said, "code=") != 1 {
				t.Errorf("it said:\n%s", said)
			}

			// The next start prints no link, until the account is removed.
			p, found := launch(t, address, env, args...)
			p.URL = found
			if a := ask("GET", "/healthz", nil); a.status != 200 { // it has said all it will
				t.Errorf("alive: %+v", a)
			}
			p.kill()
			if bytes.Contains(p.said.Bytes(), []byte("join")) {
				t.Errorf("with an account it says:\n%s", p.said)
			}
			if out, err := self(t, env, "user", "remove", "--data", data, "--force", "ada").CombinedOutput(); err != nil {
				t.Fatalf("removing the account: %v: %s", err, out)
			}
			launch(t, link, env, args...)
			if engine == "postgres" {
				if all, _ := filepath.Glob(filepath.Join(data, "*.db")); len(all) > 0 {
					t.Errorf("beside PostgreSQL there is %v", all)
				}
			}
		})
	}
}

// The first account, a token, a link for somebody else, out and in again, as a
// person does it.
func TestAccountsInABrowser(t *testing.T) {
	link := regexp.MustCompile(`http://\S+/join\?code=\S+`)
	data := t.TempDir()
	p, first := launch(t, link, nil, "serve", "--addr", "0.0.0.0:0", "--data", data, "--no-worker")
	p.URL, _, _ = strings.Cut(first, "/join")
	b := openTab(t, p)
	// fill fills in a form and waits for the page that it leads to.
	fill := func(until string, fields ...string) (steps []chromedp.Action[chromedp.Void]) {
		for i := 0; i < len(fields); i += 2 {
			steps = append(steps, chromedp.SendKeys(chromedp.CSS("main form:not([action='/logout']) input[name="+fields[i]+"]"), fields[i+1]))
		}
		return append(steps, chromedp.Click(chromedp.CSS("main .card button")), chromedp.WaitVisible(chromedp.CSS(until)))
	}
	b.do("open the link", chromedp.Navigate(first))
	b.do("make the account", fill("#upload", "name", "Ada", "password", "correct horse battery", "again", "correct horse battery")...)

	b.do("open the settings", chromedp.Click(chromedp.CSS(`nav a[href="/settings"]`)), chromedp.WaitVisible(chromedp.CSS("#tokens")))
	b.do("make a token", chromedp.SendKeys(chromedp.CSS("#tokens input[name=name]"), "notebook"), chromedp.Click(chromedp.CSS("#tokens form.card button")), chromedp.WaitVisible(chromedp.CSS("code#made")))
	token, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("code#made").textContent`))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/api/v1/tokens", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("with the token: %s", resp.Status)
	}
	b.do("invite somebody", chromedp.Click(chromedp.CSS(`form[action^="/settings/invitations"] button`)), chromedp.WaitVisible(chromedp.CSS("code#link")))
	b.until("the link leads here", `document.querySelector("code#link")?.textContent.startsWith(location.origin + "/join?code=")`)

	b.do("open the settings again", chromedp.Navigate(p.URL+"/settings"))
	b.do("log out", chromedp.Click(chromedp.CSS(`form[action="/logout"] button`)), chromedp.WaitVisible(chromedp.CSS("form[action='/login']")))
	b.do("go back: nothing of what was inside", chromedp.NavigateBack(), chromedp.WaitVisible(chromedp.CSS("input[name=next][value='/settings'] ~ button")))
	b.do("go to the runs", chromedp.Navigate(p.URL+"/runs"))
	b.do("log in", fill("nav a[href='/runs'][aria-current]", "name", "ada", "password", "correct horse battery")...)

	// A page with a stream leads to the login when somebody is logged out elsewhere.
	b.do("go to the library", chromedp.Click(chromedp.CSS("header .brand")), chromedp.WaitVisible(chromedp.CSS("#upload")))
	change := self(t, nil, "user", "password", "--data", data, "ada")
	change.Stdin = strings.NewReader("another horse battery\n")
	if out, err := change.CombinedOutput(); err != nil {
		t.Fatalf("change the password: %v: %s", err, out)
	}
	b.do("be asked again", chromedp.WaitVisible(chromedp.CSS("form[action='/login']")))
}
