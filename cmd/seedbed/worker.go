package main

import (
	"context"
	"errors"
	"fmt"
)

type workerCmd struct {
	Data string `help:"The data folder." default:"${data}" env:"SEEDBED_DATA" type:"path"`
	workFlags
}

func (c workerCmd) Run(ctx context.Context, s *streams) (err error) {
	o, err := open(ctx, c.Data, s.log, c.options())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.work(ctx, c.workFlags, s.log); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(s.err, "Seedbed is working; it ends with Ctrl-C or SIGTERM")
	<-ctx.Done()
	return stop(o.service)
}
