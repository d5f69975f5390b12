/* SPDX-License-Identifier: Apache-2.0 */
/* A node as the inventory knows it. Strings and JSON live as long as the unit of work. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct node {
	const char *id;
	const char *name;
	json_t *labels;
	int shard;
	const char *state;   /* pending, active, retired */
	const char *status;  /* what people see: see migration 0002 */
	const char *trouble; /* why the status is warning, or NULL */
	usec_t status_since;
	usec_t last_seen_at; /* 0: never */
	const char
		*seen_rank; /* infinity while connected, -infinity before, else when it was gone */
	usec_t enrolled_at;
	usec_t retired_at;
	const char *agent_version;
	const char *platform;
	const char *hostname;
	const char *boot_id;
	const char *cert_serial;
	usec_t cert_not_after;
	int64_t desired_generation;
	const char *desired_digest;
	int64_t reported_generation;
	const char *reported_digest;
	bool drift;
	json_t *services; /* array, as the API shows it */
	json_t *health;	  /* of the last heartbeat, or NULL */
	int64_t revision;
};
