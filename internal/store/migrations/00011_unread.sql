-- Replies that could not be read were kept beside the key they were asked
-- under, and are kept under it.

-- +goose Up
UPDATE replies SET id = substr(id, 1, length(id) - 7) WHERE id LIKE '%-unread'
	AND NOT EXISTS (SELECT 1 FROM replies kept WHERE kept.id = substr(replies.id, 1, length(replies.id) - 7));
DELETE FROM replies WHERE id LIKE '%-unread';

-- +goose Down
SELECT 1; -- they are asked for again
