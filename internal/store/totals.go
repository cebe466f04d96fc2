package store

import (
	"context"
	"fmt"

	"seedbed/internal/seedbed"
)

// Ready is an error while the database cannot be asked.
func (r reads) Ready(ctx context.Context) error {
	if _, err := r.number(ctx, `SELECT count(*) FROM (SELECT 1 FROM seeds LIMIT 1) AS first`); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	return nil
}

// Totals are how much there is of everything. No table is read that grows with
// the seeds.
func (r reads) Totals(ctx context.Context) (seedbed.Totals, error) {
	var t seedbed.Totals
	var s script
	s.add("count sources", func(row scanner) error {
		var f seedbed.Facet
		err := row.Scan(&f.Value, &f.Count)
		t.Sources = append(t.Sources, f)
		return err
	}, `SELECT state, count(*) FROM sources GROUP BY state ORDER BY state`)
	s.add("count runs", func(row scanner) error {
		var f seedbed.Facet
		var p seedbed.PassageCounts
		var seeds, rejected, calls, cached, in, out int
		var cost float64
		err := row.Scan(&f.Value, &f.Count, &p.Done, &p.Failed, &p.Skipped, &p.Total, &seeds, &rejected, &calls, &cached, &in, &out, &cost)
		t.Runs = append(t.Runs, f)
		t.Passages.Done += p.Done
		t.Passages.Failed += p.Failed
		t.Passages.Skipped += p.Skipped
		t.Passages.Total += p.Total
		t.Seeds += seeds
		t.Rejected += rejected
		t.Calls += calls
		t.Cached += cached
		t.Tokens.In += in
		t.Tokens.Out += out
		t.Cost += cost
		return err
	}, `SELECT state, count(*), CAST(sum(done) AS BIGINT), CAST(sum(failed) AS BIGINT), CAST(sum(skipped) AS BIGINT), CAST(sum(total) AS BIGINT),
		CAST(sum(seeds) AS BIGINT), CAST(sum(rejected) AS BIGINT), CAST(sum(calls) AS BIGINT), CAST(sum(cached) AS BIGINT),
		CAST(sum(tokens_in) AS BIGINT), CAST(sum(tokens_out) AS BIGINT), sum(cost) FROM runs GROUP BY state ORDER BY state`)
	s.add("count jobs", func(row scanner) error {
		var j seedbed.JobCount
		err := row.Scan(&j.Kind, &j.State, &j.Count)
		t.Jobs = append(t.Jobs, j)
		return err
	}, `SELECT kind, state, count(*) FROM river_job WHERE state IN `+open+` GROUP BY kind, state ORDER BY kind, state`)
	if err := s.run(ctx, r.q); err != nil {
		return t, fmt.Errorf("count what there is: %w", err)
	}
	var err error
	t.Behind, err = r.OutboxCount(ctx)
	return t, err
}
