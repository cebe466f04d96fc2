package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/pressly/goose/v3"

	"seedbed/extract/stage"
)

// newKeys is the migration that a change of [stage.Keys] asks for: questions
// kept under old keys would not be found any more.
func newKeys(e *engine) *goose.GoFunc {
	return &goose.GoFunc{RunTx: func(ctx context.Context, raw *sql.Tx) error {
		tx := &Tx{reads: reads{q: session{on: raw, engine: e}}}
		if err := tx.rekey(ctx); err != nil {
			return fmt.Errorf("keep the questions under new keys: %w", err)
		}
		return nil
	}}
}

func (tx *Tx) rekey(ctx context.Context) error {
	seeds, err := list(ctx, tx.q, scanOne[int64], `SELECT DISTINCT seed FROM bands ORDER BY seed`)
	if err != nil {
		return err
	}
	if _, err := tx.exec(ctx, `DELETE FROM bands`); err != nil {
		return err
	}
	type asked struct {
		id, collection, question string
		n                        int64
	}
	for some := range slices.Chunk(seeds, 500) {
		questions, err := list(ctx, tx.q, func(row scanner) (a asked, err error) {
			return a, row.Scan(&a.id, &a.n, &a.collection, &a.question)
		}, `SELECT id, n, collection, question FROM seeds WHERE n IN (`+marks(1, len(some))+`)`, anys(some)...)
		if err != nil {
			return err
		}
		for _, q := range questions {
			var s script
			s.addBands(tx.q.engine, q.collection, map[string][]uint64{q.id: stage.Keys(q.question)})
			if err := s.run(ctx, tx.q); err != nil {
				return err
			}
		}
	}
	return nil
}
