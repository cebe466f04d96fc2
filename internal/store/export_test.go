package store

import (
	"context"
	"database/sql"
	"errors"

	"seedbed/internal/seedbed"
)

// Rekey is the migration to new keys.
func Rekey(ctx context.Context, tx *Tx) error { return tx.rekey(ctx) }

// Exec runs a statement in a transaction.
func Exec(ctx context.Context, tx *Tx, query string) error {
	_, err := tx.exec(ctx, query)
	return err
}

// MigrateTo brings a database's schema to an earlier version, up from none or
// down from the newest, 0 for one without tables, and returns the newest.
func MigrateTo(ctx context.Context, o Options, version int64) (newest int64, err error) {
	e, driver, address := sqliteEngine, "sqlite", sqliteURL(o.Path, "_txlock=immediate")
	if o.URL != "" {
		e, driver, address = postgres, "pgx", o.URL
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(2)
	p, err := migrationsOf(db, e)
	if err != nil {
		return 0, err
	}
	has, err := p.GetDBVersion(ctx)
	switch {
	case err != nil || version == 0:
	case has > version:
		_, err = p.DownTo(ctx, version)
	default:
		_, err = p.UpTo(ctx, version)
	}
	all := p.ListSources()
	return all[len(all)-1].Version, err
}

// Setting is a row of the smallest table there is, "" where it was never set.
// The program has no settings.
func (r reads) Setting(ctx context.Context, name string) (string, error) {
	v, err := scanOne[string](r.q.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = $1`, name))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

// SetSetting stores a setting.
func (tx *Tx) SetSetting(ctx context.Context, name, value string) error {
	_, err := tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// SaveOutcome saves one passage. It reports false if that was not queued any
// more.
func (tx *Tx) SaveOutcome(ctx context.Context, run seedbed.Run, o Outcome) (bool, error) {
	d := Desk{tx: tx, run: run, queued: map[int]int{}}
	var s script
	d.find(&s, []int{o.Ordinal})
	if err := s.run(ctx, tx.q); err != nil || len(d.queued) == 0 {
		return false, err
	}
	_, err := d.Save(ctx, []Outcome{o})
	return err == nil, err
}
