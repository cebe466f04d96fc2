-- What was changed of seeds since they were made: the fields, before and
-- after, and who did it.

-- +goose Up
CREATE TABLE history (
	seed    {{id}} NOT NULL,
	version BIGINT NOT NULL,
	who     TEXT NOT NULL,
	at      {{time}} NOT NULL,
	changes {{json}} NOT NULL,
	PRIMARY KEY (seed, version)
){{rowless}};

-- +goose Down
DROP TABLE history;
