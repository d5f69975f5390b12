-- SPDX-License-Identifier: Apache-2.0
-- Certificates of nodes are renewed, so a node has several; and how far it knows the signing keys.

CREATE TABLE node_certificate (
	serial text PRIMARY KEY CHECK (serial ~ '^[0-9a-f]{32}$'),
	node_id text NOT NULL REFERENCES node ON DELETE CASCADE,
	key_sha256 bytea NOT NULL CHECK (octet_length(key_sha256) = 32),
	certificate text,
	issued_at timestamptz NOT NULL,
	not_after timestamptz NOT NULL,
	used_at timestamptz
);
CREATE INDEX node_certificate_node ON node_certificate (node_id, issued_at DESC);
CREATE INDEX node_certificate_key ON node_certificate (key_sha256);
COMMENT ON TABLE node_certificate IS 'All certificates that a node was given; what a retired one has is on the list of revoked ones.';
COMMENT ON COLUMN node_certificate.used_at IS 'When the node first said hello with it; none before it may be renewed any more.';
COMMENT ON COLUMN node_certificate.certificate IS 'PEM, for a node that lost the answer; NULL when it is older than this table.';

INSERT INTO node_certificate (serial, node_id, key_sha256, issued_at, not_after, used_at)
	SELECT DISTINCT ON (cert_serial) cert_serial, id, key_sha256, enrolled_at, cert_not_after, enrolled_at
	FROM node WHERE cert_serial ~ '^[0-9a-f]{32}$' AND key_sha256 IS NOT NULL
		AND cert_not_after IS NOT NULL;

ALTER TABLE node ADD COLUMN trust integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN node.trust IS 'Number of the newest statement on signing keys that the agent has; 0: those of its enrolment.';
