/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* What is not the public internet (IANA special-purpose registries), IPv4 in mapped form. */
static const char *const REFUSED[] = {
	"0.0.0.0/8",	 "10.0.0.0/8",	    "100.64.0.0/10",  "127.0.0.0/8",	"169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",	"240.0.0.0/4",
	"::/96",	 "64:ff9b::/96",    "64:ff9b:1::/48", "100::/64",	"2001::/23",
	"2001:db8::/32", "2002::/16",	    "fc00::/7",	      "fe80::/10",	"fec0::/10",
	"ff00::/8",
};

static bool network_parse(const char *text, size_t length, struct guard_network *out)
{
	char copy[64], *slash, *end;
	struct in_addr v4;
	bool is_v4;

	if (length == 0 || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';

	is_v4 = inet_pton(AF_INET, copy, &v4) == 1;
	if (is_v4) {
		memcpy(out->address, MAPPED, sizeof(MAPPED));
		memcpy(out->address + 12, &v4, 4);
	} else if (inet_pton(AF_INET6, copy, out->address) != 1) {
		return false;
	}
	unsigned long width = is_v4 ? 32 : 128, prefix = width;
	if (slash != NULL) {
		prefix = strtoul(slash + 1, &end, 10);
		if (end == slash + 1 || *end != '\0' || prefix > width)
			return false;
	}
	out->prefix = (unsigned int)(prefix + 128 - width);
	return true;
}

static bool network_holds(const struct guard_network *network, const uint8_t address[16])
{
	unsigned int bytes = network->prefix / 8, bits = network->prefix % 8;

	if (memcmp(network->address, address, bytes) != 0)
		return false;
	return bits == 0 || ((network->address[bytes] ^ address[bytes]) >> (8 - bits)) == 0;
}

bool guard_parse(const char *networks, struct guard *out, struct error *err)
{
	struct guard guard = {.allowed_count = 0};
	const char *at = networks;

	while (*(at += strspn(at, " ,\t")) != '\0') {
		size_t length = strcspn(at, " ,\t");
		if (guard.allowed_count == GUARD_NETWORKS_MAX)
			return error_set(err, ERR_TOO_LARGE, "more than %d networks",
					 GUARD_NETWORKS_MAX);
		if (!network_parse(at, length, &guard.allowed[guard.allowed_count]))
			return error_set(err, ERR_INVALID,
					 "\"%.*s\" is no network such as 10.0.0.0/8", (int)length,
					 at);
		guard.allowed_count++;
		at += length;
	}
	*out = guard;
	return true;
}

bool guard_permits(const struct guard *guard, const struct sockaddr *address, bool *private_ok)
{
	uint8_t bytes[16];
	struct guard_network network;

	*private_ok = false;
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof(v4));
		memcpy(bytes, MAPPED, sizeof(MAPPED));
		memcpy(bytes + 12, &v4.sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, address, sizeof(v6));
		memcpy(bytes, &v6.sin6_addr, 16);
	} else {
		return false;
	}

	for (size_t i = 0; i < guard->allowed_count; i++)
		if (network_holds(&guard->allowed[i], bytes)) {
			*private_ok = true;
			return true;
		}
	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++)
		if (network_parse(REFUSED[i], strlen(REFUSED[i]), &network) &&
		    network_holds(&network, bytes))
			return false;
	return true;
}
