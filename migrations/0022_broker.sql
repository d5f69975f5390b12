-- SPDX-License-Identifier: Apache-2.0
-- Several brokers: a node is answered at the one where it was heard.
ALTER TABLE node ADD COLUMN broker smallint CHECK (broker >= 0);
COMMENT ON COLUMN node.broker IS 'Number of the broker where the node was heard last, in the order of mqtt-url. NULL: nowhere yet.';
