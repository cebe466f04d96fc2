package store

import "context"

// Rekey is the migration to new keys.
func Rekey(ctx context.Context, tx *Tx) error { return tx.rekey(ctx) }
