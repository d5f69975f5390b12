-- SPDX-License-Identifier: Apache-2.0
-- Nodes, what they should run, what they say that they run, and how they enrol.

CREATE TABLE node (
	id text PRIMARY KEY CHECK (id ~ '^n[a-z2-7]{19,20}$'),
	project_id text NOT NULL REFERENCES project,
	name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object'),
	shard integer NOT NULL CHECK (shard BETWEEN 0 AND 63),
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'active', 'retired')),
	online boolean NOT NULL DEFAULT false,
	trouble text CHECK (length(trouble) <= 512),
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'retired', 'offline', 'warning', 'updating', 'online')),
	status_since timestamptz NOT NULL DEFAULT now(),
	last_seen_at timestamptz,
	enrolled_at timestamptz NOT NULL DEFAULT now(),
	retired_at timestamptz,
	agent_version text,
	platform text,
	hostname text,
	boot_id text,
	protocol integer,
	epoch text,
	cert_serial text,
	cert_not_after timestamptz,
	key_sha256 bytea CHECK (octet_length(key_sha256) = 32),
	desired_generation bigint NOT NULL DEFAULT 0 CHECK (desired_generation >= 0),
	desired_digest text,
	reported_generation bigint NOT NULL DEFAULT 0 CHECK (reported_generation >= 0),
	reported_digest text,
	health jsonb,
	revision integer NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	CHECK ((state = 'retired') = (retired_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX node_name ON node (project_id, name) WHERE state <> 'retired';
CREATE INDEX node_status ON node (project_id, status, name) WHERE state <> 'retired';
CREATE INDEX node_labels ON node USING gin (labels jsonb_path_ops);
CREATE UNIQUE INDEX node_key ON node (key_sha256) WHERE state <> 'retired';
CREATE INDEX node_shard ON node (shard) WHERE state <> 'retired';
COMMENT ON TABLE node IS 'One gateway with an agent. last_seen_at and health change with every heartbeat, so neither is indexed: such updates stay within their page.';
COMMENT ON COLUMN node.trouble IS 'Why the node is in status warning, or NULL; kept by node_trouble_refresh().';
COMMENT ON COLUMN node.status IS 'What the API shows; kept by the trigger node_status_keep.';
COMMENT ON COLUMN node.epoch IS 'Stream epoch that the agent named in its last hello.';
COMMENT ON COLUMN node.revision IS 'Rises with each change that a person made: the ETag.';
COMMENT ON COLUMN node.key_sha256 IS 'SHA-256 of the public key (SubjectPublicKeyInfo) in the certificate.';

COMMENT ON INDEX node_name IS 'A retired node gives its name back, so that its successor may take it.';

CREATE FUNCTION time_text(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
COMMENT ON FUNCTION time_text(timestamptz) IS 'RFC 3339 in UTC with microseconds: the form of all times in JSON.';

CREATE FUNCTION node_status_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.status := CASE
		WHEN NEW.state = 'retired' THEN 'retired'
		WHEN NEW.state = 'pending' THEN 'pending'
		WHEN NOT NEW.online THEN 'offline'
		WHEN NEW.trouble IS NOT NULL THEN 'warning'
		WHEN NEW.reported_generation < NEW.desired_generation THEN 'updating'
		ELSE 'online' END;
	IF TG_OP = 'UPDATE' AND NEW.status IS DISTINCT FROM OLD.status THEN
		NEW.status_since := clock_timestamp();
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION node_status_keep() IS 'Derives node.status from the facts and dates its changes.';
CREATE TRIGGER node_status_keep
	BEFORE INSERT OR UPDATE OF state, online, trouble, reported_generation, desired_generation
	ON node FOR EACH ROW EXECUTE FUNCTION node_status_keep();

-- Not in SQL: a body with a subquery is never inlined, and its start for every row costs ten times more.
CREATE FUNCTION node_matches(labels jsonb, requirements jsonb) RETURNS boolean
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	item jsonb;
	value text;
	holds boolean;
BEGIN
	FOR i IN 0 .. jsonb_array_length(requirements) - 1 LOOP
		item := requirements -> i;
		value := labels ->> (item ->> 'key');
		holds := CASE item ->> 'op'
			WHEN 'all' THEN true
			WHEN 'exists' THEN value IS NOT NULL
			WHEN 'not_exists' THEN value IS NULL
			WHEN 'in' THEN coalesce((item -> 'values') ? value, false)
			WHEN 'not_in' THEN NOT coalesce((item -> 'values') ? value, false)
			WHEN 'gt' THEN coalesce(CASE WHEN value ~ '^-?[0-9]{1,18}$'
				THEN value::bigint > (item ->> 'number')::bigint END, false)
			WHEN 'lt' THEN coalesce(CASE WHEN value ~ '^-?[0-9]{1,18}$'
				THEN value::bigint < (item ->> 'number')::bigint END, false)
			ELSE false END;
		IF NOT holds THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END $$;
COMMENT ON FUNCTION node_matches(jsonb, jsonb) IS 'Whether labels fulfil all requirements of a parsed selector: [{"key","op","values"|"number"}], op in, not_in, exists, not_exists, gt, lt, all, none.';

CREATE TABLE enroll_token (
	id text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{20}$'),
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	name text NOT NULL DEFAULT '' CHECK (length(name) <= 128),
	token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
	labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object'),
	uses integer NOT NULL CHECK (uses BETWEEN 1 AND 100000),
	uses_left integer NOT NULL CHECK (uses_left >= 0 AND uses_left <= uses),
	expires_at timestamptz NOT NULL,
	created_by text,
	created_at timestamptz NOT NULL DEFAULT now(),
	revoked_at timestamptz
);
CREATE INDEX enroll_token_project ON enroll_token (project_id, created_at DESC, id);
COMMENT ON TABLE enroll_token IS 'Lets a device in a number of times until it expires, by its SHA-256.';

CREATE TABLE enrollment (
	token_id text NOT NULL REFERENCES enroll_token ON DELETE CASCADE,
	key_sha256 bytea NOT NULL CHECK (octet_length(key_sha256) = 32),
	node_id text NOT NULL REFERENCES node,
	certificate text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (token_id, key_sha256)
);
CREATE INDEX enrollment_node ON enrollment (node_id);
COMMENT ON TABLE enrollment IS 'Makes enrolment idempotent: the same token and key get the same node again.';

CREATE TABLE node_desired (
	node_id text NOT NULL REFERENCES node ON DELETE CASCADE,
	generation bigint NOT NULL CHECK (generation > 0),
	content text NOT NULL,
	digest text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
	rollout_id text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (node_id, generation)
);
COMMENT ON TABLE node_desired IS 'What a node was told to run, the newest twenty generations.';
COMMENT ON COLUMN node_desired.content IS 'The exact bytes that are signed: text, never jsonb.';

CREATE TABLE node_stream (
	node_id text NOT NULL REFERENCES node ON DELETE CASCADE,
	stream text NOT NULL CHECK (stream IN ('reported', 'logs', 'events', 'result')),
	epoch text NOT NULL CHECK (epoch ~ '^[0-9a-f]{16}$'),
	last_seq bigint NOT NULL CHECK (last_seq >= 0),
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (node_id, stream, epoch)
) WITH (fillfactor = 50);
COMMENT ON TABLE node_stream IS 'How far each upward stream is stored: the place of deduplication and of acknowledgement.';

CREATE TABLE node_event (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	node_id text NOT NULL REFERENCES node ON DELETE CASCADE,
	service text,
	at timestamptz NOT NULL,
	received_at timestamptz NOT NULL DEFAULT now(),
	kind text NOT NULL,
	severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
	text text NOT NULL,
	data jsonb
);
CREATE INDEX node_event_node ON node_event (node_id, at DESC, id DESC);
CREATE INDEX node_event_age ON node_event (received_at);
COMMENT ON TABLE node_event IS 'What agents told about their services; at is the device''s clock, received_at ours.';

CREATE TABLE log_line (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id text NOT NULL REFERENCES project ON DELETE CASCADE,
	node_id text NOT NULL REFERENCES node ON DELETE CASCADE,
	service text NOT NULL,
	at timestamptz NOT NULL,
	stream text NOT NULL CHECK (stream IN ('stdout', 'stderr', 'agent')),
	text text NOT NULL
);
CREATE INDEX log_line_node ON log_line (node_id, service, id);
CREATE INDEX log_line_project ON log_line (project_id, id);
COMMENT ON TABLE log_line IS 'Output of services, in the order in which it arrived.';

CREATE TABLE dead_letter (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	topic text NOT NULL,
	node_id text,
	reason text NOT NULL,
	payload bytea NOT NULL CHECK (octet_length(payload) <= 4096)
);
COMMENT ON TABLE dead_letter IS 'Messages that were refused, cut to 4 KiB; the newest ten thousand are kept.';
