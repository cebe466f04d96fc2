-- What was asked and answered about each passage, and what model servers may
-- be asked for and cost.

-- +goose Up
ALTER TABLE replies ADD COLUMN request {{bytes}};

-- reply is the id of the kept reply, which has the request beside it; a call
-- that failed has both in kept instead.
CREATE TABLE calls (
	run       {{id}} NOT NULL,
	ordinal   BIGINT NOT NULL,
	n         BIGINT NOT NULL,
	stage     TEXT NOT NULL,
	model     TEXT NOT NULL,
	reply     TEXT NOT NULL,
	cached    BIGINT NOT NULL,
	tokens_in BIGINT NOT NULL,
	tokens_out BIGINT NOT NULL,
	prefix    BIGINT NOT NULL,
	cost      DOUBLE PRECISION NOT NULL,
	began     {{time}} NOT NULL,
	took      BIGINT NOT NULL,
	code      TEXT NOT NULL,
	error     TEXT NOT NULL,
	kept      {{bytes}},
	PRIMARY KEY (run, ordinal, n)
);
CREATE INDEX calls_reply ON calls (reply);

ALTER TABLE runs ADD COLUMN prefix BIGINT NOT NULL DEFAULT 0;

ALTER TABLE endpoints ADD COLUMN rpm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN tpm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN price_in DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN price_out DOUBLE PRECISION NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE endpoints DROP COLUMN price_out;
ALTER TABLE endpoints DROP COLUMN price_in;
ALTER TABLE endpoints DROP COLUMN tpm;
ALTER TABLE endpoints DROP COLUMN rpm;
ALTER TABLE runs DROP COLUMN prefix;
DROP TABLE calls;
ALTER TABLE replies DROP COLUMN request;
