-- SPDX-License-Identifier: Apache-2.0
-- What changes with every heartbeat, apart from the wide and much indexed row of the node.

CREATE TABLE node_beat (
	node_id text PRIMARY KEY REFERENCES node ON DELETE CASCADE,
	last_seen_at timestamptz,
	told_at timestamptz,
	mark integer NOT NULL DEFAULT 0 CHECK (mark BETWEEN 0 AND 65535),
	cpu smallint,
	memory smallint,
	disk smallint
) WITH (fillfactor = 70);
COMMENT ON TABLE node_beat IS 'One row per node that changes with every heartbeat: narrow, and no index but the key, so that each new version stays within its page.';
COMMENT ON COLUMN node_beat.told_at IS 'When node.health came, and since when it says all but the figures.';
COMMENT ON COLUMN node_beat.mark IS 'What beats call that health message; 0: none refers to it.';
COMMENT ON COLUMN node_beat.cpu IS 'Of the newest beat since, in half percents as in schema/beat.md; NULL: there was none.';

INSERT INTO node_beat (node_id, last_seen_at, told_at)
	SELECT id, last_seen_at, CASE WHEN health IS NOT NULL THEN last_seen_at END FROM node;
ALTER TABLE node DROP COLUMN last_seen_at;
COMMENT ON TABLE node IS 'One gateway with an agent. What changes with every heartbeat is in node_beat.';

CREATE FUNCTION node_beat_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO node_beat (node_id) VALUES (NEW.id);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION node_beat_begin() IS 'Every node has its row from the start: heartbeats only update.';
CREATE TRIGGER node_beat_begin AFTER INSERT ON node FOR EACH ROW EXECUTE FUNCTION node_beat_begin();

CREATE FUNCTION node_health_now(health jsonb, beat node_beat) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN beat.cpu IS NULL OR health IS NULL THEN health ELSE
		health || jsonb_strip_nulls(jsonb_build_object(
			'uptime_s', (health ->> 'uptime_s')::bigint
				+ extract(epoch FROM beat.last_seen_at - beat.told_at)::bigint,
			'host', coalesce(health -> 'host', '{}') || jsonb_strip_nulls(jsonb_build_object(
				'cpu_percent', CASE WHEN beat.cpu <= 200 THEN round(beat.cpu / 2.0, 1) END,
				'mem_available', CASE WHEN beat.memory <= 200 THEN
					round((health #>> '{host,mem_total}')::numeric * (200 - beat.memory) / 200) END,
				'disk_free', CASE WHEN beat.disk <= 200 THEN
					round((health #>> '{host,disk_total}')::numeric * (200 - beat.disk) / 200) END))))
		END
$$;
COMMENT ON FUNCTION node_health_now(jsonb, node_beat) IS 'The health message of a node with the figures of its newest beat.';
