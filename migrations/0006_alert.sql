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
