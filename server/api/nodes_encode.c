/* SPDX-License-Identifier: Apache-2.0 */
#include "api/nodes_encode.h"

#include "base/fields.h"
#include "domain/inventory/explain.h"

static const struct field NODE_FIELDS[] = {
	FIELD_STRING(struct node, id, 0, 64),
	FIELD_STRING(struct node, name, 0, 64),
	FIELD_JSON(struct node, labels, 0),
	FIELD_STRING(struct node, status, 0, 16),
	FIELD_TIME(struct node, status_since, 0),
	FIELD_TIME(struct node, last_seen_at, FIELD_NULLABLE),
	FIELD_TIME(struct node, enrolled_at, 0),
	FIELD_TIME(struct node, retired_at, FIELD_NULLABLE),
	FIELD_STRING(struct node, agent_version, FIELD_NULLABLE, 256),
	FIELD_STRING(struct node, platform, FIELD_NULLABLE, 256),
	FIELD_STRING(struct node, hostname, FIELD_NULLABLE, 256),
	FIELD_INT(struct node, shard, 0, 0, 63),
	FIELD_TIME(struct node, cert_not_after, FIELD_NULLABLE),
	FIELD_INT64(struct node, desired_generation, 0, 0, INT64_MAX),
	FIELD_INT64(struct node, reported_generation, 0, 0, INT64_MAX),
	FIELD_BOOL(struct node, drift, 0),
	FIELD_JSON(struct node, services, 0),
	FIELD_JSON(struct node, health, FIELD_NULLABLE),
	FIELD_INT64(struct node, revision, 0, 0, INT64_MAX),
	FIELD_END,
};

json_t *node_encode(const struct node *node, struct arena *arena)
{
	json_t *json = fields_encode(NODE_FIELDS, node);

	json_object_set_new(json, "reason", json_string(node_reason(node, arena)));
	return json;
}
