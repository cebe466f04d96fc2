-- Answers to requests that came with a key, to be given again when they are
-- sent again. status is 0 while the first is in work; owner does it.

-- +goose Up
CREATE TABLE answers (
	id       TEXT PRIMARY KEY,
	owner    TEXT NOT NULL,
	until    {{time}} NOT NULL,
	print    TEXT NOT NULL DEFAULT '',
	status   BIGINT NOT NULL DEFAULT 0,
	location TEXT NOT NULL DEFAULT '',
	body     {{bytes}}
);
CREATE INDEX answers_until ON answers (until);

-- +goose Down
DROP TABLE answers;
