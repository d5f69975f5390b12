/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/builtin.h"

#include <assert.h>
#include <string.h>

#include "base/compiler.h"

const char *const DRIVER_NAMES[] = {"generic", "mosquitto", "agent", NULL};

/* Everything that is left out here has its default in spec.c. */
static const char GENERIC[] = "{"
			      " \"stop\": {\"signal\": \"SIGTERM\", \"grace_ms\": 10000},"
			      " \"restart\": {\"policy\": \"always\"},"
			      " \"probes\": [{\"kind\": \"process\"}]"
			      "}";

/*
 * mosquitto 2.0: SIGHUP reads password, ACL and certificate files again; listeners and
 * persistence need a restart, so mosquitto.conf itself does. It has no check of a
 * configuration, a bad one ends it at the start. Ready is a message that comes back,
 * not an open port.
 */
static const char MOSQUITTO[] =
	"{"
	" \"command\": [\"${muster.package}/usr/sbin/mosquitto\", \"-c\","
	"  \"${muster.config}/mosquitto.conf\"],"
	" \"stop\": {\"signal\": \"SIGTERM\", \"grace_ms\": 10000},"
	" \"reload\": {\"signal\": \"SIGHUP\", \"files\": [\"*acl*\", \"*passw*\", \"*.pem\","
	"  \"*.crt\", \"*.key\", \"*.crl\", \"*.psk\"]},"
	" \"restart\": {\"policy\": \"always\"},"
	" \"probes\": [{\"kind\": \"mqtt\", \"port\": \"${param.port}\", \"interval_ms\": 5000,"
	"  \"timeout_ms\": 2000, \"failure\": 3, \"start_grace_ms\": 15000}],"
	" \"values\": {\"port\": 1883}"
	"}";

/* The agent itself: see upgrade/upgrade.h. Never supervised, so all but the program is without effect. */
static const char AGENT[] = "{\"command\": [\"${muster.package}/bin/muster-agent\"]}";

static const struct {
	const char *name;
	const char *text;
} DRIVERS[] = {
	{"generic", GENERIC},
	{"mosquitto", MOSQUITTO},
	{"agent", AGENT},
};

json_t *driver_defaults(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(DRIVERS); i++) {
		if (strcmp(DRIVERS[i].name, name) != 0)
			continue;
		json_t *object = json_loads(DRIVERS[i].text, JSON_REJECT_DUPLICATES, NULL);
		assert(object);
		return object;
	}
	return NULL;
}
