-- SPDX-License-Identifier: Apache-2.0
-- A device whose clock was wrong corrects its times when it sends them.

ALTER TABLE log_line ADD COLUMN corrected boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN log_line.corrected IS 'The clock of the node was wrong when the line was written; the node has put its time right.';
