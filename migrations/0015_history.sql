-- SPDX-License-Identifier: Apache-2.0
-- What each node was told, from when; plans whose nodes can be paged; selections that were counted.

CREATE TABLE service_content (
	digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
	content text NOT NULL,
	used_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE service_content IS 'One service as nodes get it, each text once however many nodes run it.';
COMMENT ON COLUMN service_content.used_at IS 'When history last named it; what no history names any more goes a day later.';

CREATE TABLE node_service_history (
	node_id text NOT NULL REFERENCES node ON DELETE CASCADE,
	service text NOT NULL,
	valid_from timestamptz NOT NULL,
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	generation bigint NOT NULL,
	digest bytea CHECK (octet_length(digest) = 32),
	driver text,
	run boolean,
	package_release_id text,
	config_id text,
	config_version integer,
	parameters jsonb,
	rollout_id text,
	PRIMARY KEY (node_id, service, valid_from)
);
CREATE INDEX node_service_history_age ON node_service_history (valid_from);
CREATE INDEX node_service_history_digest ON node_service_history (digest) WHERE digest IS NOT NULL;
CREATE INDEX node_service_history_package ON node_service_history (package_release_id)
	WHERE package_release_id IS NOT NULL;
COMMENT ON TABLE node_service_history IS 'What a node was told to run, one row per change of a service, only ever added to: the newest row is in force, the newest of a moment says what was.';
COMMENT ON COLUMN node_service_history.digest IS 'Of its service_content; NULL: the service was taken away.';

INSERT INTO service_content (digest, content)
	SELECT DISTINCT ON (1) sha256(convert_to(s.value::text, 'UTF8')), s.value::text
	FROM node n JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation
	CROSS JOIN LATERAL json_each(d.content::json -> 'services') s;
INSERT INTO node_service_history (node_id, service, valid_from, project_id, generation, digest, driver,
		run, package_release_id, config_id, config_version, parameters, rollout_id)
	SELECT n.id, ns.service, now(), n.project_id, d.generation,
		sha256(convert_to(s.value::text, 'UTF8')), ns.desired_driver, ns.desired_run,
		ns.package_release_id, ns.config_id, ns.config_version, ns.parameters, ns.rollout_id
	FROM node n JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation
	CROSS JOIN LATERAL json_each(d.content::json -> 'services') s
	JOIN node_service ns ON ns.node_id = n.id AND ns.service = s.key
		AND ns.desired_driver IS NOT NULL;

CREATE TABLE rollout_plan (
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	hash text NOT NULL CHECK (hash ~ '^sha256:[0-9a-f]{64}$'),
	made_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (project_id, hash)
);
CREATE INDEX rollout_plan_expiry ON rollout_plan (expires_at);
COMMENT ON TABLE rollout_plan IS 'A plan that was answered, so that the nodes behind its numbers can be paged.';

CREATE TABLE rollout_plan_list (
	project_id text NOT NULL,
	hash text NOT NULL,
	list text NOT NULL,
	nodes text[] NOT NULL,
	PRIMARY KEY (project_id, hash, list),
	FOREIGN KEY (project_id, hash) REFERENCES rollout_plan ON DELETE CASCADE
);
COMMENT ON TABLE rollout_plan_list IS 'The nodes behind one number of a plan, in the order of their names.';
COMMENT ON COLUMN rollout_plan_list.list IS 'all, group-1, group-2 ..., offline, held-<number of the other rollout>.';

CREATE TABLE selection (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	selector text,
	requirements jsonb,
	nodes text[] NOT NULL,
	node_count integer NOT NULL CHECK (node_count > 0),
	hash text NOT NULL CHECK (hash ~ '^sha256:[0-9a-f]{64}$'),
	everything boolean NOT NULL,
	created_by text,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	CHECK ((selector IS NULL) = (requirements IS NULL))
);
CREATE INDEX selection_expiry ON selection (expires_at);
COMMENT ON TABLE selection IS 'Nodes that a person chose and counted: an action on it is refused once it would reach others.';
COMMENT ON COLUMN selection.hash IS 'Over the sorted ids.';
COMMENT ON COLUMN selection.everything IS 'It was every node of the project: actions want the count typed.';

ALTER TABLE rollout ADD COLUMN undo jsonb;
COMMENT ON COLUMN rollout.undo IS 'What a rollback of a part, or to a moment, takes back: {rollout, number, wave, nodes, only} or {at}; NULL for all others.';
