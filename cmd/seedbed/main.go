package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/adrg/xdg"
	"github.com/alecthomas/kong"

	"seedbed/internal/sandbox"
)

func main() {
	if sandbox.IsChild(os.Args[1:]) {
		os.Exit(sandbox.Child(context.Background(), os.Args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal a second one ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// commands is the whole command line. Flags win over the environment.
type commands struct {
	Serve   serveCmd   `cmd:"" default:"withargs" help:"Serve the web application and do its work (the default)."`
	Worker  workerCmd  `cmd:"" help:"Work off jobs without serving pages; on PostgreSQL in any number, on any machine."`
	Read    readCmd    `cmd:"" help:"Print a document as Seedbed reads it."`
	Extract extractCmd `cmd:"" help:"Print the seeds of files or folders as JSON Lines; needs no server and no database."`
	Export  exportCmd  `cmd:"" help:"Print the seeds of the database in a training format."`
	Measure measureCmd `cmd:"" help:"Print the scorecard of seeds: grounding, diversity, coverage, cost."`
	Check   checkCmd   `cmd:"" help:"Look whether originals, documents, database and search index fit, and mend them."`
	Reindex reindexCmd `cmd:"" help:"Build the search index anew."`
	Backup  backupCmd  `cmd:"" help:"Write all that the data folder holds to one file."`
	Restore restoreCmd `cmd:"" help:"Make a data folder of a backup."`
	User    userCmd    `cmd:"" help:"Add, list and remove the accounts of people who may log in."`
	Version versionCmd `cmd:"" help:"Print the version."`

	Log string `help:"How messages on stderr look: text or json." enum:"text,json" default:"text" env:"SEEDBED_LOG"`
}

// Exit codes.
const (
	exitFailure = 1
	exitMisuse  = 2
)

// A misuseError is an error of how a command was called.
type misuseError struct{ error }

func misuse(format string, args ...any) error {
	return misuseError{fmt.Errorf(format, args...)}
}

// streams are what a command writes to: data on out, everything else on err.
type streams struct {
	out io.Writer
	err io.Writer
	log *slog.Logger
}

// run does one command and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	ended := -1
	parser, err := kong.New(&c,
		kong.Name("seedbed"),
		kong.Description("Question–answer pairs from books, papers and code, each with its evidence."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { ended = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"data": dataFolder(), "formats": formatNames()},
	)
	if err != nil {
		panic(err) // the commands struct is wrong: every test would show it
	}
	k, err := parser.Parse(args)
	if ended >= 0 { // -h was printed
		return ended
	}
	if err != nil {
		help := "seedbed"
		var wrong *kong.ParseError
		if errors.As(err, &wrong) {
			// A mistyped command is read as an argument of the default one.
			if sub := wrong.Context.Selected(); sub != nil && slices.Contains(args, sub.Name) {
				help = sub.FullPath()
			}
		}
		_, _ = fmt.Fprintf(stderr, "seedbed: %v\nTry: %s -h\n", err, help)
		return exitMisuse
	}
	s := &streams{out: stdout, err: stderr, log: newLog(stderr, c.Log)}
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run(s)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted") // whatever was at work then
	}
	_, _ = fmt.Fprintf(stderr, "seedbed: %v\n", err)
	if errors.As(err, new(misuseError)) {
		return exitMisuse
	}
	return exitFailure
}

func newLog(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// dataFolder is where the server keeps everything unless it is told otherwise.
func dataFolder() string { return filepath.Join(xdg.DataHome, "seedbed") }

// cacheFolder keeps what can be made again.
func cacheFolder() string { return filepath.Join(xdg.CacheHome, "seedbed") }

type versionCmd struct{}

func (versionCmd) Run(s *streams) error {
	_, err := fmt.Fprintf(s.out, "seedbed %s\n", version())
	return err
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
