package pdf

import (
	"bytes"
	"maps"
	"math"
	"strconv"
	"unicode/utf16"

	lib "github.com/ledongthuc/pdf"
)

// A matrix is [a b c d e f] of a PDF: x' = ax + cy + e, y' = bx + dy + f.
type matrix [6]float64

var identity = matrix{1, 0, 0, 1, 0, 0}

// times applies m first and then n.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

func (m matrix) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// An interpreter runs the text operators of page content and collects glyphs.
type interpreter struct {
	place    placement
	fonts    map[string]*font
	out      []glyph
	pictures bool

	ctm           matrix
	tm, line      matrix
	font          *font
	size, leading float64
	char, word    float64 // extra space after each character, each blank
	scale, rise   float64
	lastX, lastY  float64 // where the last glyph ended
	haveLast      bool
}

const maxForms = 8 // forms inside forms

func (in *interpreter) run(data []byte, resources lib.Value, depth int) {
	if depth == 0 {
		in.ctm, in.scale = identity, 1
	}
	type saved struct {
		ctm                                    matrix
		font                                   *font
		size, leading, char, word, scale, rise float64
	}
	var stack []saved
	var args []operand
	num := func(i int) float64 {
		if i < len(args) {
			return args[i].num
		}
		return 0
	}
	sc := scanner{data: data}
	for {
		o, ok := sc.next()
		if !ok || len(in.out) > maxGlyphs {
			return
		}
		if o.op == "" {
			if len(args) < 64 {
				args = append(args, o)
			}
			continue
		}
		switch o.op {
		case "q":
			if len(stack) < 512 {
				stack = append(stack, saved{in.ctm, in.font, in.size, in.leading, in.char, in.word, in.scale, in.rise})
			}
		case "Q":
			if n := len(stack); n > 0 {
				s := stack[n-1]
				in.ctm, in.font, in.size, in.leading, in.char, in.word, in.scale, in.rise = s.ctm, s.font, s.size, s.leading, s.char, s.word, s.scale, s.rise
				stack = stack[:n-1]
			}
		case "cm":
			in.ctm = matrix{num(0), num(1), num(2), num(3), num(4), num(5)}.times(in.ctm)
		case "BT":
			in.tm, in.line = identity, identity
		case "Tf":
			if len(args) > 1 {
				in.font, in.size = in.useFont(args[0].text, resources), num(1)
			}
		case "Td", "TD":
			if o.op == "TD" {
				in.leading = -num(1)
			}
			in.move(num(0), num(1))
		case "Tm":
			in.tm = matrix{num(0), num(1), num(2), num(3), num(4), num(5)}
			in.line = in.tm
		case "T*":
			in.move(0, -in.leading)
		case "TL":
			in.leading = num(0)
		case "Tc":
			in.char = num(0)
		case "Tw":
			in.word = num(0)
		case "Tz":
			in.scale = num(0) / 100
		case "Ts":
			in.rise = num(0)
		case "Tj", "TJ":
			in.show(args)
		case "'":
			in.move(0, -in.leading)
			in.show(args)
		case "\"":
			in.word, in.char = num(0), num(1)
			in.move(0, -in.leading)
			in.show(args[min(2, len(args)):])
		case "Do":
			if len(args) > 0 {
				in.draw(resources.Key("XObject").Key(args[0].text), resources, depth)
			}
		case "BI":
			in.pictures = true
			sc.skipImage()
		}
		args = args[:0]
	}
}

// draw runs a form; an image is only noticed.
func (in *interpreter) draw(x, resources lib.Value, depth int) {
	if x.Key("Subtype").Name() == "Image" {
		in.pictures = true
	}
	if x.Key("Subtype").Name() != "Form" || depth >= maxForms {
		return
	}
	data, err := content(x)
	if err != nil {
		return
	}
	before := in.ctm
	if m := x.Key("Matrix"); m.Len() == 6 {
		var f matrix
		for i := range f {
			f[i] = m.Index(i).Float64()
		}
		in.ctm = f.times(in.ctm)
	}
	if own := x.Key("Resources"); !own.IsNull() {
		resources = own
	}
	in.run(data, resources, depth+1)
	in.ctm = before
}

func (in *interpreter) move(x, y float64) {
	in.line = matrix{1, 0, 0, 1, x, y}.times(in.line)
	in.tm = in.line
}

// show writes strings; the numbers between them move the pen.
func (in *interpreter) show(args []operand) {
	if in.font == nil {
		return
	}
	for _, a := range args {
		switch {
		case a.array != nil:
			in.show(a.array)
		case a.kind == 's':
			for _, c := range in.font.decode(a.text) {
				in.put(c)
			}
		case a.kind == 'n':
			in.tm = matrix{1, 0, 0, 1, -a.num / 1000 * in.size * in.scale, 0}.times(in.tm)
		}
	}
}

// put places one character and moves the pen behind it.
func (in *interpreter) put(c char) {
	advance := c.width*in.size + in.char
	if c.blank {
		advance += in.word
	}
	advance *= in.scale
	m := matrix{in.size * in.scale, 0, 0, in.size, 0, in.rise}.times(in.tm).times(in.ctm)
	x, y := m.apply(0, 0)
	x1, y1 := m.apply(c.width, 0)
	_, top := m.apply(0, 0.8)
	_, foot := m.apply(0, -0.2)
	in.tm = matrix{1, 0, 0, 1, advance, 0}.times(in.tm)

	size := math.Hypot(m[2], m[3])
	if size == 0 || math.IsNaN(x+y+size) || math.IsInf(x+y+size, 0) {
		return
	}
	_, base := in.place.point(x, y)
	if in.haveLast {
		gap := x - in.lastX
		switch {
		case math.Abs(y-in.lastY) > 0.35*size || gap < -2*size:
			in.out = append(in.out, glyph{r: '\n'})
		case gap > 0.18*size:
			in.out = append(in.out, glyph{r: ' '})
		}
	}
	in.lastX, in.lastY, in.haveLast = x1, y1, true
	st := in.font.style
	if math.Abs(m[1]) > math.Abs(m[0]) != (in.place.quarters%2 == 1) {
		st |= sideways
	}
	box := in.place.box(min(x, x1), min(foot, top), max(x, x1), max(foot, top))
	if in.place.off(box) {
		return
	}
	for i, r := range c.runes {
		g := glyph{r: r, box: box, base: base, size: size, style: st, odd: c.odd}
		if i > 0 {
			g.box.X0 = g.box.X1
		}
		in.out = append(in.out, g)
	}
}

// A font turns the codes of a string into characters with widths.
type font struct {
	style    style
	wide     bool // two bytes a code
	unicode  map[string]string
	encoder  lib.TextEncoding
	widths   map[int]float64 // by code, in units of the font size
	fallback float64         // where widths has none
}

type char struct {
	runes []rune
	width float64
	blank bool // the one-byte code 32, which word spacing applies to
	odd   bool
}

func (in *interpreter) useFont(name string, resources lib.Value) *font {
	v := resources.Key("Font").Key(name)
	if v.Kind() != lib.Dict {
		return nil
	}
	// The same name may be another font in a form.
	id := name + "\x00" + v.Key("BaseFont").Name() + "\x00" + strconv.Itoa(int(v.Key("FirstChar").Int64())) + v.Key("ToUnicode").String()
	if f, ok := in.fonts[id]; ok {
		return f
	}
	f := newFont(v)
	in.fonts[id] = f
	return f
}

func newFont(v lib.Value) *font {
	f := &font{widths: map[int]float64{}, fallback: 0.5, unicode: map[string]string{}}
	descriptor := v.Key("FontDescriptor")
	if v.Key("Subtype").Name() == "Type0" {
		f.wide, f.fallback = true, 1
		cid := v.Key("DescendantFonts").Index(0)
		descriptor = cid.Key("FontDescriptor")
		if dw := cid.Key("DW"); !dw.IsNull() {
			f.fallback = dw.Float64() / 1000
		}
		f.cidWidths(cid.Key("W"))
	} else {
		first := int(v.Key("FirstChar").Int64())
		w := v.Key("Widths")
		for i := range w.Len() {
			f.widths[first+i] = w.Index(i).Float64() / 1000
		}
		if mw := descriptor.Key("MissingWidth"); !mw.IsNull() && mw.Float64() > 0 {
			f.fallback = mw.Float64() / 1000
		}
		lf := lib.Font{V: v}
		f.encoder = lf.Encoder()
		for code, letters := range composedNames(v.Key("Encoding").Key("Differences")) {
			f.unicode[string([]byte{byte(code)})] = letters
		}
	}
	f.style = fontStyle(v.Key("BaseFont").Name(), int(descriptor.Key("Flags").Int64()))
	if f.style&mono != 0 && !f.wide && len(f.widths) == 0 && descriptor.Key("MissingWidth").IsNull() {
		f.fallback = 0.6 // Courier, which comes without widths, and most of its kind
	}
	if to := v.Key("ToUnicode"); to.Kind() == lib.Stream {
		if data, err := unpack(to); err == nil {
			maps.Copy(f.unicode, toUnicode(data))
		}
	}
	return f
}

// cidWidths reads the two forms of a width array: c [w …] and first last w.
func (f *font) cidWidths(w lib.Value) {
	for i := 0; i+1 < w.Len(); {
		first := int(w.Index(i).Int64())
		if list := w.Index(i + 1); list.Kind() == lib.Array {
			for j := range list.Len() {
				f.widths[first+j] = list.Index(j).Float64() / 1000
			}
			i += 2
			continue
		}
		last := min(int(w.Index(i+1).Int64()), first+65535)
		for c := first; c <= last; c++ {
			f.widths[c] = w.Index(i+2).Float64() / 1000
		}
		i += 3
	}
}

func (f *font) decode(s string) []char {
	n := 1
	if f.wide {
		n = 2
	}
	var out []char
	for ; len(s) >= n; s = s[n:] {
		code := int(s[0])
		if f.wide {
			code = code<<8 | int(s[1])
		}
		c := char{width: f.fallback, blank: !f.wide && code == ' '}
		if w, ok := f.widths[code]; ok {
			c.width = w
		}
		text, ok := f.unicode[s[:n]]
		switch {
		case ok:
		case f.encoder != nil:
			text = f.encoder.Decode(s[:1])
		default:
			text, c.odd = "\uFFFD", true
		}
		c.runes = []rune(text)
		out = append(out, c)
	}
	return out
}

// toUnicode reads a CMap from codes to text.
func toUnicode(data []byte) map[string]string {
	m := map[string]string{}
	var args []operand
	sc := scanner{data: data}
	for {
		o, ok := sc.next()
		if !ok || len(m) > 1<<17 {
			return m
		}
		if o.op == "" {
			args = append(args, o)
			continue
		}
		switch o.op {
		case "endbfchar":
			for i := 0; i+1 < len(args); i += 2 {
				m[args[i].text] = fromUTF16(args[i+1].text)
			}
		case "endbfrange":
			for i := 0; i+2 < len(args); i += 3 {
				fillRange(m, args[i].text, args[i+1].text, args[i+2])
			}
		}
		args = args[:0]
	}
}

func fillRange(m map[string]string, from, to string, what operand) {
	if len(from) != len(to) || len(from) == 0 || len(from) > 2 {
		return
	}
	code := func(s string) int {
		n := 0
		for i := range len(s) {
			n = n<<8 | int(s[i])
		}
		return n
	}
	first, last := code(from), code(to)
	for c := first; c <= last; c++ {
		k := string([]byte{byte(c)})
		if len(from) == 2 {
			k = string([]byte{byte(c >> 8), byte(c)})
		}
		switch i := c - first; {
		case what.array != nil:
			if i < len(what.array) {
				m[k] = fromUTF16(what.array[i].text)
			}
		case what.text != "":
			r := []rune(fromUTF16(what.text))
			if len(r) > 0 {
				r[len(r)-1] += rune(i)
				m[k] = string(r)
			}
		}
	}
}

func fromUTF16(s string) string {
	var u []uint16
	for i := 0; i+1 < len(s); i += 2 {
		u = append(u, uint16(s[i])<<8|uint16(s[i+1]))
	}
	return string(utf16.Decode(u))
}

// An operand is a number, string, name or array; or, with op, an operator.
type operand struct {
	kind  byte // n, s, / or [
	num   float64
	text  string
	array []operand
	op    string
}

// A scanner cuts content into operands and operators. It always moves on, so
// it always ends.
type scanner struct {
	data  []byte
	at    int
	depth int
}

func (s *scanner) next() (operand, bool) {
	for s.at < len(s.data) {
		c := s.data[s.at]
		switch {
		case isWhite(c):
			s.at++
		case c == '%':
			for s.at < len(s.data) && s.data[s.at] != '\n' && s.data[s.at] != '\r' {
				s.at++
			}
		case c == '(':
			return operand{kind: 's', text: s.literal()}, true
		case c == '<' && s.at+1 < len(s.data) && s.data[s.at+1] == '<', c == '>' && s.at+1 < len(s.data) && s.data[s.at+1] == '>':
			s.at += 2 // a dictionary's parts are no operands of text operators
		case c == '<':
			return operand{kind: 's', text: s.hex()}, true
		case c == '/':
			s.at++
			return operand{kind: '/', text: s.word()}, true
		case c == '[':
			return s.array(), true
		case c == ']' || c == '>' || c == ')' || c == '{' || c == '}':
			s.at++
			if c == ']' && s.depth > 0 {
				return operand{kind: ']'}, true
			}
		default:
			w := s.word()
			if n, err := strconv.ParseFloat(w, 64); err == nil {
				return operand{kind: 'n', num: n}, true
			}
			return operand{op: w}, true
		}
	}
	return operand{}, false
}

func (s *scanner) array() operand {
	s.at++
	a := operand{kind: '[', array: []operand{}}
	if s.depth > 16 {
		return a
	}
	s.depth++
	defer func() { s.depth-- }()
	for {
		o, ok := s.next()
		if !ok || o.kind == ']' {
			return a
		}
		if o.op == "" {
			a.array = append(a.array, o)
		}
	}
}

func (s *scanner) word() string {
	from := s.at
	for s.at < len(s.data) && !isWhite(s.data[s.at]) && bytes.IndexByte([]byte("()<>[]{}/%"), s.data[s.at]) < 0 {
		s.at++
	}
	if s.at == from && s.at < len(s.data) && s.data[s.at] != '/' {
		s.at++ // a lone delimiter
	}
	return string(s.data[from:s.at])
}

func (s *scanner) hex() string {
	s.at++
	var out []byte
	high, half := byte(0), false
	for s.at < len(s.data) {
		c := s.data[s.at]
		s.at++
		if c == '>' {
			break
		}
		n := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if c >= '0' && c <= '9' {
			n = int(c - '0')
		}
		if n < 0 {
			continue
		}
		if half {
			out = append(out, high<<4|byte(n))
		}
		high, half = byte(n), !half
	}
	if half {
		out = append(out, high<<4)
	}
	return string(out)
}

func (s *scanner) literal() string {
	s.at++
	var out []byte
	for depth := 1; s.at < len(s.data); {
		c := s.data[s.at]
		s.at++
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return string(out)
			}
		case '\\':
			out = s.escape(out)
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

func (s *scanner) escape(out []byte) []byte {
	if s.at >= len(s.data) {
		return out
	}
	c := s.data[s.at]
	s.at++
	switch c {
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case '\r':
		if s.at < len(s.data) && s.data[s.at] == '\n' {
			s.at++
		}
		return out
	case '\n':
		return out
	}
	if c < '0' || c > '7' {
		return append(out, c)
	}
	n := int(c - '0')
	for i := 0; i < 2 && s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '7'; i++ {
		n = n<<3 | int(s.data[s.at]-'0')
		s.at++
	}
	return append(out, byte(n))
}

// skipImage moves behind the data of an inline image.
func (s *scanner) skipImage() {
	for s.at < len(s.data) {
		i := bytes.Index(s.data[s.at:], []byte("EI"))
		if i < 0 {
			s.at = len(s.data)
			return
		}
		end := s.at + i
		s.at = end + 2
		if end > 0 && isWhite(s.data[end-1]) && (s.at >= len(s.data) || isWhite(s.data[s.at])) {
			return
		}
	}
}

func isWhite(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}
