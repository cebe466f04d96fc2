package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// A failed call keeps its own request and what the model said.
type keptCall struct {
	Request *extract.Request `json:"request"`
	Raw     string           `json:"raw"`
}

// callRow is a row of the calls about a passage of a run, the n-th from 1.
func callRow(run string, ordinal, n int, c seedbed.Call) []any {
	var kept []byte
	if c.Code != "" {
		kept = pack([]byte(asJSON(keptCall{c.Request, c.Raw})))
	}
	return []any{
		run, ordinal, n, c.Stage, c.Model, c.Reply, flag(c.Cached), c.Usage.In, c.Usage.Out, c.Usage.Cached,
		c.Usage.Cost, millis(c.Began), c.Took, c.Code, c.Error, kept,
	}
}

func (s *script) addCalls(run string, rows [][]any) {
	s.insert("record calls of run "+run, `calls (run, ordinal, n, stage, model, reply, cached, tokens_in, tokens_out, prefix,
		cost, began, took, code, error, kept)`, rows, "")
}

const selectCall = `SELECT run, ordinal, n, stage, model, reply, cached, tokens_in, tokens_out, prefix, cost, began, took, code, error FROM calls `

func scanCall(row scanner) (seedbed.Call, error) {
	var c seedbed.Call
	var cached int
	err := row.Scan(&c.Run, &c.Ordinal, &c.N, &c.Stage, &c.Model, &c.Reply, &cached, &c.Usage.In, &c.Usage.Out, &c.Usage.Cached,
		&c.Usage.Cost, stamp{&c.Began}, &c.Took, &c.Code, &c.Error)
	c.Cached = cached != 0
	c.ID = fmt.Sprintf("%s-%d-%d", c.Run, c.Ordinal, c.N)
	return c, err
}

// Calls lists the calls that were made about a passage of a run, the first to
// be made first, without what was asked and answered.
func (r reads) Calls(ctx context.Context, run string, ordinal int) ([]seedbed.Call, error) {
	out, err := list(ctx, r.q, scanCall, selectCall+`WHERE run = $1 AND ordinal = $2 ORDER BY n`, run, ordinal)
	if err != nil {
		return nil, fmt.Errorf("list the calls about passage %d of run %s: %w", ordinal, run, err)
	}
	return out, nil
}

// Call is one call with what was asked and answered, as far as it is kept.
func (r reads) Call(ctx context.Context, id string) (seedbed.Call, error) {
	var run string
	var ordinal, n int
	if parts := strings.Split(id, "-"); len(parts) == 3 {
		run = parts[0]
		ordinal, _ = strconv.Atoi(parts[1]) // what is no number is no call
		n, _ = strconv.Atoi(parts[2])
	}
	c, err := scanCall(r.q.QueryRowContext(ctx, selectCall+`WHERE run = $1 AND ordinal = $2 AND n = $3`, run, ordinal, n))
	if err != nil {
		return c, found(err, "call", id)
	}
	var asked, answered []byte
	if c.Code != "" {
		asked, err = scanOne[[]byte](r.q.QueryRowContext(ctx, `SELECT kept FROM calls WHERE run = $1 AND ordinal = $2 AND n = $3`, run, ordinal, n))
		var kept keptCall
		if err == nil {
			err = unpackJSON(asked, &kept)
		}
		c.Request, c.Raw = kept.Request, kept.Raw
	} else {
		type pair struct{ asked, answered []byte }
		var all []pair // one, or none where the reply was deleted with another source
		all, err = list(ctx, r.q, func(row scanner) (p pair, err error) {
			err = row.Scan(&p.asked, &p.answered)
			return p, err
		}, `SELECT request, reply FROM replies WHERE id = $1`, c.Reply)
		if err == nil && len(all) > 0 {
			asked, answered = all[0].asked, all[0].answered
			if err = unpackJSON(asked, &c.Request); err == nil {
				err = unpackJSON(answered, &c.Answer)
			}
		}
		if c.Answer != nil {
			c.Raw = c.Answer.Raw
		}
	}
	if err != nil {
		return c, fmt.Errorf("load call %d about passage %d of run %s: %w", n, ordinal, run, err)
	}
	return c, nil
}

// SeedPassage is the run a seed was found in and its passage's ordinal there.
func (r reads) SeedPassage(ctx context.Context, id string) (run string, ordinal int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT run, ordinal FROM seeds WHERE id = $1`, id).Scan(&run, &ordinal)
	return run, ordinal, found(err, "seed", id)
}

// Prompts hold whole passages and replies are long: both are kept compressed.
var (
	packer   = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true)))
	unpacker = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(256<<20)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options are wrong
	}
	return v
}

func pack(data []byte) []byte { return packer.EncodeAll(data, nil) }

// isPacked reports whether data begin as pack's results do, and as no JSON does.
func isPacked(data []byte) bool { return bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}) }

// unpack also takes what was kept before replies were compressed.
func unpack(data []byte) ([]byte, error) {
	if !isPacked(data) {
		return data, nil
	}
	return unpacker.DecodeAll(data, nil)
}

// unpackJSON leaves into alone where there is nothing.
func unpackJSON(data []byte, into any) error {
	data, err := unpack(data)
	if err != nil || len(data) == 0 {
		return err
	}
	return json.Unmarshal(data, into)
}
