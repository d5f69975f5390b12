-- SPDX-License-Identifier: Apache-2.0
-- Failures by kind: what failed of the same cause has the same fingerprint.

ALTER TABLE rollout_step ADD COLUMN fingerprint text CHECK (fingerprint ~ '^[0-9a-f]{16}$');
CREATE INDEX rollout_step_fingerprint ON rollout_step (rollout_id, fingerprint)
	WHERE fingerprint IS NOT NULL;
CREATE INDEX rollout_step_unmarked ON rollout_step (rollout_id) WHERE fingerprint IS NULL
	AND state IN ('failed', 'rolled_back', 'rollback_failed', 'timed_out');
COMMENT ON COLUMN rollout_step.fingerprint IS 'The kind of its failure (domain/rollout/fingerprint.h); NULL until it has failed, and again when it is tried again.';

CREATE TABLE failure_kind (
	project_id text NOT NULL REFERENCES project,
	fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{16}$'),
	rollout_id text REFERENCES rollout ON DELETE SET NULL,
	node_id text REFERENCES node ON DELETE SET NULL,
	first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	accepted_at timestamptz,
	PRIMARY KEY (project_id, fingerprint)
);
CREATE INDEX failure_kind_open ON failure_kind (rollout_id) WHERE accepted_at IS NULL;
COMMENT ON TABLE failure_kind IS 'Every kind of failure that a project has seen, and the rollout in which it was new.';
COMMENT ON COLUMN failure_kind.accepted_at IS 'When a person let that rollout go on although this kind was new.';
