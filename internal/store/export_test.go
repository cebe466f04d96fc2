package store

import (
	"context"
	"database/sql"
	"errors"
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
