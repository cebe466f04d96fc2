-- Who may come in. Of cookies, tokens and links only hashes are kept.

-- +goose Up
CREATE TABLE users (
	id       {{id}} PRIMARY KEY,
	name     TEXT NOT NULL UNIQUE,
	password TEXT NOT NULL,
	created  {{time}} NOT NULL
);

CREATE TABLE sessions (
	id      TEXT PRIMARY KEY,
	user_id {{id}} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	until   {{time}} NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_until ON sessions (until);

CREATE TABLE tokens (
	id      {{id}} PRIMARY KEY,
	user_id {{id}} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name    TEXT NOT NULL,
	hash    TEXT NOT NULL UNIQUE,
	created {{time}} NOT NULL,
	used    {{time}} NOT NULL DEFAULT 0
);
CREATE INDEX tokens_user ON tokens (user_id);

-- inviter is NULL for the link that makes the first account.
CREATE TABLE invitations (
	id      TEXT PRIMARY KEY,
	inviter {{id}} REFERENCES users (id) ON DELETE CASCADE,
	until   {{time}} NOT NULL
);

-- +goose Down
DROP TABLE invitations;
DROP TABLE tokens;
DROP TABLE sessions;
DROP TABLE users;
