-- SPDX-License-Identifier: Apache-2.0
-- Released archives, the keys that vouch for them, and uploads under way.

CREATE TABLE release_key (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project,
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	key_id text NOT NULL CHECK (key_id ~ '^[0-9a-f]{16}$'),
	public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
	created_at timestamptz NOT NULL DEFAULT now(),
	revoked_at timestamptz
);
CREATE UNIQUE INDEX release_key_active ON release_key (project_id, key_id) WHERE revoked_at IS NULL;
COMMENT ON TABLE release_key IS 'Ed25519 public keys whose manifests a project accepts.';

CREATE TABLE package_release (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project,
	name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	version text NOT NULL CHECK (version ~ '^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,63}$'),
	platform text NOT NULL CHECK (platform ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
	sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
	size bigint NOT NULL CHECK (size > 0),
	format text NOT NULL CHECK (format IN ('tar.gz', 'tar.zst')),
	release bigint CHECK (release >= 0),
	manifest jsonb NOT NULL,
	envelope text NOT NULL,
	key_id text NOT NULL,
	uploaded_by text,
	uploaded_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (project_id, name, version, platform)
);
CREATE INDEX package_release_list ON package_release (project_id, uploaded_at DESC, id);
CREATE INDEX package_release_sha256 ON package_release (sha256);
COMMENT ON TABLE package_release IS 'A package in one version for one platform; its archive lies in the data directory under its SHA-256.';
COMMENT ON COLUMN package_release.envelope IS 'The signed manifest as it came: what agents verify.';

CREATE TABLE upload (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	size bigint NOT NULL CHECK (size > 0),
	sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
	received bigint NOT NULL DEFAULT 0 CHECK (received >= 0 AND received <= size),
	created_by text,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL
);
CREATE INDEX upload_expiry ON upload (expires_at);
COMMENT ON TABLE upload IS 'An archive that arrives in parts; the bytes lie in the data directory.';
COMMENT ON COLUMN upload.received IS 'Bytes that are safely on disk: the offset at which to go on.';

CREATE TABLE node_service (
	project_id text NOT NULL REFERENCES project,
	node_id text NOT NULL REFERENCES node ON DELETE CASCADE,
	service text NOT NULL CHECK (service ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	desired_driver text,
	desired_run boolean,
	package_release_id text REFERENCES package_release,
	config_id text REFERENCES config,
	config_version integer,
	parameters jsonb,
	rollout_id text,
	desired_at timestamptz,
	reported_state text,
	reported_reason text,
	reported_since timestamptz,
	ready boolean,
	pid bigint,
	restarts bigint,
	reported_run boolean,
	reported_driver text,
	reported_package_name text,
	reported_package_version text,
	reported_package_sha256 text,
	reported_config_name text,
	reported_config_version integer,
	reported_config_digest text,
	drift boolean NOT NULL DEFAULT false,
	drift_files text[],
	reported_at timestamptz,
	PRIMARY KEY (node_id, service),
	FOREIGN KEY (config_id, config_version) REFERENCES config_version,
	CHECK ((config_id IS NULL) = (config_version IS NULL)),
	CHECK (desired_driver IS NOT NULL OR (package_release_id IS NULL AND config_id IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX node_service_config ON node_service (config_id, config_version) WHERE config_id IS NOT NULL;
CREATE INDEX node_service_package ON node_service (package_release_id) WHERE package_release_id IS NOT NULL;
CREATE INDEX node_service_project ON node_service (project_id, service);
COMMENT ON TABLE node_service IS 'A service on a node: what it should be and what the agent reports.';
COMMENT ON COLUMN node_service.desired_driver IS 'NULL when the service is only reported, not wanted.';
