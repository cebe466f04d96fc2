package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

const sourceColumns = `SELECT s.id, (SELECT c.name FROM collections c WHERE c.id = s.collection), s.collection, s.sha256, s.name, s.size, s.media_type, s.kind, s.title, s.authors, s.language,
	s.license, s.state, s.error_code, s.error, s.warnings, s.document, s.pages, s.passages, s.skipped, s.created, `

const (
	selectSource    = sourceColumns + `(SELECT count(*) FROM seeds d WHERE d.source = s.id AND d.verdict <> 'rejected') FROM sources s `
	selectUncounted = sourceColumns + `0 FROM sources s `
)

func scanSource(row scanner) (seedbed.Source, error) {
	var s seedbed.Source
	var e seedbed.Error
	err := row.Scan(&s.ID, &s.Collection, &s.CollectionID, &s.SHA256, &s.Name, &s.Size, &s.MediaType, &s.Kind, &s.Title, fromJSON{&s.Authors}, &s.Language,
		&s.License, &s.State, &e.Code, &e.Message, fromJSON{&s.Warnings}, &s.Document, &s.Pages, &s.Passages, &s.Skipped, stamp{&s.Created},
		&s.Seeds)
	if e.Code != "" {
		s.Error = &e
	}
	return s, err
}

// Sources lists the sources of the collection of that name, "" for all, the
// newest first.
func (r reads) Sources(ctx context.Context, collection string) ([]seedbed.Source, error) {
	out, err := list(ctx, r.q, scanSource, selectSource+`WHERE $1 = '' OR s.collection = (SELECT c.id FROM collections c WHERE c.name = $1) ORDER BY s.created DESC, s.id DESC`, collection)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	return out, nil
}

// Source is one source.
func (r reads) Source(ctx context.Context, id string) (seedbed.Source, error) {
	s, err := scanSource(r.q.QueryRowContext(ctx, selectSource+`WHERE s.id = $1`, id))
	return s, found(err, "source", id)
}

// Source is one source, which nobody else changes until the transaction ends.
func (tx *Tx) Source(ctx context.Context, id string) (seedbed.Source, error) {
	s, err := scanSource(tx.q.QueryRowContext(ctx, selectSource+`WHERE s.id = $1`+tx.q.locked("s"), id))
	return s, found(err, "source", id)
}

// Uncounted is one source without the number of its seeds, for work on
// passages: to count them for each took the longer the more there were.
func (r reads) Uncounted(ctx context.Context, id string) (seedbed.Source, error) {
	s, err := scanSource(r.q.QueryRowContext(ctx, selectUncounted+`WHERE s.id = $1`, id))
	return s, found(err, "source", id)
}

// Uncounted is one source, which nobody else changes until the transaction
// ends, without the number of its seeds.
func (tx *Tx) Uncounted(ctx context.Context, id string) (seedbed.Source, error) {
	s, err := scanSource(tx.q.QueryRowContext(ctx, selectUncounted+`WHERE s.id = $1`+tx.q.locked("s"), id))
	return s, found(err, "source", id)
}

// SourceOf is the source that the bytes with this hash are in a collection,
// by that one's id.
func (r reads) SourceOf(ctx context.Context, collection, sha256 string) (seedbed.Source, error) {
	s, err := scanSource(r.q.QueryRowContext(ctx, selectSource+`WHERE s.collection = $1 AND s.sha256 = $2`, collection, sha256))
	return s, found(err, "source with hash", sha256)
}

// found turns "no rows" into an error that a person may read.
func found(err error, what, id string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return seedbed.Errorf(seedbed.NotFound, "there is no %s %s", what, id)
	}
	if err != nil {
		return fmt.Errorf("load %s %s: %w", what, id, err)
	}
	return nil
}

// AddSource adds a source to the collection whose id it has. That has to be
// there.
func (tx *Tx) AddSource(ctx context.Context, s seedbed.Source) error {
	code, message := errorColumns(s.Error)
	_, err := tx.exec(ctx, `INSERT INTO sources (id, collection, sha256, name, size, media_type, kind, title, authors, language,
		license, state, error_code, error, warnings, document, pages, passages, skipped, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		s.ID, s.CollectionID, s.SHA256, s.Name, s.Size, s.MediaType, s.Kind, s.Title, asJSON(s.Authors), s.Language,
		s.License, s.State, code, message, asJSON(s.Warnings), s.Document, s.Pages, s.Passages, s.Skipped, millis(s.Created))
	if err != nil {
		return fmt.Errorf("add source %s: %w", s.ID, err)
	}
	return nil
}

// SaveSource stores what may change about a source: what reading found out,
// and its state.
func (tx *Tx) SaveSource(ctx context.Context, s seedbed.Source) error {
	code, message := errorColumns(s.Error)
	n, err := tx.exec(ctx, `UPDATE sources SET kind = $2, title = $3, authors = $4, language = $5, license = $6, state = $7,
		error_code = $8, error = $9, warnings = $10, document = $11, pages = $12, passages = $13, skipped = $14, media_type = $15 WHERE id = $1`,
		s.ID, s.Kind, s.Title, asJSON(s.Authors), s.Language, s.License, s.State,
		code, message, asJSON(s.Warnings), s.Document, s.Pages, s.Passages, s.Skipped, s.MediaType)
	return changed(n, err, "source", s.ID)
}

// changed is the error of an update that should have met one row.
func changed(n int, err error, what, id string) error {
	if err != nil {
		return fmt.Errorf("save %s %s: %w", what, id, err)
	}
	if n == 0 {
		return seedbed.Errorf(seedbed.NotFound, "there is no %s %s", what, id)
	}
	return nil
}

func errorColumns(e *seedbed.Error) (code, message string) {
	if e == nil {
		return "", ""
	}
	return e.Code, e.Message
}

// DeleteSource removes a source with everything made from it, has the index
// forget its seeds, and notes its blobs as garbage. Of other sources' seeds
// that were duplicates of them, the best stands for the others.
func (tx *Tx) DeleteSource(ctx context.Context, id string) error {
	s, err := tx.Source(ctx, id)
	if err != nil {
		return err
	}
	if err := tx.LockSeeds(ctx, s.CollectionID); err != nil {
		return err
	}
	orphans, err := list(ctx, tx.q, scanSeed, `SELECT version, collection, body FROM seeds WHERE duplicate_of <> '' AND source <> $1
		AND duplicate_of IN (SELECT d.id FROM seeds d WHERE d.source = $1) ORDER BY id`+tx.q.locked("seeds"), id)
	if err != nil {
		return fmt.Errorf("load duplicates of seeds of source %s: %w", id, err)
	}
	// Who is about to save seeds of it ends first, or finds its run gone.
	if _, err := list(ctx, tx.q, scanOne[string], `SELECT id FROM runs WHERE source = $1 ORDER BY id`+tx.q.locked("runs"), id); err != nil {
		return fmt.Errorf("delete source %s: %w", id, err)
	}
	for _, statement := range []string{
		`INSERT INTO outbox (seed, version, deleted) SELECT id, version + 1, 1 FROM seeds WHERE source = $1
			ON CONFLICT (seed) DO UPDATE SET version = excluded.version, deleted = 1, attempts = 0, due = 0, error = ''`,
		`DELETE FROM bands WHERE seed IN (SELECT n FROM seeds WHERE source = $1)`,
		`DELETE FROM history WHERE seed IN (SELECT id FROM seeds WHERE source = $1)`,
		`DELETE FROM seeds WHERE source = $1`,
		`DELETE FROM replies WHERE id IN (SELECT c.reply FROM calls c JOIN runs r ON r.id = c.run WHERE r.source = $1
			AND NOT EXISTS (SELECT 1 FROM calls o JOIN runs other ON other.id = o.run WHERE o.reply = c.reply AND other.source <> $1))`,
		`DELETE FROM batches WHERE run IN (SELECT id FROM runs WHERE source = $1)`,
		`DELETE FROM calls WHERE run IN (SELECT id FROM runs WHERE source = $1)`,
		`DELETE FROM run_passages WHERE run IN (SELECT id FROM runs WHERE source = $1)`,
		`DELETE FROM runs WHERE source = $1`,
		`DELETE FROM passages WHERE source = $1`,
		`DELETE FROM sources WHERE id = $1`,
	} {
		if _, err := tx.exec(ctx, statement, id); err != nil {
			return fmt.Errorf("delete source %s: %w", id, err)
		}
	}
	if err := tx.regroup(ctx, orphans); err != nil {
		return err
	}
	if err := tx.deleteJobs(ctx, "source", id); err != nil {
		return err
	}
	return tx.AddGarbage(ctx, s.SHA256, s.Document)
}

// A Cut is a passage as it was cut from its source.
type Cut struct {
	Ordinal int // from 0, in document order
	extract.Passage
}

// AddPassages adds passages of a source from ordinal on; those there already
// stay as they are. Give it few at a time.
func (tx *Tx) AddPassages(ctx context.Context, source string, ordinal int, ps []extract.Passage) error {
	var rows [][]any
	for i, p := range ps {
		rows = append(rows, []any{source, ordinal + i, p.ID, asJSON(p.Path), p.Text, p.Tokens, p.Skip, asJSON(p.Locator), p.First, p.Last})
	}
	var todo script
	todo.insert("add passages of source "+source, `passages (source, ordinal, id, path, text, tokens, skip, at, first, last)`, rows, `ON CONFLICT (source, ordinal) DO NOTHING`)
	return todo.run(ctx, tx.q)
}

// DeletePassages removes the passages of a source, for it to be read again.
func (tx *Tx) DeletePassages(ctx context.Context, source string) error {
	if _, err := tx.exec(ctx, `DELETE FROM passages WHERE source = $1`, source); err != nil {
		return fmt.Errorf("delete passages of source %s: %w", source, err)
	}
	return nil
}

// Cuts are some passages of a source, with their text and without document,
// in document order. Ordinals that are not there are left out.
func (r reads) Cuts(ctx context.Context, source string, ordinals []int) ([]Cut, error) {
	var s script
	var out []Cut
	s.cuts(&out, source, ordinals, "")
	return out, s.run(ctx, r.q)
}

// Work is what a job needs to know about passages of a run: the run, its
// source without the number of its seeds, and those of the passages that are
// still to be done.
func (r reads) Work(ctx context.Context, run, source string, ordinals []int) (of seedbed.Run, src seedbed.Source, queued []Cut, err error) {
	var s script
	s.add("load run "+run, func(row scanner) (err error) {
		of, err = scanRun(row)
		return err
	}, selectRun+`WHERE r.id = $1`, run)
	s.add("load source "+source, func(row scanner) (err error) {
		src, err = scanSource(row)
		return err
	}, selectUncounted+`WHERE s.id = $1`, source)
	s.cuts(&queued, source, ordinals, ` AND EXISTS (SELECT 1 FROM run_passages rp WHERE rp.run = $2 AND rp.ordinal = p.ordinal AND rp.state = 'queued')`, run)
	if err := s.run(ctx, r.q); err != nil {
		return of, src, nil, err
	}
	if of.ID == "" || src.ID == "" {
		return of, src, nil, found(sql.ErrNoRows, "run", run)
	}
	return of, src, queued, nil
}

// cuts loads passages, those that meet a condition with args from $2 on.
func (s *script) cuts(out *[]Cut, source string, ordinals []int, which string, args ...any) {
	if len(ordinals) == 0 {
		return
	}
	ordinals = padded(ordinals)
	args = slices.Concat([]any{source}, args, anys(ordinals))
	s.add("load passages of source "+source, func(row scanner) error {
		var c Cut
		err := row.Scan(&c.Ordinal, &c.ID, fromJSON{&c.Path}, &c.Text, &c.Tokens, &c.Skip, fromJSON{&c.Locator}, &c.First, &c.Last)
		*out = append(*out, c)
		return err
	}, `SELECT p.ordinal, p.id, p.path, p.text, p.tokens, p.skip, p.at, p.first, p.last FROM passages p
		WHERE p.source = $1`+which+` AND p.ordinal IN (`+marks(len(args)-len(ordinals)+1, len(ordinals))+`) ORDER BY p.ordinal`, args...)
}

// PassageTexts are the texts of the passages that seeds were found in, by the
// seeds' ids.
func (r reads) PassageTexts(ctx context.Context, seeds []string) (map[string]string, error) {
	out, err := byID[string](ctx, r.q, seeds, `SELECT d.id, p.text FROM seeds d JOIN passages p ON p.source = d.source AND p.ordinal = d.ordinal WHERE d.id`)
	if err != nil {
		return nil, fmt.Errorf("load passages of seeds: %w", err)
	}
	return out, nil
}

// Passages lists the passages of a source in document order. Seeds counts
// those that are not rejected, of all runs.
func (r reads) Passages(ctx context.Context, source string) ([]seedbed.RunPassage, error) {
	out, err := list(ctx, r.q, func(row scanner) (seedbed.RunPassage, error) {
		var p seedbed.RunPassage
		var at extract.Locator
		err := row.Scan(&p.Ordinal, &p.Passage, fromJSON{&p.Path}, &p.Tokens, &p.Reason, fromJSON{&at}, &p.Seeds)
		if p.Reason != "" {
			p.State = seedbed.PassageSkipped
		}
		p.Start, p.End, p.Page, p.File = at.Start, at.End, at.Page, at.File
		return p, err
	}, `SELECT p.ordinal, p.id, p.path, p.tokens, p.skip, p.at,
		(SELECT count(*) FROM seeds d WHERE d.source = p.source AND d.ordinal = p.ordinal AND d.verdict <> 'rejected')
		FROM passages p WHERE p.source = $1 ORDER BY p.ordinal`, source)
	if err != nil {
		return nil, fmt.Errorf("list passages of source %s: %w", source, err)
	}
	return out, nil
}
