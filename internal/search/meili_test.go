package search_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"seedbed/internal/search"
	"seedbed/internal/search/meilitest"
	"seedbed/internal/search/searchtest"
	"seedbed/internal/seedbed"
)

// meiliDiffers is what Meilisearch does in its own way.
var meiliDiffers = searchtest.Differences{
	Queries: []string{
		"gauss ", "fussnote ", // ß is a letter of its own
		"zerivative ",       // a wrong first letter counts as two typos, which a long word may have
		"theorrm ",          // no stems: the plural is two typos away
		`"integral of a su`, // a phrase has no unfinished word
	},
	Scripts: true,
	Labels:  true,
}

func openMeili(t testing.TB, opts search.MeiliOptions) *search.Meili {
	t.Helper()
	opts.Pause = cmp.Or(opts.Pause, time.Millisecond)
	opts.Rest = cmp.Or(opts.Rest, time.Nanosecond)
	opts.Key = cmp.Or(opts.Key, meilitest.Key)
	m, err := search.OpenMeili(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// fakeMeili is an empty index on a server that can be told to fail.
func fakeMeili(t testing.TB) (*search.Meili, *meilitest.Server) {
	t.Helper()
	s := meilitest.New(t)
	m := openMeili(t, search.MeiliOptions{URL: s.URL})
	if err := m.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Requests()
	return m, s
}

func TestMeili(t *testing.T) {
	searchtest.RunWith(t, meiliDiffers, func(t *testing.T) search.Index {
		m, _ := fakeMeili(t)
		return m
	})
}

// TestMeiliServer runs the suite against a real server.
func TestMeiliServer(t *testing.T) {
	realMeili(t) // or skip all
	searchtest.RunWith(t, meiliDiffers, func(t *testing.T) search.Index { return realMeili(t) })
}

// realMeili is an empty index of its own on a real server.
func realMeili(t testing.TB) *search.Meili {
	t.Helper()
	url := os.Getenv("SEEDBED_TEST_MEILI_URL")
	if url == "" {
		t.Skip("SEEDBED_TEST_MEILI_URL names no Meilisearch server")
	}
	m := openMeili(t, search.MeiliOptions{
		URL: url, Key: os.Getenv("SEEDBED_TEST_MEILI_KEY"), Index: "seedbed_test_" + rand.Text(), Timeout: 30 * time.Second, Pause: 20 * time.Millisecond,
	})
	if err := m.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Drop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return m
}

func meiliFinds(t *testing.T, m *search.Meili, query, want string) {
	t.Helper()
	page, err := m.Search(t.Context(), seedbed.Filter{Query: query})
	if err != nil {
		t.Fatalf("Search(%s): %v", query, err)
	}
	slices.Sort(page.IDs)
	if got := strings.Join(page.IDs, " "); got != want {
		t.Errorf("Search(%s) finds %q, want %q", query, got, want)
	}
}

func TestMeiliFaults(t *testing.T) {
	const writing = "documentAdditionOrUpdate"
	for _, test := range []struct {
		name   string
		fault  func(s *meilitest.Server)
		mend   func(s *meilitest.Server)
		want   string // in the error of Apply; "" is none
		reset  bool   // what heals it, else Apply again
		finds  string // before it is healed; "-" is an error
		healed string
	}{
		{name: "task failed", fault: func(s *meilitest.Server) { s.FailTasks(writing, 1) },
			want: "task 7 failed: Meilisearch says internal: the disk said no", finds: "a", healed: "a b"},
		{name: "task pruned", fault: func(s *meilitest.Server) { s.PruneTasks(1) },
			want: "Meilisearch forgot task 7 before it could be asked how it ended", finds: "a b", healed: "a b"},
		{name: "a short burst of 503", fault: func(s *meilitest.Server) { s.Busy(3) }, finds: "a b", healed: "a b"},
		{name: "a long burst of 503", fault: func(s *meilitest.Server) { s.Busy(4) },
			want: "Meilisearch says too_many_search_requests", finds: "a", healed: "a b"},
		{name: "connections reset midway, for a while", fault: func(s *meilitest.Server) { s.Cut(3) }, finds: "a b", healed: "a b"},
		{name: "connections reset midway", fault: func(s *meilitest.Server) { s.Cut(4) },
			want: "Meilisearch does not answer: unexpected EOF", finds: "a", healed: "a b"},
		{name: "down", fault: func(s *meilitest.Server) { s.Down(true) }, mend: func(s *meilitest.Server) { s.Down(false) },
			want: "Meilisearch does not answer: ", finds: "-", healed: "a b"},
		{name: "wiped", fault: (*meilitest.Server).Wipe,
			want: "has to be built: Meilisearch says index_not_found", reset: true, finds: "-", healed: "b"},
		{name: "settings lost", fault: func(s *meilitest.Server) { s.Forget(search.DefaultMeiliIndex) },
			want: "", reset: true, finds: "-", healed: "b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, s := fakeMeili(t)
			if err := m.Apply(t.Context(), []search.Change{change("a", "apples")}); err != nil {
				t.Fatal(err)
			}
			test.fault(s)
			err := m.Apply(t.Context(), []search.Change{change("b", "apples")})
			if err == nil != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("Apply says %q, want %q", fmt.Sprint(err), test.want)
			}
			if test.finds == "-" {
				_, err := m.Search(t.Context(), seedbed.Filter{Query: "apples"})
				if err == nil || errors.Is(err, search.ErrDamaged) != test.reset {
					t.Errorf("Search says %v, want an error, ErrDamaged: %v", err, test.reset)
				}
			} else {
				meiliFinds(t, m, "apples", test.finds)
			}
			if test.mend != nil {
				test.mend(s)
			}
			if test.reset {
				if err := m.Reset(t.Context()); err != nil {
					t.Errorf("Reset afterwards: %v", err)
				}
			}
			if err := m.Apply(t.Context(), []search.Change{change("b", "apples")}); err != nil {
				t.Errorf("Apply afterwards: %v", err)
			}
			meiliFinds(t, m, "apples", test.healed)
		})
	}
}

func TestMeiliWipedServerIsMadeByResetOnly(t *testing.T) {
	m, s := fakeMeili(t)
	s.Wipe()
	for v, err := range m.Versions(t.Context()) {
		if !errors.Is(err, search.ErrDamaged) {
			t.Errorf("Versions of a wiped server: %v, %v, want ErrDamaged", v, err)
		}
	}
	if _, err := m.Count(t.Context()); !errors.Is(err, search.ErrDamaged) {
		t.Errorf("Count of a wiped server: %v, want ErrDamaged", err)
	}
	_ = m.Apply(t.Context(), []search.Change{change("a", "apples")})
	s.Settle()
	if got := s.Indexes(); len(got) > 0 {
		t.Errorf("there is an index %v that nobody set up", got)
	}
}

func TestMeiliResetHealsWhatAResetLeft(t *testing.T) {
	for _, kind := range []string{"indexCreation", "settingsUpdate", "indexSwap", "indexDeletion"} {
		t.Run(kind, func(t *testing.T) {
			m, s := fakeMeili(t)
			if err := m.Apply(t.Context(), []search.Change{change("a", "apples")}); err != nil {
				t.Fatal(err)
			}
			s.FailTasks(kind, 1)
			if err := m.Reset(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk said no") {
				t.Fatalf("Reset says %v, want that the task failed", err)
			}
			if err := m.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			meiliFinds(t, m, "apples", "")
			if got := s.Indexes(); !slices.Equal(got, []string{search.DefaultMeiliIndex}) {
				t.Errorf("the server has %v, want the one index", got)
			}
		})
	}
}

func TestMeiliSlowServer(t *testing.T) {
	m, s := fakeMeili(t)
	slow := openMeili(t, search.MeiliOptions{URL: s.URL, Timeout: 10 * time.Millisecond})
	s.Hang(true)
	if _, err := slow.Search(t.Context(), seedbed.Filter{}); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nothing came of it within 10ms") {
		t.Errorf("Search of a server that hangs: %v, want our deadline", err)
	}
	if err := slow.Apply(t.Context(), []search.Change{change("a", "apples")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Apply to a server that hangs: %v, want our deadline", err)
	}
	s.Hang(false)
	if err := m.Apply(t.Context(), []search.Change{change("a", "apples")}); err != nil {
		t.Error(err)
	}
	meiliFinds(t, m, "apples", "a")
}

// The feed tries a batch that was not taken in halves, and a page falls back
// to the database: neither is to wait for a server that is known to be away.
func TestMeiliLeavesAServerAloneThatIsAway(t *testing.T) {
	_, s := fakeMeili(t)
	m := openMeili(t, search.MeiliOptions{URL: s.URL, Rest: time.Hour})
	s.Busy(4)
	if err := m.Apply(t.Context(), []search.Change{change("a", "apples")}); err == nil {
		t.Fatal("a busy server took a change")
	}
	s.Requests()
	if err := m.Apply(t.Context(), []search.Change{change("a", "apples")}); err == nil || !strings.Contains(err.Error(), "not asked again so soon: ") {
		t.Errorf("Apply soon after: %v, want no attempt", err)
	}
	if _, err := m.Search(t.Context(), seedbed.Filter{}); err == nil || !strings.Contains(err.Error(), "too_many_search_requests") {
		t.Errorf("Search soon after: %v, want the reason", err)
	}
	if got := s.Requests(); got != nil {
		t.Errorf("the server was asked %v", got)
	}
	if err := m.Reset(t.Context()); err != nil {
		t.Error(err)
	}
	if err := m.Apply(t.Context(), []search.Change{change("a", "apples")}); err != nil {
		t.Errorf("Apply after Reset has seen the server: %v", err)
	}
}

func TestMeiliNeverDeletesDocuments(t *testing.T) {
	m, s := fakeMeili(t)
	if err := m.Apply(t.Context(), []search.Change{change("a", "apples"), change("b", "pears"), {ID: "c", Version: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(t.Context(), []search.Change{{ID: "a", Version: 2}}); err != nil {
		t.Fatal(err)
	}
	s.Requests()
	if err := m.Apply(t.Context(), []search.Change{change("b", "other pears"), {Version: 1}}); seedbed.CodeOf(err) != seedbed.Invalid {
		t.Errorf("Apply without an id: %v, want an invalid error", err)
	}
	if got := s.Requests(); got != nil {
		t.Errorf("for a batch with a change without an id, the server was asked %v", got)
	}
	meiliFinds(t, m, "", "b")
}

func TestMeiliRefusals(t *testing.T) {
	s := meilitest.New(t)
	for _, test := range []struct{ key, version, want string }{
		{"wrong", "1.53.0", "Meilisearch refuses the key: The provided API key is invalid."},
		{meilitest.Key, "1.49.3", "has version 1.49.3: 1.50.0 or a newer one is needed"},
		{meilitest.Key, "1.50.0-rc.2", "index_not_found"},
	} {
		s.SetVersion(test.version)
		m := openMeili(t, search.MeiliOptions{URL: s.URL, Key: test.key})
		if _, err := m.Search(t.Context(), seedbed.Filter{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("with key %s and version %s: %v, want %q", test.key, test.version, err, test.want)
		}
	}
	for _, url := range []string{"", "localhost:7700", "ftp://localhost", "http://"} {
		if _, err := search.OpenMeili(search.MeiliOptions{URL: url}); err == nil {
			t.Errorf("OpenMeili(%q) is no error", url)
		}
	}
}

// Settings that are not ours are mended by what may take its time, once.
func TestMeiliSettingsAreMended(t *testing.T) {
	m, s := fakeMeili(t)
	if err := m.Apply(t.Context(), []search.Change{change("a", "apples")}); err != nil {
		t.Fatal(err)
	}
	s.Forget(search.DefaultMeiliIndex)
	m = openMeili(t, search.MeiliOptions{URL: s.URL})
	s.Requests()
	if _, err := m.Search(t.Context(), seedbed.Filter{}); !errors.Is(err, search.ErrDamaged) {
		t.Errorf("Search without settings: %v, want ErrDamaged", err)
	}
	for range 2 {
		for v, err := range m.Versions(t.Context()) {
			if err != nil || v != (search.Version{ID: "a", Version: 1}) {
				t.Errorf("Versions has %v, %v, want a", v, err)
			}
		}
	}
	meiliFinds(t, m, "apples", "a")
	set := "PATCH /indexes/" + search.DefaultMeiliIndex + "/settings"
	if n := strings.Count(strings.Join(s.Requests(), "\n"), set); n != 1 {
		t.Errorf("the index was set up %d times, want once", n)
	}
}

func TestMeiliDeepPages(t *testing.T) {
	m, _ := fakeMeili(t)
	var batch []search.Change
	for i := range 1100 {
		c := change(fmt.Sprintf("%04d", i), "apples")
		c.Seed.Tags = []string{fmt.Sprintf("Tag %d", i)}
		batch = append(batch, c)
	}
	if err := m.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	page, err := m.Search(t.Context(), seedbed.Filter{Query: "apples", Page: 5, Size: 200, Tag: []string{}})
	if err != nil || len(page.IDs) != 200 || page.Total != 1100 {
		t.Errorf("the last page the server shows has %d of %d, %v, want 200 of 1100", len(page.IDs), page.Total, err)
	}
	for _, n := range []int{6, 60} {
		if _, err := m.Search(t.Context(), seedbed.Filter{Query: "apples", Page: n, Size: 200}); !errors.Is(err, search.ErrTooDeep) {
			t.Errorf("page %d: %v, want %v", n, err, search.ErrTooDeep)
		}
	}
	// A value that is not among the most frequent is counted all the same.
	page, err = m.Search(t.Context(), seedbed.Filter{Tag: []string{"Tag 1099", "tag 1099", "Tag 7"}})
	if err != nil || page.Total != 2 {
		t.Fatalf("by tag: %d seeds, %v, want 2", page.Total, err)
	}
	counts := map[string]int{}
	for _, f := range page.Facets["tag"] {
		counts[f.Value] = f.Count
	}
	if n, ok := counts["tag 1099"]; counts["Tag 1099"] != 1 || counts["Tag 7"] != 1 || n != 0 || !ok {
		t.Errorf("the tags filtered for are counted %d, %d and %d", counts["Tag 1099"], counts["Tag 7"], n)
	}
}

// What the server takes for one, we do not.
func TestMeiliValuesAreExact(t *testing.T) {
	m, _ := fakeMeili(t)
	values := []string{"Go", "go", "gó", "g_o", `g"o`, `g\`, "g'o", "a]", "a, b", "_67o", ".x", "学", strings.Repeat("long ", 200), " "}
	var batch []search.Change
	for i, v := range values {
		c := change(fmt.Sprint("seed/", i, ":é"), "apples")
		c.Seed.Tags = []string{v}
		batch = append(batch, c)
	}
	if err := m.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		page, err := m.Search(t.Context(), seedbed.Filter{Tag: []string{v}})
		if want := fmt.Sprint("seed/", i, ":é"); err != nil || !slices.Equal(page.IDs, []string{want}) {
			t.Errorf("tag %.20q finds %v, %v, want %s", v, page.IDs, err, want)
		}
		if !slices.Contains(page.Facets["tag"], seedbed.Facet{Value: v, Count: 1}) {
			t.Errorf("tag %.20q is not among the facets", v)
		}
	}
}
