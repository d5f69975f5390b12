/* SPDX-License-Identifier: Apache-2.0 */
#include "signer/process.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/log.h"
#include "protocol/dsse.h"
#include "protocol/limits.h"
#include "protocol/topics.h"
#include "signer/confine.h"
#include "signer/keys.h"
#include "signer/packet.h"

enum { CERTIFICATE_DAYS_MAX = 825, SERVER_NAMES_MAX = 16, REVOKED_MAX = 40000, CRL_DAYS = 3650 };

static const char SERVER_COMMON_NAME[] = "muster-server";

/* One request: what the operations below work on. */
struct request {
	const struct signer_keys *keys;
	json_t *body;
	struct arena *arena;
};

struct operation {
	const char *name;
	json_t *(*run)(const struct request *request, struct error *err);
};

static json_t *sign(const struct request *request, struct error *err)
{
	const char *type, *payload;
	size_t payload_size;
	char *envelope;

	if (json_unpack(request->body, "{s:s, s:s%}", "type", &type, "payload", &payload,
			&payload_size) != 0) {
		error_set(err, ERR_INVALID, "sign needs type and payload");
		return NULL;
	}
	/* Package manifests belong to release keys: this key must not be able to replace those. */
	if (strcmp(type, DSSE_DESIRED) != 0 && strcmp(type, DSSE_COMMAND) != 0) {
		error_set(err, ERR_FORBIDDEN, "the signer does not sign %.100s", type);
		return NULL;
	}
	if (BASE64_SIZE(payload_size) + 512 > LIMIT_DOWN_MESSAGE) {
		error_set(err, ERR_TOO_LARGE, "payload of %zu bytes is too large to send",
			  payload_size);
		return NULL;
	}
	/* During a rotation with both: a node may know either. */
	const struct signing_key *const keys[] = {request->keys->signing, request->keys->next};
	if (!dsse_sign_all(request->arena, keys, request->keys->next ? 2 : 1, type, payload,
			   payload_size, &envelope, err))
		return NULL;
	return json_pack("{s:s}", "envelope", envelope);
}

static json_t *issue(const struct request *request, const char *csr, usec_t lifetime,
		     struct certificate_template *template, struct error *err)
{
	struct certificate certificate;

	if (lifetime < USEC_PER_SEC || lifetime > CERTIFICATE_DAYS_MAX * USEC_PER_DAY) {
		error_set(err, ERR_INVALID, "a certificate cannot be valid for %lld s",
			  (long long)(lifetime / USEC_PER_SEC));
		return NULL;
	}
	template->lifetime = lifetime;
	template->now = clock_now_utc();
	if (!certificate_issue(request->keys->ca_pem, request->keys->ca, csr, template,
			       request->arena, &certificate, err))
		return NULL;
	return json_pack("{s:s}", "certificate", certificate.pem);
}

static json_t *issue_node(const struct request *request, struct error *err)
{
	const char *csr, *node;
	int seconds;

	if (json_unpack(request->body, "{s:s, s:s, s:i}", "csr", &csr, "node", &node, "seconds",
			&seconds) != 0) {
		error_set(err, ERR_INVALID, "issue needs csr, node and seconds");
		return NULL;
	}
	if (!topic_node_valid(node)) {
		error_set(err, ERR_INVALID, "not a node id: %.64s", node);
		return NULL;
	}
	const char *const names[] = {
		arena_printf(request->arena, "URI:urn:muster:node:%s", node),
		NULL,
	};
	struct certificate_template template = {
		.common_name = node,
		.alternative_names = names,
		.usage = CERTIFICATE_CLIENT,
	};
	return issue(request, csr, seconds * USEC_PER_SEC, &template, err);
}

/*
 * As valid as the authority itself: a list that runs out would lock all nodes out, and it never leaves
 * the brokers that we write it for.
 */
static json_t *list_revoked(const struct request *request, struct error *err)
{
	const json_t *list = json_object_get(request->body, "serials");
	size_t count = json_array_size(list);
	char *pem;

	if (!json_is_array(list) || count > REVOKED_MAX) {
		error_set(err, ERR_INVALID, "revoke needs at most %d serials", REVOKED_MAX);
		return NULL;
	}
	const char **serials = arena_array(request->arena, count + 1, sizeof(*serials));
	for (size_t i = 0; i < count; i++) {
		serials[i] = json_string_value(json_array_get(list, i));
		if (serials[i] == NULL) {
			error_set(err, ERR_INVALID, "a serial is text");
			return NULL;
		}
	}
	if (!crl_create(request->keys->ca_pem, request->keys->ca, serials, CRL_DAYS,
			clock_now_utc(), request->arena, &pem, err))
		return NULL;
	return json_pack("{s:s}", "crl", pem);
}

/* Whether text is a DNS name or an address and thus cannot smuggle anything into the template. */
static bool name_valid(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length < 254 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") ==
		       length;
}

static const char *alternative_name(struct arena *arena, const char *name)
{
	bool address = strchr(name, ':') != NULL || strspn(name, "0123456789.") == strlen(name);

	return arena_printf(arena, "%s:%s", address ? "IP" : "DNS", name);
}

static json_t *issue_server(const struct request *request, struct error *err)
{
	const char *csr;
	int days;
	json_t *names;

	if (json_unpack(request->body, "{s:s, s:i, s:o}", "csr", &csr, "days", &days, "names",
			&names) != 0 ||
	    !json_is_array(names) || json_array_size(names) > SERVER_NAMES_MAX) {
		error_set(err, ERR_INVALID, "issue_server needs csr, days and at most %d names",
			  SERVER_NAMES_MAX);
		return NULL;
	}
	const char *alternatives[SERVER_NAMES_MAX + 1] = {0};
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name == NULL || !name_valid(name)) {
			error_set(err, ERR_INVALID, "not a DNS name or address: %.64s",
				  name == NULL ? "null" : name);
			return NULL;
		}
		alternatives[i] = alternative_name(request->arena, name);
	}
	bool server = json_array_size(names) > 0;
	struct certificate_template template = {
		.common_name =
			server ? json_string_value(json_array_get(names, 0)) : SERVER_COMMON_NAME,
		.alternative_names = server ? alternatives : NULL,
		.usage = server ? CERTIFICATE_SERVER : CERTIFICATE_CLIENT,
	};
	return issue(request, csr, days * USEC_PER_DAY, &template, err);
}

static const struct operation OPERATIONS[] = {
	{"sign", sign},
	{"issue", issue_node},
	{"issue_server", issue_server},
	{"revoke", list_revoked},
};

static json_t *answer(const struct request *request)
{
	const char *name = json_string_value(json_object_get(request->body, "op"));
	struct error err = {0};
	json_t *reply = NULL;

	error_set(&err, ERR_INVALID, "unknown operation");
	for (size_t i = 0; name != NULL && i < ARRAY_SIZE(OPERATIONS); i++)
		if (strcmp(OPERATIONS[i].name, name) == 0) {
			error_clear(&err);
			reply = OPERATIONS[i].run(request, &err);
		}
	if (reply != NULL)
		return reply;
	return json_pack("{s:i, s:s}", "error", (int)err.code, "text", err.text);
}

static json_t *describe(const struct signing_key *key)
{
	uint8_t raw[ED25519_PUBLIC_SIZE];
	char encoded[BASE64_SIZE(ED25519_PUBLIC_SIZE)], id[KEY_ID_SIZE];

	signing_key_public(key, raw);
	base64_encode(raw, sizeof(raw), encoded);
	key_id(raw, id);
	return json_pack("{s:s, s:s}", "id", id, "public", encoded);
}

static json_t *identity(const struct signer_keys *keys, struct arena *arena, struct error *err)
{
	struct certificate ca;

	if (!certificate_parse(keys->ca_pem, strlen(keys->ca_pem), arena, &ca, err))
		return NULL;
	json_t *signing = json_pack("[o]", describe(keys->signing));
	if (keys->next != NULL)
		json_array_append_new(signing, describe(keys->next));
	return json_pack("{s:o, s:O, s:s, s:s}", "keys", signing, "statements", keys->statements,
			 "ca_pem", keys->ca_pem, "ca_fingerprint", ca.fingerprint);
}

static bool prepare(const char *data_dir, struct arena *arena, struct signer_keys *keys,
		    json_t **hello, struct error *err)
{
	const char *folder = arena_printf(arena, "%s/keys", data_dir);

	if (!confine_begin(folder, err) ||
	    !signer_keys_open(folder, clock_now_utc(), arena, keys, err))
		return false;
	*hello = identity(keys, arena, err);
	return *hello != NULL && confine_seal(err);
}

static void serve(const struct signer_keys *keys)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	struct request request = {.keys = keys, .arena = arena};

	while (packet_receive(SIGNER_FD, -1, arena, &request.body, &err)) {
		json_auto_t *reply = answer(&request);

		if (!packet_send(SIGNER_FD, reply, arena, &err))
			break;
		arena_reset(arena);
	}
	arena_free(arena);
}

int signer_run(const char *data_dir)
{
	struct arena *arena = arena_new();
	struct signer_keys keys = {0};
	struct error err = {0};
	json_t *hello = NULL;

	log_set_component("signer");
	/* The server decides when this process ends, by closing the socket: Ctrl-C reaches both. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);

	bool ready = prepare(data_dir, arena, &keys, &hello, &err);
	if (!ready) {
		json_decref(hello);
		hello = json_pack("{s:i, s:s}", "error", (int)err.code, "text", err.text);
	}
	if (packet_send(SIGNER_FD, hello, arena, &err) && ready)
		serve(&keys);
	json_decref(hello);
	signer_keys_release(&keys);
	arena_free(arena);
	/* Not exit: whoever was linked in may want files and processes, which are sealed off. */
	_exit(ready ? 0 : 1);
}
