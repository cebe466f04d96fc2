package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"seedbed/extract"
)

// A tab is a page in a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string
}

// openTab starts Chromium on a page of p. Whatever a page's script or its
// Content-Security-Policy complains of fails the test.
func openTab(t *testing.T, p *program) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium on PATH, and CI has to run this test")
		}
		t.Skip("no Chromium on PATH")
	}
	profile, err := os.MkdirTemp("", "seedbed-chromium-") //nolint:usetesting // removed below, with patience
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(path), chromedp.UserDataDir(profile),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
	)
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithListener(func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("a script failed: %s %s", e.ExceptionDetails.Text, e.ExceptionDetails.Exception.Description)
		case *log.EventEntryAdded:
			// A stream is refused when the login is over; the page sees to it.
			if e.Entry.Level == log.EntryLevelError && !strings.HasSuffix(e.Entry.URL, "/events") {
				t.Errorf("the browser says: %s %s", e.Entry.Text, e.Entry.URL)
			}
		}
	}))
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(func() {
		cancel()
		closeTab()
		stop()
		// Chromium's children may still write for a moment.
		for range 50 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return &tab{t: t, ctx: ctx, url: p.URL}
}

// do runs steps, and says where the browser stood when one of them failed.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.failed(what, err)
	}
}

func (b *tab) failed(what string, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 5*time.Second)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	b.t.Fatalf("%s: %v\nat %s:\n%s", what, err, at, text)
}

// until waits for an expression to be true on the page.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(20*time.Millisecond))); err != nil {
		b.failed("wait until "+what, err)
	}
}

// download clicks on something and returns the bytes of the file that comes.
func (b *tab) download(selector string) []byte {
	b.t.Helper()
	dir := b.t.TempDir()
	events := true
	_, err := chromedp.Call(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &events,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	progress := chromedp.Events(b.ctx, browser.DownloadProgress)
	b.do("click on "+selector, chromedp.Click(chromedp.CSS(selector)))
	for e, err := range progress {
		if err != nil {
			b.t.Fatalf("download: %v", err)
		}
		switch e.State {
		case browser.DownloadProgressStateCompleted:
			body, err := os.ReadFile(filepath.Join(dir, e.GUID))
			if err != nil {
				b.t.Fatal(err)
			}
			return body
		case browser.DownloadProgressStateCanceled:
			b.t.Fatal("the download was cancelled")
		}
	}
	b.t.Fatal("no download came")
	return nil
}

// The main job, as a person does it: drop three files, wait, search, open a
// seed, accept it, export, and look at what was downloaded.
func TestMainJobInABrowser(t *testing.T) {
	p := startProgram(t, t.TempDir())
	b := openTab(t, p)

	var files []string
	for _, name := range []string{"chapter.md", "paper.pdf", "stack.zip"} {
		path, err := filepath.Abs(filepath.Join("..", "..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	b.do("open the library", chromedp.Navigate(p.URL+"/"))
	b.do("choose three files", chromedp.SetUploadFiles(chromedp.CSS(`#upload input[type=file]`), files))
	b.until("three sources are ready, without loading the page again",
		`[...document.querySelectorAll("#sources .row .chip")].filter(c => c.textContent.trim() === "Ready").length === 3`)

	b.do("open the seeds", chromedp.Click(chromedp.CSS(`nav a[href="/seeds"]`)), chromedp.WaitVisible(chromedp.CSS("#results")))
	b.until("there are seeds", `document.querySelectorAll("#results [data-seed]").length > 5`)
	b.do("type a search", chromedp.SendKeys(chromedp.CSS("#q"), "spaning tree edges costs")) // with a slip
	b.until("the search has found the seed, with its words marked",
		`document.querySelector("#results [data-seed] h3 mark") !== null && document.querySelectorAll("#results [data-seed]").length < 10`)
	b.until("the order is said to be that of the match", `document.querySelector("#sort select").selectedOptions[0].text === "Best match"`)
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("#results [data-seed] h3").innerText`))
	if err != nil {
		t.Fatal(err)
	}
	b.do("open the first seed", chromedp.Click(chromedp.CSS("#results [data-seed] h3 a")), chromedp.WaitVisible(chromedp.CSS("#seed")))
	marked, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](
		`[...document.querySelectorAll(".evidence blockquote mark")].map(m => m.textContent).join("\n")`))
	if err != nil {
		t.Fatal(err)
	}
	b.do("accept it", chromedp.Click(chromedp.CSS(`#seed [data-key="a"]`)))
	// The focus is set once more when the page was drawn, which may scroll it: a
	// click meanwhile would go astray.
	b.until("it is accepted", `document.querySelector("#seed").dataset.verdict === "accepted" && document.activeElement !== document.body`)

	b.do("open the export", chromedp.Click(chromedp.CSS(`nav a[href="/export"]`)), chromedp.WaitVisible(chromedp.CSS("#preview")))
	b.do("choose the chat format", chromedp.Click(chromedp.CSS(`#export input[value="messages"]`)))
	b.until("one seed is to be exported as chat", `document.querySelector("#preview").innerText.includes("1 seed") && document.querySelector("#preview .sample")?.innerText.includes('"messages"')`)
	body := b.download("#preview a[download]")

	want := p.seeds("verdict=accepted")
	if len(want) != 1 {
		t.Fatalf("%d seeds are accepted, want 1", len(want))
	}
	seed := want[0]
	if strings.Join(strings.Fields(found), " ") != strings.Join(strings.Fields(seed.Question), " ") {
		t.Errorf("accepted %q, the seed opened was %q", seed.Question, found)
	}
	if len(seed.Evidence) == 0 {
		t.Fatal("the seed has no evidence")
	}
	for _, e := range seed.Evidence {
		if !strings.Contains(squeeze(marked), squeeze(e.Quote)) {
			t.Errorf("the page marks %q; the quote %q is not in it", marked, e.Quote)
		}
	}
	checkMessages(t, body, seed)
	checkOffsets(t, p)
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func checkMessages(t *testing.T, body []byte, seed extract.Seed) {
	t.Helper()
	var got struct {
		Messages []struct{ Role, Content string }
	}
	lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
	if len(lines) != 1 {
		t.Fatalf("downloaded %d lines, want 1:\n%s", len(lines), body)
	}
	if err := json.Unmarshal(lines[0], &got); err != nil {
		t.Fatalf("downloaded %s: %v", body, err)
	}
	want := fmt.Sprint([]struct{ Role, Content string }{{"user", seed.Question}, {"assistant", seed.Answer}})
	if fmt.Sprint(got.Messages) != want {
		t.Errorf("downloaded %v\nwant %s", got.Messages, want)
	}
}

// checkOffsets holds every exact quote to the text its source was read as.
func checkOffsets(t *testing.T, p *program) {
	t.Helper()
	exact := 0
	for _, s := range p.seeds("") {
		text := []rune(p.text(s.Source.ID))
		for _, e := range s.Evidence {
			if e.Match != extract.MatchExact {
				continue
			}
			exact++
			if e.Start < 0 || e.End > len(text) || e.Start > e.End || string(text[e.Start:e.End]) != e.Quote {
				t.Errorf("seed %s: text[%d:%d] of %s is not %q", s.ID, e.Start, e.End, s.Source.Title, e.Quote)
			}
		}
	}
	if exact < 20 {
		t.Errorf("only %d exact quotes were compared", exact)
	}
}
