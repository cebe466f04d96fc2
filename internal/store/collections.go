package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// Collections lists the collections by name.
func (r reads) Collections(ctx context.Context) ([]seedbed.Collection, error) {
	var ids []string
	out, err := list(ctx, r.q, func(row scanner) (seedbed.Collection, error) {
		var c seedbed.Collection
		var id string
		err := row.Scan(&id, &c.Name, stamp{&c.Created}, &c.Sources)
		ids = append(ids, id)
		return c, err
	}, `SELECT c.id, c.name, c.created, (SELECT count(*) FROM sources s WHERE s.collection = c.id) FROM collections c`)
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	at := make(map[string]*seedbed.SeedCounts, len(out))
	for i, id := range ids {
		at[id] = &out[i].Seeds
	}
	// By their sources, for which there is an index: seeds are large.
	_, err = list(ctx, r.q, func(row scanner) (struct{}, error) {
		var id, verdict string
		var n int
		err := row.Scan(&id, &verdict, &n)
		if c := at[id]; c != nil {
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
	slices.SortFunc(out, func(a, b seedbed.Collection) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// CollectionNames lists the names of the collections, in their order.
func (r reads) CollectionNames(ctx context.Context) ([]string, error) {
	out, err := list(ctx, r.q, scanOne[string], `SELECT name FROM collections`)
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	slices.Sort(out) // not as the database's language would
	return out, nil
}

// CollectionIDs are the ids of collections by their names. Those that are not
// there are left out.
func (r reads) CollectionIDs(ctx context.Context, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := list(ctx, r.q, scanOne[string], `SELECT id FROM collections WHERE name IN (`+marks(1, len(names))+`)`, anys(names)...)
	if err != nil {
		return nil, fmt.Errorf("look for collections: %w", err)
	}
	return out, nil
}

// collection is the id of a collection by its name. Nobody else makes, renames
// or removes one of that name, nor puts a source into it, until the transaction
// ends.
func (tx *Tx) collection(ctx context.Context, name string) (id string, err error) {
	if err := tx.Lock(ctx, "collection", name); err != nil {
		return "", err
	}
	id, err = scanOne[string](tx.q.QueryRowContext(ctx, `SELECT id FROM collections WHERE name = $1`, name))
	return id, found(err, "collection", name)
}

// AddCollection makes a collection unless there is one of that name, which it
// reports.
func (tx *Tx) AddCollection(ctx context.Context, name string) (id string, added bool, err error) {
	if id, err = tx.collection(ctx, name); seedbed.CodeOf(err) != seedbed.NotFound {
		return id, false, err
	}
	if id = seedbed.DefaultCollection; name != seedbed.DefaultCollection {
		id = NewID(tx.now())
	}
	if _, err := tx.exec(ctx, `INSERT INTO collections (id, name, created) VALUES ($1, $2, $3)`, id, name, millis(tx.now())); err != nil {
		return "", false, fmt.Errorf("add collection %s: %w", name, err)
	}
	return id, true, nil
}

// RenameCollection gives a collection another name, if no other has that: the
// error is [seedbed.Conflict] then.
func (tx *Tx) RenameCollection(ctx context.Context, name, to string) error {
	ids := map[string]string{}
	for _, n := range slices.Sorted(slices.Values([]string{name, to})) { // as everybody who waits for two
		id, err := tx.collection(ctx, n)
		if err != nil && (n == name || seedbed.CodeOf(err) != seedbed.NotFound) {
			return err
		}
		ids[n] = id
	}
	switch {
	case name == to:
		return nil
	case ids[to] != "":
		return seedbed.Errorf(seedbed.Conflict, "there is a collection “%s” already", to)
	}
	if _, err := tx.exec(ctx, `UPDATE collections SET name = $2 WHERE id = $1`, ids[name], to); err != nil {
		return fmt.Errorf("rename collection %s: %w", name, err)
	}
	return nil
}

// DeleteCollection removes a collection if it is empty. The error is
// [seedbed.Conflict] otherwise, and says what is in it.
func (tx *Tx) DeleteCollection(ctx context.Context, name string) error {
	id, err := tx.collection(ctx, name)
	if err != nil {
		return err
	}
	var sources, seeds int
	err = tx.q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sources WHERE collection = $1),
		(SELECT count(*) FROM seeds d JOIN sources s ON s.id = d.source WHERE s.collection = $1)`, id).Scan(&sources, &seeds)
	if err != nil {
		return fmt.Errorf("look into collection %s: %w", name, err)
	}
	if sources > 0 {
		return seedbed.Errorf(seedbed.Conflict, "the collection “%s” still holds %s with %s: delete those first", name,
			counted(sources, "source"), counted(seeds, "seed"))
	}
	if _, err := tx.exec(ctx, `DELETE FROM collections WHERE id = $1`, id); err != nil {
		return fmt.Errorf("remove collection %s: %w", name, err)
	}
	return nil
}

// counted is a number with its noun.
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
