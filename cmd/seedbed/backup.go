package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"seedbed/internal/backup"
	"seedbed/internal/blob"
	"seedbed/internal/jobs"
	"seedbed/web/view"
)

type backupCmd struct {
	dataThere
	File       string `arg:"" help:"The zip to write; - is stdout." type:"path"`
	Force      bool   `help:"Replace the file if it is there."`
	Keys       bool   `help:"Keep the API keys of model servers."`
	Incomplete bool   `help:"Leave out originals and documents that are lost or altered, and say which."`
}

// Help says what is in a backup.
func (backupCmd) Help() string {
	return `Writes the database as it is at one moment, the originals and documents it
names, and the benchmarks to one zip. The server may go on meanwhile. The file has
its name once it is whole. Runs that are under way are paused in it, and the API
keys of model servers left out unless --keys asks for them. The search index is
not in it: restore builds it again.`
}

func (c backupCmd) Run(ctx context.Context, s *streams) error {
	if err := onSQLite("back it up with pg_dump, and then copy the blobs: the bucket, or the folder blobs"); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.Data, "seedbed.db")); err != nil {
		return misuse("--data: there is no database in %s: name the folder that a server made", c.Data)
	}
	blobs, err := openBlobs(ctx, c.Data)
	if err != nil {
		return err
	}
	o := backup.Options{Data: c.Data, Blobs: blobs, Keys: c.Keys, Incomplete: c.Incomplete, Program: "seedbed " + version(), Now: time.Now}
	var m backup.Manifest
	if c.File == "-" {
		m, err = backup.Write(ctx, s.out, o)
	} else {
		m, err = backup.Save(ctx, c.File, c.Force, o)
	}
	if errors.Is(err, backup.ErrThere) {
		return misuse("%w: choose another name, or replace it with --force", err)
	}
	if err != nil {
		return err
	}
	c.tell(s.err, m)
	return nil
}

func (backupCmd) tell(w io.Writer, m backup.Manifest) {
	_, _ = fmt.Fprintf(w, "backed up %s\n", contents(m))
	if m.Paused > 0 {
		_, _ = fmt.Fprintf(w, "under way: %s, paused in the backup\n", view.Count(m.Paused, "run"))
	}
	if m.Keys > 0 {
		_, _ = fmt.Fprintf(w, "left out: %s, which --keys keeps\n", view.Count(m.Keys, "API key"))
	}
	for _, l := range m.LeftOut {
		_, _ = fmt.Fprintf(w, "left out: %s, lost or altered\n", l)
	}
}

type restoreCmd struct {
	File string `arg:"" help:"The zip that seedbed backup wrote." type:"existingfile"`
	Data string `help:"The data folder to make: new, or empty." default:"${data}" env:"SEEDBED_DATA" type:"path"`
}

// Help says what is made sure of.
func (restoreCmd) Help() string {
	return `Makes a data folder of a backup, in which nothing may be yet, and builds the
search index. Every file is compared with its hash first: a backup that is not whole
leaves nothing behind. Runs that were under way are paused, and spend nothing until
they are resumed.`
}

func (c restoreCmd) Run(ctx context.Context, s *streams) (err error) {
	if err := onSQLite("restore it with pg_restore, and copy the blobs back"); err != nil {
		return err
	}
	m, err := backup.Restore(ctx, c.File, c.Data, func(data string) (blob.Store, error) { return openBlobs(ctx, data) })
	if errors.Is(err, backup.ErrThere) {
		return misuse("%w: choose another folder with --data, or move what is in this one away", err)
	}
	if err != nil {
		return err
	}
	if err := c.index(ctx, s); err != nil {
		return fmt.Errorf("%s has all of the backup, but the search index could not be built, see seedbed reindex: %w", c.Data, err)
	}
	_, _ = fmt.Fprintf(s.err, "restored %s, backed up on %s\n", contents(m), m.Created.Local().Format(time.DateTime))
	if m.Paused > 0 {
		_, _ = fmt.Fprintf(s.err, "paused: %s, to be resumed\n", view.Count(m.Paused, "run"))
	}
	if m.Keys > 0 {
		_, _ = fmt.Fprintf(s.err, "not in the backup: %s, to be entered in the settings\n", view.Count(m.Keys, "API key"))
	}
	for _, l := range m.LeftOut {
		_, _ = fmt.Fprintf(s.err, "not in the backup: %s, see seedbed check\n", l)
	}
	return nil
}

func (c restoreCmd) index(ctx context.Context, s *streams) (err error) {
	o, err := open(ctx, c.Data, s.log, jobs.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	return o.service.Reindex(ctx)
}

// contents is what a backup has.
func contents(m backup.Manifest) string {
	return fmt.Sprintf("%s, %s and %s in %s, %s", view.Count(m.Sources, "source"), view.Count(m.Runs, "run"),
		view.Count(m.Seeds, "seed"), view.Count(len(m.Files), "file"), humanize.IBytes(uint64(m.Bytes)))
}

// onSQLite is why a command cannot be used where the database is PostgreSQL,
// and what can.
func onSQLite(instead string) error {
	if os.Getenv("SEEDBED_DATABASE_URL") == "" {
		return nil
	}
	return misuse("SEEDBED_DATABASE_URL names a PostgreSQL database: %s", instead)
}
