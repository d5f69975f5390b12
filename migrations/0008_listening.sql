-- SPDX-License-Identifier: Apache-2.0
-- Nobody is offline whom nobody could have heard.

ALTER TABLE shard_lease ADD COLUMN taken_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE shard_lease ADD COLUMN listening_since timestamptz;
COMMENT ON COLUMN shard_lease.taken_at IS 'When the present owner took the shard.';
COMMENT ON COLUMN shard_lease.listening_since IS 'Since when the owner has been subscribed at the broker, NULL while it is not: the silence of nodes counts from here.';
