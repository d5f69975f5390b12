-- SPDX-License-Identifier: Apache-2.0
-- What leaves the database: messages to nodes, and the feed of changes for dashboards.

CREATE TABLE outbox (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind text NOT NULL CHECK (kind IN ('desired', 'command')),
	node_id text NOT NULL REFERENCES node ON DELETE CASCADE,
	payload jsonb,
	created_at timestamptz NOT NULL DEFAULT now(),
	next_at timestamptz NOT NULL DEFAULT now(),
	lease_until timestamptz,
	attempt integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX outbox_queue ON outbox (next_at, id);
CREATE INDEX outbox_node ON outbox (node_id);
COMMENT ON TABLE outbox IS 'Messages to nodes, written with the change that causes them, deleted once the broker has them; attempt is the fencing token of a lease.';

CREATE TABLE change_feed (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	kind text NOT NULL CHECK (kind IN ('node', 'rollout', 'alert', 'config', 'package', 'webhook',
		'token', 'audit')),
	object_id text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	data jsonb
);
CREATE INDEX change_feed_order ON change_feed (xid, id);
CREATE INDEX change_feed_project ON change_feed (project_id, id);
CREATE INDEX change_feed_age ON change_feed (at);
COMMENT ON TABLE change_feed IS 'What changed, for server-sent events; kept for an hour.';
COMMENT ON COLUMN change_feed.xid IS 'Identities are given before commit, so a reader only trusts rows whose xid is older than every running transaction.';

CREATE FUNCTION node_trouble_refresh(which text) RETURNS void LANGUAGE sql AS $$
	UPDATE node n SET trouble = s.trouble
	FROM (SELECT (
		SELECT left(CASE
			WHEN service.reported_state IN ('held', 'unhealthy', 'failed')
			THEN service.service || ': ' || coalesce(nullif(service.reported_reason, ''), service.reported_state)
			ELSE service.service || ': files differ from the configuration' END, 512)
		FROM node_service service
		WHERE service.node_id = which
			AND (service.reported_state IN ('held', 'unhealthy', 'failed') OR service.drift)
		ORDER BY service.drift, service.service LIMIT 1) AS trouble) s
	WHERE n.id = which AND n.trouble IS DISTINCT FROM s.trouble
$$;
COMMENT ON FUNCTION node_trouble_refresh(text) IS 'Recomputes node.trouble, and by it the status, from what the services report; called after node_service changed.';
