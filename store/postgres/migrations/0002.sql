-- Tables of others that are watched: their rows are read from them, and a trigger notes what changes.

ALTER TABLE tidings.collections ALTER documents DROP NOT NULL;
ALTER TABLE tidings.collections ADD watched oid, ADD key text[], ADD columns text[];
CREATE UNIQUE INDEX collections_watched ON tidings.collections (watched);

-- Counts the changes that were not kept, since nobody came for so many before them. A sequence can be counted up by
-- transactions of every isolation level, which wait for nobody.
CREATE SEQUENCE tidings.dropped CACHE 1;

-- The id of a row: its key, or the parts of its key with commas between them.
CREATE FUNCTION tidings.id(line jsonb, key text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN cardinality(key) = 1 THEN line ->> key[1] ELSE
		(SELECT string_agg(replace(replace(line ->> k, '%', '%25'), ',', '%2C'), ',' ORDER BY n) FROM unnest(key) WITH ORDINALITY AS u (k, n)) END
$$;

-- A row as a document. A column that is not there any more is left out: a trigger must not fail for it.
CREATE FUNCTION tidings.document(line jsonb, key text[], columns text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT coalesce((SELECT jsonb_object_agg(k, line -> k) FROM unnest(columns) AS k WHERE line ? k), '{}') || jsonb_build_object('_id', tidings.id(line, key))
$$;

CREATE FUNCTION tidings.note(space text, collection text, event text, before jsonb, after jsonb) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	-- First the transaction has an id, then it draws a number: else nobody would know to wait for it.
	txn bigint := pg_current_xact_id()::text::bigint;
	number bigint := nextval('tidings.number');
	id text := coalesce(after ->> '_id', '');
	long constant integer := 65000;
BEGIN
	IF number - (SELECT mark + max_changes FROM tidings.state) > 0 THEN
		PERFORM nextval('tidings.dropped');
		RETURN;
	END IF;
	IF event = 'reset' OR octet_length(id) NOT BETWEEN 1 AND 128 OR id ~ '[[:cntrl:]]' OR id IN ('.', '..', '__proto__') THEN
		event := 'reset';
		id := '';
		before := NULL;
		after := '{}';
	END IF;
	IF octet_length(before::text) > long THEN
		before := NULL;
	END IF;
	IF octet_length(after::text) > long THEN
		after := jsonb_build_object('_id', id, 'truncated', true);
	END IF;
	INSERT INTO tidings.changes (number, txn, space, collection, id, event, before, after, at)
		VALUES (number, txn, space, collection, id, event, before::text, after::text, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
END $$;

-- What a watched table calls: with space, collection, key, columns, and whether to wake who listens.
CREATE FUNCTION tidings.changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	key constant text[] := TG_ARGV[2];
	columns constant text[] := TG_ARGV[3];
	was jsonb;
	now jsonb;
BEGIN
	IF TG_OP IN ('UPDATE', 'DELETE') THEN
		was := tidings.document(to_jsonb(OLD), key, columns);
	END IF;
	IF TG_OP IN ('INSERT', 'UPDATE') THEN
		now := tidings.document(to_jsonb(NEW), key, columns);
	END IF;
	IF TG_OP = 'TRUNCATE' THEN
		PERFORM tidings.note(TG_ARGV[0], TG_ARGV[1], 'reset', NULL, '{}');
	ELSIF TG_OP = 'INSERT' THEN
		PERFORM tidings.note(TG_ARGV[0], TG_ARGV[1], 'created', NULL, now);
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM tidings.note(TG_ARGV[0], TG_ARGV[1], 'removed', NULL, was);
	ELSIF was = now THEN
		RETURN NULL;
	ELSIF was -> '_id' = now -> '_id' THEN
		PERFORM tidings.note(TG_ARGV[0], TG_ARGV[1], 'patched', was, now);
	ELSE
		PERFORM tidings.note(TG_ARGV[0], TG_ARGV[1], 'removed', NULL, was);
		PERFORM tidings.note(TG_ARGV[0], TG_ARGV[1], 'created', NULL, now);
	END IF;
	IF TG_ARGV[4] THEN
		PERFORM pg_notify('tidings', '');
	END IF;
	RETURN NULL;
END $$;

-- Whoever may make triggers with it could say that any collection has changed.
REVOKE ALL ON FUNCTION tidings.changed(), tidings.note(text, text, text, jsonb, jsonb) FROM PUBLIC;
