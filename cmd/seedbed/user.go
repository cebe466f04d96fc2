package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"seedbed/internal/auth"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// userCmd manages accounts, whether a server runs meanwhile or not.
type userCmd struct {
	Add      userAddCmd      `cmd:"" help:"Add an account. From then on everybody has to log in."`
	List     userListCmd     `cmd:"" help:"Print the accounts, one a line."`
	Remove   userRemoveCmd   `cmd:"" help:"Remove an account with its sessions and tokens."`
	Password userPasswordCmd `cmd:"" help:"Change an account's password, and log it out everywhere."`
}

const passwordHelp = `Asks for the password twice; where there is no terminal, the first line of
standard input is the password. It has at least ten characters.`

type userAddCmd struct {
	Name string `arg:"" help:"Letters, digits and . _ - @."`
	Data string `help:"The data folder, which is made where it is not there." default:"${data}" env:"SEEDBED_DATA" type:"path"`
}

// Help says where the password comes from.
func (userAddCmd) Help() string { return passwordHelp }

func (c userAddCmd) Run(ctx context.Context, s *streams) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	return withAccounts(ctx, c.Data, s, func(a *auth.Accounts) error {
		password, err := askPassword(ctx, s)
		if err != nil {
			return err
		}
		if err := a.Add(ctx, c.Name, password); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(s.err, "added the account %s\n", c.Name)
		return nil
	})
}

type userListCmd struct {
	dataThere
}

func (c userListCmd) Run(ctx context.Context, s *streams) error {
	return withAccounts(ctx, c.Data, s, func(a *auth.Accounts) error {
		all, err := a.Users(ctx)
		if err != nil {
			return err
		}
		for _, u := range all {
			if _, err := fmt.Fprintf(s.out, "%s\t%s\n", u.Name, u.Created.Format(time.RFC3339)); err != nil {
				return err
			}
		}
		return nil
	})
}

type userRemoveCmd struct {
	Name  string `arg:""`
	Force bool   `help:"Remove the last account too."`
	dataThere
}

// Help says what follows.
func (userRemoveCmd) Help() string {
	return `Without any account a server that only this computer can reach asks nobody to
log in. One that others can reach answers nobody; when it is started again, it
prints a link that makes an account.`
}

func (c userRemoveCmd) Run(ctx context.Context, s *streams) error {
	return withAccounts(ctx, c.Data, s, func(a *auth.Accounts) error {
		last, err := a.Remove(ctx, c.Name, c.Force)
		if last && !c.Force {
			return misuse("%w: to remove it, see seedbed user remove -h and add --force", err)
		}
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(s.err, "removed the account %s\n", c.Name)
		return nil
	})
}

type userPasswordCmd struct {
	Name string `arg:""`
	dataThere
}

// Help says where the password comes from.
func (userPasswordCmd) Help() string {
	return passwordHelp + "\nThe account's tokens stay as they are."
}

func (c userPasswordCmd) Run(ctx context.Context, s *streams) error {
	return withAccounts(ctx, c.Data, s, func(a *auth.Accounts) error {
		password, err := askPassword(ctx, s)
		if err != nil {
			return err
		}
		if err := a.SetPassword(ctx, c.Name, password); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(s.err, "changed the password of %s\n", c.Name)
		return nil
	})
}

// withAccounts opens the database alone. What is wrong with a name or a
// password is wrong with the call.
func withAccounts(ctx context.Context, data string, s *streams, do func(*auth.Accounts) error) (err error) {
	db, err := openStore(ctx, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = do(auth.New(db, s.log, db.Now))
	if err != nil && seedbed.CodeOf(err) == seedbed.Invalid && !errors.As(err, new(misuseError)) {
		return misuseError{err}
	}
	return err
}

// openStore opens the database that the environment names, or else the one in
// the data folder.
func openStore(ctx context.Context, data string) (*store.DB, error) {
	return store.Open(ctx, store.Options{Path: filepath.Join(data, "seedbed.db"), URL: os.Getenv("SEEDBED_DATABASE_URL")})
}

// askPassword asks for a new password.
func askPassword(ctx context.Context, s *streams) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", misuse("there is no password on standard input")
		}
		return line, nil
	}
	first, err := hidden(ctx, s, fd, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := hidden(ctx, s, fd, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", misuse("the two passwords differ")
	}
	return first, nil
}

// hidden reads a line that the terminal does not show. It gives the terminal
// back as it was when ctx ends, too.
func hidden(ctx context.Context, s *streams, fd int, ask string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprint(s.err, ask)
	defer func() { _, _ = fmt.Fprintln(s.err) }()
	type answer struct {
		line []byte
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		got <- answer{line, err}
	}()
	select {
	case a := <-got:
		return string(a.line), a.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}
