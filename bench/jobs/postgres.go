package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

func postgresSize(ctx context.Context, address string) (mb float64, err error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	err = conn.QueryRow(ctx, `SELECT pg_database_size(current_database()) / 1e6`).Scan(&mb)
	return mb, err
}
