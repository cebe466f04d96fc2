package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// press sends keys to whatever has the focus.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do("press "+keys, chromedp.KeyEvent(keys))
}

// tabTo presses Tab until what has the focus matches a selector.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	for range 100 {
		if b.is(`document.activeElement.matches("` + selector + `")`) {
			return
		}
		b.press(kb.Tab)
	}
	b.t.Fatalf("Tab does not lead to %s", selector)
}

func (b *tab) is(expression string) bool {
	b.t.Helper()
	ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
	if err != nil {
		b.failed(expression, err)
	}
	return ok
}

// example uploads a file of the examples and waits until its run has ended.
func (p *program) example(name string) uploaded {
	p.t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
	if err != nil {
		p.t.Fatal(err)
	}
	up := p.upload(nil, file{name, body})
	p.until(up.Runs[0].ID, ended)
	return up
}

// Whoever has no mouse judges as well: the focus is never lost when a part of
// the page is swapped, a menu gives it back, and a verdict is said.
func TestKeysInABrowser(t *testing.T) {
	p := startProgram(t, t.TempDir())
	p.example("chapter.md")
	p.seeds("")
	b := openTab(t, p)
	const row = `[...document.querySelectorAll("[data-seed]")]`

	b.do("open the seeds", chromedp.Navigate(p.URL+"/seeds"), chromedp.WaitVisible(chromedp.CSS("[data-seed]")))
	b.press("j")
	b.until("the first row has the focus", `document.activeElement === `+row+`[0]`)
	b.tabTo("button.accept")
	b.press(kb.Enter)
	b.until("the row is accepted", row+`[0].dataset.verdict === "accepted"`)
	b.until("its row has the focus, as the button is gone", `document.activeElement === `+row+`[0]`)
	b.until("the verdict is said", `document.querySelector("#said").textContent.startsWith("Accepted: ")`)

	b.press("r")
	b.until("the first reason has the focus", `document.activeElement.name === "preset"`)
	b.press(kb.Escape)
	b.until("the menu is closed, and gave the focus back", `document.activeElement.matches("summary") && !document.querySelector("details.menu[open]")`)
	b.press(kb.Enter)
	b.until("the menu is open again", `document.querySelector("details.menu[open]") !== null`)
	b.tabTo("h3 a")
	b.until("the menu is closed, as the focus left it", `document.querySelector("details.menu[open]") === null`)

	b.press("x")
	b.do("go to the box", chromedp.Focus(chromedp.CSS("[data-seed] input:checked")))
	b.is(`addEventListener("submit", () => window.submitted = true), true`)
	b.press(kb.Enter)
	if b.is(`window.submitted === true`) {
		t.Error("Enter in a box gives a verdict")
	}
	b.do("go back to the search", chromedp.Focus(chromedp.CSS("#q")))
	b.tabTo("#bulk button[value=accepted]")
	b.press(kb.Enter)
	b.until("both are accepted", `document.querySelectorAll("[data-verdict=accepted]").length === 2`)
	b.until("the focus is in the results", `document.activeElement.closest("#results") !== null`)

	b.tabTo("h3 a")
	b.do("open the seed", chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS("#seed")))
	b.tabTo("#judgement summary")
	b.press(kb.Enter)
	b.tabTo("input[name=reason]")
	b.press("Nobody asks this" + kb.Enter)
	b.until("it is rejected", `document.querySelector("#seed").dataset.verdict === "rejected"`)
	b.until("the verdict has the focus", `document.activeElement.id === "judgement"`)
	b.until("the verdict is said", `document.querySelector("#said").textContent.startsWith("Rejected: ")`)

	b.do("open the settings", chromedp.Navigate(p.URL+"/settings"), chromedp.Focus(chromedp.CSS("[data-keys]")))
	b.press(" ")
	b.do("open the seeds", chromedp.Navigate(p.URL+"/seeds"), chromedp.WaitVisible(chromedp.CSS("[data-seed]")))
	b.press("/j")
	if !b.is(`document.activeElement === document.body`) {
		t.Error("the keys do something though they were turned off")
	}
}

// At 320 pixels, which is a window of 1,280 seen at 400 %, no page is wider
// than the window.
func TestNarrowWindow(t *testing.T) {
	p := startProgram(t, t.TempDir())
	chapter, stack := p.example("chapter.md"), p.example("stack.zip")
	seed := p.seeds("")[0]
	b := openTab(t, p)
	b.do("make the window narrow", chromedp.EmulateViewport(320, 256))
	for _, path := range []string{
		"/", "/seeds", "/seeds?q=tree&verdict=any", "/seeds/" + seed.ID, "/runs", "/runs/" + chapter.Runs[0].ID, "/runs/" + chapter.Runs[0].ID + "/scorecard",
		"/sources/" + chapter.Sources[0].ID, "/sources/" + stack.Sources[0].ID, "/sources/" + stack.Sources[0].ID + "/passages",
		"/sources/" + stack.Sources[0].ID + "/seeds", "/sources/" + stack.Sources[0].ID + "/runs", "/sources/" + stack.Sources[0].ID + "/write",
		"/export", "/settings", "/recipes/quick", "/recipes/new",
	} {
		b.do("open "+path, chromedp.Navigate(p.URL+path), chromedp.WaitVisible(chromedp.CSS("main")))
		ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
		width, err := chromedp.Run(ctx, chromedp.Evaluate[int](`
			document.querySelectorAll("details:not(.menu)").forEach(d => d.open = true);
			document.documentElement.scrollWidth`))
		cancel()
		if err != nil {
			b.failed(path, err)
		}
		if width > 320 {
			t.Errorf("%s is %d pixels wide in a window of 320", path, width)
		}
	}
}

// Words and the edges of fields stand out from what is behind them, by day, by
// night, and as much as WCAG 2.2 asks for.
func TestContrast(t *testing.T) {
	p := startProgram(t, t.TempDir())
	b := openTab(t, p)
	b.do("open the library", chromedp.Navigate(p.URL+"/"), chromedp.WaitVisible(chromedp.CSS("main")))
	const luminance = `(name) => {
		const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
		const probe = document.body.appendChild(document.createElement("i"));
		probe.style.color = "var(" + name + ")";
		canvas.fillStyle = getComputedStyle(probe).color;
		probe.remove();
		canvas.fillRect(0, 0, 1, 1);
		const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	}`
	for _, theme := range []string{"light", "dark"} {
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"--ink", "--paper", 7}, {"--ink", "--marker", 7}, {"--muted", "--paper", 4.5}, {"--muted", "--raised", 4.5}, {"--muted", "--sunk", 4.5},
			{"--accent", "--paper", 4.5}, {"--accent-strong", "--accent-soft", 4.5}, {"--on-accent", "--accent", 4.5},
			{"--bad", "--bad-soft", 4.5}, {"--bad", "--paper", 4.5}, {"--warn", "--warn-soft", 4.5}, {"--paper", "--bad", 4.5},
			{"--field", "--raised", 3}, {"--field", "--paper", 3}, {"--accent", "--track", 3},
		} {
			got, err := chromedp.Run(b.ctx, chromedp.Evaluate[float64](fmt.Sprintf(`(() => {
				document.documentElement.dataset.theme = %q;
				const [more, less] = [%q, %q].map(%s).sort((a, b) => b - a);
				return (more + .05) / (less + .05);
			})()`, theme, pair.front, pair.back, luminance)))
			if err != nil {
				b.failed("the contrast", err)
			}
			if got < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", theme, pair.front, pair.back, got, pair.least)
			}
		}
	}
}
