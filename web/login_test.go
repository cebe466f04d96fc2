package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"seedbed/internal/auth"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
	"seedbed/web"
	"seedbed/web/webtest"
)

const password = "correct horse battery"

// guarded is a server that asks who somebody is, with its accounts and the
// clock they go by. It has an account ada if that is asked for.
func guarded(t testing.TB, ada bool, change ...func(*web.Options)) (*web.Server, *auth.Accounts, *time.Time) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "seedbed.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	now := webtest.Noon
	a := auth.New(db, slog.New(slog.DiscardHandler), func() time.Time { return now })
	if ada {
		if err := a.Add(t.Context(), "ada", password); err != nil {
			t.Fatal(err)
		}
	}
	f := webtest.Sample()
	s := server(t, f, append([]func(*web.Options){func(o *web.Options) {
		o.Accounts = a
		o.Totals = func(context.Context) (seedbed.Totals, error) { return seedbed.Totals{}, nil }
	}}, change...)...)
	return s, a, &now
}

func fields(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// cookie is the session that an answer sets, as a header to send.
func cookie(t testing.TB, w *httptest.ResponseRecorder) []string {
	t.Helper()
	for _, c := range w.Result().Cookies() {
		if strings.HasSuffix(c.Name, "seedbed") {
			return []string{"Cookie", c.Name + "=" + c.Value}
		}
	}
	t.Fatalf("%d sets no session: %v %s", w.Code, w.Header(), w.Body)
	return nil
}

func login(t testing.TB, s http.Handler, headers ...string) []string {
	t.Helper()
	w := do(s, "POST", "/login", fields("name", "ada", "password", password, "next", "/runs"), headers...)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs" {
		t.Fatalf("login: %d %v %s", w.Code, w.Header(), w.Body)
	}
	return cookie(t, w)
}

// public are the routes that answer everybody. Every other one that there is,
// or will be, asks who it is.
var public = map[string]bool{
	"GET /healthz": true, "GET /readyz": true, "GET /static/*": true,
	"GET /login": true, "POST /login": true, "GET /join": true, "POST /join": true,
}

// hurried ends event streams, which go on where they should not have begun.
type hurried struct{ *web.Server }

func (h hurried) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	h.Server.ServeHTTP(w, r.WithContext(ctx))
}

func TestEveryRouteAsks(t *testing.T) {
	withAccount, _, _ := guarded(t, true)
	localWithAccount, _, _ := guarded(t, true, func(o *web.Options) { o.LocalOnly = true })
	without, _, _ := guarded(t, false)
	behindProxy, _, _ := guarded(t, false, func(o *web.Options) { o.LocalOnly, o.PublicURL = true, "https://seeds.example" })
	private := 0
	for _, r := range withAccount.Routes() {
		path := regexp.MustCompile(`:\w+`).ReplaceAllString(r.Path, "x")
		path = strings.Replace(path, "*", "app.css", 1)
		call := r.Method + " " + r.Path
		isPage := !strings.HasPrefix(path, "/api/") && !strings.HasSuffix(path, "/events") && path != "/metrics"
		for _, headers := range [][]string{nil, {"Cookie", "seedbed=x; __Host-seedbed=x"}, {"Authorization", "Bearer sb_x"}, {"Authorization", "Basic YWRhOmFkYQ=="}} {
			for _, s := range []*web.Server{withAccount, localWithAccount} {
				w := do(hurried{s}, r.Method, path, "", headers...)
				switch to := w.Header().Get("Location"); {
				case public[call]:
					if w.Code == http.StatusUnauthorized && r.Path != "/login" {
						t.Errorf("%s asks who it is", call)
					}
				case isPage && r.Method == http.MethodPost && r.Path != "/logout": // what was typed is not lost
					if page := webtest.Parse(t, w.Body); w.Code != http.StatusUnauthorized || to != "" || len(page.All("main a[href='/login']")) != 1 {
						t.Errorf("%s with %v: %d to %q, want to be told to log in", call, headers, w.Code, to)
					}
				case isPage && (w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/login?next=%2F")):
					t.Errorf("%s with %v: %d to %q, want the login", call, headers, w.Code, to)
				case !isPage && (w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer"):
					t.Errorf("%s with %v: %d, want 401", call, headers, w.Code)
				}
			}
			for _, s := range []*web.Server{without, behindProxy} {
				if w := do(hurried{s}, r.Method, path, "", headers...); !public[call] && w.Code != http.StatusForbidden {
					t.Errorf("before there is an account, %s with %v: %d, want 403", call, headers, w.Code)
				}
			}
		}
		if !public[call] {
			private++
		}
	}
	if private < 60 {
		t.Errorf("only %d routes ask who it is", private)
	}
	// What is no route asks too, however it is written.
	for _, path := range []string{"/nothing", "/api/v1/nothing", "/login/x", "//login", "/static/../seeds", "/sta%74ic/../seeds", "/healthz/", "/%6Cogin"} {
		if w := do(withAccount, "GET", path, ""); w.Code != http.StatusSeeOther && w.Code != http.StatusUnauthorized && !strings.HasPrefix(path, "/static/") {
			t.Errorf("GET %s: %d", path, w.Code)
		} else if strings.Contains(w.Body.String(), "Merge") {
			t.Errorf("GET %s shows what is inside", path)
		}
	}
}

// While there is no account, who is on this computer is asked nothing.
func TestLocalMode(t *testing.T) {
	for _, public := range []string{"", "http://localhost:7333"} {
		s, a, _ := guarded(t, false, func(o *web.Options) { o.LocalOnly, o.PublicURL = true, public })
		if !s.Open() {
			t.Error("it is not open")
		}
		for _, path := range append([]string{"/metrics", "/api/v1/sources", "/api/v1/openapi.json"}, samplePages...) {
			// A token that nobody knows does no harm.
			for _, headers := range [][]string{nil, {"Authorization", "Bearer sb_x"}} {
				if w := do(s, "GET", path, "", headers...); w.Code != http.StatusOK {
					t.Errorf("GET %s: %d", path, w.Code)
				}
			}
		}
		// Who asks by a proxy need not be on this computer.
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded"} {
			for _, path := range []string{"/", "/login", "/metrics", "/api/v1/sources"} {
				if w := do(s, "GET", path, "", name, "203.0.113.1"); w.Code != http.StatusForbidden {
					t.Errorf("GET %s by a proxy that sends %s: %d", path, name, w.Code)
				}
			}
		}
		if w := do(s, "POST", "/seeds/merge/verdict", "verdict=accepted", "Sec-Fetch-Site", "cross-site", "Authorization", "Bearer sb_x"); w.Code != http.StatusForbidden {
			t.Errorf("from another site with a token: %d", w.Code)
		}
		for _, call := range []string{"GET", "POST"} {
			if w := do(s, call, "/login?next=%2Fruns", fields("next", "/runs")); w.Code != http.StatusSeeOther || w.Header().Get("Location") == "" {
				t.Errorf("%s /login: %d", call, w.Code)
			}
		}
		page := webtest.Parse(t, do(s, "GET", "/settings", "").Body)
		if got := page.Text("#accounts"); !strings.Contains(got, "seedbed user add") {
			t.Errorf("the settings say %q", got)
		}
		page.Want("#tokens, #account", 0)
		wantProblem(t, "a token of nobody", do(s, "POST", "/api/v1/tokens", `{"name":"x"}`), 409, seedbed.Conflict, "")
		if w := do(s, "GET", "/api/v1/tokens", ""); strings.TrimSpace(w.Body.String()) != `{"tokens":[]}` {
			t.Errorf("the tokens of nobody: %s", w.Body)
		}
		// An account that is made elsewhere, on the command line, closes it at once.
		if err := a.Add(t.Context(), "ada", password); err != nil {
			t.Fatal(err)
		}
		if w := do(s, "GET", "/", ""); w.Code != http.StatusSeeOther {
			t.Errorf("after an account was made: %d", w.Code)
		}
		if _, err := a.Remove(t.Context(), "ada", true); err != nil {
			t.Fatal(err)
		}
		if w := do(s, "GET", "/", ""); w.Code != http.StatusOK {
			t.Errorf("after it was removed: %d", w.Code)
		}
	}
}

func TestLogin(t *testing.T) {
	s, _, now := guarded(t, true)
	page := webtest.Parse(t, do(s, "GET", "/login?next=%2Fruns%3Fpage%3D2", "").Body)
	page.Want("form[action='/login'] input[name=next][value='/runs?page=2']", 1)
	page.Want("header nav, footer", 0)
	wrong := do(s, "POST", "/login", fields("name", "ada", "password", "wrong horse battery"))
	nobody := do(s, "POST", "/login", fields("name", "ada", "password", password+"x"))
	if wrong.Code != http.StatusUnauthorized || len(wrong.Result().Cookies()) > 0 || wrong.Body.String() != nobody.Body.String() {
		t.Errorf("a wrong password: %d %v %s", wrong.Code, wrong.Header(), wrong.Body)
	}
	session := login(t, s)
	w := do(s, "GET", "/settings", "", session...)
	if w.Code != http.StatusOK || !strings.Contains(webtest.Parse(t, w.Body).Text("#account"), "logged in as ada") {
		t.Errorf("with a session: %d", w.Code)
	}
	if w := do(s, "GET", "/login?next=%2Fruns", "", session...); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs" {
		t.Errorf("the login of who is logged in: %d to %s", w.Code, w.Header().Get("Location"))
	}
	for _, path := range []string{"/api/v1/sources", "/metrics", "/healthz"} {
		if w := do(s, "GET", path, "", session...); w.Code != http.StatusOK {
			t.Errorf("GET %s with a session: %d", path, w.Code)
		}
	}
	if w := do(s, "GET", "/api/v1/sources", "", session...); w.Header().Get("Cache-Control") != "private, no-cache" {
		t.Errorf("what is inside may be kept: %v", w.Header())
	}

	// A session that was there before the login is none after it: neither one
	// that somebody else put into the browser nor the last one.
	planted := []string{"Cookie", "seedbed=planted"}
	second := login(t, s, planted...)
	third := login(t, s, second...)
	for _, old := range [][]string{planted, second} {
		if w := do(s, "GET", "/api/v1/sources", "", old...); w.Code != http.StatusUnauthorized {
			t.Errorf("with %v after a new login: %d", old, w.Code)
		}
	}
	// Logging out ends this session, and this alone.
	w = do(s, "POST", "/logout", "", third...)
	if c := w.Result().Cookies(); w.Code != http.StatusSeeOther || len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("logging out: %d %v", w.Code, w.Header())
	}
	for headers, want := range map[string]int{third[1]: 401, session[1]: 200} {
		if w := do(s, "GET", "/api/v1/sources", "", "Cookie", headers); w.Code != want {
			t.Errorf("with %s after one logged out: %d, want %d", headers, w.Code, want)
		}
	}
	if w := do(s, "POST", "/logout", "", append(session, "Sec-Fetch-Site", "cross-site")...); w.Code != http.StatusForbidden {
		t.Errorf("another site logs somebody out: %d", w.Code)
	}
	if w := do(s, "POST", "/login", fields("name", "ada", "password", password), "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("another site logs somebody in: %d", w.Code)
	}

	// The page that asks to send a form again is only for our own forms.
	if w := do(s, "POST", "/seeds/merge/verdict", "verdict=accepted", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusSeeOther {
		t.Errorf("another site sends a form for nobody: %d, want the login", w.Code)
	}

	// htmx is told to load the login.
	*now = now.Add(31 * 24 * time.Hour)
	w = do(s, "POST", "/seeds/merge/verdict", "verdict=accepted", append(session, "HX-Request", "true", "HX-Current-URL", "http://localhost/seeds?q=a")...)
	if got := w.Header().Get("HX-Redirect"); got != "/login?next=%2Fseeds%3Fq%3Da" || w.Body.Len() > 0 {
		t.Errorf("a session that is over: %d, to %q", w.Code, got)
	}
}

func TestSessionCookie(t *testing.T) {
	plain, _, _ := guarded(t, true)
	secure, _, _ := guarded(t, true, func(o *web.Options) { o.PublicURL = "https://seeds.example" })
	for s, want := range map[*web.Server]string{plain: "seedbed=; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax", secure: "__Host-seedbed=; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax"} {
		w := do(s, "POST", "/login", fields("name", "ada", "password", password))
		if got := regexp.MustCompile(`=[\w-]{43};`).ReplaceAllString(w.Header().Get("Set-Cookie"), "=;"); got != want {
			t.Errorf("the cookie is %s, want %s", got, want)
		}
		// A name that another site of the domain could set does not count where
		// there is a safe one.
		session := cookie(t, w)[1]
		_, value, _ := strings.Cut(session, "=")
		if w := do(s, "GET", "/api/v1/sources", "", "Cookie", session); w.Code != http.StatusOK {
			t.Errorf("with %s: %d", session, w.Code)
		}
		if w := do(secure, "GET", "/api/v1/sources", "", "Cookie", "seedbed="+value); w.Code != http.StatusUnauthorized {
			t.Errorf("https with a cookie of http: %d", w.Code)
		}
	}
}

func TestLoginLeadsNowhereElse(t *testing.T) {
	s, _, _ := guarded(t, true)
	for next, want := range map[string]string{
		"/runs": "/runs", "/seeds?q=a+b&page=2": "/seeds?q=a+b&page=2", "": "/", "runs": "/",
		"//evil.example": "/", "///evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/", `/\/evil.example`: "/",
		"https://evil.example": "/", "https:evil.example": "/", "javascript:alert(1)": "/", "//evil.example@localhost/": "/",
		"/\t/evil.example": "/", "/\n/evil.example": "/", "\t//evil.example": "/", " //evil.example": "/", "/%2Fevil.example": "/", "/%5Cevil.example": "/",
	} {
		w := do(s, "POST", "/login", fields("name", "ada", "password", password, "next", next))
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("next=%q leads to %q, want %q", next, got, want)
		}
		w = do(s, "GET", "/login?"+fields("next", next), "")
		page := webtest.Parse(t, w.Body)
		if got := webtest.Attr(page.All("input[name=next]")[0], "value"); got != want {
			t.Errorf("the login of next=%q goes on with %q, want %q", next, got, want)
		}
	}
	if w := do(s, "GET", "//evil.example/x", ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?next=%2F" {
		t.Errorf("an address that is one elsewhere: %d to %s", w.Code, w.Header().Get("Location"))
	}
}

func TestTooManyLogins(t *testing.T) {
	s, _, now := guarded(t, true)
	try := func(name, password string, headers ...string) *httptest.ResponseRecorder {
		return do(s, "POST", "/login", fields("name", name, "password", password), headers...)
	}
	for range 5 {
		if w := try("ada", "wrong horse battery"); w.Code != http.StatusUnauthorized {
			t.Fatalf("a wrong password: %d", w.Code)
		}
	}
	w := try("ada", password)
	if page := webtest.Parse(t, w.Body); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || !strings.Contains(page.Text("[role=alert] p"), "wait 1s") {
		t.Errorf("the sixth: %d %v", w.Code, w.Header())
	} else {
		blamed(t, "the sixth", page)
	}
	// A client cannot say that it is somebody else, unless it is a proxy here.
	if w := try("eve", password, "X-Forwarded-For", "203.0.113.9"); w.Code != http.StatusTooManyRequests {
		t.Errorf("under another address in a header: %d", w.Code)
	}
	*now = now.Add(time.Second)
	if w := try("ada", password); w.Code != http.StatusSeeOther {
		t.Errorf("a second later: %d", w.Code)
	}

	// A proxy on this computer can, and only of whom it asks for itself.
	s, _, _ = guarded(t, true)
	viaProxy := func(forwarded string) int {
		r := httptest.NewRequest("POST", "/login", strings.NewReader(fields("name", "nobody"+forwarded, "password", password)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", forwarded)
		r.RemoteAddr = "127.0.0.1:40000"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	for i := range 5 {
		if got := viaProxy(fmt.Sprintf("198.51.100.%d, 203.0.113.1", i)); got != http.StatusUnauthorized {
			t.Errorf("by a proxy, a wrong password: %d", got)
		}
	}
	if got := viaProxy("198.51.100.9, 203.0.113.1"); got != http.StatusTooManyRequests {
		t.Errorf("by a proxy, the sixth from an address that says that it is another: %d", got)
	}
	if got := viaProxy("203.0.113.2"); got != http.StatusUnauthorized {
		t.Errorf("by a proxy, from another address: %d", got)
	}
}

func TestTokens(t *testing.T) {
	s, _, now := guarded(t, true)
	session := login(t, s)
	post := func(headers ...string) *httptest.ResponseRecorder {
		return do(s, "POST", "/api/v1/tokens", `{"name":"notebook"}`, headers...)
	}
	w := post(session...)
	made := decode[seedbed.Token](t, w)
	if w.Code != http.StatusCreated || !strings.HasPrefix(made.Value, "sb_") || w.Header().Get("Location") != "/api/v1/tokens/"+made.ID || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("a new token: %d %v %s", w.Code, w.Header(), w.Body)
	}
	*now = now.Add(time.Second)
	if again := decode[seedbed.Token](t, post(append(session, "Idempotency-Key", "k")...)); again.Value == made.Value {
		t.Error("two tokens are the same")
	}
	wantProblem(t, "a token without a name", do(s, "POST", "/api/v1/tokens", `{}`, session...), 400, seedbed.Invalid, "")
	with := []string{"Authorization", "Bearer " + made.Value}
	for _, call := range []string{"GET /api/v1/sources", "GET /", "GET /metrics", "DELETE /api/v1/sources/none"} {
		method, path, _ := strings.Cut(call, " ")
		// No browser adds a token by itself: another site may be where it comes from.
		for _, more := range [][]string{nil, {"Origin", "https://notebook.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Authorization", "bearer " + made.Value}} {
			if w := do(s, method, path, "", append(with, more...)...); w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden || w.Code == http.StatusSeeOther {
				t.Errorf("%s with a token and %v: %d", call, more, w.Code)
			}
		}
	}
	if w := do(s, "DELETE", "/api/v1/sources/none", "", append(session, "Origin", "https://notebook.example")...); w.Code != http.StatusForbidden {
		t.Errorf("from another site with a cookie: %d", w.Code)
	}
	// A token that is wrong is not made good by a cookie.
	wantProblem(t, "a wrong token", do(s, "GET", "/api/v1/sources", "", append(session, "Authorization", "Bearer sb_wrong")...), 401, seedbed.Unknown, "")

	w = do(s, "GET", "/api/v1/tokens", "", with...)
	var list struct{ Tokens []seedbed.Token }
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Tokens) != 2 || list.Tokens[0].ID != made.ID || list.Tokens[0].Used.IsZero() || strings.Contains(w.Body.String(), "sb_") {
		t.Errorf("the tokens: %v %s", err, w.Body)
	}
	if w := do(s, "DELETE", "/api/v1/tokens/"+made.ID, "", with...); w.Code != http.StatusNoContent {
		t.Errorf("revoking: %d %s", w.Code, w.Body)
	}
	wantProblem(t, "a revoked token", do(s, "GET", "/api/v1/sources", "", with...), 401, seedbed.Unknown, "")
	wantProblem(t, "revoking it again", do(s, "DELETE", "/api/v1/tokens/"+made.ID, "", session...), 404, seedbed.NotFound, "")
}

// The settings are where a person makes and revokes tokens, changes the
// password and invites others.
func TestAccountSettings(t *testing.T) {
	s, _, _ := guarded(t, true)
	session, other := login(t, s), login(t, s)
	post := func(path string, pairs ...string) (*httptest.ResponseRecorder, webtest.Page) {
		t.Helper()
		w := do(s, "POST", path, fields(pairs...), session...)
		if w.Code < 300 && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("POST %s may be kept: %v", path, w.Header())
		}
		page := webtest.Parse(t, strings.NewReader(w.Body.String()))
		if w.Code < 300 || w.Code >= 400 {
			safeAndNamed(t, path, page)
		}
		return w, page
	}
	_, page := post("/settings/tokens", "name", "<b>my</b> script")
	value := page.Text("code#made")
	if w := do(s, "GET", "/api/v1/sources", "", "Authorization", "Bearer "+value); w.Code != http.StatusOK {
		t.Errorf("with the token %q of the page: %d", value, w.Code)
	}
	page = webtest.Parse(t, do(s, "GET", "/settings", "", session...).Body)
	page.Want("#tokens .row", 1)
	page.Want("#made", 0)
	w, page := post("/settings/tokens", "name", " ")
	if w.Code != 400 || !strings.Contains(page.Text("#tokens [role=alert]"), "name") {
		t.Errorf("a token without a name: %d", w.Code)
	}
	blamed(t, "a token without a name", page)
	revoke := webtest.Attr(webtest.Parse(t, do(s, "GET", "/settings", "", session...).Body).All("#tokens .pop")[0], "action")
	if w, _ := post(revoke); w.Code != http.StatusSeeOther {
		t.Errorf("POST %s: %d", revoke, w.Code)
	}
	if w := do(s, "GET", "/api/v1/sources", "", "Authorization", "Bearer "+value); w.Code != http.StatusUnauthorized {
		t.Errorf("with the token after that: %d", w.Code)
	}

	for _, tt := range []struct {
		old, password, again, says string
		code                       int
	}{
		{"wrong horse battery", "another horse battery", "another horse battery", "The current password is wrong.", 400},
		{password, "another horse battery", "another horse", "The two passwords differ: type the same twice.", 400},
		{password, "short", "short", "A password has at least 10 characters.", 400},
		{password, "another horse battery", "another horse battery", "Your password is changed", 200},
	} {
		w, page := post("/settings/password", "old", tt.old, "password", tt.password, "again", tt.again)
		if got := page.Text("#account [role]"); w.Code != tt.code || !strings.Contains(got, tt.says) {
			t.Errorf("from %q to %q: %d %q, want %d %q", tt.old, tt.password, w.Code, got, tt.code, tt.says)
		}
	}
	for c, want := range map[string]int{session[1]: 200, other[1]: 401} {
		if w := do(s, "GET", "/api/v1/sources", "", "Cookie", c); w.Code != want {
			t.Errorf("after the password was changed, a session: %d, want %d", w.Code, want)
		}
	}
}

// code is the code of a link to join.
func code(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Path != "/join" {
		t.Fatalf("the link is %q, %v", link, err)
	}
	return u.Query().Get("code")
}

func TestInvitation(t *testing.T) {
	s, _, now := guarded(t, true)
	session := login(t, s)
	invite := func() string {
		t.Helper()
		return webtest.Parse(t, do(s, "POST", "/settings/invitations", "", session...).Body).Text("code#link")
	}
	link := invite()
	if !strings.HasPrefix(link, "http://localhost/join?code=") {
		t.Fatalf("the link is %s", link)
	}
	w := do(s, "GET", link, "")
	page := webtest.Parse(t, w.Body)
	if w.Header().Get("Cache-Control") != "no-store" || page.Text("h1") != "Make your account" {
		t.Errorf("the page of the link: %d %v", w.Code, w.Header())
	}
	safeAndNamed(t, "/join", page)
	join := func(code, name, password, again string) *httptest.ResponseRecorder {
		return do(s, "POST", "/join", fields("code", code, "name", name, "password", password, "again", again))
	}
	for says, w := range map[string]*httptest.ResponseRecorder{
		"There is an account ada already":             join(code(t, link), "ada", password, password),
		"The two passwords differ":                    join(code(t, link), "bob", password, "x"),
		"A password has at least 10 characters":       join(code(t, link), "bob", "short", "short"),
		`"a b" is no name for an account: take up to`: join(code(t, link), "a b", password, password),
	} {
		page := webtest.Parse(t, w.Body)
		if got := page.Text("[role=alert] p"); !strings.Contains(got, says) || w.Code/100 != 4 {
			t.Errorf("joining: %d %q, want %q", w.Code, got, says)
		}
		safeAndNamed(t, "/join", page)
		blamed(t, "joining", page)
	}
	w = join(code(t, link), "bob", password, password)
	if bob := cookie(t, w); w.Header().Get("Location") != "/" || do(s, "GET", "/", "", bob...).Code != http.StatusOK {
		t.Errorf("joining: %d %v", w.Code, w.Header())
	}
	for _, w := range []*httptest.ResponseRecorder{join(code(t, link), "eve", password, password), do(s, "GET", link, ""), join("", "eve", password, password), do(s, "GET", "/join", "")} {
		if w.Code != http.StatusNotFound || len(w.Result().Cookies()) > 0 {
			t.Errorf("a link that was used: %d", w.Code)
		}
		webtest.Parse(t, w.Body).Want("nav", 0)
	}
	late := invite()
	*now = now.Add(25 * time.Hour)
	if w := do(s, "GET", late, ""); w.Code != http.StatusNotFound {
		t.Errorf("a link of yesterday: %d", w.Code)
	}
	page = webtest.Parse(t, do(s, "GET", "/settings", "", session...).Body)
	page.Want("#accounts .row", 2)

	// Behind a proxy the link has the name that people know.
	public, a, _ := guarded(t, true, func(o *web.Options) { o.PublicURL = "https://seeds.example" })
	u, err := a.Users(t.Context())
	if err != nil || len(u) != 1 {
		t.Fatal(u, err)
	}
	page = webtest.Parse(t, do(public, "POST", "/settings/invitations", "", login(t, public)...).Body)
	if got := page.Text("code#link"); !strings.HasPrefix(got, "https://seeds.example/join?code=") {
		t.Errorf("the link is %s", got)
	}
}

// Before there is an account, a server that others can reach has one page.
func TestSetUp(t *testing.T) {
	s, a, _ := guarded(t, false)
	if s.Open() {
		t.Fatal("it is open")
	}
	first, err := a.Invite(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	link := s.JoinLink("http://localhost", first)
	second, err := a.Invite(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	w := do(s, "GET", "/", "")
	if got := webtest.Parse(t, w.Body).Text(".problem"); w.Code != 403 || !strings.Contains(got, "Set-up is not finished") {
		t.Errorf("the first page: %d %q", w.Code, got)
	}
	wantProblem(t, "the API", do(s, "GET", "/api/v1/sources", ""), 403, seedbed.SetUp, "")
	for _, path := range []string{"/healthz", "/readyz", "/static/app.css"} {
		if w := do(s, "GET", path, ""); w.Code != http.StatusOK {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	if w := do(s, "POST", "/login", fields("name", "ada", "password", password)); w.Code != 403 {
		t.Errorf("the login: %d", w.Code)
	}
	if got := webtest.Parse(t, do(s, "GET", link, "").Body).Text("h1"); got != "Make the first account" {
		t.Errorf("the link shows %q", got)
	}
	w = do(s, "POST", "/join", fields("code", first, "name", "ada", "password", password, "again", password))
	if w := do(s, "GET", "/", "", cookie(t, w)...); w.Code != http.StatusOK {
		t.Errorf("the first page after it: %d", w.Code)
	}
	if w := do(s, "GET", "/", ""); w.Code != http.StatusSeeOther {
		t.Errorf("the first page for others: %d", w.Code)
	}
	for _, c := range []string{first, second} {
		if w := do(s, "POST", "/join", fields("code", c, "name", "eve", "password", password, "again", password)); w.Code != http.StatusNotFound {
			t.Errorf("another account by a link for the first: %d", w.Code)
		}
	}
}

// Who is not let in cannot keep the server waiting for what it sends; who is may
// take any time.
func TestSlowBodies(t *testing.T) {
	s, _, _ := guarded(t, true)
	session := login(t, s)[1]
	s.SetPatience(200 * time.Millisecond)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	send := func(path, cookie, first, rest string) string {
		t.Helper()
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", path, cookie, len(first)+10, first)
		if rest != "" {
			time.Sleep(400 * time.Millisecond)
			_, _ = io.WriteString(conn, rest)
		}
		status, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Fatalf("POST %s: %v", path, err)
		}
		return strings.TrimSpace(status)
	}
	for _, tt := range []struct{ path, cookie, rest, want string }{
		{"/login", "", "", "HTTP/1.1 400 Bad Request"},
		{"/settings/tokens", "", "", "HTTP/1.1 401 Unauthorized"},
		{"/settings/tokens", session, "longname12", "HTTP/1.1 200 OK"},
	} {
		if got := send(tt.path, tt.cookie, "name=", tt.rest); got != tt.want {
			t.Errorf("a body that comes slowly to %s: %s, want %s", tt.path, got, tt.want)
		}
	}
}

// Two accounts that choose the same key each get what they asked for.
func TestIdempotencyKeysOfAccounts(t *testing.T) {
	s, a, _ := guarded(t, true)
	if err := a.Add(t.Context(), "bob", password); err != nil {
		t.Fatal(err)
	}
	ada := login(t, s)
	bob := cookie(t, do(s, "POST", "/login", fields("name", "bob", "password", password)))
	run := func(session []string) string {
		t.Helper()
		w := do(s, "POST", "/api/v1/runs", `{"source":"book","recipe":"explicit"}`, append(session, "Content-Type", "application/json", "Idempotency-Key", "1")...)
		if w.Code != http.StatusCreated {
			t.Fatalf("a run: %d %s", w.Code, w.Body)
		}
		return w.Header().Get("Location")
	}
	first, second := run(ada), run(bob)
	if first == second {
		t.Error("bob gets the answer that ada got")
	}
	if again := run(ada); again != first {
		t.Errorf("ada gets %s at first, and then %s", first, again)
	}
}

// An event stream ends with what let its listener in.
func TestEventsEndWithTheLogin(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *web.Server, *auth.Accounts, []string, seedbed.Token) error{
		"log out and revoke": func(t *testing.T, s *web.Server, a *auth.Accounts, session []string, token seedbed.Token) error {
			if w := do(s, "POST", "/logout", "", session...); w.Code != http.StatusSeeOther {
				t.Errorf("log out: %d", w.Code)
			}
			return a.RevokeToken(t.Context(), token.User, token.ID)
		},
		"new password and revoke": func(t *testing.T, _ *web.Server, a *auth.Accounts, _ []string, token seedbed.Token) error {
			return errors.Join(a.SetPassword(t.Context(), "ada", "another horse battery"), a.RevokeToken(t.Context(), token.User, token.ID))
		},
		"remove the last account": func(t *testing.T, _ *web.Server, a *auth.Accounts, _ []string, _ seedbed.Token) error {
			_, err := a.Remove(t.Context(), "ada", true)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, a, _ := guarded(t, true)
			s.SetDoubt(20 * time.Millisecond)
			session := login(t, s)
			users, err := a.Users(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			token, err := a.NewToken(t.Context(), users[0].ID, "dashboard")
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(s)
			t.Cleanup(srv.Close)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			t.Cleanup(cancel)
			var streams []*bufio.Reader
			for _, headers := range [][]string{session, {"Authorization", "Bearer " + token.Value}} {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/events", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set(headers[0], headers[1])
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = resp.Body.Close() })
				stream := bufio.NewReader(resp.Body)
				if line, err := stream.ReadString('\n'); resp.StatusCode != http.StatusOK || line != "id: 1\n" {
					t.Fatalf("the stream begins with %d %q, %v", resp.StatusCode, line, err)
				}
				streams = append(streams, stream)
			}
			if err := end(t, s, a, session, token); err != nil {
				t.Fatal(err)
			}
			for i, stream := range streams {
				if _, err := io.Copy(io.Discard, stream); err != nil {
					t.Errorf("stream %d goes on: %v", i, err)
				}
			}
		})
	}
}

// Who asks for much and reads none of it does not hold a connection for ever.
func TestSlowReaders(t *testing.T) {
	s, _, _ := guarded(t, true)
	session := login(t, s)[1]
	s.SetPatience(50 * time.Millisecond)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	const times = 100
	size := do(s, "GET", "/static/katex.min.js", "").Body.Len()
	for _, tt := range []struct {
		path, cookie string
		all          bool
	}{
		{"/static/katex.min.js", "", false},
		{"/api/v1/openapi.json", session, true},
	} {
		if tt.all {
			size = do(s, "GET", tt.path, "", "Cookie", tt.cookie).Body.Len()
		}
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		ask := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n", tt.path, tt.cookie)
		last := strings.Replace(ask, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
		if _, err := io.WriteString(conn, strings.Repeat(ask, times-1)+last); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // the server waits for a fifth of it
		n, err := io.Copy(io.Discard, conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%s goes on: %v", tt.path, err)
		}
		if all := n > int64(times*size); all != tt.all {
			t.Errorf("of %d times %s came %d bytes, each has %d; want all: %v", times, tt.path, n, size, tt.all)
		}
	}
}

// The database is away: nobody is let in for that.
func TestNobodyComesInByAccident(t *testing.T) {
	s, a, _ := guarded(t, true, func(o *web.Options) { o.LocalOnly = true })
	session := login(t, s)
	s2, _, _ := guarded(t, false, func(o *web.Options) { o.LocalOnly, o.Accounts = true, away{a} })
	for _, path := range []string{"/", "/api/v1/sources", "/metrics", "/login"} {
		for _, headers := range [][]string{nil, session, {"Authorization", "Bearer sb_x"}} {
			if w := do(s2, "GET", path, "", headers...); w.Code != http.StatusServiceUnavailable {
				t.Errorf("GET %s with %v: %d, want 503", path, headers, w.Code)
			}
		}
	}
}

// away are accounts whose database does not answer.
type away struct{ web.Accounts }

var errAway = seedbed.Errorf(seedbed.Unavailable, "the database cannot be reached")

func (away) Any(context.Context) (bool, error) { return false, errAway }
func (away) Session(context.Context, string) (seedbed.User, error) {
	return seedbed.User{}, errAway
}
func (away) Token(context.Context, string) (seedbed.User, error) { return seedbed.User{}, errAway }

// The history of a seed names the account that changed it.
func TestHistoryNamesWho(t *testing.T) {
	s, _, _ := guarded(t, true)
	session := login(t, s)
	if w := do(s, "POST", "/seeds/merge/verdict", "verdict=accepted", session...); w.Code != http.StatusSeeOther {
		t.Fatalf("accept: %d %s", w.Code, w.Body)
	}
	page := webtest.Parse(t, do(s, "GET", "/seeds/merge", "", session...).Body)
	if got := page.Text("#history li p"); !strings.HasPrefix(got, "Changed by ada ") {
		t.Errorf("the history says %q", got)
	}
	w := do(s, "GET", "/api/v1/seeds/merge/history", "", session...)
	if !strings.Contains(w.Body.String(), `"who":"person","user":"ada"`) {
		t.Errorf("the history is %s", w.Body)
	}
}
