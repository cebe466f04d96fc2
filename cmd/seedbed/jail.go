package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"seedbed/extract/stage"
	"seedbed/internal/sandbox/jail"
)

// openJail is where code is run, nil unless that is asked for and there can
// be a jail: then nothing is run, and the checks say so. In words it is for
// people to read.
func openJail(ctx context.Context, asked bool, log *slog.Logger) (runner stage.Runner, words string) {
	if !asked {
		return nil, "Code is not run. Start Seedbed with --execute to have it run in a sandbox."
	}
	j, err := jail.Open(ctx, jail.Options{CacheDir: jailCache(), Log: log})
	if err != nil {
		log.Warn("no code is run", "why", err)
		return nil, "Code is not run: " + err.Error()
	}
	languages := strings.Join(j.Interpreters(), ", ")
	log.Info("code is run in a sandbox", "languages", languages)
	return j, "Code, the model’s too, is run in a sandbox without network: " + languages + "."
}

// jailCache keeps what the jail's users read. They cannot look into root's
// own folder.
func jailCache() string {
	if os.Geteuid() == 0 {
		return filepath.Join("/var/cache/seedbed", "go")
	}
	return filepath.Join(cacheFolder(), "go")
}
