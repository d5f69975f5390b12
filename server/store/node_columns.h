/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a node is selected and read: what nodes.c (one node) and node_lists.c (pages of them) share.
 * Nobody else includes this.
 */
#pragma once

#include "base/fields.h"

/* The services of a node as the API shows them, in one column. */
#define NODE_SERVICES                                                                               \
	"coalesce((SELECT jsonb_agg(jsonb_build_object("                                            \
	"'name', s.service, 'state', s.reported_state, 'ready', coalesce(s.ready, false),"          \
	" 'reason', s.reported_reason, 'since', time_text(s.reported_since),"                       \
	" 'pid', s.pid, 'restarts', coalesce(s.restarts, 0),"                                       \
	" 'driver', coalesce(s.reported_driver, s.desired_driver), 'run', s.reported_run,"          \
	" 'package', CASE WHEN s.reported_package_name IS NOT NULL THEN jsonb_build_object("        \
	"'name', s.reported_package_name, 'version', s.reported_package_version) END,"              \
	" 'config', CASE WHEN s.reported_config_name IS NOT NULL THEN jsonb_build_object("          \
	"'name', s.reported_config_name, 'version', s.reported_config_version) END,"                \
	" 'desired', CASE WHEN s.desired_driver IS NOT NULL THEN jsonb_build_object("               \
	"'run', s.desired_run, 'rollout', s.rollout_id, 'package', CASE WHEN p.id IS NOT NULL THEN" \
	" jsonb_build_object('name', p.name, 'version', p.version) END,"                            \
	" 'config', CASE WHEN c.id IS NOT NULL THEN"                                                \
	" jsonb_build_object('name', c.name, 'version', s.config_version) END) END,"                \
	" 'drift', s.drift, 'drift_files', coalesce(to_jsonb(s.drift_files), '[]'),"                \
	" 'cpu_percent', n.health -> 'services' -> s.service -> 'cpu_percent',"                     \
	" 'mem_bytes', n.health -> 'services' -> s.service -> 'mem_bytes',"                         \
	" 'probes', n.health -> 'services' -> s.service -> 'probes') ORDER BY s.service)"           \
	" FROM node_service s LEFT JOIN package_release p ON p.id = s.package_release_id"           \
	" LEFT JOIN config c ON c.id = s.config_id WHERE s.node_id = n.id), '[]') AS services"

#define NODE_COLUMNS                                                                                \
	"n.id, n.name, n.labels, n.shard, n.state, n.status, n.trouble, n.status_since,"            \
	" (SELECT b.last_seen_at FROM node_beat b WHERE b.node_id = n.id) AS last_seen_at,"         \
	" n.enrolled_at, n.retired_at, n.agent_version, n.platform, n.hostname,"                    \
	" n.boot_id, n.cert_serial, n.cert_not_after, n.desired_generation, n.desired_digest,"      \
	" n.reported_generation, n.reported_digest, n.revision,"                                    \
	" (SELECT node_health_now(n.health, b) FROM node_beat b WHERE b.node_id = n.id) AS health," \
	" n.service_drift > 0 AS drift, CASE WHEN isfinite(n.seen_rank)"                            \
	" THEN time_text(n.seen_rank) ELSE n.seen_rank::text END AS seen_rank, " NODE_SERVICES

/* struct node by the names of these columns. */
extern const struct field NODE_FIELDS[];
