// Package subtitle reads the spoken words of SRT and WebVTT files: the lines
// joined to paragraphs, a new one at each speaker and each longer silence.
package subtitle

import (
	"context"
	"fmt"
	"html"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/readerr"
)

// Bounds of a paragraph.
const (
	silence = 4.0  // seconds
	long    = 1200 // bytes
)

var (
	timing  = regexp.MustCompile(`^\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})\s*-->\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})`)
	voice   = regexp.MustCompile(`^<v(?:\.[^\s>]*)?\s+([^>]{1,80})>`)
	tag     = regexp.MustCompile(`</?[A-Za-z0-9][^<>]{0,200}>|\{\\[^{}]{0,80}\}`)
	speaker = regexp.MustCompile(`^(?:>>\s*|- )`)
)

// Is reports whether a text is a file of subtitles.
func Is(head string) bool {
	head = strings.TrimLeft(head, "\ufeff \r\n")
	lines := strings.SplitN(head, "\n", 4)
	return strings.HasPrefix(head, "WEBVTT") || len(lines) > 2 && timing.MatchString(lines[1])
}

// Read reads subtitles. A block's Lines are those of its cues.
func Read(ctx context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	var w extract.Builder
	w.Kind = extract.Page
	w.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	w.Warnings = warnings
	var text strings.Builder
	var at [2]int
	who, before := "", ""
	last, end := 0.0, 0.0
	flush := func() {
		w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: strings.TrimSpace(text.String()), Locator: extract.Locator{Lines: at}})
		text.Reset()
		at = [2]int{}
	}
	cue := false
	number := 0
	for line := range strings.Lines(src) {
		number++
		if number&0xfff == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("read %s: %w", name, ctx.Err())
		}
		line = strings.TrimSpace(line)
		if m := timing.FindStringSubmatch(line); m != nil {
			cue = true
			start := seconds(m[1])
			last, end = end, seconds(m[2])
			if text.Len() > 0 && (start-last > silence || text.Len() > long && strings.ContainsAny(text.String()[text.Len()-1:], ".?!")) {
				flush()
			}
			continue
		}
		if line == "" {
			cue = false
			continue
		}
		if !cue {
			continue // numbers, notes, styles
		}
		if m := voice.FindStringSubmatch(line); m != nil {
			if name := strings.TrimSpace(m[1]); name != who {
				flush()
				who = name
				line = name + ": " + line
			}
		}
		if speaker.MatchString(line) {
			flush()
			line = speaker.ReplaceAllString(line, "")
		}
		line = strings.TrimSpace(html.UnescapeString(tag.ReplaceAllString(line, "")))
		if line == "" || line == before { // rolling captions say each line twice
			continue
		}
		before = line
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		if at[0] == 0 {
			at[0] = number
		}
		at[1] = number
		text.WriteString(line)
	}
	flush()
	d := w.Done()
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: no line has a time and words; save it as SRT or WebVTT", name, readerr.ErrNoText)
	}
	return d, nil
}

func seconds(s string) float64 {
	total := 0.0
	for _, part := range strings.Split(strings.ReplaceAll(s, ",", "."), ":") {
		v, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return 0
		}
		total = total*60 + v
	}
	return total
}
