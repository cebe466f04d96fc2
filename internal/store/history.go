package store

import (
	"context"
	"fmt"

	"seedbed/extract"
	"seedbed/internal/seedbed"
)

// History lists what was changed of a seed, the newest first, and last that a
// person made it, if one did: up to limit revisions from before a version, 0
// for the newest of all.
func (r reads) History(ctx context.Context, seed string, before int64, limit int) ([]seedbed.Revision, error) {
	out, err := list(ctx, r.q, func(row scanner) (seedbed.Revision, error) {
		var v seedbed.Revision
		err := row.Scan(&v.Version, &v.Who, &v.User, stamp{&v.Time}, fromJSON{&v.Changes})
		return v, err
	}, `SELECT version, who, account, at, changes FROM history WHERE seed = $1 AND ($2 = 0 OR version < $2) ORDER BY version DESC LIMIT $3`, seed, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list what was changed of seed %s: %w", seed, err)
	}
	return out, nil
}

// addRevision keeps what was changed of a seed, if anything was.
func (s *script) addRevision(before Seed, after extract.Seed, who, user string, at int64) {
	if changes := seedbed.Changes(before.Seed, after); len(changes) > 0 {
		s.keepRevision(after.ID, before.Version+1, who, user, at, changes)
	}
}

func (s *script) keepRevision(seed string, version int64, who, user string, at int64, changes []seedbed.FieldChange) {
	s.add("keep what is changed of a seed", nil, `INSERT INTO history (seed, version, who, account, at, changes) VALUES ($1, $2, $3, $4, $5, $6)`,
		seed, version, who, user, at, asJSON(changes))
}

// asMade reports whether a seed's run counts it among those that are kept:
// whatever a person decided later.
func (tx *Tx) asMade(ctx context.Context, s Seed) (kept bool, err error) {
	verdicts, err := list(ctx, tx.q, func(row scanner) (verdict string, err error) {
		var changes []seedbed.FieldChange
		err = row.Scan(fromJSON{&changes})
		for _, c := range changes {
			if c.Field == "verdict" {
				verdict, _ = c.Before.(string)
			}
		}
		return verdict, err
	}, `SELECT changes FROM history WHERE seed = $1 AND who = $2 ORDER BY version`, s.ID, seedbed.ByPerson)
	if err != nil {
		return false, fmt.Errorf("look how seed %s was made: %w", s.ID, err)
	}
	for _, verdict := range verdicts {
		if verdict != "" {
			return verdict != extract.Rejected, nil
		}
	}
	return s.Live(), nil
}
