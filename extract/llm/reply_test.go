package llm

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seedbed/extract"
)

func TestUnthink(t *testing.T) {
	for _, tt := range []struct{ name, in, said, thought string }{
		{"nothing", "plain words", "plain words", ""},
		{"closed", "<think>a</think>b", "b", "a"},
		{"thinking", "<thinking>\na\n</thinking>\nb", "b", "a"},
		{"two", "<think>a</think>\n<think>b</think>\nc", "c", "a\nb"},
		{"after words", "So.\n<think>a</think>b", "So.\nb", "a"},
		{"unclosed", "b\n<think>a and {x}", "b", "a and {x}"},
		{"unopened", "a {x}\n</think>\nb", "b", "a {x}"},
		{"braces in it", "<think>{a}</think>{}", "{}", "{a}"},
		{"capitals", "<THINK>a</Think>b", "b", "a"},
		{"in JSON", `{"a":"<think>b</think>"}`, `{"a":"<think>b</think>"}`, ""},
		{"unopened in JSON", `{"a":"b</think>"}`, `{"a":"b</think>"}`, ""},
		{"on a line in JSON", "[\"a\",\n<think>]", "[\"a\",\n<think>]", ""},
		{"in a fence", "```\n<think>a</think>\n```", "```\n<think>a</think>\n```", ""},
		{"in a sentence", "The tag <think> opens it.", "The tag <think> opens it.", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			said, thought := unthink(tt.in)
			if said != tt.said || thought != tt.thought {
				t.Errorf("unthink(%q) = %q, %q; want %q, %q", tt.in, said, thought, tt.said, tt.thought)
			}
		})
	}
}

func TestUnfence(t *testing.T) {
	for in, want := range map[string]string{
		"a":                             "a",
		"```\na\n```":                   "a",
		"```go\na\nb\n```\n":            "a\nb",
		"see ```a```":                   "see ```a```",
		"```\na\n```\nand\n```\nb\n```": "```\na\n```\nand\n```\nb\n```",
		"```":                           "```",
	} {
		if got := unfence(in); got != want {
			t.Errorf("unfence(%q) = %q, want %q", in, got, want)
		}
	}
}

// What a model writes in a string, and what was meant.
func TestMend(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"\\frac", `\frac{1}{2}`, `\frac{1}{2}`},
		{"\\beta", `$\beta$`, `$\beta$`},
		{"\\tau", `\tau_1`, `\tau_1`},
		{"\\rho and \\right", `\rho \right)`, `\rho \right)`},
		{"\\theta, \\times, \\text", `\theta \times $\text{m}$`, `\theta \times $\text{m}$`},
		{"\\nabla", `\nabla f`, `\nabla f`},
		{"\\nu between dollars", `$\nu$`, `$\nu$`},
		{"\\nu after \\(", `\(\nu\)`, `\(\nu\)`},
		{"\\neq after \\\\(", `\\(a \neq b\\)`, `\(a \neq b\)`},
		{"commands that escape nothing", `\sum \alpha \infty \$5`, `\sum \alpha \infty \$5`},
		{"\\usepackage", `\usepackage \underline`, `\usepackage \underline`},
		{"right as it is", `\\frac \\beta \\\\`, `\frac \beta \\`},
		{"a line break", `a\nb\tc`, "a\nb\tc"},
		{"words after a break", `a\nu = 3\nexists\nnot x\n\to_do\tan`, "a\nu = 3\nexists\nnot x\n\to_do\tan"},
		{"code", `for {\n\treturn\n\tif x {\n\t\tbreak\n\t}\n}`, "for {\n\treturn\n\tif x {\n\t\tbreak\n\t}\n}"},
		{"a carriage return", `a\r\nb`, "a\r\nb"},
		{"a quote and a slash", `\"a\/b`, `"a/b`},
		{"a character by number", `\u00e9`, "é"},
		{"NUL", `a\u0000b`, "a\uFFFDb"},
		{"raw line break and tab", "a\n\tb", "a\n\tb"},
		{"raw control character", "a\x01b", "a\x01b"},
		{"dollars in prose", `$5 and\nuse`, "$5 and\nuse"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := mend(`{"a":"` + tt.in + `"}`)
			var got struct{ A string }
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("mend of %s gives %s: %v", tt.in, text, err)
			}
			if got.A != tt.want {
				t.Errorf("mend of %s means %q, want %q", tt.in, got.A, tt.want)
			}
		})
	}
}

const person = `{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name"],"additionalProperties":false}`

func TestRead(t *testing.T) {
	f, err := newForm([]byte(person))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, in, want, err string }{
		{name: "plain", in: `{"name":"a","age":3}`, want: `{"name":"a","age":3}`},
		{name: "words around", in: `See [1]: {"name":"a"} and {so on}.`, want: `{"name":"a"}`},
		{name: "fence", in: "```json\n{\"name\":\"a\"}\n```", want: `{"name":"a"}`},
		{name: "a fence in a string", in: "```json\n{\"name\":\"```go\\nx\\n```\"}\n```", want: "{\"name\":\"```go\\nx\\n```\"}"},
		{name: "a field too many", in: `{"name":"a","height":2}`, want: `{"name":"a","height":2}`},
		{name: "single quotes", in: `{'name': 'a'}`, want: `{"name": "a"}`},
		{name: "a trailing comma", in: `{"name":"a",}`, want: `{"name":"a"}`},
		{name: "None", in: `{"name":"a","age":None}`, err: "at /age"},
		{name: "a brace in a string", in: `{"name":"}{"}`, want: `{"name":"}{"}`},
		{name: "half", in: `{"name":"a`, err: "breaks off"},
		{name: "half after a whole inner one", in: `[{"name":"a"},{"name":`, err: "breaks off"},
		{name: "nothing", in: "no", err: "no JSON"},
		{name: "a list", in: `[{"name":"a"}]`, err: "got array, want object"},
		{name: "a field too few", in: `{"age":3}`, err: "missing property 'name'"},
		{name: "another type", in: `{"name":"a","age":"3"}`, err: "at /age: got string, want integer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := f.read(extract.Reply{Text: tt.in, Raw: tt.in})
			if err != nil {
				if tt.err == "" || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("read(%s): %v, want %q", tt.in, err, tt.err)
				}
				return
			}
			if tt.err != "" || got != tt.want {
				t.Errorf("read(%s) = %s, want %s%s", tt.in, got, tt.want, tt.err)
			}
		})
	}
}

// A schema may not make the validator read files.
func TestSchemasReadNothing(t *testing.T) {
	for _, s := range []string{`{"$ref":"file:///etc/passwd"}`, `{"$ref":"other.json"}`, `{`, `{"type":3}`} {
		if _, err := newForm([]byte(s)); err == nil {
			t.Errorf("newForm(%s) compiles", s)
		}
	}
}

// FuzzRead: whatever a model says, read ends, and what it returns fits.
func FuzzRead(f *testing.F) {
	for _, s := range []string{`{"name":"a"}`, "```json\n{\"name\":\"\\frac\"}\n```", `<think>{"name":"a"}`, `{'name':'a',}`, `[{]}`, `{"name":"\u00"}`, `x</think>{"name":"\`} {
		f.Add(s)
	}
	form, err := newForm([]byte(person))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		said, _ := unthink(s)
		got, err := form.read(extract.Reply{Text: said, Raw: s})
		if err != nil {
			return
		}
		var v struct {
			Name *string `json:"name"`
		}
		if err := json.Unmarshal([]byte(got), &v); err != nil || v.Name == nil {
			t.Errorf("read(%q) = %q, which does not fit: %v", s, got, err)
		}
	})
}

func TestComplaints(t *testing.T) {
	c := New(Options{URL: "http://host/v1", Key: "sk-123456"})
	for _, tt := range []struct {
		status      int
		body        string
		kind, words string
	}{
		{400, `{"error":{"message":"the request exceeds the available context size","type":"exceed_context_size_error","code":400}}`, TooLong, "available context size"},
		{500, `{"error":{"code":500,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`, TooLong, "available context size"},
		{400, `{"error":{"code":"content_filter","message":"The response was filtered"}}`, Refusal, "filtered"},
		{402, `{"error":{"message":"Insufficient credits"}}`, Quota, "Insufficient credits"},
		{200, `{"error":{"message":"Provider returned error","code":429}}`, Rate, "Provider returned error"},
		{403, `{"message":"no"}`, Auth, "no"},
		{404, `{"error":"model 'm' not found, try pulling it first"}`, NotFound, "try pulling it"},
		{413, ``, TooLong, "longer than m takes"},
		{422, `{"detail":[{"msg":"field required"}]}`, Invalid, "field required"},
		{500, "\x1b[31mred\x1b[0m\n\nsk-123456", Unavailable, "[31mred[0m [key]"},
		{504, `<html><title>504 Gateway Time-out</title>`, Unavailable, "504 Gateway Time-out"},
		{500, strings.Repeat("x", 5000), Unavailable, "…"},
	} {
		t.Run(fmt.Sprint(tt.status, " ", clip(tt.body, 60)), func(t *testing.T) {
			e := c.fault("m", tt.status, nil, []byte(tt.body))
			if e.Kind != tt.kind || !strings.Contains(e.Message, tt.words) || len(e.Message) > 500 {
				t.Errorf("fault(%d, %s) = %s: %s; want %s with %q", tt.status, clip(tt.body, 200), e.Kind, e.Message, tt.kind, tt.words)
			}
		})
	}
}

func TestStreams(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"no space after data", "data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata:[DONE]\n", "a"},
		{"comments and CRLF", ": keep-alive\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\ndata: [DONE]\r\n", "a"},
		{"no DONE", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n", "a"},
		{"null content", "data: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n", "a"},
		{"parts", "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"t\"}]},{\"type\":\"text\",\"text\":\"a\"}]}}]}\n\ndata: [DONE]\n", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := answer{max: 1000}
			if err := a.stream(strings.NewReader(tt.in)); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, a.content.String()); d != "" {
				t.Errorf("content (-want +got):\n%s", d)
			}
		})
	}
	a := answer{max: 1000}
	if err := a.stream(strings.NewReader("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n")); err == nil {
		t.Error("a stream that breaks off is taken for a reply")
	}
}
