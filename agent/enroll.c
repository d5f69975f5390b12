/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/x509.h"
#include "fetch/http.h"
#include "identity.h"
#include "protocol/limits.h"

enum { TIMEOUT_MS = 30000, MAX_PEM = 64 * 1024 };

static bool open_folder(const char *dir, struct error *err)
{
	umask(0022);
	if (!file_make_folders(dir, 0755, err))
		return false;
	if (chdir(dir) != 0)
		return error_set_errno(err, ERR_FORBIDDEN, errno, "cannot enter %s", dir);
	return file_make_folders("keys", 0700, err);
}

/* The key exists before anybody is asked, so that a repeated enrolment shows the same one. */
static bool load_or_make_key(struct tls_key **out, struct error *err)
{
	struct tls_key *key;

	if (file_exists(IDENTITY_KEY_FILE))
		return tls_key_load(IDENTITY_KEY_FILE, out, err);
	key = tls_key_generate();
	if (!tls_key_save(key, IDENTITY_KEY_FILE, err)) {
		tls_key_free(key);
		return false;
	}
	*out = key;
	return true;
}

static bool fetch_ca(const struct enroll_config *config, struct arena *arena, const char **pem,
		     struct error *err)
{
	const struct http_request request = {
		.url = arena_printf(arena, "%s/api/v1/ca", config->server),
		.timeout_ms = TIMEOUT_MS,
	};
	const char *wanted = config->ca_fingerprint;
	struct certificate ca;
	struct http_answer answer;

	if (!http_exchange(&request, arena, &answer, err))
		return false;
	if (answer.status != 200 || answer.size > MAX_PEM ||
	    !certificate_parse(answer.body, answer.size, arena, &ca, err))
		return error_set(err, ERR_INVALID,
				 "%s gave no CA certificate (status %ld); is it a Muster server?",
				 config->server, answer.status);
	if (strncmp(wanted, "sha256:", 7) == 0)
		wanted += 7;
	if (strcasecmp(wanted, ca.fingerprint) != 0)
		return error_set(err, ERR_FORBIDDEN,
				 "the server's CA has the fingerprint %s, not the one given: this "
				 "is another server, or somebody between; nothing was sent",
				 ca.fingerprint);
	*pem = answer.body;
	return true;
}

static const char *make_request(const struct enroll_config *config, const char *csr,
				struct arena *arena)
{
	char hostname[256] = "";
	json_t *body, *labels = json_object();

	gethostname(hostname, sizeof(hostname) - 1);
	body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "token", config->token, "csr", csr,
			 "hostname", hostname, "platform", identity_platform(), "agent_version",
			 MUSTER_VERSION);
	json_keep(body, arena);
	for (int i = 0; i < config->label_count; i++) {
		const char *equals = strchr(config->labels[i], '=');
		const char *key = arena_strndup(arena, config->labels[i],
						(size_t)(equals - config->labels[i]));

		json_object_set_new(labels, key, json_string(equals + 1));
	}
	if (config->label_count > 0)
		json_object_set(body, "labels", labels);
	json_decref(labels);
	if (config->name[0])
		json_object_set_new(body, "name", json_string(config->name));
	return json_text(body, arena);
}

/* What the server says went wrong, in its own words. */
static bool refuse(const struct http_answer *answer, struct arena *arena, struct error *err)
{
	struct error ignored = {0};
	json_t *json;
	const char *detail = NULL;

	if (json_parse_limited(answer->body, answer->size, LIMIT_JSON_DEPTH, &json, &ignored)) {
		json_keep(json, arena);
		detail = json_string_value(json_object_get(json, "detail"));
	}
	if (answer->status == 401)
		return error_set(err, ERR_UNAUTHENTICATED,
				 "the server refuses the token: %s; make a new one with \"muster "
				 "enroll-token create\"",
				 detail ? detail : "unknown, expired or used up");
	return error_set(err, ERR_INVALID, "the server answers with status %ld: %s", answer->status,
			 detail ? detail : "no reason given");
}

static bool post_request(const struct enroll_config *config, const char *ca, const char *body,
			 struct arena *arena, json_t **out, struct error *err)
{
	const struct http_request request = {
		.url = arena_printf(arena, "%s/api/v1/enroll", config->server),
		.ca_pem = ca,
		.body = body,
		.timeout_ms = TIMEOUT_MS,
	};
	struct http_answer answer;

	if (!http_exchange(&request, arena, &answer, err))
		return false;
	if (answer.status != 200 && answer.status != 201)
		return refuse(&answer, arena, err);
	if (!json_parse_limited(answer.body, answer.size, LIMIT_JSON_DEPTH, out, err))
		return error_prefix(err, "the server's answer");
	json_keep(*out, arena);
	return true;
}

/* The certificate must be ours, by the CA that the fingerprint named, for the id in the answer. */
static bool check_certificate(const char *pem, const char *ca, const struct tls_key *key,
			      const struct identity *identity, struct arena *arena,
			      struct error *err)
{
	struct certificate certificate;

	if (!certificate_parse(pem, strlen(pem), arena, &certificate, err))
		return error_prefix(err, "the certificate in the answer");
	if (strcmp(certificate.common_name, identity->node_id) != 0 ||
	    !certificate_matches_key(pem, key))
		return error_set(err, ERR_INVALID,
				 "the server gave a certificate for another node");
	/* Judged at its own begin, since the clock of a new device may be anywhere. */
	return certificate_verify(pem, ca, CERTIFICATE_CLIENT, certificate.not_before, err);
}

static bool keep(const struct enroll_config *config, json_t *answer, const char *ca,
		 const char *certificate, struct arena *arena, struct error *err)
{
	json_object_set_new(answer, "server", json_string(config->server));
	json_object_del(answer, "certificate");
	json_object_del(answer, "ca");
	const char *text = json_text(answer, arena);
	return file_write_atomic(IDENTITY_CA_FILE, ca, strlen(ca), 0644, err) &&
	       file_write_atomic(IDENTITY_CERTIFICATE_FILE, certificate, strlen(certificate), 0644,
				 err) &&
	       file_write_atomic(IDENTITY_FILE, text, strlen(text), 0600, err);
}

static bool enroll(const struct enroll_config *config, const struct tls_key *key,
		   struct arena *arena, struct error *err)
{
	const char *ca, *certificate;
	struct identity identity;
	json_t *answer;
	char *csr;

	if (!csr_create(key, "muster-node", arena, &csr, err) ||
	    !fetch_ca(config, arena, &ca, err) ||
	    !post_request(config, ca, make_request(config, csr, arena), arena, &answer, err))
		return false;
	/* A copy: what is kept of the answer goes without it. */
	certificate =
		arena_strdup(arena, json_string_value(json_object_get(answer, "certificate")));
	if (!certificate || !identity_decode(answer, arena, &identity, err))
		return error_prefix(err, "the server's answer");
	/* keep() takes it out of the answer. */
	certificate = arena_strdup(arena, certificate);
	if (!check_certificate(certificate, ca, key, &identity, arena, err) ||
	    !keep(config, answer, ca, certificate, arena, err))
		return false;
	printf("enrolled as %s (%s) in project %s\n", identity.name, identity.node_id,
	       identity.project ? identity.project : "-");
	return true;
}

bool enroll_run(const struct enroll_config *config, struct arena *arena, struct error *err)
{
	struct identity identity;
	struct tls_key *key;
	struct error none = {0};

	if (!open_folder(config->dir, err))
		return false;
	if (identity_load(arena, &identity, &none)) {
		if (identity.server && strcmp(identity.server, config->server) != 0)
			return error_set(err, ERR_CONFLICT,
					 "already enrolled as %s (%s) at %s; to move it, stop the "
					 "agent, remove %s/keys and enrol again",
					 identity.name, identity.node_id, identity.server,
					 config->dir);
		printf("already enrolled as %s (%s) at %s\n", identity.name, identity.node_id,
		       identity.server ? identity.server : "-");
		return true;
	}
	if (!load_or_make_key(&key, err))
		return false;
	bool ok = enroll(config, key, arena, err);
	tls_key_free(key);
	return ok;
}
