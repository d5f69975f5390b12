-- SPDX-License-Identifier: Apache-2.0
-- Which services differ from their configuration, and since when.

ALTER TABLE node_service ADD COLUMN drift_since timestamptz;
COMMENT ON COLUMN node_service.drift_since IS 'When the node first said that files differ; kept by node_drift_keep().';
UPDATE node_service SET drift_since = coalesce(reported_at, now()) WHERE drift;
CREATE INDEX node_service_drift ON node_service (project_id, node_id, service) WHERE drift;

CREATE FUNCTION node_drift_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NOT NEW.drift THEN
		NEW.drift_since := NULL;
	ELSIF TG_OP = 'INSERT' OR NOT OLD.drift THEN
		NEW.drift_since := clock_timestamp();
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION node_drift_keep() IS 'Dates the begin of a drift by our clock.';
CREATE TRIGGER node_drift_begins BEFORE UPDATE OF drift ON node_service
	FOR EACH ROW WHEN (NEW.drift IS DISTINCT FROM OLD.drift) EXECUTE FUNCTION node_drift_keep();
CREATE TRIGGER node_drift_first BEFORE INSERT ON node_service
	FOR EACH ROW WHEN (NEW.drift) EXECUTE FUNCTION node_drift_keep();
