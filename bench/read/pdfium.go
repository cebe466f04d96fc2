package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// pdfiumChild is the first argument of the process that reads a file with
// PDFium alone: what our reader must not be worse than.
const pdfiumChild = "pdfium-child"

// pdfium writes the text of a file as PDFium gives it, cleaned: words broken
// at line ends are joined, control characters, page numbers and what stands at
// the head or foot of several pages are left out.
func pdfium(ctx context.Context, out io.Writer, cache, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	compiled, err := wazero.NewCompilationCacheWithDir(cache)
	if err != nil {
		return err
	}
	pool, err := webassembly.Init(webassembly.Config{
		Context: ctx, MaxIdle: 1, MaxTotal: 1, FSConfig: wazero.NewFSConfig(), Stdout: io.Discard, Stderr: io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithMemoryLimitPages(512 << 20 / 65536).
			WithCompilationCache(compiled),
	})
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	in, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		return err
	}
	doc, err := in.OpenDocument(&requests.OpenDocument{FileReader: bytes.NewReader(data), FileReaderSize: int64(len(data))})
	if err != nil {
		return err
	}
	n, err := in.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: doc.Document})
	if err != nil {
		return err
	}
	pages := make([][]string, n.PageCount)
	for i := range pages {
		p, err := in.GetPageText(&requests.GetPageText{Page: requests.Page{ByIndex: &requests.PageByIndex{Document: doc.Document, Index: i}}})
		if err != nil {
			fmt.Fprintln(os.Stderr, err) // the other pages may be read
			continue
		}
		pages[i] = strings.Split(strings.ReplaceAll(p.Text, "\r", ""), "\n")
	}
	_, err = io.WriteString(out, cleaned(pages))
	return err
}

var (
	number   = regexp.MustCompile(`\d+`)
	folio    = regexp.MustCompile(`(?i)^[\s\-–|]*(page )?(\d{1,4}|[ivxlc]{1,7})[\s\-–|]*$`)
	brokenAt = regexp.MustCompile(`[\x02\x{FFFE}]\s*`)
)

// cleaned joins the pages' lines, a form feed after each page.
func cleaned(pages [][]string) string {
	plain := func(l string) string { return number.ReplaceAllString(strings.TrimSpace(l), "#") }
	ends := func(ls []string) map[int]bool { return map[int]bool{0: true, len(ls) - 1: true} }
	seen := map[string]int{}
	for i, ls := range pages {
		for len(ls) > 0 && strings.TrimSpace(ls[len(ls)-1]) == "" {
			ls = ls[:len(ls)-1]
		}
		pages[i] = ls
		for j := range ends(ls) {
			if j >= 0 && len(ls) > 0 {
				seen[plain(ls[j])]++
			}
		}
	}
	var s strings.Builder
	for _, ls := range pages {
		for j, l := range ls {
			if ends(ls)[j] && (seen[plain(l)] > 2 || folio.MatchString(l)) {
				continue
			}
			s.WriteString(l + "\n")
		}
		s.WriteByte('\f')
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\f' {
			return -1
		}
		return r
	}, brokenAt.ReplaceAllString(s.String(), ""))
}
