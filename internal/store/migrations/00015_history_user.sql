-- Which account made a change, where there was one.

-- +goose Up
ALTER TABLE history ADD COLUMN account TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE history DROP COLUMN account;
