package store

import (
	"context"
	"fmt"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// Collections lists the collections by name.
func (r reads) Collections(ctx context.Context) ([]seedbed.Collection, error) {
	out, err := list(ctx, r.q, func(row scanner) (seedbed.Collection, error) {
		var c seedbed.Collection
		err := row.Scan(&c.Name, stamp{&c.Created}, &c.Sources)
		return c, err
	}, `SELECT c.id, c.created, (SELECT count(*) FROM sources s WHERE s.collection = c.id) FROM collections c ORDER BY c.id`)
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	at := make(map[string]*seedbed.SeedCounts, len(out))
	for i := range out {
		at[out[i].Name] = &out[i].Seeds
	}
	// By their sources, for which there is an index: seeds are large.
	_, err = list(ctx, r.q, func(row scanner) (struct{}, error) {
		var name, verdict string
		var n int
		err := row.Scan(&name, &verdict, &n)
		if c := at[name]; c != nil {
			switch verdict {
			case extract.Draft:
				c.Draft = n
			case extract.Accepted:
				c.Accepted = n
			case extract.Rejected:
				c.Rejected = n
			}
		}
		return struct{}{}, err
	}, `SELECT s.collection, d.verdict, count(*) FROM sources s JOIN seeds d ON d.source = s.id GROUP BY s.collection, d.verdict`)
	if err != nil {
		return nil, fmt.Errorf("count the seeds of collections: %w", err)
	}
	return out, nil
}

// CollectionNames lists the names of the collections, in their order.
func (r reads) CollectionNames(ctx context.Context) ([]string, error) {
	out, err := list(ctx, r.q, scanOne[string], `SELECT id FROM collections ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	return out, nil
}

// AddCollection makes a collection unless it is there, which it reports.
func (tx *Tx) AddCollection(ctx context.Context, id, name string) (added bool, err error) {
	n, err := tx.exec(ctx, `INSERT INTO collections (id, name, created) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`,
		id, name, millis(tx.now()))
	if err != nil {
		return false, fmt.Errorf("add collection %s: %w", id, err)
	}
	return n > 0, nil
}
