-- Batches of requests that a model server answers within a day. A reply that
-- is asked for and not there yet is an empty one.

-- +goose Up
ALTER TABLE runs ADD COLUMN batch BIGINT NOT NULL DEFAULT 0;

-- id is the name a batch is sent under, remote the id the server gives it;
-- failures are the replies it did not bring; over is 1 once those it brought
-- are kept.
CREATE TABLE batches (
	id       {{id}} PRIMARY KEY,
	run      {{id}} NOT NULL,
	remote   TEXT NOT NULL,
	state    TEXT NOT NULL,
	total    BIGINT NOT NULL,
	done     BIGINT NOT NULL,
	failed   BIGINT NOT NULL,
	over     BIGINT NOT NULL,
	failures {{bytes}},
	sent     {{time}} NOT NULL
);
CREATE INDEX batches_run ON batches (run);

-- +goose Down
DROP TABLE batches;
ALTER TABLE runs DROP COLUMN batch;
