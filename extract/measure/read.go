package measure

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"seedbed/extract"
)

// A LineError says why a line holds no seed.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap is the reason.
func (e *LineError) Unwrap() error { return e.Err }

// Why a line holds no seed, besides errors of JSON.
var (
	ErrNoSeed  = errors.New("neither question nor answer: this is no seed record; export with --format seedbed")
	ErrTooLong = fmt.Errorf("longer than %d MiB", maxLine>>20)
)

const maxLine = 16 << 20

// Records yields the seeds of a file of JSON Lines, one record of the format
// seedbed a line. A line that holds none is a [LineError], and the next one
// follows; any other error is r's and ends the sequence. Empty lines are
// passed over. No more than one line is held in memory, 16 MiB at most.
func Records(r io.Reader) iter.Seq2[extract.Seed, error] {
	return func(yield func(extract.Seed, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		var line []byte
		for n := 1; ; n++ {
			var long bool
			var err error
			line, long, err = readLine(in, line[:0])
			if err != nil && err != io.EOF {
				yield(extract.Seed{}, fmt.Errorf("read line %d: %w", n, err))
				return
			}
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			line = bytes.TrimSpace(line)
			var s extract.Seed
			var bad error
			switch {
			case long:
				bad = ErrTooLong
			case len(line) > 0:
				s, bad = record(line)
			}
			if bad != nil {
				bad = &LineError{Line: n, Err: bad}
			}
			if (len(line) > 0 || long) && !yield(s, bad) {
				return
			}
			if err == io.EOF {
				return
			}
		}
	}
}

// readLine appends the next line to buf, or says that it is too long and
// passes over it.
func readLine(in *bufio.Reader, buf []byte) (line []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if long = long || len(buf)+len(part) > maxLine; !long {
			buf = append(buf, part...)
		}
		if err != bufio.ErrBufferFull {
			return buf, long, err
		}
	}
}

func record(line []byte) (s extract.Seed, err error) {
	if err := json.Unmarshal(line, &s); err != nil {
		return extract.Seed{}, describe(err)
	}
	if strings.TrimSpace(s.Question) == "" && strings.TrimSpace(s.Answer) == "" {
		return extract.Seed{}, ErrNoSeed
	}
	return s, nil
}

// describe says in words of the record what encoding/json says in Go's.
func describe(err error) error {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return fmt.Errorf("a JSON %s where a seed record should be", wrong.Value)
	case errors.As(err, &wrong):
		return fmt.Errorf("field %q cannot be a JSON %s", wrong.Field, wrong.Value)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w, after %d bytes", err, syntax.Offset)
	}
	return fmt.Errorf("not a seed record: %w", err)
}
