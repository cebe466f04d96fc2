// Package table reads records: CSV and TSV, JSON and JSON Lines. Each block is
// a table of a few records under the names of their fields, or one record
// where its fields hold long text.
package table

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"seedbed/extract"
	"seedbed/extract/read/charset"
	"seedbed/extract/read/readerr"
)

// Bounds of what is read and of one block.
const (
	maxRecords = 100_000
	maxFields  = 1000
	blockRows  = 50
	longRecord = 600 // bytes: such records are text, not a table
)

// Read reads records; the name's ending tells JSON from divided values.
// Records beyond the first 100,000 are left out, with a warning.
func Read(ctx context.Context, r io.Reader, name string) (*extract.Document, error) {
	src, warnings, err := charset.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	var rs records
	switch strings.ToLower(path.Ext(name)) {
	case ".json":
		rs, err = fromJSON(ctx, src, false)
	case ".jsonl", ".ndjson":
		rs, err = fromJSON(ctx, src, true)
	default:
		rs, err = fromCSV(ctx, src, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var w extract.Builder
	w.Kind = extract.Page
	w.Title = strings.TrimSuffix(path.Base(name), path.Ext(name))
	w.Warnings = append(warnings, rs.warnings...)
	rs.write(&w)
	d := w.Done()
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("read %s: %w: its records are empty", name, readerr.ErrNoText)
	}
	return d, nil
}

// records are rows under the names of their fields.
type records struct {
	header   []string
	rows     [][]string
	lines    [][2]int // of each row
	code     string   // JSON that is no list of records
	warnings []string
}

func (rs *records) warn(format string, args ...any) {
	rs.warnings = append(rs.warnings, fmt.Sprintf(format, args...))
}

func (rs *records) write(w *extract.Builder) {
	if rs.code != "" {
		w.Add("\n\n", extract.Block{Kind: extract.Code, Lang: "json", Text: rs.code})
		return
	}
	size := 0
	for _, r := range rs.rows[:min(len(rs.rows), 200)] {
		for _, cell := range r {
			size += len(cell)
		}
	}
	if n := min(len(rs.rows), 200); n > 0 && size/n > longRecord {
		for i, r := range rs.rows {
			var s strings.Builder
			for j, cell := range r {
				if cell = strings.TrimSpace(cell); cell != "" {
					if j < len(rs.header) {
						s.WriteString(rs.header[j] + ": ")
					}
					s.WriteString(cell + "\n")
				}
			}
			w.Add("\n\n", extract.Block{Kind: extract.Paragraph, Text: strings.TrimSpace(s.String()), Locator: extract.Locator{Lines: rs.lines[i]}})
		}
		return
	}
	for from := 0; from < len(rs.rows) || from == 0; from += blockRows {
		to := min(from+blockRows, len(rs.rows))
		rows := [][]string{}
		if rs.header != nil {
			rows = append(rows, rs.header)
		}
		b := Block(append(rows, rs.rows[from:to]...))
		if to > from {
			b.Lines = [2]int{rs.lines[from][0], rs.lines[to-1][1]}
		}
		w.Add("\n\n", b)
	}
}

// fromCSV reads values divided by the sign that divides the first lines most
// evenly.
func fromCSV(ctx context.Context, src, name string) (records, error) {
	var rs records
	c := csv.NewReader(strings.NewReader(src))
	c.Comma = divider(src, name)
	c.FieldsPerRecord = -1
	c.LazyQuotes = true
	for {
		row, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return rs, fmt.Errorf("%w: %w; check the quotes there", readerr.ErrCorrupt, err)
		}
		if err := ctx.Err(); err != nil {
			return rs, err
		}
		if len(row) > maxFields {
			if len(rs.warnings) == 0 {
				rs.warn("record %d has more than %d fields: the rest of them is left out", len(rs.rows)+1, maxFields)
			}
			row = row[:maxFields]
		}
		if strings.TrimSpace(strings.Join(row, "")) == "" {
			continue
		}
		if rs.header == nil {
			rs.header = row
			continue
		}
		if len(rs.rows) == maxRecords {
			rs.warn("only the first %d records are read; split the file for the rest", maxRecords)
			break
		}
		first, _ := c.FieldPos(0)
		last, _ := c.FieldPos(len(row) - 1)
		rs.rows = append(rs.rows, row)
		rs.lines = append(rs.lines, [2]int{first, last + strings.Count(row[len(row)-1], "\n")})
	}
	return rs, nil
}

func divider(src, name string) rune {
	if strings.EqualFold(path.Ext(name), ".tsv") {
		return '\t'
	}
	lines := strings.SplitN(src, "\n", 11)
	lines = lines[:min(len(lines), 10)]
	best, most := ',', 0
	for _, sign := range []rune{',', ';', '\t', '|'} {
		even, first := 0, strings.Count(lines[0], string(sign))
		for _, l := range lines {
			if first > 0 && strings.Count(l, string(sign)) == first {
				even += first
			}
		}
		if even > most {
			best, most = sign, even
		}
	}
	return best
}

// fromJSON reads a list of objects, one object a line, or an object that holds
// such a list. Any other JSON is kept as code.
func fromJSON(ctx context.Context, src string, lined bool) (records, error) {
	var rs records
	var objects []json.RawMessage
	d := json.NewDecoder(strings.NewReader(src))
	var values []json.RawMessage
	var lines [][2]int
	at, line := int64(0), 1
	for {
		var v json.RawMessage
		err := d.Decode(&v)
		if err == io.EOF {
			break
		}
		if err != nil {
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				at = syntax.Offset
			}
			if len(values) > 0 {
				rs.warn("from byte %d on it is no JSON: what follows is missing (%v)", at, err)
				break
			}
			return rs, fmt.Errorf("%w: byte %d is no JSON: %w", readerr.ErrCorrupt, at, err)
		}
		if err := ctx.Err(); err != nil {
			return rs, err
		}
		if len(values) == maxRecords {
			rs.warn("only the first %d records are read; split the file for the rest", maxRecords)
			break
		}
		end := d.InputOffset()
		to := line + strings.Count(src[at:end], "\n")
		lines = append(lines, [2]int{to - bytes.Count(v, []byte("\n")), to})
		at, line = end, to
		values = append(values, v)
	}
	objects = values
	if len(values) == 1 && !lined {
		objects = list(values[0], 0)
		lines = make([][2]int, len(objects))
	}
	if len(objects) > maxRecords {
		rs.warn("only the first %d records are read; split the file for the rest", maxRecords)
		objects = objects[:maxRecords]
	}
	seen := map[string]int{}
	for i, o := range objects {
		names, cells, ok := fields(o)
		if !ok {
			continue
		}
		row := make([]string, len(rs.header), len(rs.header)+len(names))
		for j, n := range names {
			k, ok := seen[n]
			if !ok {
				if len(seen) == maxFields {
					continue
				}
				k = len(rs.header)
				seen[n] = k
				rs.header = append(rs.header, n)
				row = append(row, "")
			}
			row[k] = cells[j]
		}
		rs.rows = append(rs.rows, row)
		rs.lines = append(rs.lines, lines[i])
	}
	if len(rs.rows) == 0 {
		var out bytes.Buffer
		if err := json.Indent(&out, []byte(src), "", "  "); err != nil {
			out.Reset()
			out.WriteString(src)
		}
		rs.code = strings.TrimSpace(out.String())
	}
	return rs, nil
}

// list is the list of objects that a value is or holds.
func list(v json.RawMessage, depth int) []json.RawMessage {
	var items []json.RawMessage
	if json.Unmarshal(v, &items) == nil {
		if len(items) > 0 && strings.HasPrefix(strings.TrimSpace(string(items[0])), "{") {
			return items
		}
		return nil
	}
	var object map[string]json.RawMessage
	if depth > 2 || json.Unmarshal(v, &object) != nil {
		return nil
	}
	var best []json.RawMessage
	for _, inner := range object {
		if l := list(inner, depth+1); len(l) > len(best) {
			best = l
		}
	}
	return best
}

// fields are an object's names and values in their order.
func fields(v json.RawMessage) (names, cells []string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(v))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, false
	}
	for d.More() {
		t, err := d.Token()
		name, isName := t.(string)
		var value json.RawMessage
		if err != nil || !isName || d.Decode(&value) != nil {
			return nil, nil, false
		}
		var s string
		if json.Unmarshal(value, &s) != nil {
			var out bytes.Buffer
			if json.Compact(&out, value) == nil && out.String() != "null" {
				s = out.String()
			}
		}
		names, cells = append(names, name), append(cells, s)
	}
	return names, cells, len(names) > 0
}
