//go:build !nowasm

package pdf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"seedbed/extract/read/readerr"
)

// The most memory a document may take inside PDFium, 512 MiB: a small file can
// ask for gigabytes.
const memoryPages = 512 << 20 / 65536

// Bounds on what a file can make us walk.
const (
	maxBookmarks     = 20_000
	maxBookmarkDepth = 32
	maxTraps         = 3
)

// onlyEngine says that there is no second opinion in this build.
const onlyEngine = false

// A runtime is PDFium compiled for this machine, ready to open documents.
type runtime struct {
	cache wazero.CompilationCache
	pool  pdfium.Pool
}

// newRuntime compiles PDFium, which takes seconds and 300 MB the first time
// and a tenth of a second from the cache in dir. An empty dir keeps no cache.
func newRuntime(ctx context.Context, dir string) (*runtime, error) {
	cache := wazero.NewCompilationCache()
	if dir != "" {
		var err error
		if cache, err = wazero.NewCompilationCacheWithDir(dir); err != nil {
			return nil, fmt.Errorf("open the compilation cache %s: %w", dir, err)
		}
	}
	pool, err := webassembly.Init(webassembly.Config{
		Context:  context.WithoutCancel(ctx), // closing tells PDFium to clean up, which needs a live context
		MaxIdle:  1,
		MaxTotal: 8,
		FSConfig: wazero.NewFSConfig(), // no files: the default mounts the whole disk
		Stdout:   io.Discard,
		Stderr:   io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithMemoryLimitPages(memoryPages).
			WithCompilationCache(cache),
	})
	if err != nil {
		_ = cache.Close(ctx)
		return nil, fmt.Errorf("start PDFium: %w", err)
	}
	return &runtime{cache, pool}, nil
}

func (rt *runtime) close() {
	_ = rt.pool.Close()
	_ = rt.cache.Close(context.Background())
}

// wasm reads a document with PDFium. A trap leaves PDFium's memory in a state
// nobody knows, so the instance is thrown away and the document opened again.
type wasm struct {
	guest
	ctx   context.Context
	rt    *runtime
	r     io.ReaderAt
	size  int64
	in    pdfium.Pdfium
	doc   uint64 // FPDF_DOCUMENT
	count int
	traps int

	names     func(page int) ligatures // nil where nobody wants to know
	ligatures ligatures                // of the page that is being read, nil before they are asked for
	reading   int
}

// open opens a document. The error is readerr.ErrEncrypted where it asks for a
// password.
//
// Names are a page's ligatures, not nil, for what PDFium cannot name.
func (rt *runtime) open(ctx context.Context, r io.ReaderAt, size int64, names func(page int) ligatures) (engine, error) {
	w := &wasm{ctx: ctx, rt: rt, r: r, size: size, names: names}
	if err := w.open(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *wasm) open() error {
	in, err := w.rt.pool.GetInstanceWithContext(w.ctx)
	if err != nil {
		return fmt.Errorf("start PDFium: %w", err)
	}
	w.in = in
	if w.guest, err = newGuest(in); err != nil {
		return err
	}
	opener, ok := in.GetImplementation().(interface {
		CreateFileAccessReader(int64, io.ReadSeeker) (*uint64, *uint32, error)
	})
	if !ok {
		return errors.New("start PDFium: it takes no file")
	}
	file, _, err := opener.CreateFileAccessReader(w.size, io.NewSectionReader(w.r, 0, w.size))
	if err != nil {
		return fmt.Errorf("start PDFium: %w", err)
	}
	w.doc = w.call("FPDF_LoadCustomDocument", *file, 0)
	if w.doc == 0 && w.trap == nil {
		return w.refusal()
	}
	w.count = int(int32(w.call("FPDF_GetPageCount", w.doc)))
	return w.trap
}

// refusal is why PDFium did not open a document.
func (w *wasm) refusal() error {
	const format, password, security = 3, 4, 5
	switch w.call("FPDF_GetLastError") {
	case password, security:
		return readerr.ErrEncrypted
	case format:
		return errors.New("the file is no PDF or is damaged")
	}
	return errors.New("the file cannot be opened")
}

func (w *wasm) close() {
	if w.in == nil {
		return
	}
	if w.doc != 0 && w.trap == nil {
		w.call("FPDF_CloseDocument", w.doc)
	}
	_ = w.in.Close()
	w.in, w.doc = nil, 0
}

func (w *wasm) name() string { return "pdfium" }
func (w *wasm) pages() int   { return w.count }

// page reads one page. After a trap it tries once more in a new instance.
func (w *wasm) page(i int) (sheet, error) {
	if w.in == nil {
		return sheet{}, errors.New("PDFium failed too often on this file")
	}
	s, err := w.read(i)
	if w.trap == nil {
		return s, err
	}
	err = w.trap
	w.close()
	if w.traps++; w.traps > maxTraps {
		return sheet{}, err
	}
	if again := w.open(); again != nil {
		w.close()
		return sheet{}, err
	}
	if s, err = w.read(i); w.trap != nil {
		return sheet{}, w.trap
	}
	return s, err
}

func (w *wasm) read(i int) (sheet, error) {
	p := w.call("FPDF_LoadPage", w.doc, uint64(i))
	if p == 0 {
		return sheet{}, errors.New("page not found or damaged")
	}
	defer w.call("FPDF_ClosePage", p)
	w.reading, w.ligatures = i, nil
	place := w.placement(p)
	s := sheet{width: place.width, height: place.height}
	if l := w.text("FPDF_GetPageLabel", w.doc, uint64(i)); l != strconv.Itoa(i+1) {
		s.label = l
	}
	text := w.call("FPDFText_LoadPage", p)
	if text == 0 {
		return sheet{}, errors.New("its text cannot be read")
	}
	defer w.call("FPDFText_ClosePage", text)
	s.glyphs = w.glyphs(text, place)
	if stacked(s.glyphs) {
		s.rules = w.rules(p, place)
	}
	if len(s.glyphs) == 0 {
		s.pictures, s.inked = w.pictures(p)
	}
	return s, nil
}

func (w *wasm) placement(page uint64) placement {
	w.call("FPDF_GetPageBoundingBox", page, w.room)
	b := w.floats(4) // left, top, right, bottom
	pl := placement{left: b[0], top: b[1], right: b[2], bottom: b[3], quarters: int(w.call("FPDFPage_GetRotation", page))}
	pl.width, pl.height = pl.right-pl.left, pl.top-pl.bottom
	if pl.quarters%2 == 1 {
		pl.width, pl.height = pl.height, pl.width
	}
	return pl
}

// glyphs reads the characters of a page in PDFium's own order, which follows
// the columns of most pages, and leaves out what stands off the page. Each
// question costs a call into the WebAssembly code, so the font is asked for at
// each word and where the height of the letters changes, and the distance of
// the baseline with it.
func (w *wasm) glyphs(text uint64, place placement) []glyph {
	n := min(max(int(int32(w.call("FPDFText_CountChars", text))), 0), maxGlyphs)
	out := make([]glyph, 0, n)
	var like glyph     // the letter that was last asked about
	var of face        // its font
	var height float64 // of its box
	steady := false    // the baseline keeps its distance from the box
	ask := true
	for i := range uint64(n) {
		g := glyph{r: rune(uint32(w.call("FPDFText_GetUnicode", text, i)))}
		switch g.r {
		case '\r':
			continue
		case '\n', ' ':
			out, ask = append(out, glyph{r: g.r}), true
			continue
		}
		if w.call("FPDFText_GetLooseCharBox", text, i, w.room) != 0 {
			b := w.floats(4) // left, top, right, bottom
			g.box = place.box(b[0], b[3], b[2], b[1])
		}
		if w.trap != nil {
			return nil
		}
		if place.off(g.box) {
			continue
		}
		if h := g.box.Y1 - g.box.Y0; ask || !steady || math.Abs(h-height) > 0.01*height {
			g.base = g.box.Y1
			x := math.Inf(1)
			if w.call("FPDFText_GetCharOrigin", text, i, w.room, w.room+8) != 0 {
				x, g.base = place.point(w.double(0), w.double(8))
			}
			if ask || math.Abs(h-height) > 0.01*height {
				like, of = w.font(text, i, place)
			}
			// A box of the font's height opens at the origin; one of the
			// letter's own height does not.
			steady = like.style&sideways == 0 && math.Abs(x-g.box.X0) < 0.01
			like.base, height, ask = g.box.Y1-g.base, h, false
		}
		g.base, g.size, g.style, g.odd = g.box.Y1-like.base, like.size, like.style, like.odd
		if like.style&formula != 0 && of.signs != nil && g.r < 0x80 { // a font may know some of its signs
			g.odd = int32(w.call("FPDFText_HasUnicodeMapError", text, i)) == 1
		}
		letters := ""
		switch s := known(g.r, of.signs, g.odd); {
		case s == ' ':
			continue
		case s != 0:
			g.r, g.odd = s, false
		case g.r == 0 || g.r == 0xFFFF:
			g.r, g.odd = 0xFFFD, true
		case g.r < ' ' && of.signs == nil:
			letters = w.ligature(of.name, g.r)
		}
		// A word broken at the end of a line comes in one piece, with a
		// mark in place of the hyphen: break the line there.
		if n := len(out); n > 0 && isLineHyphen(out[n-1].r) && math.Abs(g.base-out[n-1].base) > 0.5*g.size {
			out = append(out, glyph{r: '\n'})
		}
		if letters != "" {
			out = append(out, spelled(g, letters)...)
			continue
		}
		out = append(out, g)
	}
	return composed(out)
}

// ligature are the letters that a code of a font stands for on the page that
// is being read, "" where the font does not say.
func (w *wasm) ligature(font string, code rune) string {
	if w.ligatures == nil && w.names != nil {
		w.ligatures = w.names(w.reading)
	}
	return w.ligatures[whole(font)][code]
}

// font says how large a character is shown, in what style, whether its font
// knows which letter it is, and what is known of the font.
func (w *wasm) font(text, i uint64, place placement) (glyph, face) {
	var f face
	g := glyph{size: math.Float64frombits(w.call("FPDFText_GetFontSize", text, i))}
	if w.call("FPDFText_GetMatrix", text, i, w.room) != 0 {
		m := w.floats(4)
		if scale := math.Hypot(m[2], m[3]); scale > 0 {
			g.size *= scale
		}
	}
	const longest = 128
	if n := w.call("FPDFText_GetFontInfo", text, i, w.room, longest, w.room+longest); n > 0 && n <= longest {
		name := string(w.bytes(0, n-1))
		key := fontKey{name, int32(binary.LittleEndian.Uint32(w.bytes(longest, 4)))}
		var ok bool
		if f, ok = w.faces[key]; !ok {
			f = face{name, fontStyle(key.name, int(key.flags)), private(key.name)}
			w.faces[key] = f
		}
		g.style = f.style
	}
	if int32(w.call("FPDFText_GetFontWeight", text, i)) >= 600 {
		g.style |= bold
	}
	turn := float64(math.Float32frombits(uint32(w.call("FPDFText_GetCharAngle", text, i)))) + float64(place.quarters)*math.Pi/2
	if math.Abs(math.Sin(turn)) > 0.5 {
		g.style |= sideways
	}
	g.odd = int32(w.call("FPDFText_HasUnicodeMapError", text, i)) == 1
	return g, f
}

// pictures reports whether a page without text draws anything, and whether
// that may be a picture of text.
func (w *wasm) pictures(page uint64) (pictures, any bool) {
	const image, form = 3, 5
	n := int32(w.call("FPDFPage_CountObjects", page))
	for i := range min(n, 200) {
		if t := w.call("FPDFPageObj_GetType", w.call("FPDFPage_GetObject", page, uint64(i))); t == image || t == form {
			return true, true
		}
	}
	return false, n > 0
}

// draw draws a page as it is shown, annotations and all, on white.
func (w *wasm) draw(i int, scale float64, grey bool) (image.Image, error) {
	if w.in == nil {
		return nil, errors.New("PDFium failed too often on this file")
	}
	const annotations, formGrey, formBGRx = 1, 1, 3
	p := w.call("FPDF_LoadPage", w.doc, uint64(i))
	if p == 0 {
		return nil, errors.Join(errors.New("page not found or damaged"), w.trap)
	}
	defer w.call("FPDF_ClosePage", p)
	place := w.placement(p)
	width, height := canvas(place.width, place.height, scale)
	form := uint64(formBGRx)
	if grey {
		form = formGrey
	}
	bitmap := w.call("FPDFBitmap_CreateEx", uint64(width), uint64(height), form, 0, 0)
	if bitmap == 0 {
		return nil, errors.Join(fmt.Errorf("no memory for %d by %d pixels", width, height), w.trap)
	}
	defer w.call("FPDFBitmap_Destroy", bitmap)
	w.call("FPDFBitmap_FillRect", bitmap, 0, 0, uint64(width), uint64(height), 0xFFFFFFFF)
	w.call("FPDF_RenderPageBitmap", bitmap, p, 0, 0, uint64(width), uint64(height), 0, annotations)
	at, stride := w.call("FPDFBitmap_GetBuffer", bitmap), int(w.call("FPDFBitmap_GetStride", bitmap))
	if w.trap != nil {
		return nil, w.trap
	}
	pixels, ok := w.memory.Read(uint32(at), uint32(stride*height))
	if !ok {
		return nil, errors.New("the picture is not where PDFium says")
	}
	bounds := image.Rect(0, 0, width, height)
	if grey {
		out := image.NewGray(bounds)
		for y := range height {
			copy(out.Pix[y*out.Stride:], pixels[y*stride:y*stride+width])
		}
		return out, nil
	}
	out := image.NewNRGBA(bounds)
	for y := range height {
		from, to := pixels[y*stride:], out.Pix[y*out.Stride:]
		for x := 0; x < 4*width; x += 4 {
			to[x], to[x+1], to[x+2], to[x+3] = from[x+2], from[x+1], from[x], 0xFF
		}
	}
	return out, nil
}

func (w *wasm) info() info {
	meta := func(tag string) string {
		w.write(roomTag, append([]byte(tag), 0))
		return strings.TrimSpace(w.text("FPDF_GetMetaText", w.doc, w.room+roomTag))
	}
	in := info{title: meta("Title"), author: meta("Author"), language: w.text("FPDFCatalog_GetLanguage", w.doc)}
	w.bookmarks(0, 1, &in.outline)
	return in
}

// bookmarks walks the outline itself: a file may link its entries in a circle.
func (w *wasm) bookmarks(parent uint64, level int, out *[]bookmark) {
	if level > maxBookmarkDepth {
		return
	}
	b := w.call("FPDFBookmark_GetFirstChild", w.doc, parent)
	for b != 0 && len(*out) < maxBookmarks && w.trap == nil {
		title := w.text("FPDFBookmark_GetTitle", b)
		*out = append(*out, bookmark{title: title, key: key(title), level: level, page: w.target(b)})
		w.bookmarks(b, level+1, out)
		b = w.call("FPDFBookmark_GetNextSibling", w.doc, b)
	}
}

// target is the page a bookmark leads to, from 0, or -1.
func (w *wasm) target(b uint64) int {
	dest := w.call("FPDFBookmark_GetDest", w.doc, b)
	if dest == 0 {
		if action := w.call("FPDFBookmark_GetAction", b); action != 0 {
			dest = w.call("FPDFAction_GetDest", w.doc, action)
		}
	}
	if dest == 0 {
		return -1
	}
	return int(int32(w.call("FPDFDest_GetDestPageIndex", w.doc, dest)))
}

// A guest is PDFium as WebAssembly code with its memory. The library's own
// methods allocate and free each answer inside the guest, up to nine calls for
// the box of one letter; this calls PDFium's functions as they are, with
// answers in one place that is kept.
//
// The first trap is kept too, and everything after it answers 0.
type guest struct {
	module api.Module
	memory api.Memory
	funcs  map[string]api.Function
	faces  map[fontKey]face
	stack  [8]uint64
	room   uint64 // where answers go
	trap   error
}

type fontKey struct {
	name  string
	flags int32
}

// A face is what is known of a font.
type face struct {
	name  string
	style style
	signs map[rune]rune // what its private codes stand for
}

// The room for answers: texts first, then the tag that is asked for.
const (
	roomText = 16 << 10
	roomTag  = roomText
	roomSize = roomText + 64
)

func newGuest(in pdfium.Pdfium) (guest, error) {
	// The type is internal to the library; the field is all that is needed.
	var module api.Module
	if v := reflect.Indirect(reflect.ValueOf(in.GetImplementation())); v.Kind() == reflect.Struct {
		if f := v.FieldByName("Module"); f.IsValid() && f.CanInterface() {
			module, _ = f.Interface().(api.Module)
		}
	}
	if module == nil {
		return guest{}, errors.New("start PDFium: its WebAssembly module is not where it was")
	}
	g := guest{module: module, memory: module.Memory(), funcs: map[string]api.Function{}, faces: map[fontKey]face{}}
	g.room = g.call("malloc", roomSize)
	return g, g.trap
}

// call calls one of PDFium's functions.
func (g *guest) call(name string, args ...uint64) uint64 {
	if g.trap != nil {
		return 0
	}
	f := g.funcs[name]
	if f == nil {
		if f = g.module.ExportedFunction(name); f == nil {
			g.trap = fmt.Errorf("PDFium has no %s", name)
			return 0
		}
		g.funcs[name] = f
	}
	copy(g.stack[:], args)
	if err := f.CallWithStack(context.Background(), g.stack[:]); err != nil {
		// What follows the first line is a trace of machine code.
		first, _, _ := strings.Cut(err.Error(), "\n")
		g.trap = fmt.Errorf("PDFium stopped in %s: %s", name, first)
		return 0
	}
	return g.stack[0]
}

// bytes are n answered bytes, until the next call.
func (g *guest) bytes(at, n uint64) []byte {
	b, ok := g.memory.Read(uint32(g.room+at), uint32(n))
	if !ok {
		return make([]byte, n)
	}
	return b
}

func (g *guest) write(at uint64, data []byte) {
	g.memory.Write(uint32(g.room+at), data)
}

func (g *guest) floats(n int) (out [4]float64) {
	b := g.bytes(0, uint64(4*n))
	for i := range n {
		out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return out
}

func (g *guest) double(at uint64) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(g.bytes(at, 8)))
}

// text calls a function that writes UTF-16 into a buffer and returns its
// length in bytes. Texts too long for the room are left out.
func (g *guest) text(name string, args ...uint64) string {
	n := g.call(name, append(args, g.room, roomText)...)
	if n < 2 || n > roomText {
		return ""
	}
	b := g.bytes(0, n)
	u := make([]uint16, 0, n/2)
	for i := 0; i+1 < len(b); i += 2 {
		if c := binary.LittleEndian.Uint16(b[i:]); c != 0 {
			u = append(u, c)
		}
	}
	return string(utf16.Decode(u))
}
