-- SPDX-License-Identifier: Apache-2.0
-- A certificate that is used in two places at once: who says hello comes back to a boot that it had left.

ALTER TABLE node
	ADD COLUMN former_boot_id text,
	ADD COLUMN former_hostname text,
	ADD COLUMN returns integer NOT NULL DEFAULT 0 CHECK (returns >= 0),
	ADD COLUMN returned_at timestamptz,
	ADD COLUMN copied text CHECK (length(copied) <= 512);
CREATE INDEX node_copied ON node (returned_at) WHERE copied IS NOT NULL;
COMMENT ON COLUMN node.former_boot_id IS 'Boot that said hello before the present one; with former_hostname it is a place.';
COMMENT ON COLUMN node.returns IS 'How often in a row, each within an hour of the last, a hello came from the former place again.';
COMMENT ON COLUMN node.copied IS 'Why the certificate is thought to be used in two places at once, or NULL; comes before other trouble.';

CREATE OR REPLACE FUNCTION node_trouble_refresh(which text) RETURNS void LANGUAGE sql AS $$
	UPDATE node n SET trouble = coalesce(n.copied, s.trouble)
	FROM (SELECT (
		SELECT left(CASE
			WHEN service.reported_state IN ('held', 'unhealthy', 'failed')
			THEN service.service || ': ' || coalesce(nullif(service.reported_reason, ''), service.reported_state)
			ELSE service.service || ': files differ from the configuration' END, 512)
		FROM node_service service
		WHERE service.node_id = which
			AND (service.reported_state IN ('held', 'unhealthy', 'failed') OR service.drift)
		ORDER BY service.drift, service.service LIMIT 1) AS trouble) s
	WHERE n.id = which AND n.trouble IS DISTINCT FROM coalesce(n.copied, s.trouble)
$$;
COMMENT ON FUNCTION node_trouble_refresh(text) IS 'Recomputes node.trouble, and by it the status, from node.copied and what the services report; called after either changed.';
