// Command read compares readers of PDF files: ours, in the child processes that
// the product reads with, PDFium alone with its text cleaned, and pdftotext and
// mutool where they are on PATH.
//
//	go run ./bench/read [-truth DIR] [-v] FOLDER…
//
// For a file a/b.pdf of a folder the true text is a/b.txt under the truth
// directory (the folder itself when none is given), and a/b.headings, if it is
// there, has the true headings, one a line, with a question mark before those
// that may be missing. Each file has a bounded time; one that crashes or hangs
// a reader is a row like any other.
//
// What is printed, in total and with -v for each file:
//
//	opened    files that gave at least one word, of all files
//	F1        of the words as a bag, mean over the files with truth
//	behind    by how much ours is below PDFium alone, for each file
//	order     the same, of the longest common subsequence of words, so that
//	          interleaved columns cost what they cost a reader
//	glue      words per thousand that are two words of the truth run together
//	broken    words per thousand that are one word of the truth torn in two
//	headings  F1 of the headings as a bag, ours only
//	pages/s   over the files that every reader opened; ours reads two files at
//	          a time and several pages of each, the others are programs that
//	          are called for one file after the other
//	pages/CPU s  the same by computing time, over all files: it does not depend
//	          on what else the machine does
//	peak      resident memory of the hungriest process
//
// Words are runs of letters and digits in lower case, compatibility forms
// resolved. A file without truth is held, for glue and broken words, against
// the words that occur in three files of the run or that most readers find in
// it. A file that a reader does not open counts as 0 in its F1 and order.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"seedbed/extract/read/readscore"
	"seedbed/internal/sandbox"
)

func main() {
	if sandbox.IsChild(os.Args[1:]) {
		os.Exit(sandbox.Child(context.Background(), os.Args[1:]))
	}
	if len(os.Args) == 4 && os.Args[1] == pdfiumChild {
		if err := pdfium(context.Background(), os.Stdout, os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	b := bench{}
	flag.StringVar(&b.truth, "truth", "", "folder of true texts; the PDFs' own where empty")
	flag.DurationVar(&b.limit, "limit", 30*time.Second, "time for one file")
	flag.StringVar(&b.cache, "cache", "", "folder for what our reader compiles; a temporary one where empty")
	flag.StringVar(&b.keep, "keep", "", "folder to leave every reader's text in")
	flag.StringVar(&b.only, "only", "", "readers to run, with commas between; all where empty")
	flag.BoolVar(&b.verbose, "v", false, "print a row for each file")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: read [-truth DIR] [-v] FOLDER…")
		os.Exit(2)
	}
	if err := b.run(context.Background(), os.Stdout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "read:", err)
		os.Exit(1)
	}
}

type bench struct {
	truth, cache, keep, only string
	limit                    time.Duration
	verbose                  bool
}

// A file is a PDF with what is known of it.
type file struct {
	path, name string // the name is relative to its folder
	words      []string
	headings   []string
	results    []result // one a reader
}

func (b bench) run(ctx context.Context, out io.Writer, folders []string) error {
	files, err := b.find(folders)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no PDF in %s", strings.Join(folders, ", "))
	}
	if b.cache == "" {
		if b.cache, err = os.MkdirTemp("", "bench-read-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(b.cache) }()
	}
	if err := sandbox.Warm(ctx, sandbox.Options{CacheDir: b.cache}); err != nil {
		return err
	}
	readers, err := b.readers()
	if err != nil {
		return err
	}
	for i := range files {
		files[i].results = make([]result, len(readers))
	}
	for i := range readers {
		if readers[i].computed, err = b.all(ctx, files, i, readers[i]); err != nil {
			return err
		}
	}
	score(files)
	if b.verbose {
		if err := rows(out, files, readers); err != nil {
			return err
		}
	}
	return totals(out, files, readers)
}

// all reads all files with one reader, whose results have place i, and returns
// the computing time that it took.
func (b bench) all(ctx context.Context, files []file, i int, r engine) (time.Duration, error) {
	before := computed()
	var group errgroup.Group
	group.SetLimit(r.atOnce)
	for n := range files {
		group.Go(func() error {
			f := &files[n]
			f.results[i] = r.time(ctx, f.path, b.limit)
			fmt.Fprintf(os.Stderr, "\r%s %d/%d  ", r.name, n+1, len(files))
			if b.keep == "" {
				return nil
			}
			at := filepath.Join(b.keep, f.name+"."+r.name)
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				return err
			}
			return os.WriteFile(at, []byte(f.results[i].text), 0o644)
		})
	}
	err := group.Wait()
	fmt.Fprintln(os.Stderr)
	if r.done != nil {
		r.done()
	}
	return computed() - before, err
}

// find lists the PDFs beneath the folders, with their truth.
func (b bench) find(folders []string) ([]file, error) {
	var out []file
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".pdf") {
				return err
			}
			f := file{path: path}
			if f.name, err = filepath.Rel(folder, path); err != nil {
				return err
			}
			dir := b.truth
			if dir == "" {
				dir = folder
			}
			stem := filepath.Join(dir, strings.TrimSuffix(f.name, filepath.Ext(f.name)))
			text, err := optional(stem + ".txt")
			if err != nil {
				return err
			}
			heads, err := optional(stem + ".headings")
			if err != nil {
				return err
			}
			f.words = readscore.Words(text)
			for l := range strings.Lines(heads) {
				if h := strings.TrimSpace(l); h != "" {
					f.headings = append(f.headings, h)
				}
			}
			if !slices.ContainsFunc(f.headings, func(h string) bool { return !strings.HasPrefix(h, "?") }) {
				f.headings = nil // nothing that must be found
			}
			out = append(out, f)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// optional is a file's text, "" where there is none.
func optional(path string) (string, error) {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return "", nil
	}
	return string(bytes.ToValidUTF8(data, nil)), err
}

// rows prints each file, the worst of ours first.
func rows(out io.Writer, files []file, readers []engine) error {
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b file) int {
		if d := len(b.words) - len(a.words); (len(a.words) == 0) != (len(b.words) == 0) {
			return d
		}
		return int(1e6 * (a.results[0].order - b.results[0].order))
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "file\treader\tpages\twords\tF1\torder\tbehind\tglue\tbroken\theadings\tseconds\tMB\t")
	for _, f := range sorted {
		for i, r := range f.results {
			f1, order, behind, heads := "-", "-", "-", "-"
			if len(f.words) > 0 {
				f1, order = fmt.Sprintf("%.3f", r.f1), fmt.Sprintf("%.3f", r.order)
				if by, ok := f.behind(readers); ok && i == 0 {
					behind = fmt.Sprintf("%.3f", by)
				}
			}
			if len(f.headings) > 0 && readers[i].headings {
				heads = fmt.Sprintf("%.3f", r.heads)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%.1f\t%.1f\t%s\t%.2f\t%.0f\t%s\n", f.name, readers[i].name, r.pages, len(r.words),
				f1, order, behind, perMille(r.glued, len(r.words)), perMille(r.broken, len(r.words)), heads, r.took.Seconds(), float64(r.peak)/1e6, r.failed)
		}
	}
	return w.Flush()
}

// behind is by how much the first reader's F1 is below that of PDFium alone,
// where PDFium is among the others.
func (f file) behind(readers []engine) (by float64, ok bool) {
	for i, r := range f.results {
		if i > 0 && readers[i].name == cleanedPDFium {
			return r.f1 - f.results[0].f1, len(f.words) > 0
		}
	}
	return 0, false
}

// tooFar is how far ours may be behind PDFium alone on any file.
const tooFar = 0.02

func perMille(n, of int) float64 { return 1000 * float64(n) / float64(max(of, 1)) }

// A total is a reader's figures over all files.
type total struct {
	opened, glued, broken, words, truths, heads int
	f1, order, headings                         float64
	pages                                       int // of the files that all opened
	every                                       int // of all files
	took                                        time.Duration
	peak                                        int64
}

func (t total) mean() (f1, order float64) {
	n := float64(max(t.truths, 1))
	return t.f1 / n, t.order / n
}

func (t total) speed(e engine) float64 {
	return float64(e.atOnce*t.pages) / max(t.took.Seconds(), 1e-9)
}

// thrift is how many pages a second of computing gives.
func (t total) thrift(e engine) float64 {
	return float64(t.every) / max(e.computed.Seconds(), 1e-9)
}

// totals prints a row for each reader, and how ours stands to the others.
func totals(out io.Writer, files []file, readers []engine) error {
	sums := make([]total, len(readers))
	for _, f := range files {
		pages := 0
		all := true
		for _, r := range f.results {
			pages = max(pages, r.pages)
			all = all && r.opened()
		}
		for i, r := range f.results {
			t := &sums[i]
			if r.opened() {
				t.opened++
			}
			if len(f.words) > 0 {
				t.truths++
				t.f1 += r.f1
				t.order += r.order
			}
			if len(f.headings) > 0 {
				t.heads++
				t.headings += r.heads
			}
			if all {
				t.pages += pages
				t.took += r.took
			}
			t.every += pages
			t.words += len(r.words)
			t.glued += r.glued
			t.broken += r.broken
			t.peak = max(t.peak, r.peak)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "%d files, %d with truth\topened\tF1\torder\tglue ‰\tbroken ‰\theadings\tpages/s\tpages/CPU s\tpeak MB\t\n", len(files), sums[0].truths)
	for i, t := range sums {
		f1, order := t.mean()
		heads := "-"
		if readers[i].headings && t.heads > 0 {
			heads = fmt.Sprintf("%.3f", t.headings/float64(t.heads))
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t%.2f\t%.2f\t%s\t%.1f\t%.1f\t%.0f\t\n", readers[i].name, t.opened, f1, order,
			perMille(t.glued, t.words), perMille(t.broken, t.words), heads, t.speed(readers[i]), t.thrift(readers[i]), float64(t.peak)/1e6)
	}
	far := 0
	for _, f := range files {
		if by, ok := f.behind(readers); ok && by > tooFar {
			far++
		}
	}
	ours := sums[0]
	for i, t := range sums[1:] {
		f1, order := t.mean()
		f, o := ours.mean()
		_, _ = fmt.Fprintf(w, "%s : %s\t%.2f\t%.3f\t%.3f\t\t\t\t%.2f\t%.2f\t%.1f\t\n", readers[0].name, readers[i+1].name,
			ratio(float64(ours.opened), float64(t.opened)), ratio(f, f1), ratio(o, order), ratio(ours.speed(readers[0]), t.speed(readers[i+1])), ratio(ours.thrift(readers[0]), t.thrift(readers[i+1])), ratio(float64(ours.peak), float64(t.peak)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d files on which %s is more than %.2f behind %s\n", far, readers[0].name, tooFar, cleanedPDFium)
	return err
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
