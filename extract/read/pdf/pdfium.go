package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
)

// The most memory a document may take inside PDFium, 512 MiB: a small file can
// ask for gigabytes.
const memoryPages = 512 << 20 / 65536

// Bounds on what a file can make us walk.
const (
	maxBookmarks     = 20_000
	maxBookmarkDepth = 32
	maxGlyphs        = 1 << 20 // on one page
	maxTraps         = 3
)

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
		MaxTotal: 2,
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
	ctx   context.Context
	rt    *runtime
	r     io.ReaderAt
	size  int64
	in    pdfium.Pdfium
	doc   references.FPDF_DOCUMENT
	count int
	traps int
}

// openPDFium opens a document. The error is readerr.ErrEncrypted where it asks
// for a password.
func openPDFium(ctx context.Context, rt *runtime, r io.ReaderAt, size int64) (*wasm, error) {
	w := &wasm{ctx: ctx, rt: rt, r: r, size: size}
	if err := w.open(); err != nil {
		w.close()
		return nil, err
	}
	n, err := w.in.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: w.doc})
	if err != nil {
		w.close()
		return nil, fmt.Errorf("count pages: %w", err)
	}
	w.count = n.PageCount
	return w, nil
}

func (w *wasm) open() error {
	in, err := w.rt.pool.GetInstanceWithContext(w.ctx)
	if err != nil {
		return fmt.Errorf("start PDFium: %w", err)
	}
	w.in = in
	doc, err := in.OpenDocument(&requests.OpenDocument{
		FileReader:     io.NewSectionReader(w.r, 0, w.size),
		FileReaderSize: w.size,
	})
	if errors.Is(err, pdfiumerrors.ErrPassword) || errors.Is(err, pdfiumerrors.ErrSecurity) {
		return readerr.ErrEncrypted
	}
	if err != nil {
		return plainly(err)
	}
	w.doc = doc.Document
	return nil
}

// plainly leaves out the number that PDFium's errors open with.
func plainly(err error) error {
	if number, words, ok := strings.Cut(err.Error(), ": "); ok && len(number) == 1 {
		return errors.New(words)
	}
	return err
}

func (w *wasm) close() {
	if w.in != nil {
		_ = w.in.Close()
		w.in = nil
	}
}

func (w *wasm) name() string { return "pdfium" }
func (w *wasm) pages() int   { return w.count }

// page reads one page. After a trap it tries once more in a new instance.
func (w *wasm) page(i int) (sheet, error) {
	if w.in == nil {
		return sheet{}, errors.New("PDFium failed too often on this file")
	}
	s, err := w.read(i)
	if !trapped(err) {
		return s, err
	}
	w.close()
	if w.traps++; w.traps > maxTraps {
		return sheet{}, err
	}
	if again := w.open(); again != nil {
		w.close()
		return sheet{}, err
	}
	return w.read(i)
}

// trapped reports whether an error means that the WebAssembly code stopped in
// the middle, as against PDFium saying no.
func trapped(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "wasm") || strings.Contains(err.Error(), "panic occurred"))
}

func (w *wasm) read(i int) (sheet, error) {
	loaded, err := w.in.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: w.doc, Index: i})
	if err != nil {
		return sheet{}, plainly(err)
	}
	ref := loaded.Page
	defer func() { _, _ = w.in.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: ref}) }()
	p := requests.Page{ByReference: &ref}

	place, err := w.placement(p)
	if err != nil {
		return sheet{}, err
	}
	s := sheet{width: place.width, height: place.height}
	if l, err := w.in.FPDF_GetPageLabel(&requests.FPDF_GetPageLabel{Document: w.doc, Page: i}); err == nil && l.Label != strconv.Itoa(i+1) {
		s.label = l.Label
	}

	text, err := w.in.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: p})
	if err != nil {
		return sheet{}, err
	}
	defer func() {
		_, _ = w.in.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage})
	}()
	if s.glyphs, err = w.glyphs(text.TextPage, place); err != nil {
		return sheet{}, err
	}
	if len(s.glyphs) == 0 {
		s.pictures = w.pictures(p)
	}
	return s, nil
}

// A placement turns PDFium's coordinates, which know no rotation and grow
// upwards, into those of the page as it is shown.
type placement struct {
	left, bottom, right, top float64
	quarters                 int // clockwise
	width, height            float64
}

func (w *wasm) placement(p requests.Page) (placement, error) {
	b, err := w.in.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: p})
	if err != nil {
		return placement{}, err
	}
	r, err := w.in.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: p})
	if err != nil {
		return placement{}, err
	}
	pl := placement{
		left: float64(b.Rect.Left), bottom: float64(b.Rect.Bottom),
		right: float64(b.Rect.Right), top: float64(b.Rect.Top),
		quarters: int(r.PageRotation),
	}
	pl.width, pl.height = pl.right-pl.left, pl.top-pl.bottom
	if pl.quarters%2 == 1 {
		pl.width, pl.height = pl.height, pl.width
	}
	return pl, nil
}

func (pl placement) point(x, y float64) (float64, float64) {
	switch pl.quarters {
	case 1:
		return y - pl.bottom, x - pl.left
	case 2:
		return pl.right - x, y - pl.bottom
	case 3:
		return pl.top - y, pl.right - x
	}
	return x - pl.left, pl.top - y
}

func (pl placement) box(left, bottom, right, top float64) extract.Box {
	x0, y0 := pl.point(left, bottom)
	x1, y1 := pl.point(right, top)
	return extract.Box{X0: min(x0, x1), Y0: min(y0, y1), X1: max(x0, x1), Y1: max(y0, y1)}
}

// glyphs reads the characters of a page in PDFium's own order, which follows
// the columns of most pages, and leaves out what stands off the page. Each
// question costs a call into the WebAssembly code, so the font is asked for at
// each word and where the height of the letters changes, and the distance of
// the baseline with it.
func (w *wasm) glyphs(text references.FPDF_TEXTPAGE, place placement) ([]glyph, error) {
	n, err := w.in.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text})
	if err != nil {
		return nil, err
	}
	out := make([]glyph, 0, min(max(n.Count, 0), maxGlyphs))
	var like glyph     // the letter that was last asked about
	var height float64 // of its box
	steady := false    // the baseline keeps its distance from the box
	ask := true
	for i := range min(n.Count, maxGlyphs) {
		u, err := w.in.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: text, Index: i})
		if err != nil {
			return nil, err
		}
		g := glyph{r: rune(u.Unicode)}
		switch g.r {
		case '\r':
			continue
		case '\n', ' ':
			out, ask = append(out, glyph{r: g.r}), true
			continue
		}
		if b, err := w.in.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: text, Index: i}); err == nil {
			g.box = place.box(float64(b.Rect.Left), float64(b.Rect.Bottom), float64(b.Rect.Right), float64(b.Rect.Top))
		}
		if place.off(g.box) {
			continue
		}
		if h := g.box.Y1 - g.box.Y0; ask || !steady || math.Abs(h-height) > 0.01*height {
			o, err := w.in.FPDFText_GetCharOrigin(&requests.FPDFText_GetCharOrigin{TextPage: text, Index: i})
			g.base = g.box.Y1
			x := math.Inf(1)
			if err == nil {
				x, g.base = place.point(o.X, o.Y)
			}
			if ask || math.Abs(h-height) > 0.01*height {
				if like, err = w.font(text, i, place); err != nil {
					return nil, err
				}
			}
			// A box of the font's height opens at the origin; one of the
			// letter's own height does not.
			steady = like.style&sideways == 0 && math.Abs(x-g.box.X0) < 0.01
			like.base, height, ask = g.box.Y1-g.base, h, false
		}
		g.base, g.size, g.style, g.odd = g.box.Y1-like.base, like.size, like.style, like.odd
		if g.r == 0 || g.r == 0xFFFF {
			g.r, g.odd = 0xFFFD, true
		}
		// A word broken at the end of a line comes in one piece, with a
		// mark in place of the hyphen: break the line there.
		if n := len(out); n > 0 && isLineHyphen(out[n-1].r) && math.Abs(g.base-out[n-1].base) > 0.5*g.size {
			out = append(out, glyph{r: '\n'})
		}
		out = append(out, g)
	}
	return out, nil
}

// off reports whether a box lies outside the page: programs that print sheets
// of several pages cut the pages out of them and leave all the text in each.
func (pl placement) off(b extract.Box) bool {
	x, y := (b.X0+b.X1)/2, (b.Y0+b.Y1)/2
	return b != extract.Box{} && (x < -1 || y < -1 || x > pl.width+1 || y > pl.height+1)
}

// font says how large a character is shown, in what style, and whether its
// font knows which letter it is.
func (w *wasm) font(text references.FPDF_TEXTPAGE, i int, place placement) (glyph, error) {
	n, err := w.in.FPDFText_GetFontSize(&requests.FPDFText_GetFontSize{TextPage: text, Index: i})
	if err != nil {
		return glyph{}, err
	}
	g := glyph{size: n.FontSize}
	if m, err := w.in.FPDFText_GetMatrix(&requests.FPDFText_GetMatrix{TextPage: text, Index: i}); err == nil {
		if scale := math.Hypot(float64(m.Matrix.C), float64(m.Matrix.D)); scale > 0 {
			g.size *= scale
		}
	}
	if f, err := w.in.FPDFText_GetFontInfo(&requests.FPDFText_GetFontInfo{TextPage: text, Index: i}); err == nil {
		g.style = fontStyle(f.FontName, f.Flags)
	}
	if f, err := w.in.FPDFText_GetFontWeight(&requests.FPDFText_GetFontWeight{TextPage: text, Index: i}); err == nil && f.FontWeight >= 600 {
		g.style |= bold
	}
	if a, err := w.in.FPDFText_GetCharAngle(&requests.FPDFText_GetCharAngle{TextPage: text, Index: i}); err == nil {
		turn := float64(a.CharAngle) + float64(place.quarters)*math.Pi/2
		if math.Abs(math.Sin(turn)) > 0.5 {
			g.style |= sideways
		}
	}
	if e, err := w.in.FPDFText_HasUnicodeMapError(&requests.FPDFText_HasUnicodeMapError{TextPage: text, Index: i}); err == nil && e.HasUnicodeMapError {
		g.odd = true
	}
	return g, nil
}

// fontStyle reads a font's name and the flags of its descriptor.
func fontStyle(name string, flags int) style {
	const fixedPitch, slanted, forceBold = 1, 1 << 6, 1 << 18
	if _, tail, ok := strings.Cut(name, "+"); ok {
		name = tail // subset fonts are named ABCDEF+Name
	}
	low := strings.ToLower(name)
	var st style
	if flags&forceBold != 0 || containsAny(low, "bold", "black", "heavy", "-medi", "cmbx", "sfbx", "semibold", "demi") {
		st |= bold
	}
	if flags&slanted != 0 || containsAny(low, "ital", "obli", "cmti", "sfti", "slant") {
		st |= italic
	}
	if flags&fixedPitch != 0 || containsAny(low, "mono", "courier", "consol", "menlo", "cmtt", "sftt", "typewriter", "lmtt", "nimbusmonl", "code") {
		st |= mono
	}
	if containsAny(low, "cmmi", "cmsy", "cmex", "math", "msam", "msbm", "eufm", "symbol", "stix") && !strings.Contains(low, "emoji") {
		st |= formula
	}
	if containsAny(low, "msam", "dingbat", "wingding", "webding", "marvosym", "wasy", "fontawesome") {
		st |= dingbat
	}
	return st
}

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// pictures reports whether a page without text draws anything that may be a
// picture of text.
func (w *wasm) pictures(p requests.Page) bool {
	n, err := w.in.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: p})
	if err != nil {
		return false
	}
	for i := range min(n.Count, 200) {
		o, err := w.in.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: p, Index: i})
		if err != nil {
			continue
		}
		t, err := w.in.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: o.PageObject})
		if err == nil && (t.Type == enums.FPDF_PAGEOBJ_IMAGE || t.Type == enums.FPDF_PAGEOBJ_FORM) {
			return true
		}
	}
	return false
}

func (w *wasm) info() info {
	meta := func(tag string) string {
		m, err := w.in.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: w.doc, Tag: tag})
		if err != nil {
			return ""
		}
		return strings.TrimSpace(m.Value)
	}
	in := info{title: meta("Title"), author: meta("Author")}
	if l, err := w.in.FPDFCatalog_GetLanguage(&requests.FPDFCatalog_GetLanguage{Document: w.doc}); err == nil {
		in.language = l.Language
	}
	w.bookmarks(nil, 1, &in.outline)
	return in
}

// bookmarks walks the outline itself: a file may link its entries in a circle.
func (w *wasm) bookmarks(parent *references.FPDF_BOOKMARK, level int, out *[]bookmark) {
	if level > maxBookmarkDepth {
		return
	}
	first, err := w.in.FPDFBookmark_GetFirstChild(&requests.FPDFBookmark_GetFirstChild{Document: w.doc, Bookmark: parent})
	if err != nil {
		return
	}
	for b := first.Bookmark; b != nil && len(*out) < maxBookmarks; {
		if t, err := w.in.FPDFBookmark_GetTitle(&requests.FPDFBookmark_GetTitle{Bookmark: *b}); err == nil {
			*out = append(*out, bookmark{title: t.Title, key: key(t.Title), level: level, page: w.target(*b)})
			w.bookmarks(b, level+1, out)
		}
		next, err := w.in.FPDFBookmark_GetNextSibling(&requests.FPDFBookmark_GetNextSibling{Document: w.doc, Bookmark: *b})
		if err != nil {
			return
		}
		b = next.Bookmark
	}
}

// target is the page a bookmark leads to, from 0, or -1.
func (w *wasm) target(b references.FPDF_BOOKMARK) int {
	var dest *references.FPDF_DEST
	if d, err := w.in.FPDFBookmark_GetDest(&requests.FPDFBookmark_GetDest{Document: w.doc, Bookmark: b}); err == nil {
		dest = d.Dest
	}
	if dest == nil {
		a, err := w.in.FPDFBookmark_GetAction(&requests.FPDFBookmark_GetAction{Bookmark: b})
		if err != nil || a.Action == nil {
			return -1
		}
		d, err := w.in.FPDFAction_GetDest(&requests.FPDFAction_GetDest{Document: w.doc, Action: *a.Action})
		if err != nil || d.Dest == nil {
			return -1
		}
		dest = d.Dest
	}
	i, err := w.in.FPDFDest_GetDestPageIndex(&requests.FPDFDest_GetDestPageIndex{Document: w.doc, Dest: *dest})
	if err != nil {
		return -1
	}
	return i.Index
}
