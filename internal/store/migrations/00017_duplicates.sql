-- The seed that another is a duplicate of, '' for none: what of a group of
-- duplicates is chosen by.

-- +goose Up
ALTER TABLE seeds ADD COLUMN duplicate_of {{id}} NOT NULL DEFAULT '';
UPDATE seeds SET duplicate_of = {{duplicate_of}} WHERE body LIKE '%"duplicate_of":"%';
CREATE INDEX seeds_duplicate_of ON seeds (duplicate_of) WHERE duplicate_of <> '';

-- +goose Down
DROP INDEX seeds_duplicate_of;
ALTER TABLE seeds DROP COLUMN duplicate_of;
