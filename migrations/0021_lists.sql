-- SPDX-License-Identifier: Apache-2.0
-- Lists and counts whose cost does not grow with the fleet: counts are kept, what is searched lies apart
-- from what changes with every message.

ALTER TABLE node
	ADD COLUMN service_count integer NOT NULL DEFAULT 0,
	ADD COLUMN service_running integer NOT NULL DEFAULT 0,
	ADD COLUMN service_drift integer NOT NULL DEFAULT 0,
	ADD COLUMN seen_rank timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN node.service_count IS 'Rows in node_service, and below how many of them say that they run or drift; kept by node_service_count().';
COMMENT ON COLUMN node.seen_rank IS 'Order by last contact: infinity while it is connected, then when it was found gone, -infinity before it was ever seen.';

CREATE OR REPLACE FUNCTION node_status_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.status := CASE
		WHEN NEW.state = 'retired' THEN 'retired'
		WHEN NEW.state = 'pending' THEN 'pending'
		WHEN NOT NEW.online THEN 'offline'
		WHEN NEW.trouble IS NOT NULL THEN 'warning'
		WHEN NEW.reported_generation < NEW.desired_generation THEN 'updating'
		ELSE 'online' END;
	IF NEW.online THEN
		NEW.seen_rank := 'infinity';
	ELSIF TG_OP = 'UPDATE' AND OLD.online THEN
		NEW.seen_rank := clock_timestamp();
	END IF;
	IF TG_OP = 'UPDATE' AND NEW.status IS DISTINCT FROM OLD.status THEN
		NEW.status_since := clock_timestamp();
	END IF;
	RETURN NEW;
END $$;

UPDATE node SET seen_rank = CASE WHEN online THEN 'infinity' WHEN state = 'pending' THEN '-infinity'
		ELSE status_since END,
	service_count = s.services, service_running = s.running, service_drift = s.drift
FROM (SELECT n.id, count(ns.node_id) AS services,
		count(*) FILTER (WHERE ns.reported_state = 'running') AS running,
		count(*) FILTER (WHERE ns.drift) AS drift
	FROM node n LEFT JOIN node_service ns ON ns.node_id = n.id GROUP BY n.id) s
WHERE s.id = node.id;

-- The status leads, so that one index serves a list of one status and, five short reads merged, of all.
DROP INDEX node_status;
CREATE INDEX node_by_name ON node (project_id, status, name, id);
CREATE INDEX node_by_seen ON node (project_id, status, seen_rank, id);
CREATE INDEX node_attention ON node (project_id, status, status_since)
	WHERE status IN ('warning', 'offline');
CREATE INDEX node_service_held ON node_service (project_id) WHERE reported_state = 'held';
DROP INDEX alert_list;
CREATE INDEX alert_list ON alert (project_id, started_at, id);
CREATE INDEX alert_list_open ON alert (project_id, started_at, id) WHERE state <> 'resolved';
CREATE INDEX alert_firing ON alert (project_id, coalesce(firing_at, started_at)) WHERE state = 'firing';

CREATE TABLE node_count (
	project_id text NOT NULL,
	status text NOT NULL,
	nodes bigint NOT NULL,
	services bigint NOT NULL,
	running bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX node_count_project ON node_count (project_id, status);
COMMENT ON TABLE node_count IS 'How many nodes a project has in each status: the sum of its rows. Writers add rows and never wait for each other; counts_fold() replaces them by their sums.';

CREATE TABLE package_count (
	project_id text NOT NULL,
	name text NOT NULL,
	version text NOT NULL,
	services bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX package_count_project ON package_count (project_id, name, version);
COMMENT ON TABLE package_count IS 'How many services of nodes that are not retired report a version of a package: sums, as in node_count.';

CREATE FUNCTION node_count_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		INSERT INTO node_count
		SELECT project_id, status, count(*), sum(service_count), sum(service_running)
		FROM new_rows GROUP BY project_id, status;
	ELSIF TG_OP = 'DELETE' THEN
		INSERT INTO node_count
		SELECT project_id, status, -count(*), -sum(service_count), -sum(service_running)
		FROM old_rows GROUP BY project_id, status;
	ELSE
		INSERT INTO node_count
		SELECT project_id, status, sum(nodes), sum(services), sum(running) FROM (
			SELECT project_id, status, 1 AS nodes, service_count AS services,
				service_running AS running FROM new_rows
			UNION ALL
			SELECT project_id, status, -1, -service_count, -service_running FROM old_rows) d
		GROUP BY project_id, status
		HAVING sum(nodes) <> 0 OR sum(services) <> 0 OR sum(running) <> 0;
		IF EXISTS (SELECT FROM new_rows WHERE state = 'retired') THEN
			INSERT INTO package_count
			SELECT s.project_id, s.reported_package_name, s.reported_package_version, -count(*)
			FROM new_rows n JOIN old_rows o ON o.id = n.id AND o.state <> 'retired'
			JOIN node_service s ON s.node_id = n.id
			WHERE n.state = 'retired' AND s.reported_package_name IS NOT NULL
			GROUP BY 1, 2, 3;
		END IF;
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION node_count_keep() IS 'Adds to node_count what a statement changed; a retired node takes its services out of package_count.';
CREATE TRIGGER node_count_insert AFTER INSERT ON node REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION node_count_keep();
CREATE TRIGGER node_count_update AFTER UPDATE ON node
	REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION node_count_keep();
CREATE TRIGGER node_count_delete AFTER DELETE ON node REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION node_count_keep();

CREATE TYPE service_change AS (
	project_id text,
	node_id text,
	services integer,
	running boolean,
	drift boolean,
	name text,
	version text
);
COMMENT ON TYPE service_change IS 'A row of node_service that came (services is 1) or went (-1).';

CREATE FUNCTION service_changes_count(changes service_change[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF changes IS NULL THEN
		RETURN;
	END IF;
	-- The lock makes retiring the node come before or after, for package_count.
	PERFORM FROM node WHERE id IN (SELECT node_id FROM unnest(changes)) ORDER BY id
		FOR NO KEY UPDATE;
	UPDATE node n SET service_count = n.service_count + d.services,
		service_running = n.service_running + d.running, service_drift = n.service_drift + d.drift
	FROM (SELECT c.node_id, sum(c.services) AS services,
			coalesce(sum(c.services) FILTER (WHERE c.running), 0) AS running,
			coalesce(sum(c.services) FILTER (WHERE c.drift), 0) AS drift
		FROM unnest(changes) c GROUP BY c.node_id) d
	WHERE n.id = d.node_id AND (d.services <> 0 OR d.running <> 0 OR d.drift <> 0);
	INSERT INTO package_count
	SELECT c.project_id, c.name, c.version, sum(c.services)
	FROM unnest(changes) c JOIN node n ON n.id = c.node_id AND n.state <> 'retired'
	WHERE c.name IS NOT NULL AND c.version IS NOT NULL
	GROUP BY 1, 2, 3 HAVING sum(c.services) <> 0;
END $$;
COMMENT ON FUNCTION service_changes_count(service_change[]) IS 'Adds changed services to the counts of their nodes and of their packages.';

CREATE FUNCTION node_service_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	changes service_change[];
BEGIN
	IF TG_OP = 'INSERT' THEN
		SELECT array_agg(ROW(project_id, node_id, 1, coalesce(reported_state = 'running', false),
			drift, reported_package_name, reported_package_version)::service_change)
		INTO changes FROM new_rows;
	ELSIF TG_OP = 'DELETE' THEN
		SELECT array_agg(ROW(project_id, node_id, -1, coalesce(reported_state = 'running', false),
			drift, reported_package_name, reported_package_version)::service_change)
		INTO changes FROM old_rows;
	ELSE
		SELECT array_agg(v.change) INTO changes
		FROM new_rows n JOIN old_rows o USING (node_id, service) CROSS JOIN LATERAL (VALUES
			(ROW(o.project_id, node_id, -1, coalesce(o.reported_state = 'running', false),
				o.drift, o.reported_package_name, o.reported_package_version)::service_change),
			(ROW(n.project_id, node_id, 1, coalesce(n.reported_state = 'running', false),
				n.drift, n.reported_package_name, n.reported_package_version)::service_change)
			) v (change)
		WHERE coalesce(n.reported_state = 'running', false) <> coalesce(o.reported_state = 'running', false)
			OR n.drift <> o.drift
			OR n.reported_package_name IS DISTINCT FROM o.reported_package_name
			OR n.reported_package_version IS DISTINCT FROM o.reported_package_version;
	END IF;
	PERFORM service_changes_count(changes);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION node_service_count() IS 'Finds what a statement changed that is counted.';
CREATE TRIGGER node_service_count_insert AFTER INSERT ON node_service
	REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION node_service_count();
CREATE TRIGGER node_service_count_update AFTER UPDATE ON node_service
	REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION node_service_count();
CREATE TRIGGER node_service_count_delete AFTER DELETE ON node_service
	REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION node_service_count();

CREATE FUNCTION counts_fold() RETURNS void LANGUAGE sql AS $$
	WITH gone AS (DELETE FROM node_count RETURNING *)
	INSERT INTO node_count
	SELECT project_id, status, sum(nodes), sum(services), sum(running) FROM gone
	GROUP BY 1, 2 HAVING sum(nodes) <> 0 OR sum(services) <> 0 OR sum(running) <> 0;
	WITH gone AS (DELETE FROM package_count RETURNING *)
	INSERT INTO package_count
	SELECT project_id, name, version, sum(services) FROM gone
	GROUP BY 1, 2, 3 HAVING sum(services) <> 0;
$$;
COMMENT ON FUNCTION counts_fold() IS 'Replaces the rows of the counts by their sums. Readers see the same before and after.';

CREATE FUNCTION counts_differ() RETURNS TABLE (what text, kept bigint, counted bigint)
	LANGUAGE sql STABLE AS $$
	SELECT 'nodes ' || k.project_id || ' ' || k.status, sum(k.kept)::bigint, sum(k.counted)::bigint
	FROM (SELECT project_id, status, nodes AS kept, 0 AS counted FROM node_count
		UNION ALL SELECT project_id, status, 0, 1 FROM node) k
	GROUP BY k.project_id, k.status HAVING sum(k.kept) <> sum(k.counted)
	UNION ALL
	SELECT 'services ' || k.project_id || ' ' || k.status, sum(k.kept)::bigint, sum(k.counted)::bigint
	FROM (SELECT project_id, status, services AS kept, 0 AS counted FROM node_count
		UNION ALL SELECT n.project_id, n.status, 0, 1 FROM node n JOIN node_service s ON s.node_id = n.id) k
	GROUP BY k.project_id, k.status HAVING sum(k.kept) <> sum(k.counted)
	UNION ALL
	SELECT 'running ' || k.project_id || ' ' || k.status, sum(k.kept)::bigint, sum(k.counted)::bigint
	FROM (SELECT project_id, status, running AS kept, 0 AS counted FROM node_count
		UNION ALL SELECT n.project_id, n.status, 0, 1 FROM node n JOIN node_service s ON s.node_id = n.id
			AND s.reported_state = 'running') k
	GROUP BY k.project_id, k.status HAVING sum(k.kept) <> sum(k.counted)
	UNION ALL
	SELECT 'drift ' || n.id, n.service_drift, count(s.node_id)
	FROM node n LEFT JOIN node_service s ON s.node_id = n.id AND s.drift
	GROUP BY n.id HAVING n.service_drift <> count(s.node_id)
	UNION ALL
	SELECT 'package ' || k.project_id || ' ' || k.name || ' ' || k.version, sum(k.kept)::bigint,
		sum(k.counted)::bigint
	FROM (SELECT project_id, name, version, services AS kept, 0 AS counted FROM package_count
		UNION ALL SELECT s.project_id, s.reported_package_name, s.reported_package_version, 0, 1
		FROM node_service s JOIN node n ON n.id = s.node_id AND n.state <> 'retired'
		WHERE s.reported_package_name IS NOT NULL AND s.reported_package_version IS NOT NULL) k
	GROUP BY k.project_id, k.name, k.version HAVING sum(k.kept) <> sum(k.counted)
$$;
COMMENT ON FUNCTION counts_differ() IS 'Where a kept count is not what counting gives: no rows, unless somebody wrote past the triggers.';

CREATE FUNCTION counts_rebuild() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	LOCK TABLE node, node_service IN SHARE ROW EXCLUSIVE MODE;
	UPDATE node SET service_count = s.services, service_running = s.running, service_drift = s.drift
	FROM (SELECT n.id, count(ns.node_id) AS services,
			count(*) FILTER (WHERE ns.reported_state = 'running') AS running,
			count(*) FILTER (WHERE ns.drift) AS drift
		FROM node n LEFT JOIN node_service ns ON ns.node_id = n.id GROUP BY n.id) s
	WHERE s.id = node.id AND (service_count, service_running, service_drift)
		IS DISTINCT FROM (s.services::integer, s.running::integer, s.drift::integer);
	DELETE FROM node_count;
	INSERT INTO node_count
	SELECT project_id, status, count(*), sum(service_count), sum(service_running)
	FROM node GROUP BY project_id, status;
	DELETE FROM package_count;
	INSERT INTO package_count
	SELECT s.project_id, s.reported_package_name, s.reported_package_version, count(*)
	FROM node_service s JOIN node n ON n.id = s.node_id AND n.state <> 'retired'
	WHERE s.reported_package_name IS NOT NULL AND s.reported_package_version IS NOT NULL
	GROUP BY 1, 2, 3;
END $$;
COMMENT ON FUNCTION counts_rebuild() IS 'Counts everything anew; for after a table was edited by hand with triggers off. Writers wait meanwhile.';
SELECT counts_rebuild();

CREATE FUNCTION node_tokens(project text, labels jsonb) RETURNS bigint[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT coalesce(array_agg(hashtextextended(project || t.token, 0)), '{}')
	FROM jsonb_each_text(labels) l CROSS JOIN LATERAL (VALUES (l.key), (l.key || '=' || l.value)) t (token)
	WHERE l.value IS NOT NULL
$$;
COMMENT ON FUNCTION node_tokens(text, jsonb) IS 'Of each label the hash of its key and of "key=value", both behind the project: what a selector looks up.';

CREATE TABLE node_search (
	node_id text PRIMARY KEY REFERENCES node ON DELETE CASCADE,
	project_id text NOT NULL,
	retired boolean NOT NULL,
	name text NOT NULL,
	labels jsonb NOT NULL,
	tokens bigint[] NOT NULL,
	text text NOT NULL
);
COMMENT ON TABLE node_search IS 'What people look for nodes by. Apart from node, because a row there that moves would be put into these indexes again with each change of status.';
COMMENT ON COLUMN node_search.text IS 'Name, id, host name and labels in lower case.';

CREATE FUNCTION node_search_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO node_search (node_id, project_id, retired, name, labels, tokens, text)
	VALUES (NEW.id, NEW.project_id, NEW.state = 'retired', NEW.name, NEW.labels,
		node_tokens(NEW.project_id, NEW.labels),
		lower(concat_ws(' ', NEW.name, NEW.id, NEW.hostname, NEW.labels::text)))
	ON CONFLICT (node_id) DO UPDATE SET project_id = excluded.project_id,
		retired = excluded.retired, name = excluded.name, labels = excluded.labels,
		tokens = excluded.tokens, text = excluded.text;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION node_search_keep() IS 'Carries names, labels and retirement over to node_search.';
CREATE TRIGGER node_search_insert AFTER INSERT ON node FOR EACH ROW EXECUTE FUNCTION node_search_keep();
CREATE TRIGGER node_search_update AFTER UPDATE ON node FOR EACH ROW
	WHEN (NEW.name <> OLD.name OR NEW.labels <> OLD.labels
		OR NEW.hostname IS DISTINCT FROM OLD.hostname OR NEW.project_id <> OLD.project_id
		OR (NEW.state = 'retired') <> (OLD.state = 'retired'))
	EXECUTE FUNCTION node_search_keep();
INSERT INTO node_search (node_id, project_id, retired, name, labels, tokens, text)
SELECT id, project_id, state = 'retired', name, labels, node_tokens(project_id, labels),
	lower(concat_ws(' ', name, id, hostname, labels::text)) FROM node;

DROP INDEX node_labels;
CREATE INDEX node_search_name ON node_search (project_id, name, node_id);
CREATE INDEX node_search_tokens ON node_search USING gin (tokens);

-- Part of PostgreSQL's contrib modules, which an installation may lack: then a search reads all names.
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
		CREATE EXTENSION IF NOT EXISTS pg_trgm;
		CREATE INDEX node_search_text ON node_search USING gin (text gin_trgm_ops);
	END IF;
EXCEPTION WHEN insufficient_privilege THEN
	RAISE NOTICE 'pg_trgm may not be created here: searching for a part of a name reads all of them';
END $$;
