-- Whether a worker has a model server in its environment.

-- +goose Up
ALTER TABLE workers ADD COLUMN environment BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE workers DROP COLUMN environment;
