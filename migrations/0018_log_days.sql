-- SPDX-License-Identifier: Apache-2.0
-- Log lines by day of arrival: they are written by COPY and dropped a day at a time.

ALTER TABLE log_line RENAME TO log_line_before;
ALTER INDEX log_line_node RENAME TO log_line_before_node;
ALTER INDEX log_line_project RENAME TO log_line_before_project;

CREATE SEQUENCE log_line_number;
SELECT setval('log_line_number', coalesce(max(id), 0) + 1, false) FROM log_line_before;

-- No foreign keys: looking each up costs more than writing the line. Who writes has read the node.
CREATE TABLE log_line (
	id bigint NOT NULL DEFAULT nextval('log_line_number'),
	received_at timestamptz NOT NULL DEFAULT now(),
	project_id text NOT NULL,
	node_id text NOT NULL,
	service text NOT NULL,
	at timestamptz NOT NULL,
	stream text NOT NULL CHECK (stream IN ('stdout', 'stderr', 'agent')),
	text text NOT NULL,
	corrected boolean NOT NULL DEFAULT false
) PARTITION BY RANGE (received_at);
ALTER SEQUENCE log_line_number OWNED BY log_line.id;
CREATE INDEX log_line_node ON log_line (node_id, service, id);
CREATE INDEX log_line_project ON log_line (project_id, id);
COMMENT ON TABLE log_line IS 'Output of services, in the order in which it arrived.';
COMMENT ON COLUMN log_line.corrected IS 'The clock of the node was wrong when the line was written; the node has put its time right.';

CREATE TABLE log_line_rest PARTITION OF log_line DEFAULT;
COMMENT ON TABLE log_line_rest IS 'Lines of days that nobody made a partition for: empty, unless the scheduler stood still for days.';

CREATE FUNCTION log_line_rotate(keep interval, cap_bytes bigint, day date, ahead integer) RETURNS integer
	LANGUAGE plpgsql AS $$
DECLARE
	made date;
	part record;
	total numeric;
	dropped integer := 0;
BEGIN
	FOR made IN SELECT day + i FROM generate_series(0, ahead) i LOOP
		IF to_regclass('log_line_' || to_char(made, 'YYYYMMDD')) IS NULL AND NOT EXISTS (
			SELECT FROM log_line_rest WHERE received_at >= made AND received_at < made + 1) THEN
			EXECUTE format('CREATE TABLE %I (LIKE log_line INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
				'log_line_' || to_char(made, 'YYYYMMDD'));
			EXECUTE format('ALTER TABLE log_line ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
				'log_line_' || to_char(made, 'YYYYMMDD'), made::timestamptz, (made + 1)::timestamptz);
			EXECUTE format('COMMENT ON TABLE %I IS %L', 'log_line_' || to_char(made, 'YYYYMMDD'),
				'Lines that arrived on this day.');
		END IF;
	END LOOP;
	SELECT sum(pg_total_relation_size(inhrelid)) INTO total FROM pg_inherits
		WHERE inhparent = 'log_line'::regclass;
	FOR part IN SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') AS of,
			pg_total_relation_size(c.oid) AS bytes
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'log_line'::regclass AND c.relname ~ '^log_line_[0-9]{8}$'
		ORDER BY c.relname LOOP
		EXIT WHEN part.of >= day OR (part.of + 1 + keep > day AND total <= cap_bytes);
		EXECUTE format('DROP TABLE %I', part.relname);
		total := total - part.bytes;
		dropped := dropped + 1;
	END LOOP;
	DELETE FROM log_line_rest WHERE received_at < day - keep;
	RETURN dropped;
END $$;
COMMENT ON FUNCTION log_line_rotate(interval, bigint, date, integer) IS 'Makes the partitions of the day (in the session''s time zone, UTC) and of those ahead; drops days that are wholly older than keep, and the oldest while all together are larger than cap_bytes. Returns how many it dropped.';

-- Their arrival was not kept: the device''s time, within the last six days, stands for it.
DO $$
BEGIN
	SET LOCAL timezone TO 'UTC';
	PERFORM log_line_rotate('7 days', 9223372036854775807, current_date - 6, 9);
END $$;
INSERT INTO log_line (id, received_at, project_id, node_id, service, at, stream, text, corrected)
SELECT id, least(greatest(at, now() - interval '5 days'), now()), project_id, node_id, service, at, stream, text,
	corrected
FROM log_line_before ORDER BY id;
DROP TABLE log_line_before;
