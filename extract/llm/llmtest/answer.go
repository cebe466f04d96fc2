package llmtest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Answer is the content of a good reply. A request with a JSON schema (as its
// response_format, or in the prompt between <schema> and </schema>) gets JSON
// made by walking the schema; any other gets the passage's first sentence.
//
// Objects with a question get one sentence of the passage each: it is the
// answer and, verbatim, the quote. At most three such objects stand in a
// list; in a list named explicit stand only the questions that the passage
// itself asks, with the sentence after each in the same paragraph. Other values are chosen by name,
// type and enum: high where they rate, true where they approve.
//
// Asked about code, it writes instructions, known code and known tests: see
// aboutCode.
//
// Of several draws of one question without a passage, which differ in their
// seed alone, about one in five does not know: its answer is empty.
func Answer(r Request) string {
	passage := between(r.message, "passage")
	given := passage != ""
	if passage == "" && len(r.message) > 0 {
		passage = r.message[len(r.message)-1].Content
		for _, m := range slices.Backward(r.message) {
			if m.Role == "user" {
				passage = m.Content
				break
			}
		}
	}
	if !given {
		passage = tagLine.ReplaceAllString(passage, "")
	}
	found := sentences(passage)
	var schema json.RawMessage
	if f := r.wants.Format; f != nil && f.Type == "json_schema" {
		schema = f.JSONSchema.Schema
	} else {
		schema = json.RawMessage(between(r.message, "schema"))
	}
	var root node
	if len(schema) == 0 || json.Unmarshal(schema, &root) != nil {
		if len(found) == 0 {
			return "There is nothing to say."
		}
		return found[0]
	}
	if reply := aboutCode(r, root); reply != "" {
		return reply
	}
	w := writer{root: root, told: telling(found), asked: asking(passage, found), all: found}
	w.blank = !given && r.Seed() > 0 && hash(fmt.Sprint(r.Text(), r.Seed()))%5 == 0
	data, err := json.Marshal(w.value(root, "", pair{}, 0))
	if err != nil {
		panic(err) // made of plain values
	}
	return string(data)
}

// tagLine is a line with nothing but a tag.
var tagLine = regexp.MustCompile(`(?m)^</?\w+>$`)

// between is what stands between two tags on lines of their own in the last
// message that has them.
func between(messages []message, tag string) string {
	for _, m := range slices.Backward(messages) {
		text := "\n" + m.Content + "\n"
		open, shut := "\n<"+tag+">\n", "\n</"+tag+">\n"
		i := strings.Index(text, open)
		if i < 0 {
			continue
		}
		text = text[i+len(open)-1:] // the line break may be both tags'
		if j := strings.LastIndex(text, shut); j >= 0 {
			return strings.TrimPrefix(text[:j], "\n")
		}
	}
	return ""
}

// sentences are verbatim stretches of a text that end like sentences, or its
// lines where nothing does.
func sentences(text string) []string {
	var out []string
	keep := func(s string) {
		s = strings.TrimSpace(s)
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for para := range strings.SplitSeq(text, "\n\n") {
		start := 0
		for i := 0; i < len(para); i++ {
			end := strings.IndexByte(".?!", para[i]) >= 0 && (i+1 == len(para) || para[i+1] == ' ' || para[i+1] == '\n')
			cjk := strings.HasPrefix(para[i:], "。")
			if cjk {
				i += len("。") - 1
			}
			if end || cjk {
				keep(para[start : i+1])
				start = i + 1
			}
		}
	}
	if len(out) == 0 {
		for line := range strings.Lines(text) {
			keep(line)
		}
	}
	return out
}

// A pair is a question and the sentence that answers it.
type pair struct{ question, sentence string }

// Sentences that begin like the former or hold the latter mean little alone.
var (
	leaningStart = []string{"this ", "that ", "these ", "those ", "it ", "its ", "they ", "their ", "he ", "she ", "we ", "here ", "there ",
		"such ", "however", "thus", "hence", "therefore", "but ", "and ", "so ", "then "}
	leaningWord = []string{" figure ", " fig. ", " table ", " chapter ", " section ", " equation ", " above", " below"}
)

// telling makes pairs of the sentences that say something by themselves, or of
// whatever there is.
func telling(sentences []string) []pair {
	var good, rest []pair
	for _, s := range sentences {
		n := utf8.RuneCountInString(s)
		p := pair{question(s), s}
		lower := strings.ToLower(s)
		leans := slices.ContainsFunc(leaningStart, func(w string) bool { return strings.HasPrefix(lower, w) }) ||
			slices.ContainsFunc(leaningWord, func(w string) bool { return strings.Contains(" "+lower, w) })
		if !leans && n >= 25 && n <= 400 && !strings.HasSuffix(s, "?") && !strings.HasPrefix(s, "#") && len(strings.Fields(s)) >= 4 {
			good = append(good, p)
		} else if n >= 10 {
			rest = append(rest, p)
		}
	}
	if len(good) > 0 {
		return spread(good, 3)
	}
	return spread(rest, 1)
}

// asking makes pairs of questions in the text and the sentence after each in
// the same paragraph.
func asking(text string, sentences []string) []pair {
	var out []pair
	for i, s := range sentences {
		if !strings.HasSuffix(s, "?") || i+1 == len(sentences) || strings.HasSuffix(sentences[i+1], "?") {
			continue
		}
		_, after, _ := strings.Cut(text, s)
		if strings.HasPrefix(strings.TrimLeft(after, " "), sentences[i+1]) || strings.HasPrefix(strings.TrimPrefix(after, "\n"), sentences[i+1]) {
			out = append(out, pair{s, sentences[i+1]})
		}
	}
	return spread(out, 3)
}

// spread keeps at most n pairs, evenly over the list.
func spread(list []pair, n int) []pair {
	if len(list) <= n {
		return list
	}
	out := make([]pair, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}

var (
	verbs   = strings.Fields("is are was were has have had can could may might will would does do did must should holds makes means gives takes")
	openers = strings.Fields("The A An In On At By For From To With Of As If When While Since All Every Each Most Some No")
	fillers = strings.Fields("because through without between another whenever wherever although therefore themselves")
)

// question asks for a sentence by what it is about and its longest other
// words, without giving the sentence away.
func question(sentence string) string {
	words := strings.FieldsFunc(sentence, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(".,;:!?()[]{}\"“”*_`#|<>", r)
	})
	if len(words) == 0 {
		return "Which statement holds?"
	}
	n := slices.IndexFunc(words, func(w string) bool { return slices.Contains(verbs, w) })
	if n < 1 || n > 6 {
		n = min(4, len(words))
	}
	subject := strings.Join(words[:n], " ")
	if first, size := utf8.DecodeRuneInString(subject); slices.Contains(openers, words[0]) {
		subject = string(unicode.ToLower(first)) + subject[size:]
	}
	rest := slices.DeleteFunc(slices.Clone(words[n:]), func(w string) bool { return slices.Contains(fillers, w) })
	slices.SortStableFunc(rest, func(a, b string) int { return len(b) - len(a) })
	rest = slices.Compact(rest)
	for len(rest) < 2 {
		rest = append(rest, "its use")
	}
	switch hash(sentence) % 5 {
	case 0:
		return fmt.Sprintf("Which statement holds about %s and %s?", subject, rest[0])
	case 1:
		return fmt.Sprintf("How does %s bear on %s, and where does %s come in?", subject, rest[0], rest[1])
	case 2:
		return fmt.Sprintf("What do %s and %s tell about %s?", rest[0], rest[1], subject)
	case 3:
		return fmt.Sprintf("Say what connects %s with %s.", subject, rest[0])
	default:
		return fmt.Sprintf("With %s in mind, what is known of %s?", rest[0], subject)
	}
}

// A node is the part of JSON Schema that recipes use.
type node struct {
	Ref        string          `json:"$ref"`
	Type       kinds           `json:"type"`
	Properties map[string]node `json:"properties"`
	Items      *node           `json:"items"`
	Enum       []any           `json:"enum"`
	Const      any             `json:"const"`
	AnyOf      []node          `json:"anyOf"`
	OneOf      []node          `json:"oneOf"`
	Minimum    *float64        `json:"minimum"`
	Maximum    *float64        `json:"maximum"`
	MinItems   int             `json:"minItems"`
	MaxItems   *int            `json:"maxItems"`
	Defs       map[string]node `json:"$defs"`
	Old        map[string]node `json:"definitions"`
}

// kinds are the types a value may have, null left out.
type kinds []string

func (k *kinds) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*k = kinds{one}
		return nil
	}
	var many []string
	err := json.Unmarshal(data, &many)
	*k = slices.DeleteFunc(many, func(s string) bool { return s == "null" })
	return err
}

// A writer makes values for a schema.
type writer struct {
	root  node
	told  []pair
	asked []pair
	all   []string
	blank bool // it does not know the answer
}

// value is a value for n, which is called name and belongs to p.
func (w writer) value(n node, name string, p pair, depth int) any {
	if depth > 20 { // a schema that contains itself
		return nil
	}
	if n.Ref != "" {
		key := n.Ref[strings.LastIndexByte(n.Ref, '/')+1:]
		if def, ok := w.root.Defs[key]; ok {
			return w.value(def, name, p, depth+1)
		}
		return w.value(w.root.Old[key], name, p, depth+1)
	}
	for _, choices := range [][]node{n.AnyOf, n.OneOf} {
		for _, c := range choices {
			if !slices.Equal(c.Type, kinds{"null"}) {
				return w.value(c, name, p, depth+1)
			}
		}
	}
	if n.Const != nil {
		return n.Const
	}
	for _, v := range n.Enum {
		if s, ok := v.(string); ok && slices.Contains([]string{"pass", "true", "yes", "keep", "accept"}, strings.ToLower(s)) {
			return v
		}
	}
	if len(n.Enum) > 0 {
		return n.Enum[int(hash(p.sentence)%uint32(len(n.Enum)))*boolInt(name == "type")]
	}
	kind := ""
	if len(n.Type) > 0 {
		kind = n.Type[0]
	} else if n.Properties != nil {
		kind = "object"
	}
	switch kind {
	case "object":
		if p == (pair{}) && n.Properties["question"].Type != nil && len(w.told) > 0 {
			p = w.told[0]
		}
		out := map[string]any{}
		for k, sub := range n.Properties {
			out[k] = w.value(sub, k, p, depth+1)
		}
		return out
	case "array":
		return w.list(n, name, p, depth)
	case "integer":
		return int(number(n, name, p))
	case "number":
		return number(n, name, p)
	case "boolean":
		return !has(name, "skip", "reject", "lean", "refus", "leak", "duplicate", "front_matter", "drop")
	case "null":
		return nil
	}
	return w.text(name, p)
}

func (w writer) list(n node, name string, p pair, depth int) []any {
	out := []any{}
	items := node{}
	if n.Items != nil {
		items = *n.Items
	}
	pairs := w.told
	switch {
	case p != (pair{}) || len(items.Properties) == 0 && !w.isObject(items):
		// A list within a pair is about that pair; a list of plain values
		// needs one.
		if p == (pair{}) && len(w.told) > 0 {
			p = w.told[0]
		}
		pairs = []pair{p}
	case name == "explicit":
		pairs = w.asked
	}
	for _, p := range pairs {
		out = append(out, w.value(items, name, p, depth+1))
	}
	for len(out) > 0 && len(out) < n.MinItems {
		out = append(out, out[len(out)-1])
	}
	if n.MaxItems != nil && len(out) > *n.MaxItems {
		out = out[:*n.MaxItems]
	}
	for len(out) < n.MinItems {
		out = append(out, w.value(items, name, pair{"Which statement holds?", "Nothing is stated."}, depth+1))
	}
	return out
}

// isObject looks through a reference.
func (w writer) isObject(n node) bool {
	key := n.Ref[strings.LastIndexByte(n.Ref, '/')+1:]
	return n.Ref != "" && (len(w.root.Defs[key].Properties) > 0 || len(w.root.Old[key].Properties) > 0)
}

// number is high where a name rates, and spread out where it grades.
func number(n node, name string, p pair) float64 {
	low, high := 1.0, 5.0
	if n.Maximum != nil {
		high = *n.Maximum
	}
	if n.Minimum != nil {
		low = *n.Minimum
	}
	high = max(low, high)
	if !has(name, "difficult", "level") {
		return high
	}
	return low + float64(int(hash(p.sentence)%uint32(high-low+1)))
}

func (w writer) text(name string, p pair) string {
	switch {
	case has(name, "language", "lang"):
		return "en"
	case w.blank && has(name, "answer"):
		return ""
	case p.sentence == "":
		if len(w.all) > 0 {
			return w.all[0]
		}
		return "none"
	case isQuote(name), name == "answer", name == "conclusion", has(name, "solution"):
		return p.sentence
	case has(name, "question", "instruction"):
		return p.question
	case name == "short_answer":
		words := strings.Fields(p.sentence)
		return strings.TrimRight(strings.Join(words[max(0, len(words)-4):], " "), ".!?")
	case has(name, "assumption", "premise"):
		return "It is given what " + strings.TrimSuffix(strings.Join(firstWords(p.sentence, 3), " "), ".") + " means."
	case has(name, "reason", "description", "explanation", "step"):
		return "The statement is made in so many words, so it can be given as the answer."
	}
	return p.sentence
}

func firstWords(s string, n int) []string {
	words := strings.Fields(s)
	return words[:min(n, len(words))]
}

func isQuote(name string) bool { return has(name, "quote", "evidence", "verbatim", "excerpt") }

func has(name string, parts ...string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
}

func hash(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
