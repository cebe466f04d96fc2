package store

import (
	"context"
	"fmt"
)

// Lost are rows that belong to a row which is not there.
type Lost struct {
	What, Of string // seeds of source x
	Count    int
}

// belongings says which rows belong to which. Where the database itself
// watches over it, nothing is said here.
var belongings = []struct{ table, column, of string }{
	{"seeds", "source", "sources"},
	{"passages", "source", "sources"},
	{"run_passages", "run", "runs"},
	{"history", "seed", "seeds"},
}

func lostWhere(table, column, of string) string {
	return ` FROM ` + table + ` WHERE NOT EXISTS (SELECT 1 FROM ` + of + ` o WHERE o.id = ` + table + `.` + column + `)`
}

// Lost lists rows that belong to nothing.
func (r reads) Lost(ctx context.Context) ([]Lost, error) {
	var out []Lost
	for _, b := range belongings {
		some, err := list(ctx, r.q, func(row scanner) (Lost, error) {
			l := Lost{What: b.table}
			err := row.Scan(&l.Of, &l.Count)
			return l, err
		}, `SELECT `+b.column+`, count(*)`+lostWhere(b.table, b.column, b.of)+` GROUP BY `+b.column+` ORDER BY `+b.column)
		if err != nil {
			return nil, fmt.Errorf("look for %s that belong to nothing: %w", b.table, err)
		}
		out = append(out, some...)
	}
	return out, nil
}

// DeleteLost removes rows that still belong to nothing, seeds from the index
// too.
func (tx *Tx) DeleteLost(ctx context.Context, l Lost) error {
	for _, b := range belongings {
		if b.table != l.What {
			continue
		}
		where := lostWhere(b.table, b.column, b.of) + ` AND ` + b.table + `.` + b.column + ` = $1`
		var statements []string
		if b.table == "seeds" {
			statements = []string{
				`INSERT INTO outbox (seed, version, deleted) SELECT id, version + 1, 1` + where +
					` ON CONFLICT (seed) DO UPDATE SET version = excluded.version, deleted = 1, attempts = 0, due = 0, error = ''`,
				`DELETE FROM bands WHERE seed IN (SELECT n` + where + `)`,
				`DELETE FROM history WHERE seed IN (SELECT id` + where + `)`,
			}
		}
		for _, s := range append(statements, `DELETE`+where) {
			if _, err := tx.exec(ctx, s, l.Of); err != nil {
				return fmt.Errorf("delete %s of %s: %w", l.What, l.Of, err)
			}
		}
	}
	return nil
}

// open are the states of a job that is not done.
const open = `('available', 'running', 'retryable', 'scheduled', 'pending')`

// Stuck lists the sources that are to be read, and the runs that are to go on,
// for which there is no job.
func (r reads) Stuck(ctx context.Context) (sources, runs []string, err error) {
	sources, err = list(ctx, r.q, scanOne[string], `SELECT id FROM sources WHERE state IN ('queued', 'reading') AND NOT EXISTS (
		SELECT 1 FROM river_job j WHERE j.kind = 'read' AND j.state IN `+open+` AND j.args ->> 'source' = sources.id) ORDER BY id`)
	if err == nil {
		// Those whose source is being read wait for that.
		runs, err = list(ctx, r.q, scanOne[string], `SELECT r.id FROM runs r JOIN sources s ON s.id = r.source
			WHERE r.state IN ('queued', 'reading', 'running') AND s.state NOT IN ('queued', 'reading') AND NOT EXISTS (
			SELECT 1 FROM river_job j WHERE j.state IN `+open+` AND j.args ->> 'run' = r.id) ORDER BY r.id`)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look for what nothing moves along: %w", err)
	}
	return sources, runs, nil
}

// BlobUsed reports whether a source needs a blob, or it is noted as garbage.
func (r reads) BlobUsed(ctx context.Context, sum string) (bool, error) {
	n, err := r.number(ctx, `SELECT (SELECT count(*) FROM sources WHERE sha256 = $1) + (SELECT count(*) FROM sources WHERE document = $1)
		+ (SELECT count(*) FROM garbage WHERE sha256 = $1)`, sum)
	if err != nil {
		return false, fmt.Errorf("look who uses blob %s: %w", sum, err)
	}
	return n > 0, nil
}
