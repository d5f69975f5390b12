-- SPDX-License-Identifier: Apache-2.0
-- Configurations in numbered immutable versions, their bytes, and variables.

CREATE TABLE blob (
	sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
	size bigint NOT NULL CHECK (size >= 0),
	data bytea NOT NULL,
	CHECK (octet_length(data) = size)
);
COMMENT ON TABLE blob IS 'Content of configuration files, each text once.';

CREATE TABLE config (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project,
	name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	service text,
	driver text,
	description text NOT NULL DEFAULT '' CHECK (length(description) <= 1024),
	latest integer NOT NULL DEFAULT 0 CHECK (latest >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text,
	UNIQUE (project_id, name)
);
COMMENT ON TABLE config IS 'A named set of files for a service.';
COMMENT ON COLUMN config.latest IS 'Number of the newest version, 0 before the first: what compare-and-swap compares.';

CREATE TABLE config_version (
	config_id text NOT NULL REFERENCES config ON DELETE CASCADE,
	no integer NOT NULL CHECK (no > 0),
	author text,
	message text NOT NULL DEFAULT '' CHECK (length(message) <= 4096),
	digest text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (config_id, no)
);
COMMENT ON TABLE config_version IS 'One version of a config; never changed after it is made.';
COMMENT ON COLUMN config_version.digest IS 'SHA-256 over the sorted list of mode, path and content hash.';

CREATE TABLE config_file (
	config_id text NOT NULL,
	no integer NOT NULL,
	path text NOT NULL CHECK (length(path) BETWEEN 1 AND 255),
	mode text NOT NULL DEFAULT '0644' CHECK (mode ~ '^0[0-7]{3}$'),
	blob_sha256 bytea NOT NULL REFERENCES blob,
	size bigint NOT NULL CHECK (size >= 0),
	PRIMARY KEY (config_id, no, path),
	FOREIGN KEY (config_id, no) REFERENCES config_version ON DELETE CASCADE
);
CREATE INDEX config_file_blob ON config_file (blob_sha256);
COMMENT ON TABLE config_file IS 'The files of a version; their bytes are in blob.';

CREATE TABLE variable (
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	node_id text NOT NULL DEFAULT '',
	name text NOT NULL CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_.-]{0,127}$'),
	value text NOT NULL CHECK (length(value) <= 8192),
	updated_at timestamptz NOT NULL DEFAULT now(),
	updated_by text,
	PRIMARY KEY (project_id, node_id, name)
);
COMMENT ON TABLE variable IS 'Values for ${name} in configs.';
COMMENT ON COLUMN variable.node_id IS 'The node that the value is for; empty = the whole project.';
