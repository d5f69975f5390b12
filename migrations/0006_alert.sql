-- SPDX-License-Identifier: Apache-2.0
-- Conditions on the fleet, their firings, and who is told.

CREATE TABLE alert_rule (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	kind text NOT NULL CHECK (kind IN ('node-offline', 'service-crash-loop', 'rollout-stopped')),
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	enabled boolean NOT NULL DEFAULT true,
	severity text NOT NULL DEFAULT 'warning' CHECK (severity IN ('info', 'warning', 'critical')),
	for_ms bigint NOT NULL DEFAULT 0 CHECK (for_ms >= 0),
	params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
	created_at timestamptz NOT NULL DEFAULT now(),
	revision integer NOT NULL DEFAULT 1,
	UNIQUE (project_id, name)
);
COMMENT ON TABLE alert_rule IS 'A condition on the fleet.';
COMMENT ON COLUMN alert_rule.for_ms IS 'How long the condition must hold before the alert fires.';

CREATE TABLE alert (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	rule_id text NOT NULL REFERENCES alert_rule ON DELETE CASCADE,
	fingerprint text NOT NULL,
	state text NOT NULL CHECK (state IN ('pending', 'firing', 'acknowledged', 'resolved')),
	severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
	summary text NOT NULL,
	node_id text REFERENCES node ON DELETE CASCADE,
	service text,
	rollout_id text REFERENCES rollout ON DELETE CASCADE,
	started_at timestamptz NOT NULL,
	firing_at timestamptz,
	acknowledged_at timestamptz,
	acknowledged_by text,
	resolved_at timestamptz,
	CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE UNIQUE INDEX alert_open ON alert (rule_id, fingerprint) WHERE state <> 'resolved';
CREATE INDEX alert_list ON alert (project_id, started_at DESC, id);
CREATE INDEX alert_node ON alert (node_id, started_at DESC) WHERE node_id IS NOT NULL;
COMMENT ON TABLE alert IS 'One firing of a rule on one thing; at most one is open per rule and fingerprint.';

CREATE TABLE webhook (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	url text NOT NULL CHECK (length(url) <= 2048),
	secret_sealed bytea NOT NULL,
	events text[] NOT NULL,
	enabled boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	revision integer NOT NULL DEFAULT 1,
	UNIQUE (project_id, name)
);
COMMENT ON TABLE webhook IS 'A receiver of events.';
COMMENT ON COLUMN webhook.secret_sealed IS 'The signing secret, encrypted with a key outside the database.';

CREATE TABLE delivery (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	webhook_id text NOT NULL REFERENCES webhook ON DELETE CASCADE,
	event_id text NOT NULL,
	event_type text NOT NULL,
	body text NOT NULL,
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'succeeded', 'failed')),
	attempt integer NOT NULL DEFAULT 0,
	next_at timestamptz,
	lease_until timestamptz,
	last_status integer,
	last_error text,
	response_excerpt text,
	created_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX delivery_queue ON delivery (next_at, id) WHERE state = 'pending';
CREATE INDEX delivery_list ON delivery (webhook_id, created_at DESC, id);
COMMENT ON TABLE delivery IS 'One event for one webhook and how its attempts went; attempt is also the fencing token of a lease.';

CREATE FUNCTION random_id() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT substr(translate(md5(gen_random_uuid()::text), '0189', 'ghij'), 1, 20)
$$;
COMMENT ON FUNCTION random_id() IS 'An id of the common form for rows that a set-based statement makes.';

CREATE FUNCTION project_alert_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO alert_rule (id, project_id, kind, name, severity, for_ms)
	VALUES (random_id(), NEW.id, 'node-offline', 'Node offline', 'critical', 60000),
		(random_id(), NEW.id, 'service-crash-loop', 'Service crash loop', 'critical', 0),
		(random_id(), NEW.id, 'rollout-stopped', 'Rollout stopped', 'warning', 0);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION project_alert_rules() IS 'A new project is watched from its first minute.';
CREATE TRIGGER project_alert_rules AFTER INSERT ON project
	FOR EACH ROW EXECUTE FUNCTION project_alert_rules();

CREATE VIEW alert_condition AS
	SELECT r.project_id, r.id AS rule_id, r.severity, r.for_ms, n.id AS fingerprint,
		n.id AS node_id, NULL::text AS service, NULL::text AS rollout_id,
		'Node ' || n.name || ' is offline' AS summary, n.status_since AS since
	FROM alert_rule r JOIN node n ON n.project_id = r.project_id
	WHERE r.kind = 'node-offline' AND r.enabled AND n.status = 'offline'
	UNION ALL
	SELECT r.project_id, r.id, r.severity, r.for_ms, s.node_id || '/' || s.service,
		s.node_id, s.service, NULL,
		left('Service ' || s.service || ' on ' || n.name || ' keeps failing: '
			|| coalesce(nullif(s.reported_reason, ''), 'held'), 1024),
		coalesce(s.reported_since, s.reported_at)
	FROM alert_rule r JOIN node_service s ON s.project_id = r.project_id
	JOIN node n ON n.id = s.node_id AND n.state <> 'retired'
	WHERE r.kind = 'service-crash-loop' AND r.enabled AND s.reported_state = 'held'
	UNION ALL
	SELECT r.project_id, r.id, r.severity, r.for_ms, o.id, NULL, NULL, o.id,
		left('Rollout ' || o.number || ' (' || o.name || ') has stopped: '
			|| coalesce(o.reason, o.state), 1024),
		o.state_since
	FROM alert_rule r JOIN rollout o ON o.project_id = r.project_id
	WHERE r.kind = 'rollout-stopped' AND r.enabled
		AND (o.state = 'paused' OR (o.state = 'failed' AND o.finished_at > now() - interval '1 day'));
COMMENT ON VIEW alert_condition IS 'What is wrong right now by the rules: one row per rule and thing. The scheduler compares it with the open alerts.';
