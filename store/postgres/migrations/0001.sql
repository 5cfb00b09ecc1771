-- The store of documents. A table of documents is made with the first document of its collection.

-- The one row of what is read at the start. place names the server that wrote it: a database that was restored, or
-- failed over, is in another place. mark is the number up to which changes were published, dropped the value of the
-- sequence of that name up to which clients were told.
CREATE TABLE tidings.state (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	id text NOT NULL, place text NOT NULL,
	mark bigint NOT NULL DEFAULT 0, dropped bigint NOT NULL DEFAULT 0, max_changes bigint NOT NULL DEFAULT 1000000
);

-- Numbers are drawn while the lock of the document is held, so they order the changes of each document. With a cache
-- above 1 they would not.
CREATE SEQUENCE tidings.number CACHE 1;

CREATE TABLE tidings.collections (
	space text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, documents text NOT NULL,
	PRIMARY KEY (space, name)
);

CREATE TABLE tidings.changes (
	number bigint PRIMARY KEY, txn bigint NOT NULL, space text NOT NULL, collection text NOT NULL, id text NOT NULL,
	event text NOT NULL, before text, after text NOT NULL, changed text, meta bytea, origin bytea, at bigint NOT NULL
);

CREATE TABLE tidings.keys (
	principal bytea NOT NULL, key bytea NOT NULL, hash bytea NOT NULL, result bytea NOT NULL, at bigint NOT NULL,
	PRIMARY KEY (principal, key)
);
CREATE INDEX keys_at ON tidings.keys (at);
