-- Types in double braces are filled in for the engine, see migrate.go.
-- Times are milliseconds since 1970 in UTC, 0 where there is none yet.

-- +goose Up
CREATE TABLE collections (
	id      {{id}} PRIMARY KEY,
	name    TEXT NOT NULL,
	created {{time}} NOT NULL
);

CREATE TABLE sources (
	id         {{id}} PRIMARY KEY,
	collection {{id}} NOT NULL REFERENCES collections (id),
	sha256     TEXT NOT NULL,
	name       TEXT NOT NULL,
	size       BIGINT NOT NULL,
	media_type TEXT NOT NULL,
	kind       TEXT NOT NULL DEFAULT '',
	title      TEXT NOT NULL DEFAULT '',
	authors    {{json}} NOT NULL,
	language   TEXT NOT NULL DEFAULT '',
	license    TEXT NOT NULL DEFAULT '',
	state      TEXT NOT NULL,
	error_code TEXT NOT NULL DEFAULT '',
	error      TEXT NOT NULL DEFAULT '',
	warnings   {{json}} NOT NULL,
	document   TEXT NOT NULL DEFAULT '',
	pages      BIGINT NOT NULL DEFAULT 0,
	passages   BIGINT NOT NULL DEFAULT 0,
	skipped    BIGINT NOT NULL DEFAULT 0,
	created    {{time}} NOT NULL,
	UNIQUE (collection, sha256)
);
CREATE INDEX sources_sha256 ON sources (sha256);
CREATE INDEX sources_document ON sources (document);

CREATE TABLE passages (
	source  {{id}} NOT NULL,
	ordinal BIGINT NOT NULL,
	id      TEXT NOT NULL,
	path    {{json}} NOT NULL,
	text    TEXT NOT NULL,
	tokens  BIGINT NOT NULL,
	skip    TEXT NOT NULL,
	at      {{json}} NOT NULL,
	first   BIGINT NOT NULL,
	last    BIGINT NOT NULL,
	PRIMARY KEY (source, ordinal)
);

CREATE TABLE runs (
	id          {{id}} PRIMARY KEY,
	source      {{id}} NOT NULL REFERENCES sources (id),
	recipe      TEXT NOT NULL,
	recipe_hash TEXT NOT NULL,
	recipe_body TEXT NOT NULL,
	endpoint    TEXT NOT NULL,
	model       TEXT NOT NULL,
	state       TEXT NOT NULL,
	error_code  TEXT NOT NULL DEFAULT '',
	error       TEXT NOT NULL DEFAULT '',
	done        BIGINT NOT NULL DEFAULT 0,
	failed      BIGINT NOT NULL DEFAULT 0,
	skipped     BIGINT NOT NULL DEFAULT 0,
	total       BIGINT NOT NULL DEFAULT 0,
	seeds       BIGINT NOT NULL DEFAULT 0,
	rejected    BIGINT NOT NULL DEFAULT 0,
	calls       BIGINT NOT NULL DEFAULT 0,
	cached      BIGINT NOT NULL DEFAULT 0,
	tokens_in   BIGINT NOT NULL DEFAULT 0,
	tokens_out  BIGINT NOT NULL DEFAULT 0,
	cost        DOUBLE PRECISION NOT NULL DEFAULT 0,
	created     {{time}} NOT NULL,
	started     {{time}} NOT NULL DEFAULT 0,
	finished    {{time}} NOT NULL DEFAULT 0
);
CREATE INDEX runs_source ON runs (source, created);
CREATE INDEX runs_created ON runs (created);

CREATE TABLE run_passages (
	run      {{id}} NOT NULL,
	ordinal  BIGINT NOT NULL,
	state    TEXT NOT NULL,
	code     TEXT NOT NULL DEFAULT '',
	reason   TEXT NOT NULL DEFAULT '',
	reply    TEXT NOT NULL DEFAULT '',
	attempts BIGINT NOT NULL DEFAULT 0,
	seeds    BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (run, ordinal)
);

-- body is the seed's record; the other columns repeat what lists choose by.
-- labels and words are lower case: tags and checks, and the text to look in
-- when the search index is away. n is a short name for bands to use.
CREATE TABLE seeds (
	n          {{serial}},
	id         {{id}} NOT NULL UNIQUE,
	version    BIGINT NOT NULL,
	collection {{id}} NOT NULL,
	source     {{id}} NOT NULL,
	ordinal    BIGINT NOT NULL,
	run        {{id}} NOT NULL,
	place      BIGINT NOT NULL,
	verdict    TEXT NOT NULL,
	type       TEXT NOT NULL,
	origin     TEXT NOT NULL,
	language   TEXT NOT NULL,
	kind       TEXT NOT NULL,
	difficulty BIGINT NOT NULL,
	labels     TEXT NOT NULL,
	question   TEXT NOT NULL,
	words      TEXT NOT NULL,
	created    {{time}} NOT NULL,
	body       {{json}} NOT NULL
);
CREATE INDEX seeds_order ON seeds (source, ordinal, run, place, id);
CREATE INDEX seeds_verdict ON seeds (source, verdict);

-- Keys of the seeds' questions, the collection mixed in: seeds that share one
-- may be duplicates. There are many, so a row is two numbers.
CREATE TABLE bands (
	band BIGINT NOT NULL,
	seed BIGINT NOT NULL,
	PRIMARY KEY (band, seed)
){{rowless}};

-- Model replies by the hash of what was asked.
CREATE TABLE replies (
	id      TEXT PRIMARY KEY,
	reply   {{bytes}} NOT NULL,
	created {{time}} NOT NULL
);

-- Changes that the search index has not seen: one row a seed, its newest.
CREATE TABLE outbox (
	seq      {{serial}},
	seed     {{id}} NOT NULL UNIQUE,
	version  BIGINT NOT NULL,
	deleted  BIGINT NOT NULL,
	attempts BIGINT NOT NULL DEFAULT 0,
	due      {{time}} NOT NULL DEFAULT 0,
	error    TEXT NOT NULL DEFAULT ''
);

CREATE TABLE endpoints (
	id          {{id}} PRIMARY KEY,
	name        TEXT NOT NULL,
	url         TEXT NOT NULL,
	api_key     TEXT NOT NULL,
	model       TEXT NOT NULL,
	concurrency BIGINT NOT NULL,
	is_default  BIGINT NOT NULL,
	created     {{time}} NOT NULL
);

-- Blobs that nothing may need any more, to be looked at again and removed.
CREATE TABLE garbage (
	sha256 TEXT PRIMARY KEY
);

CREATE TABLE settings (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);

-- +goose Down
DROP TABLE settings;
DROP TABLE garbage;
DROP TABLE endpoints;
DROP TABLE outbox;
DROP TABLE replies;
DROP TABLE bands;
DROP TABLE seeds;
DROP TABLE run_passages;
DROP TABLE runs;
DROP TABLE passages;
DROP TABLE sources;
DROP TABLE collections;
