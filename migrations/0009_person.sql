-- SPDX-License-Identifier: Apache-2.0
-- Two persons are needed for an approval, not two tokens of one.

ALTER TABLE rollout ADD COLUMN created_by_user text;
COMMENT ON COLUMN rollout.created_by_user IS 'The user who made it, also when he used a token; NULL when nobody stands behind.';
