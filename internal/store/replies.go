package store

import (
	"context"
	"fmt"
	"time"
)

// Get is the model reply kept under a key, if there is one.
func (db *DB) Get(ctx context.Context, key string) (reply []byte, ok bool, err error) {
	kept, err := db.Replies(ctx, []string{key})
	reply, ok = kept[key]
	return reply, ok, err
}

// Replies are the model replies kept under some keys, by these. One that is
// damaged, or still to come with a batch, is left out.
func (db *DB) Replies(ctx context.Context, keys []string) (map[string][]byte, error) {
	kept := map[string][]byte{}
	args := anys(padded(keys))
	err := each(ctx, db.q, func(row scanner) error {
		var key string
		var reply []byte
		if err := row.Scan(&key, &reply); err != nil {
			return err
		}
		if reply, err := unpack(reply); err == nil && len(reply) > 0 {
			kept[key] = reply
		}
		return nil
	}, `SELECT id, reply FROM replies WHERE id IN (`+marks(1, len(args))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("look up model replies: %w", err)
	}
	return kept, nil
}

// Pack packs a request for Put, which does so itself where it was not done.
func (db *DB) Pack(request []byte) []byte { return pack(request) }

// Put keeps a model reply and what was asked, unless that is kept already and
// request is nil. It is there when Put returns, whatever becomes of
// the passage it was asked for.
func (db *DB) Put(ctx context.Context, key string, request, reply []byte) error {
	asked := request
	if asked != nil && !isPacked(asked) {
		asked = pack(asked)
	}
	packed := pack(reply)
	since := time.Now()
	conn, err := db.write.Conn(ctx)
	waited(ctx, since)
	if err != nil {
		return fmt.Errorf("keep a model reply: %w", plain(err))
	}
	defer func() { _ = conn.Close() }()
	_, err = session{on: conn, engine: db.engine}.exec(ctx, `INSERT INTO replies (id, request, reply, created) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET request = COALESCE(excluded.request, replies.request), reply = excluded.reply`, key, asked, packed, millis(db.now()))
	if err != nil {
		return fmt.Errorf("keep a model reply: %w", err)
	}
	return nil
}
