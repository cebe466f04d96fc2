package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"seedbed/internal/seedbed"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. Goose remembers what was applied: the
// files, and what no SQL can do.
// On PostgreSQL others wait who want to do the same: the lock is let go when
// the process ends, however it does.
func migrate(ctx context.Context, db *sql.DB, e *engine) error {
	provider, err := migrationsOf(db, e)
	if err != nil {
		return fmt.Errorf("prepare the database's migrations: %w", err)
	}
	has, knows, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("look at the database's version: %w", plain(err))
	}
	if has > knows {
		return seedbed.Errorf(seedbed.Conflict, "the database is of version %d, made by a newer Seedbed; this one knows version %d: use the newer one", has, knows)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", plain(err))
	}
	return nil
}

func migrationsOf(db *sql.DB, e *engine) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(
		goose.NewGoMigration(8, newKeys(e), nil),
		goose.NewGoMigration(16, newKeys(e), nil),
		goose.NewGoMigration(20, newGroups(e), nil),
	)}
	if e == postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(e.dialect, db, filled{files, e.types}, options...)
}

// filled is a folder of files with their placeholders filled in.
type filled struct {
	fs.FS
	types *strings.Replacer
}

func (f filled) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return file, err
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return filledFile{file, bytes.NewReader([]byte(f.types.Replace(string(data))))}, nil
}

// filledFile is a file with another content; its Stat still tells the size
// of the old one, which nothing asks for.
type filledFile struct {
	fs.File
	*bytes.Reader
}

func (f filledFile) Read(p []byte) (int, error) { return f.Reader.Read(p) }
