// Package repo reads a code repository, as a zip or tar archive or as a
// folder: the README and the documents first, then the source by directory, a
// package after those it imports, each file under a heading with its path. What is left out is listed with the
// reason; nothing is ever written to disk and no link is followed.
package repo

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/readerr"
)

// Limits bound what an archive may unpack to. Zero fields take the defaults.
type Limits struct {
	Entries int   // entries in the archive; 200,000
	Files   int   // files that are read; 20,000
	Bytes   int64 // of all files that are read; 256 MiB
	File    int64 // bytes of one file, longer ones are skipped; 4 MiB
	Stream  int64 // bytes of a tar archive, unpacked; 4 GiB
	Ratio   int64 // unpacked to packed, beyond the first MiB; 200
}

func (l Limits) orDefaults() Limits {
	set := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	if l.Entries == 0 {
		l.Entries = 200_000
	}
	if l.Files == 0 {
		l.Files = 20_000
	}
	set(&l.Bytes, 256<<20)
	set(&l.File, 4<<20)
	set(&l.Stream, 4<<30)
	set(&l.Ratio, 200)
	return l
}

// A file is one that was read.
type file struct {
	name string
	data []byte
}

// A collector takes the entries of an archive or folder one by one and keeps
// the files that may be worth reading.
type collector struct {
	limits  Limits
	entries int
	bytes   int64
	files   []file
	seen    map[string]bool
	ignore  ignore
	attrs   attributes
	commit  string
	skips   skips
}

// skips lists what was left out. A directory that was left out whole is one
// entry with the number of its files.
type skips struct {
	order  []string
	reason map[string]string
	count  map[string]int
}

func (s *skips) add(name, reason string) {
	if s.reason == nil {
		s.reason, s.count = map[string]string{}, map[string]int{}
	}
	if _, ok := s.reason[name]; !ok {
		s.order = append(s.order, name)
		s.reason[name] = reason
	}
	s.count[name]++
}

// list gives the skipped files by name, without the root folder.
func (s *skips) list(root string) []extract.SkippedFile {
	var out []extract.SkippedFile
	for _, name := range s.order {
		f := extract.SkippedFile{File: strings.TrimPrefix(name, root), Reason: s.reason[name]}
		if strings.HasSuffix(name, "/") && s.count[name] > 1 {
			f.Reason += fmt.Sprintf(" (%d files)", s.count[name])
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b extract.SkippedFile) int { return strings.Compare(a.File, b.File) })
	return out
}

// collect takes all entries. The error is about the archive as a whole; what
// was collected before it stays.
func (c *collector) collect(ctx context.Context, entries iter.Seq2[entry, error]) error {
	c.limits = c.limits.orDefaults()
	c.seen = map[string]bool{}
	for e, err := range entries {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.take(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) take(e entry) error {
	if c.entries++; c.entries > c.limits.Entries {
		return fmt.Errorf("%w: it has more than %d entries; leave out dependencies and build output", readerr.ErrTooLarge, c.limits.Entries)
	}
	name, bad := clean(e.name)
	if bad != "" {
		c.skips.add(name, bad)
		return nil
	}
	if e.mode.IsDir() {
		return nil
	}
	if !e.mode.IsRegular() {
		c.skips.add(name, notRegular(e.mode))
		return nil
	}
	if dir := pruned(name); dir != "" {
		c.skips.add(dir, prunable[path.Base(dir)])
		return nil
	}
	if c.seen[name] {
		c.skips.add(name, "a second file of the same name")
		return nil
	}
	c.seen[name] = true
	if reason := byName(name); reason != "" {
		c.skips.add(name, reason)
		return nil
	}
	if c.ignore.match(name) {
		c.skips.add(name, "ignored by .gitignore")
		return nil
	}
	if e.size > c.limits.File {
		c.skips.add(name, fmt.Sprintf("larger than %d KB", c.limits.File>>10))
		return nil
	}
	if len(c.files) >= c.limits.Files {
		return fmt.Errorf("%w: it has more than %d files to read; leave out what need not be read", readerr.ErrTooLarge, c.limits.Files)
	}
	data, reason, err := c.read(e)
	if err != nil {
		return err
	}
	if reason != "" {
		c.skips.add(name, reason)
		return nil
	}
	if c.bytes += int64(len(data)); c.bytes > c.limits.Bytes {
		return fmt.Errorf("%w: its files have more than %d MB; leave out data and build output", readerr.ErrTooLarge, c.limits.Bytes>>20)
	}
	switch path.Base(name) {
	case ".gitignore":
		c.ignore.add(path.Dir(name), string(data))
		return nil
	case ".gitattributes":
		c.attrs.add(path.Dir(name), string(data))
		return nil
	}
	c.files = append(c.files, file{name, data})
	return nil
}

// clean is the path of an entry inside the archive, and why it cannot be
// used, if so.
func clean(name string) (string, string) {
	shown := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD"))
	slashed := strings.ReplaceAll(shown, `\`, "/")
	switch {
	case strings.Trim(slashed, "/. ") == "" && !strings.Contains(slashed, ".."):
		if strings.HasSuffix(slashed, "/") || slashed == "." {
			return ".", "" // the root itself
		}
		return shown, "has no name"
	case strings.HasPrefix(slashed, "/"), len(slashed) > 1 && slashed[1] == ':':
		return shown, "absolute path"
	case len(slashed) > 4096:
		return shown[:100] + "…", "path too long"
	}
	for part := range strings.SplitSeq(slashed, "/") {
		if part == ".." {
			return shown, "path leads out of the archive"
		}
	}
	return path.Clean(slashed), ""
}

func notRegular(m fs.FileMode) string {
	if m&fs.ModeSymlink != 0 {
		return "link: links are not followed"
	}
	return "not a regular file"
}

// root is the folder that all names have in common, with its slash: archives
// of repositories often hold one folder.
func (c *collector) root() string {
	root := ""
	for _, f := range c.files {
		top, _, ok := strings.Cut(f.name, "/")
		if !ok || root != "" && root != top+"/" {
			return ""
		}
		root = top + "/"
	}
	return root
}
