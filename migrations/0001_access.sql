-- SPDX-License-Identifier: Apache-2.0
-- Projects, people, tokens, audit: who may do what, and who did.

CREATE TABLE project (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE project IS 'A tenant: everything that has an owner names its project.';

CREATE TABLE app_user (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	login text NOT NULL UNIQUE CHECK (length(login) BETWEEN 1 AND 128),
	name text NOT NULL DEFAULT '' CHECK (length(name) <= 256),
	password_hash text NOT NULL,
	system_admin boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	disabled_at timestamptz
);
COMMENT ON TABLE app_user IS 'A person who may sign in.';
COMMENT ON COLUMN app_user.password_hash IS 'argon2id in libsodium''s string form.';
COMMENT ON COLUMN app_user.system_admin IS 'May make projects and users, in every project.';

CREATE TABLE membership (
	user_id text NOT NULL REFERENCES app_user ON DELETE CASCADE,
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	role text NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),
	PRIMARY KEY (user_id, project_id)
);
CREATE INDEX membership_project ON membership (project_id);
COMMENT ON TABLE membership IS 'The role of a user in a project.';

CREATE TABLE session (
	token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
	user_id text NOT NULL REFERENCES app_user ON DELETE CASCADE,
	csrf text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	last_used_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	remote text
);
CREATE INDEX session_owner ON session (user_id);
CREATE INDEX session_expiry ON session (expires_at);
COMMENT ON TABLE session IS 'A signed-in browser, by the SHA-256 of its cookie.';

CREATE TABLE api_token (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	user_id text REFERENCES app_user ON DELETE CASCADE,
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
	role text NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),
	scopes text[] NOT NULL DEFAULT '{*}',
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	last_used_at timestamptz,
	revoked_at timestamptz
);
CREATE INDEX api_token_project ON api_token (project_id, created_at DESC, id);
COMMENT ON TABLE api_token IS 'A token of the API, by its SHA-256; shown once when it is made.';

CREATE TABLE audit (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id text REFERENCES project ON DELETE CASCADE,
	at timestamptz NOT NULL,
	actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'token', 'node', 'system', 'anonymous')),
	actor_id text,
	actor_name text,
	action text NOT NULL,
	object_kind text,
	object_id text,
	detail jsonb,
	remote text,
	request_id text
);
CREATE INDEX audit_project ON audit (project_id, id DESC);
CREATE INDEX audit_object ON audit (project_id, object_kind, object_id, id DESC);
COMMENT ON TABLE audit IS 'One row per change, written in the change''s own transaction; only ever inserted.';
COMMENT ON COLUMN audit.project_id IS 'NULL for what belongs to no project, such as a failed sign-in.';

CREATE TABLE idempotency (
	project_id text NOT NULL,
	actor_id text NOT NULL,
	key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
	request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
	status integer,
	body text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (project_id, actor_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);
COMMENT ON TABLE idempotency IS 'Answers to POST requests with an Idempotency-Key, kept for a day.';
COMMENT ON COLUMN idempotency.status IS 'NULL while the first request is being handled.';
