package extract_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"seedbed/extract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// step is a Stage made of a function.
type step struct {
	name string
	do   func(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error)
}

func (s step) Name() string { return s.name }
func (s step) Do(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	return s.do(ctx, p, seeds)
}

type serial struct{ step }

func (serial) Serial() {}

func passages(n int) []extract.Passage {
	out := make([]extract.Passage, n)
	for i := range out {
		text := fmt.Sprintf("passage %d", i)
		out[i] = extract.Passage{ID: extract.PassageID(nil, text), Text: text}
	}
	return out
}

// echo asks of each passage what it says.
var echo = step{"echo", func(_ context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
	return append(seeds, extract.Seed{Question: "What is said?", Answer: p.Text, Origin: extract.Explicit}), nil
}}

func ExampleDo() {
	p := extract.Passage{
		ID:   "p1",
		Path: []string{"Stones", "Granite"},
		Text: "Granite cools slowly.",
		Doc:  &extract.Document{Title: "Stones", Kind: extract.Book, Language: "en"},
	}
	clock := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	seeds, err := extract.Do(context.Background(), []extract.Stage{echo}, p, extract.Options{Run: "r1", Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := seeds[0]
	fmt.Println(s.Question, s.Answer)
	fmt.Println(s.Verdict, s.Language, s.Passage, s.Source.Section, s.Created.Format(time.RFC3339))
	// Output:
	// What is said? Granite cools slowly.
	// draft en p1 [Stones Granite] 2026-01-02T03:04:05Z
}

func ExampleRun() {
	for r := range extract.Run(context.Background(), slices.Values(passages(3)), []extract.Stage{echo}, extract.Options{Concurrency: 2}) {
		if r.Err != nil {
			fmt.Println(r.Passage.Text, "failed:", r.Err)
			continue
		}
		fmt.Println(r.Seeds[0].Answer)
	}
	// Output:
	// passage 0
	// passage 1
	// passage 2
}

func TestDoFillsIn(t *testing.T) {
	p := extract.Passage{ID: "p", Path: []string{"A"}, Doc: &extract.Document{Title: "T", Kind: "paper", License: "MIT", Language: "fr"}}
	same := extract.Seed{Question: "q", Answer: "a"}
	own := extract.Seed{
		Question: "q", Answer: "other", Language: "de", Model: "m2", Verdict: extract.Accepted,
		Source: extract.SourceRef{Section: []string{"B"}, License: "CC0-1.0"},
	}
	add := step{"add", func(_ context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		return append(seeds, same, own, same), nil
	}}
	var seen []string
	look := step{"look", func(_ context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		for _, s := range seeds {
			seen = append(seen, s.ID)
		}
		return seeds, nil
	}}
	o := extract.Options{Run: "r", Recipe: "x@1", Source: extract.SourceRef{ID: "s", SHA256: "h", Title: "Mine", License: "Apache-2.0"}}
	o.Now = func() time.Time { return time.Unix(7, 0) }
	got, err := extract.Do(t.Context(), []extract.Stage{add, look}, p, o)
	if err != nil {
		t.Fatal(err)
	}
	empty := extract.Seed{
		Reasoning: []string{}, Evidence: []extract.Evidence{}, Checks: []extract.Check{}, Tags: []string{},
		Difficulty: extract.Difficulty{Votes: []int{}}, Passage: "p", Run: "r", Recipe: "x@1", Created: time.Unix(7, 0).UTC(),
	}
	first, second := empty, empty
	first.ID, first.Question, first.Answer = extract.SeedID("r", "p", "q", "a"), "q", "a"
	first.Language, first.Verdict = "fr", extract.Draft
	first.Source = extract.SourceRef{ID: "s", SHA256: "h", Title: "Mine", Kind: "paper", Section: []string{"A"}, License: "Apache-2.0"}
	second.ID, second.Question, second.Answer = extract.SeedID("r", "p", "q", "other"), "q", "other"
	second.Language, second.Model, second.Verdict = "de", "m2", extract.Accepted
	second.Source = extract.SourceRef{ID: "s", SHA256: "h", Title: "Mine", Kind: "paper", Section: []string{"B"}, License: "Apache-2.0"}
	if d := cmp.Diff([]extract.Seed{first, second}, got); d != "" {
		t.Errorf("Do (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{first.ID, second.ID}, seen); d != "" {
		t.Errorf("ids seen by the next stage (-want +got):\n%s", d)
	}
}

func TestDoErrors(t *testing.T) {
	errDown := errors.New("server down")
	fails := func(err error) step {
		return step{"ask", func(context.Context, extract.Passage, []extract.Seed) ([]extract.Seed, error) { return nil, err }}
	}
	panics := step{"ask", func(context.Context, extract.Passage, []extract.Seed) ([]extract.Seed, error) { panic("boom") }}
	for _, tc := range []struct {
		name  string
		stage extract.Stage
		skip  string // of the passage
		want  string
		is    func(error) bool
	}{
		{"error", fails(errDown), "", "stage ask: server down", func(err error) bool { return errors.Is(err, errDown) }},
		{"skip", fails(extract.Skip("front matter")), "", "front matter", isSkip},
		{"wrapped skip", fails(fmt.Errorf("screen: %w", extract.Skip("index"))), "", "index", isSkip},
		{"passage to skip", panics, "licence", "licence", isSkip},
		{"panic", panics, "", "stage ask panicked: boom", func(err error) bool {
			var p *extract.PanicError
			return errors.As(err, &p) && strings.Contains(string(p.Stack), "run_test.go")
		}},
	} {
		seeds, err := extract.Do(t.Context(), []extract.Stage{echo, tc.stage}, extract.Passage{Skip: tc.skip}, extract.Options{})
		if err == nil || err.Error() != tc.want || !tc.is(err) || seeds != nil {
			t.Errorf("%s: Do = %v, %v; want no seeds and %q", tc.name, seeds, err, tc.want)
		}
	}
}

func isSkip(err error) bool {
	_, ok := err.(extract.Skip)
	return ok
}

// The first passage finishes last; the others go on and nothing changes places.
func TestRunKeepsOrderAndSlotsFull(t *testing.T) {
	const n = 40
	var others sync.WaitGroup
	others.Add(n - 1)
	slow := step{"slow", func(_ context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		if p.Text == "passage 0" {
			others.Wait()
		} else {
			others.Done()
		}
		return seeds, nil
	}}
	var serialOrder, got []string
	tail := serial{step{"tail", func(_ context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		serialOrder = append(serialOrder, p.Text)
		return seeds, nil
	}}}
	var want []string
	for _, p := range passages(n) {
		want = append(want, p.Text)
	}
	for r := range extract.Run(t.Context(), slices.Values(passages(n)), []extract.Stage{echo, slow, tail}, extract.Options{Concurrency: 2}) {
		if r.Err != nil || len(r.Seeds) != 1 {
			t.Fatalf("%s: %v, %v", r.Passage.Text, r.Seeds, r.Err)
		}
		got = append(got, r.Seeds[0].Answer)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Run (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want, serialOrder); d != "" {
		t.Errorf("serial stage (-want +got):\n%s", d)
	}
}

func TestRunIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const atOnce, ahead = 3, 10
		var drawn, working, most atomic.Int32
		seq := func(yield func(extract.Passage) bool) {
			for _, p := range passages(1000) {
				drawn.Add(1)
				if !yield(p) {
					return
				}
			}
		}
		release := make(chan struct{})
		work := step{"work", func(_ context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
			if n := working.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer working.Add(-1)
			if p.Text == "passage 0" {
				<-release
			}
			return seeds, nil
		}}
		count := make(chan int)
		go func() {
			n := 0
			for range extract.Run(t.Context(), seq, []extract.Stage{work}, extract.Options{Concurrency: atOnce, Ahead: ahead}) {
				n++
			}
			count <- n
		}()
		synctest.Wait()
		// The one in hand, the line behind it, and the one that waits to join.
		if n := drawn.Load(); n != ahead+2 {
			t.Errorf("%d passages drawn while the first was in work, want %d", n, ahead+2)
		}
		close(release)
		if n := <-count; n != 1000 {
			t.Errorf("%d results, want 1000", n)
		}
		if n := most.Load(); n > atOnce {
			t.Errorf("%d passages in work at once, want at most %d", n, atOnce)
		}
	})
}

func TestRunStopsEarly(t *testing.T) {
	var begun atomic.Int32
	work := step{"work", func(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		begun.Add(1)
		if p.Text != "passage 0" {
			<-ctx.Done()
		}
		return seeds, ctx.Err()
	}}
	for range extract.Run(t.Context(), slices.Values(passages(1000)), []extract.Stage{work}, extract.Options{Concurrency: 3}) {
		break
	}
	if n := begun.Load(); n > 4 {
		t.Errorf("%d passages begun, want at most 4", n)
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	errStop := errors.New("stopped by hand")
	work := step{"work", func(ctx context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		if p.Text == "passage 2" {
			cancel(errStop)
		}
		return seeds, context.Cause(ctx)
	}}
	var good, stopped int
	for r := range extract.Run(ctx, slices.Values(passages(1000)), []extract.Stage{work}, extract.Options{Concurrency: 1}) {
		switch {
		case r.Err == nil && stopped == 0:
			good++
		case errors.Is(r.Err, errStop):
			stopped++
		default:
			t.Fatalf("%s: %v after %d good and %d stopped", r.Passage.Text, r.Err, good, stopped)
		}
	}
	if good != 2 || stopped == 0 {
		t.Errorf("%d good, %d stopped; want the first 2 good and the third stopped", good, stopped)
	}
}

func TestRunPanicIsOnePassages(t *testing.T) {
	work := step{"work", func(_ context.Context, p extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		if p.Text == "passage 1" {
			panic("boom")
		}
		return seeds, nil
	}}
	var failed []string
	for r := range extract.Run(t.Context(), slices.Values(passages(4)), []extract.Stage{work}, extract.Options{}) {
		var p *extract.PanicError
		if errors.As(r.Err, &p) {
			failed = append(failed, r.Passage.Text)
		}
	}
	if d := cmp.Diff([]string{"passage 1"}, failed); d != "" {
		t.Errorf("passages that failed (-want +got):\n%s", d)
	}
}

type model struct{ reply extract.Reply }

func (m model) Complete(context.Context, extract.Request) (extract.Reply, error) { return m.reply, nil }

func TestRunCountsWhatWasSpent(t *testing.T) {
	paid := extract.Metered(model{extract.Reply{Usage: extract.Usage{In: 10, Out: 3}}})
	free := extract.Metered(model{extract.Reply{Usage: extract.Usage{In: 99, Out: 99}, Cached: true}})
	ask := func(ctx context.Context, _ extract.Passage, seeds []extract.Seed) ([]extract.Seed, error) {
		for _, m := range []extract.Model{paid, free} {
			if _, err := m.Complete(ctx, extract.Request{}); err != nil {
				return nil, err
			}
		}
		return seeds, nil
	}
	want := extract.Spent{Calls: 2, Cached: 2, Tokens: extract.Tokens{In: 20, Out: 6}}
	stages := []extract.Stage{step{"ask", ask}, serial{step{"judge", ask}}}
	for r := range extract.Run(t.Context(), slices.Values(passages(5)), stages, extract.Options{}) {
		if d := cmp.Diff(want, r.Spent); d != "" {
			t.Errorf("%s spent (-want +got):\n%s", r.Passage.Text, d)
		}
	}
}
