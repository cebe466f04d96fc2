-- Processes that work off jobs, and when they last said so by the database's
-- clock.

-- +goose Up
CREATE TABLE workers (
	id   {{id}} PRIMARY KEY,
	seen {{time}} NOT NULL
);

-- +goose Down
DROP TABLE workers;
