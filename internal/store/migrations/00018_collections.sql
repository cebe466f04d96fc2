-- Collections can be renamed: they are known by their names, which were their
-- ids so far.

-- +goose Up
UPDATE collections SET name = id;
CREATE UNIQUE INDEX collections_name ON collections (name);

-- +goose Down
DROP INDEX collections_name;
