package jobs_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
	"seedbed/internal/jobs"
	"seedbed/internal/seedbed"
)

func withPages(ctx context.Context, path, name string, _ seedbed.Reading) (*extract.Document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d, err := markdown.Read(ctx, bytes.NewReader(data), name)
	if err == nil {
		d.Pages = []extract.PageReport{{Page: 1, Engine: "pdfium", Verdict: "clean"}}
	}
	return d, err
}

// A page is drawn once and then kept.
func TestPageImage(t *testing.T) {
	var drawn atomic.Int32
	b := start(t, t.TempDir(), jobs.Options{
		Read:     withPages,
		Pictures: t.TempDir(),
		Draw: func(_ context.Context, path, _ string, page int) ([]byte, error) {
			drawn.Add(1)
			return os.ReadFile(path)
		},
	})
	up, err := b.Upload(t.Context(), seedbed.Upload{Name: "a.md", Body: strings.NewReader("# A\n\nWords."), NoRun: true})
	if err != nil {
		t.Fatal(err)
	}
	b.eventually(func() bool {
		src, err := b.Source(t.Context(), up.Source.ID)
		return err == nil && src.State == seedbed.SourceReady
	})
	for range 2 {
		img, err := b.PageImage(t.Context(), up.Source.ID, 1)
		if err != nil || string(img) != "# A\n\nWords." {
			t.Fatalf("PageImage = %q, %v", img, err)
		}
	}
	if n := drawn.Load(); n != 1 {
		t.Errorf("drawn %d times", n)
	}
	for _, page := range []int{0, 2} {
		if _, err := b.PageImage(t.Context(), up.Source.ID, page); seedbed.CodeOf(err) != seedbed.NotFound {
			t.Errorf("page %d: %v", page, err)
		}
	}
}

// What has no text is read with OCR when somebody asks, and its run goes on:
// by asking, or by uploading it again with OCR. What was read is not read again.
func TestReadOCR(t *testing.T) {
	b := start(t, t.TempDir(), jobs.Options{
		Read: func(ctx context.Context, path, name string, how seedbed.Reading) (*extract.Document, error) {
			if how.OCR {
				return withPages(ctx, path, name, how)
			}
			return nil, seedbed.Errorf(seedbed.NoText, "%s: it needs OCR", name)
		},
	})
	upload := func(text string, ocr bool) seedbed.Uploaded {
		t.Helper()
		up, err := b.Upload(t.Context(), seedbed.Upload{Name: "scan.md", Body: strings.NewReader(text), Reading: seedbed.Reading{OCR: ocr}})
		if err != nil {
			t.Fatal(err)
		}
		return up
	}
	const text = "# Terms\n\nA seed is defined as a question with its answer and its evidence. "
	first := upload(text, false)
	if r := b.ended(first.Run.ID); r.State != seedbed.RunFailed {
		t.Fatalf("the run is %s", r.State)
	}
	if err := b.ReadOCR(t.Context(), first.Source.ID); err != nil {
		t.Fatal(err)
	}
	if r := b.ended(first.Run.ID); r.State != seedbed.RunDone {
		t.Errorf("with OCR the run is %s, %v", r.State, r.Error)
	}
	if err := b.ReadOCR(t.Context(), first.Source.ID); seedbed.CodeOf(err) != seedbed.Conflict {
		t.Errorf("again: %v", err)
	}

	second := upload(text+"More.", false)
	b.ended(second.Run.ID)
	again := upload(text+"More.", true)
	if !again.Existed || again.Source.ID != second.Source.ID {
		t.Errorf("uploaded again: %+v", again)
	}
	if r := b.ended(second.Run.ID); r.State != seedbed.RunDone {
		t.Errorf("uploaded again with OCR the run is %s, %v", r.State, r.Error)
	}
	third := upload(text+"Most.", true)
	if r := b.ended(third.Run.ID); r.State != seedbed.RunDone {
		t.Errorf("uploaded with OCR the run is %s, %v", r.State, r.Error)
	}
}
