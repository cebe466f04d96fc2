-- Recipes that people wrote, what a run may spend, how many of a passage's
-- pairs were turned down, and which parser could not read a reply.

-- +goose Up
CREATE TABLE recipes (
	name    TEXT PRIMARY KEY,
	body    TEXT NOT NULL,
	changed {{time}} NOT NULL
);
ALTER TABLE runs ADD COLUMN limit_cost DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN limit_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE run_passages ADD COLUMN rejected BIGINT NOT NULL DEFAULT 0;
ALTER TABLE run_passages ADD COLUMN parser BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE run_passages DROP COLUMN parser;
ALTER TABLE run_passages DROP COLUMN rejected;
ALTER TABLE runs DROP COLUMN limit_tokens;
ALTER TABLE runs DROP COLUMN limit_cost;
DROP TABLE recipes;
