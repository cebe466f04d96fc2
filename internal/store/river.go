package store

import (
	"context"
	"fmt"
)

// The queue keeps its jobs in tables of its own, beside ours and in the same
// transactions. What it has no call for is done here.

// DropJobs removes the jobs of a run that nobody has begun.
func (tx *Tx) DropJobs(ctx context.Context, run string) error {
	return tx.deleteJobs(ctx, "run", run)
}

func (tx *Tx) deleteJobs(ctx context.Context, name, value string) error {
	_, err := tx.exec(ctx, `DELETE FROM river_job WHERE state IN ('available', 'retryable', 'scheduled', 'pending') AND args ->> '`+name+`' = $1`, value)
	if err != nil {
		return fmt.Errorf("remove the jobs of %s %s: %w", name, value, err)
	}
	return nil
}

// PassagesAtWork are the passages of a run that there is a job for.
func (r reads) PassagesAtWork(ctx context.Context, run string) (map[int]bool, error) {
	jobs, err := list(ctx, r.q, func(row scanner) (ordinals []int, err error) {
		err = row.Scan(fromJSON{&ordinals})
		return ordinals, err
	}, `SELECT args ->> 'ordinals' FROM river_job WHERE kind = 'passage' AND state IN `+open+` AND args ->> 'run' = $1`, run)
	if err != nil {
		return nil, fmt.Errorf("list the jobs of run %s: %w", run, err)
	}
	out := map[int]bool{}
	for _, ordinals := range jobs {
		for _, o := range ordinals {
			out[o] = true
		}
	}
	return out, nil
}
