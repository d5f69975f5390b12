-- SPDX-License-Identifier: Apache-2.0
-- Rollouts: changes x targets x strategy, in waves, one step per node.

CREATE TABLE rollout (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project,
	number integer NOT NULL CHECK (number > 0),
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
	kind text NOT NULL CHECK (kind IN ('change', 'rollback')),
	state text NOT NULL CHECK (state IN ('draft', 'awaiting_approval', 'running', 'paused',
		'succeeded', 'failed', 'aborted', 'rolling_back', 'rolled_back')),
	changes jsonb NOT NULL,
	resolved jsonb,
	targets jsonb NOT NULL,
	strategy jsonb NOT NULL,
	plan_hash text,
	rollback_of text REFERENCES rollout,
	current_wave integer NOT NULL DEFAULT 0,
	reason text,
	created_by text,
	approved_by text,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	finished_at timestamptz,
	state_since timestamptz NOT NULL DEFAULT now(),
	revision integer NOT NULL DEFAULT 1,
	UNIQUE (project_id, number)
);
CREATE INDEX rollout_list ON rollout (project_id, state, number DESC);
CREATE INDEX rollout_open ON rollout (id) WHERE state IN ('running', 'rolling_back');
CREATE INDEX rollout_rollback_of ON rollout (rollback_of) WHERE rollback_of IS NOT NULL;
COMMENT ON TABLE rollout IS 'A change to many nodes under way or done.';
COMMENT ON COLUMN rollout.resolved IS 'Per service what a change sets, names resolved when it was made; NULL for a rollback, whose steps hold it in after.';
COMMENT ON COLUMN rollout.number IS 'Counts up within the project: how people name a rollout.';
COMMENT ON COLUMN rollout.revision IS 'Rises with each change of state: the ETag.';

CREATE TABLE rollout_wave (
	rollout_id text NOT NULL REFERENCES rollout ON DELETE CASCADE,
	no integer NOT NULL CHECK (no > 0),
	state text NOT NULL DEFAULT 'pending'
		CHECK (state IN ('pending', 'running', 'soaking', 'succeeded', 'failed')),
	size integer NOT NULL CHECK (size >= 0),
	forgiven integer NOT NULL DEFAULT 0,
	started_at timestamptz,
	finished_at timestamptz,
	soak_until timestamptz,
	PRIMARY KEY (rollout_id, no)
);
COMMENT ON COLUMN rollout_wave.forgiven IS 'Failures that a person accepted by resuming: they no longer count against the gate.';
COMMENT ON TABLE rollout_wave IS 'One stage of a rollout.';

CREATE TABLE rollout_step (
	rollout_id text NOT NULL REFERENCES rollout ON DELETE CASCADE,
	node_id text NOT NULL REFERENCES node,
	project_id text NOT NULL REFERENCES project,
	wave integer NOT NULL,
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'queued', 'sent', 'accepted',
		'fetching', 'applying', 'verifying', 'succeeded', 'failed', 'rolled_back',
		'rollback_failed', 'timed_out', 'superseded', 'skipped')),
	reason text,
	error jsonb,
	generation bigint,
	before jsonb,
	after jsonb,
	progress jsonb,
	attempt integer NOT NULL DEFAULT 0,
	state_since timestamptz NOT NULL DEFAULT now(),
	deadline_at timestamptz,
	PRIMARY KEY (rollout_id, node_id),
	FOREIGN KEY (rollout_id, wave) REFERENCES rollout_wave
) WITH (fillfactor = 70);
CREATE INDEX rollout_step_wave ON rollout_step (rollout_id, wave, node_id);
CREATE INDEX rollout_step_node ON rollout_step (node_id, state_since DESC);
COMMENT ON TABLE rollout_step IS 'One node''s part in a rollout.';
COMMENT ON COLUMN rollout_step.before IS 'The desired rows of the changed services before the rollout: what a rollback restores.';

CREATE TABLE scheduler_lease (
	name text PRIMARY KEY,
	owner text NOT NULL,
	fence bigint NOT NULL DEFAULT 1,
	lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE scheduler_lease IS 'Which replica does the timed work; fence rises with each change of owner.';

CREATE TABLE shard_lease (
	shard integer PRIMARY KEY CHECK (shard BETWEEN 0 AND 63),
	owner text NOT NULL,
	fence bigint NOT NULL DEFAULT 1,
	lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE shard_lease IS 'Which replica takes the messages of a shard.';
