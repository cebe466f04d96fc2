package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

const (
	selectRun = `SELECT r.id, r.source, CASE WHEN s.title <> '' THEN s.title ELSE s.name END,
		(SELECT c.name FROM collections c WHERE c.id = s.collection), s.collection,
		r.recipe, r.recipe_hash, r.endpoint, r.model, r.batch, r.created, ` + runState + ` FROM runs r JOIN sources s ON s.id = r.source `

	// runState is what changes of a run.
	runState = `r.state, r.error_code, r.error, r.done, r.failed, r.skipped, r.total, r.seeds, r.rejected,
		r.calls, r.cached, r.tokens_in, r.tokens_out, r.prefix, r.cost, r.limit_cost, r.limit_tokens, r.started, r.finished`
)

func scanRun(row scanner) (seedbed.Run, error) {
	var r seedbed.Run
	var batch int
	err := scanState(row, &r, &r.ID, &r.Source, &r.SourceTitle, &r.Collection, &r.CollectionID,
		&r.Recipe, &r.RecipeHash, &r.Endpoint, &r.Model, &batch, stamp{&r.Created})
	r.Batch = batch != 0
	return r, err
}

// scanState scans what changes of a run, behind other columns.
func scanState(row scanner, r *seedbed.Run, before ...any) error {
	var e seedbed.Error
	err := row.Scan(append(before, &r.State, &e.Code, &e.Message,
		&r.Passages.Done, &r.Passages.Failed, &r.Passages.Skipped, &r.Passages.Total, &r.Seeds, &r.Rejected,
		&r.Calls, &r.Cached, &r.Tokens.In, &r.Tokens.Out, &r.Prefix, &r.Cost,
		&r.Limits.Cost, &r.Limits.Tokens, stamp{&r.Started}, stamp{&r.Finished})...)
	r.Error = nil
	if e.Code != "" {
		r.Error = &e
	}
	return err
}

// maxRuns is how many runs a list has at most.
const maxRuns = 200

// Runs lists the runs of a source, "" for all, the newest first.
func (r reads) Runs(ctx context.Context, source string) ([]seedbed.Run, error) {
	where, args := "", []any{}
	if source != "" {
		where, args = "WHERE r.source = $1 ", []any{source}
	}
	out, err := list(ctx, r.q, scanRun, selectRun+where+fmt.Sprintf("ORDER BY r.created DESC, r.id DESC LIMIT %d", maxRuns), args...)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return out, nil
}

// Run is one run.
func (r reads) Run(ctx context.Context, id string) (seedbed.Run, error) {
	run, err := scanRun(r.q.QueryRowContext(ctx, selectRun+`WHERE r.id = $1`, id))
	return run, found(err, "run", id)
}

// Run is one run, which nobody else changes until the transaction ends.
func (tx *Tx) Run(ctx context.Context, id string) (seedbed.Run, error) {
	run, err := scanRun(tx.q.QueryRowContext(ctx, selectRun+`WHERE r.id = $1`+tx.q.locked("r"), id))
	return run, found(err, "run", id)
}

// RecipeBody is the recipe of a run, which is long and asked for once.
func (r reads) RecipeBody(ctx context.Context, run string) (string, error) {
	body, err := scanOne[string](r.q.QueryRowContext(ctx, `SELECT recipe_body FROM runs WHERE id = $1`, run))
	return body, found(err, "run", run)
}

// FirstRun is the run of a source that was made first.
func (r reads) FirstRun(ctx context.Context, source string) (seedbed.Run, error) {
	run, err := scanRun(r.q.QueryRowContext(ctx, selectRun+`WHERE r.source = $1 ORDER BY r.created, r.id LIMIT 1`, source))
	return run, found(err, "run of source", source)
}

// AddRun adds a run that has not begun.
func (tx *Tx) AddRun(ctx context.Context, r seedbed.Run) error {
	_, err := tx.exec(ctx, `INSERT INTO runs (id, source, recipe, recipe_hash, recipe_body, endpoint, model, state, limit_cost, limit_tokens, created, batch)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		r.ID, r.Source, r.Recipe, r.RecipeHash, r.RecipeBody, r.Endpoint, r.Model, r.State, r.Limits.Cost, r.Limits.Tokens, millis(r.Created), flag(r.Batch))
	if err != nil {
		return fmt.Errorf("add run %s: %w", r.ID, err)
	}
	return nil
}

// SaveRun stores a run's state, error, limits, times and total. Its other
// counts only grow, by [Desk.Save] and [Tx.Spend].
func (tx *Tx) SaveRun(ctx context.Context, r seedbed.Run) error {
	code, message := errorColumns(r.Error)
	n, err := tx.exec(ctx, `UPDATE runs SET state = $2, error_code = $3, error = $4, total = $5, started = $6, finished = $7,
		limit_cost = $8, limit_tokens = $9 WHERE id = $1`,
		r.ID, r.State, code, message, r.Passages.Total, millis(r.Started), millis(r.Finished), r.Limits.Cost, r.Limits.Tokens)
	return changed(n, err, "run", r.ID)
}

// Waiting lists the runs of a source that wait for it to be read.
func (r reads) Waiting(ctx context.Context, source string) ([]seedbed.Run, error) {
	out, err := list(ctx, r.q, scanRun, selectRun+`WHERE r.source = $1 AND r.state IN ('queued', 'reading') ORDER BY r.created, r.id`, source)
	if err != nil {
		return nil, fmt.Errorf("list runs of source %s that wait: %w", source, err)
	}
	return out, nil
}

// Plan adds the next passages of a run's source, up to limit from ordinal on,
// as queued, and returns the ordinals of those that are queued among them and
// where to go on; next is -1 behind the last passage.
func (tx *Tx) Plan(ctx context.Context, run, source string, from, limit int) (queued []int, next int, err error) {
	all, err := list(ctx, tx.q, scanOne[int],
		`SELECT ordinal FROM passages WHERE source = $1 AND ordinal >= $2 AND skip = '' ORDER BY ordinal LIMIT $3`, source, from, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("plan run %s: %w", run, err)
	}
	if len(all) == 0 {
		return nil, -1, nil
	}
	last := all[len(all)-1]
	if _, err := tx.exec(ctx, `INSERT INTO run_passages (run, ordinal, state)
		SELECT CAST($1 AS TEXT), ordinal, 'queued' FROM passages WHERE source = $2 AND ordinal >= $3 AND ordinal <= $4 AND skip = ''
		ON CONFLICT (run, ordinal) DO NOTHING`, run, source, from, last); err != nil {
		return nil, 0, fmt.Errorf("plan run %s: %w", run, err)
	}
	queued, err = list(ctx, tx.q, scanOne[int],
		`SELECT ordinal FROM run_passages WHERE run = $1 AND ordinal >= $2 AND ordinal <= $3 AND state = 'queued' ORDER BY ordinal`, run, from, last)
	if err != nil {
		return nil, 0, fmt.Errorf("plan run %s: %w", run, err)
	}
	next = last + 1
	if len(all) < limit {
		next = -1
	}
	return queued, next, nil
}

// QueuedCount is how many passages of a run are still to be done.
func (r reads) QueuedCount(ctx context.Context, run string) (int, error) {
	return r.number(ctx, `SELECT COUNT(*) FROM run_passages WHERE run = $1 AND state = 'queued'`, run)
}

// An Outcome is what became of a passage in a run.
type Outcome struct {
	seedbed.RunPassage // Run, Ordinal, State, Code, Reason and Reply; Seeds is counted
	Found              []extract.Seed
	Bands              map[string][]uint64 // by the id of a seed: what its duplicates are found by
	Spent              extract.Spent
	Calls              []seedbed.Call
}

// A Desk is where passages of a run are saved that are still queued. Nobody
// else saves them until the transaction ends.
type Desk struct {
	tx     *Tx
	run    seedbed.Run
	ends   bool        // the job
	queued map[int]int // how many calls there are already, by ordinal

	// Now is the run as it is, and stays until the transaction ends.
	Now seedbed.Run
	// Known are the seeds of the run's collection by the keys that were asked
	// for.
	Known map[uint64][]Alike
}

// Desk makes ready to save passages of a run, by their ordinals, that a job is
// about, which ends with them or goes on. It is nil if somebody else has the
// job by now. If there are keys of seeds that are compared with others, nobody
// else adds any to the collection until the transaction ends, and those that
// have one of the keys are looked up.
func (tx *Tx) Desk(ctx context.Context, run seedbed.Run, job int64, ends bool, ordinals []int, keys []uint64) (*Desk, error) {
	d := Desk{tx: tx, run: run, ends: ends, queued: map[int]int{}, Now: run, Known: map[uint64][]Alike{}}
	held, there := false, false
	var s script
	if tx.q.engine == postgres {
		// All that follows is found by its key. A plan is kept until a table is
		// analyzed again, a minute later or more: one that was made when the table
		// was small would read all of it by then.
		s.add("have tables read by their indexes", nil, `SET LOCAL enable_seqscan = off`)
	}
	if ends {
		s.completeJob(job, &held)
	} else {
		s.holdsJob(job, tx.q, &held)
	}
	d.find(&s, ordinals)
	if len(keys) > 0 && tx.q.engine == postgres {
		s.lock(ctx, seedsOf, run.CollectionID)
	}
	s.add("load run "+run.ID, func(row scanner) error {
		there = true
		return scanState(row, &d.Now)
	}, `SELECT `+runState+` FROM runs r WHERE r.id = $1`+tx.q.locked("r"), run.ID)
	s.alike(tx.q.engine, d.Known, run.CollectionID, keys)
	if err := s.run(ctx, tx.q); err != nil || !held {
		return nil, err
	}
	if !there {
		return nil, found(sql.ErrNoRows, "run", run.ID)
	}
	return &d, nil
}

// find adds a lookup of those passages that are queued.
func (d *Desk) find(s *script, ordinals []int) {
	if len(ordinals) == 0 {
		return
	}
	ordinals = padded(ordinals)
	s.add("load passages of run "+d.run.ID, func(row scanner) error {
		var ordinal, calls int
		err := row.Scan(&ordinal, &calls)
		d.queued[ordinal] = calls
		return err
	}, `SELECT p.ordinal, (SELECT COALESCE(MAX(c.n), 0) FROM calls c WHERE c.run = p.run AND c.ordinal = p.ordinal)
		FROM run_passages p WHERE p.run = $1 AND p.state = 'queued' AND p.ordinal IN (`+marks(2, len(ordinals))+`)`+d.tx.q.locked("p"),
		append([]any{d.run.ID}, anys(ordinals)...)...)
}

// Save records what became of passages, with their seeds, and counts them in
// the run, which it returns as it is then. Those that were not queued any more
// change nothing: somebody else has done them.
//
// State queued puts a passage back, with its reason and one attempt more. With
// the last of its passages the run ends. It is the last that is done in a
// transaction.
func (d *Desk) Save(ctx context.Context, made []Outcome) (now seedbed.Run, err error) {
	made = slices.DeleteFunc(slices.Clone(made), func(o Outcome) bool {
		_, queued := d.queued[o.Ordinal]
		return !queued
	})
	if err := d.tx.level(ctx, made); err != nil {
		return now, err
	}
	var s script
	var saved []Outcome
	var asked [][]any // rows of calls
	var sum seedbed.Run
	var spent extract.Spent
	for _, o := range made {
		calls, queued := d.queued[o.Ordinal]
		if !queued { // twice
			continue
		}
		delete(d.queued, o.Ordinal)
		kept := 0
		for _, seed := range o.Found {
			kept += flag(seed.Live())
		}
		rejected := len(o.Found) - kept
		s.add(fmt.Sprintf("save passage %d of run %s", o.Ordinal, d.run.ID), nil, `UPDATE run_passages SET state = $3, code = $4, reason = $5, reply = $6,
			seeds = $7, rejected = $8, parser = $9, attempts = attempts + 1 WHERE run = $1 AND ordinal = $2`,
			d.run.ID, o.Ordinal, o.State, o.Code, o.Reason, o.Reply, kept, rejected, o.Parser)
		for i, c := range o.Calls {
			asked = append(asked, callRow(d.run.ID, o.Ordinal, calls+i+1, c))
		}
		saved = append(saved, o)
		sum.Passages.Done += flag(o.State == seedbed.PassageDone)
		sum.Passages.Failed += flag(o.State == seedbed.PassageFailed)
		sum.Passages.Skipped += flag(o.State == seedbed.PassageSkipped)
		sum.Seeds += kept
		sum.Rejected += rejected
		spent = spent.Add(o.Spent)
	}
	s.addSeeds(d.tx.q.engine, d.run, saved)
	s.addCalls(d.run.ID, asked)
	now = d.run
	there := false
	s.add("count passages of run "+d.run.ID, func(row scanner) error {
		there = true
		return scanState(row, &now)
	}, `UPDATE runs SET done = done + $2, failed = failed + $3, skipped = skipped + $4, seeds = seeds + $5,
		rejected = rejected + $6, calls = calls + $7, cached = cached + $8, tokens_in = tokens_in + $9, tokens_out = tokens_out + $10,
		prefix = prefix + $11, cost = cost + $12 WHERE id = $1 RETURNING `+strings.ReplaceAll(runState, "r.", ""),
		d.run.ID, sum.Passages.Done, sum.Passages.Failed, sum.Passages.Skipped, sum.Seeds, sum.Rejected,
		spent.Calls, spent.Cached, spent.Tokens.In, spent.Tokens.Out, spent.Prefix, spent.Cost)
	if d.ends && d.Now.Passages.Left() <= sum.Passages.Done+sum.Passages.Failed+sum.Passages.Skipped {
		s.endRun(d.run.ID, d.tx.now(), &now)
	}
	if err := d.tx.finish(ctx, s); err != nil {
		return now, err
	}
	if !there {
		return now, found(sql.ErrNoRows, "run", d.run.ID)
	}
	return now, nil
}

// EndRun ends a run that runs or is paused if its passages are all done, failed
// or skipped.
func (tx *Tx) EndRun(ctx context.Context, run string) error {
	var s script
	s.endRun(run, tx.now(), new(seedbed.Run))
	return s.run(ctx, tx.q)
}

func (s *script) endRun(run string, at time.Time, ended *seedbed.Run) {
	s.add("end run "+run, func(row scanner) error {
		ended.Error = nil
		return row.Scan(&ended.State, stamp{&ended.Finished})
	}, `UPDATE runs SET state = 'done', error_code = '', error = '', finished = $2
		WHERE id = $1 AND state IN ('running', 'paused') AND done + failed + skipped >= total RETURNING state, finished`, run, millis(at))
}

// Spend counts what a run has spent.
func (tx *Tx) Spend(ctx context.Context, run string, s extract.Spent) error {
	_, err := tx.exec(ctx, `UPDATE runs SET calls = calls + $2, cached = cached + $3, tokens_in = tokens_in + $4, tokens_out = tokens_out + $5,
		prefix = prefix + $6, cost = cost + $7 WHERE id = $1`, run, s.Calls, s.Cached, s.Tokens.In, s.Tokens.Out, s.Prefix, s.Cost)
	if err != nil {
		return fmt.Errorf("count what run %s has spent: %w", run, err)
	}
	return nil
}

// Attempts is how often a passage was tried in a run.
func (r reads) Attempts(ctx context.Context, run string, ordinal int) (int, error) {
	n, err := r.number(ctx, `SELECT attempts FROM run_passages WHERE run = $1 AND ordinal = $2`, run, ordinal)
	return n, found(err, "passage in run", run)
}

// Failures lists the failed passages of a run in document order.
func (r reads) Failures(ctx context.Context, run string) ([]seedbed.RunPassage, error) {
	out, err := list(ctx, r.q, func(row scanner) (seedbed.RunPassage, error) {
		p := seedbed.RunPassage{Run: run}
		var at extract.Locator
		err := row.Scan(&p.Ordinal, &p.Passage, fromJSON{&p.Path}, &p.Tokens, fromJSON{&at},
			&p.State, &p.Code, &p.Reason, &p.Reply, &p.Attempts, &p.Seeds, &p.Parser)
		p.Start, p.End, p.Page, p.File = at.Start, at.End, at.Page, at.File
		return p, err
	}, `SELECT p.ordinal, c.id, c.path, c.tokens, c.at, p.state, p.code, p.reason, p.reply, p.attempts, p.seeds, p.parser
		FROM run_passages p JOIN runs r ON r.id = p.run JOIN passages c ON c.source = r.source AND c.ordinal = p.ordinal
		WHERE p.run = $1 AND p.state = 'failed' ORDER BY p.ordinal`, run)
	if err != nil {
		return nil, fmt.Errorf("list failures of run %s: %w", run, err)
	}
	return out, nil
}

// Ledger says what became of each passage of a run's source, in document
// order.
func (r reads) Ledger(ctx context.Context, run seedbed.Run) ([]extract.Entry, error) {
	out, err := list(ctx, r.q, func(row scanner) (extract.Entry, error) {
		var e extract.Entry
		var at extract.Locator
		var skip, state, code string
		err := row.Scan(&e.Passage, fromJSON{&e.Section}, &e.Tokens, fromJSON{&at}, &skip, &state, &code, &e.Reason, &e.Seeds, &e.Rejected)
		e.Start, e.End = at.Start, at.End
		switch {
		case skip != "":
			e.Outcome, e.Reason = extract.ScreenedOut, skip
		case state == seedbed.PassageSkipped:
			e.Outcome = extract.ScreenedOut
		case state == seedbed.PassageFailed:
			e.Outcome = extract.FailedOut
		case state == seedbed.PassageDone && e.Seeds == 0:
			e.Outcome = code
		case state == seedbed.PassageDone:
			e.Outcome, e.Note, e.Reason = extract.GaveSeeds, e.Reason, ""
		default:
			e.Outcome, e.Reason = extract.NotYet, ""
		}
		return e, err
	}, `SELECT c.id, c.path, c.tokens, c.at, c.skip, COALESCE(p.state, ''), COALESCE(p.code, ''), COALESCE(p.reason, ''),
		COALESCE(p.seeds, 0), COALESCE(p.rejected, 0)
		FROM passages c LEFT JOIN run_passages p ON p.run = $1 AND p.ordinal = c.ordinal
		WHERE c.source = $2 ORDER BY c.ordinal`, run.ID, run.Source)
	if err != nil {
		return nil, fmt.Errorf("list what became of the passages of run %s: %w", run.ID, err)
	}
	return out, nil
}

// Requeue puts a run's failed passages back, all or those with a code, and
// returns how many.
func (tx *Tx) Requeue(ctx context.Context, run, code string) (int, error) {
	n, err := tx.exec(ctx, `UPDATE run_passages SET state = 'queued', attempts = 0 WHERE run = $1 AND state = 'failed' AND ($2 = '' OR code = $2)`, run, code)
	if err != nil {
		return 0, fmt.Errorf("put passages of run %s back: %w", run, err)
	}
	if _, err := tx.exec(ctx, `UPDATE runs SET failed = failed - $2 WHERE id = $1`, run, n); err != nil {
		return 0, fmt.Errorf("put passages of run %s back: %w", run, err)
	}
	return n, nil
}

// RunStates are the states of some runs, by their ids, of those that are
// there.
func (r reads) RunStates(ctx context.Context, ids []string) (map[string]string, error) {
	out, err := byID[string](ctx, r.q, ids, `SELECT id, state FROM runs WHERE id`)
	if err != nil {
		return nil, fmt.Errorf("load the states of runs: %w", err)
	}
	return out, nil
}

// Mates counts the runs of a collection that are running with a model server.
func (r reads) Mates(ctx context.Context, collection, endpoint string) (int, error) {
	n, err := r.number(ctx, `SELECT count(*) FROM runs r JOIN sources s ON s.id = r.source
		WHERE s.collection = $1 AND r.endpoint = $2 AND r.state = 'running'`, collection, endpoint)
	if err != nil {
		return 0, fmt.Errorf("count the runs of collection %s: %w", collection, err)
	}
	return n, nil
}

// Running lists the runs that are running.
func (r reads) Running(ctx context.Context) ([]seedbed.Run, error) {
	out, err := list(ctx, r.q, scanRun, selectRun+`WHERE r.state = 'running' ORDER BY r.created, r.id`)
	if err != nil {
		return nil, fmt.Errorf("list runs that are running: %w", err)
	}
	return out, nil
}
