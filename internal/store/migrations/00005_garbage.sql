-- Garbage that is being removed cannot be claimed.

-- +goose Up
ALTER TABLE garbage ADD COLUMN removing BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE garbage DROP COLUMN removing;
