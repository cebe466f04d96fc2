-- What each worker may use of the limits of a model server that several ask,
-- until a time by the database's clock.

-- +goose Up
CREATE TABLE shares (
	server TEXT NOT NULL,
	worker {{id}} NOT NULL,
	wants  BIGINT NOT NULL,
	places BIGINT NOT NULL,
	rate   DOUBLE PRECISION NOT NULL,
	until  {{time}} NOT NULL,
	PRIMARY KEY (server, worker)
);

-- +goose Down
DROP TABLE shares;
