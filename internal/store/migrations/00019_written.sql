-- That a person wrote a seed is the first entry of its history. Who did it
-- before that was kept nobody knows.

-- +goose Up
INSERT INTO history (seed, version, who, account, at, changes)
	SELECT id, 1, 'person', '', created, '[]' FROM seeds WHERE origin = 'manual'
	ON CONFLICT (seed, version) DO NOTHING;

-- +goose Down
DELETE FROM history WHERE version = 1 AND changes = '[]';
