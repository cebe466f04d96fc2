package meilitest

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestTheDocumentIsHeld(t *testing.T) {
	for _, test := range []struct{ method, path, body, reply, want string }{
		{"POST", "/multi-search", `{"queries":[{"indexUid":"a","q":"b","facets":["c"],"hitsPerPage":0}]}`,
			`{"results":[{"indexUid":"a","hits":[],"query":"b","processingTimeMs":1,"hitsPerPage":0,"page":1,"totalPages":0,"totalHits":0}]}`, ""},
		{"POST", "/multi-search", `{"queries":[{"indexUid":"a","q":"b","hitPerPage":0}]}`, "", "hitPerPage"},
		{"POST", "/multi-search", `{"queries":[{"indexUid":"a","q":"b","facets":{"patterns":["c"]}}]}`, "", "facets"},
		{"POST", "/multi-search", `{"queries":[]}`, `{"hits":[],"processingTimeMs":1}`, "results"},
		{"POST", "/multi-search", `{"queries":[]}`, `{"results":[{"indexUid":"a","hits":[],"query":"b"}]}`, "processingTimeMs"},
		{"POST", "/indexes", `{"uid":"a","primarykey":"id"}`, "", "primarykey"},
		{"PATCH", "/indexes/a/settings", `{"typoTolerance":{"enabled":"yes"}}`, "", "enabled"},
		{"GET", "/version", "", `{"pkgVersion":"1.53.0"}`, "commitSha"},
		{"GET", "/tasks/1", "", `{"uid":1,"status":"done","type":"indexSwap","enqueuedAt":"2026-01-01T00:00:00Z"}`, "status"},
		{"GET", "/no/such/path", "", "", "not found"},
	} {
		r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
		if test.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		err := check(r, []byte(test.body))
		if err == nil && test.reply != "" {
			err = checkReply(r, []byte(test.body), 200, []byte(test.reply))
		}
		if err == nil != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s %s answered with %s: %v, want an error with %q", test.method, test.path, test.body, test.reply, err, test.want)
		}
	}
}

func TestFilters(t *testing.T) {
	doc := map[string]any{"tag": []any{"Go", `a "b" \`}, "gone": false, "n": 5.0}
	for filter, want := range map[string]string{
		`"gone = false"`:                   "yes",
		`"gone = true"`:                    "no",
		`"tag = go"`:                       "yes",
		`"tag IN [\"x\", \"GO\"]"`:         "yes",
		`"tag IN [\"x, go\"]"`:             "no",
		`"tag IN []"`:                      "no",
		`"tag IN [\"a \\\"b\\\" \\\\\"]"`:  "yes",
		`"n >= 5"`:                         "yes",
		`"n >= 6"`:                         "no",
		`["n >= 5", "gone = true"]`:        "no",
		`"tag IN [\"x\""`:                  "error",
		`"tag IN [\"x]"`:                   "error",
		`"tag IN [\"x\"] OR n >= 1"`:       "error",
		`"tag LIKE x"`:                     "error",
		`"= x"`:                            "error",
		`"tag ="`:                          "error",
		`"tag IN [\"x\"] = \"injected\"]"`: "error",
		`"tag = \"x\" \"y\""`:              "error",
	} {
		conditions, err := parseFilters([]byte(filter))
		got := "yes"
		if slices.ContainsFunc(conditions, func(c condition) bool { return !c.holds(doc) }) {
			got = "no"
		}
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("filter %s: %s, %v, want %s", filter, got, err, want)
		}
	}
}
