package store

import (
	"context"
	"fmt"

	"seedbed/internal/seedbed"
)

const selectEndpoint = `SELECT id, name, url, api_key, model, concurrency, rpm, tpm, price_in, price_out, is_default, created FROM endpoints `

func scanEndpoint(row scanner) (seedbed.Endpoint, error) {
	var e seedbed.Endpoint
	var isDefault int
	err := row.Scan(&e.ID, &e.Name, &e.URL, &e.Key, &e.Model, &e.Concurrency, &e.RPM, &e.TPM, &e.PriceIn, &e.PriceOut, &isDefault, stamp{&e.Created})
	e.HasKey, e.Default = e.Key != "", isDefault != 0
	return e, err
}

// Endpoints lists the model servers with their keys, the oldest first.
func (r reads) Endpoints(ctx context.Context) ([]seedbed.Endpoint, error) {
	out, err := list(ctx, r.q, scanEndpoint, selectEndpoint+`ORDER BY created, id`)
	if err != nil {
		return nil, fmt.Errorf("list model servers: %w", err)
	}
	return out, nil
}

// Endpoint is one model server with its key.
func (r reads) Endpoint(ctx context.Context, id string) (seedbed.Endpoint, error) {
	e, err := scanEndpoint(r.q.QueryRowContext(ctx, selectEndpoint+`WHERE id = $1`, id))
	return e, found(err, "model server", id)
}

// SaveEndpoint adds or changes a model server. The default one is the only.
func (tx *Tx) SaveEndpoint(ctx context.Context, e seedbed.Endpoint) error {
	if e.Default {
		if _, err := tx.exec(ctx, `UPDATE endpoints SET is_default = 0 WHERE id <> $1`, e.ID); err != nil {
			return fmt.Errorf("save model server %s: %w", e.ID, err)
		}
	}
	_, err := tx.exec(ctx, `INSERT INTO endpoints (id, name, url, api_key, model, concurrency, is_default, created, rpm, tpm, price_in, price_out)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE SET name = excluded.name, url = excluded.url,
		api_key = excluded.api_key, model = excluded.model, concurrency = excluded.concurrency, is_default = excluded.is_default,
		rpm = excluded.rpm, tpm = excluded.tpm, price_in = excluded.price_in, price_out = excluded.price_out`,
		e.ID, e.Name, e.URL, e.Key, e.Model, e.Concurrency, flag(e.Default), millis(e.Created), e.RPM, e.TPM, e.PriceIn, e.PriceOut)
	if err != nil {
		return fmt.Errorf("save model server %s: %w", e.ID, err)
	}
	return nil
}

// DeleteEndpoint forgets a model server and its key.
func (tx *Tx) DeleteEndpoint(ctx context.Context, id string) error {
	n, err := tx.exec(ctx, `DELETE FROM endpoints WHERE id = $1`, id)
	return changed(n, err, "model server", id)
}
