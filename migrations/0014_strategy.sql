-- SPDX-License-Identifier: Apache-2.0
-- What rollouts need for windows, label waves, retries, priority, and nodes that come back later.

ALTER TABLE rollout
	ADD priority integer NOT NULL DEFAULT 0,
	ADD forced boolean NOT NULL DEFAULT false,
	ADD deadline_at timestamptz,
	ADD settled boolean NOT NULL DEFAULT false,
	ADD followed_at timestamptz;
COMMENT ON COLUMN rollout.priority IS 'Of several that want the same node the higher one goes first.';
COMMENT ON COLUMN rollout.forced IS 'A person lets it go on outside of its update windows.';
COMMENT ON COLUMN rollout.deadline_at IS 'What has not been started by then is not started any more; NULL when a person went on after it.';
COMMENT ON COLUMN rollout.settled IS 'The scheduler has nothing to do with it until somebody acts on it.';
COMMENT ON COLUMN rollout.followed_at IS 'When nodes that match a rollout that follows were last looked for.';
DROP INDEX rollout_open;
CREATE INDEX rollout_unsettled ON rollout (priority DESC, created_at, id) WHERE NOT settled;

ALTER TABLE rollout_wave
	ADD label text,
	ADD forgiven_unreachable integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN rollout_wave.forgiven_unreachable IS 'Unreachable nodes that a person accepted by resuming.';
COMMENT ON COLUMN rollout_wave.label IS 'The value of the label that its nodes share; NULL when waves are by number, or its nodes have no such label.';

ALTER TABLE rollout_step
	ADD retries integer NOT NULL DEFAULT 0,
	ADD retry_at timestamptz,
	ADD opens_at timestamptz,
	ADD lost text[] NOT NULL DEFAULT '{}',
	ADD superseded_by text REFERENCES rollout;
COMMENT ON COLUMN rollout_step.retries IS 'How often it was tried again by itself; a person who retries begins at 0.';
COMMENT ON COLUMN rollout_step.retry_at IS 'It is not tried again before this.';
COMMENT ON COLUMN rollout_step.opens_at IS 'When the update window of its node opens; NULL when it waits for none.';
COMMENT ON COLUMN rollout_step.lost IS 'Services that a newer rollout has taken over on this node.';
COMMENT ON COLUMN rollout_step.deadline_at IS 'No verdict by then: timed out. NULL before it was told, and while it was told offline.';

-- A step changes often: without state_since in an index such an update stays within its page.
DROP INDEX rollout_step_node;
CREATE INDEX rollout_step_node ON rollout_step (node_id);

CREATE FUNCTION zone_known(zone text) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	IF zone !~ '^[A-Za-z_]+([/+-][A-Za-z0-9_+-]+)*$' THEN
		RETURN NULL;
	END IF;
	PERFORM now() AT TIME ZONE zone;
	RETURN zone;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN NULL;
END $$;
COMMENT ON FUNCTION zone_known(text) IS 'The time zone''s name, or NULL when PostgreSQL does not know it.';
