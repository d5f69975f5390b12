/* SPDX-License-Identifier: Apache-2.0 */
#include "signer/client.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "signer/packet.h"

enum {
	START_TIMEOUT_MS = 20000, /* making keys on a slow machine */
	ANSWER_TIMEOUT_MS = 10000,
	STOP_GRACE_MS = 2000,
};

struct signer {
	char *program;
	char *data_dir;
	struct arena *identity_arena;
	_Atomic(const struct signer_identity *) identity;
	struct stat trust; /* of the statements, as read */

	pthread_mutex_t mutex; /* guards what follows */
	struct child child;
	int fd; /* -1: no process */
	struct arena *scratch;
};

static void stop_process(struct signer *signer)
{
	int status;

	if (signer->fd < 0)
		return;
	close(signer->fd);
	signer->fd = -1;
	if (!child_wait_timeout(&signer->child, STOP_GRACE_MS, &status))
		child_stop(&signer->child, false, 0);
}

static bool reply_error(const json_t *reply, struct error *err)
{
	const json_t *code = json_object_get(reply, "error");
	const char *text = json_string_value(json_object_get(reply, "text"));

	if (code == NULL)
		return true;
	return error_set(err, (enum error_code)json_integer_value(code), "%s",
			 text == NULL ? "the signer failed" : text);
}

static bool start_process(struct signer *signer, json_t **hello, struct error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not make a socket pair");
	char name[] = "musterd", command[] = "signer", option[] = "--data";
	char *argv[] = {name, command, option, signer->data_dir, NULL};
	const struct spawn_fd fds[] = {{pair[1], SIGNER_FD}, {STDERR_FILENO, STDERR_FILENO}};
	const struct spawn_options options = {
		.program = signer->program,
		.argv = argv,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.flags = SPAWN_NO_NEW_PRIVS,
	};
	bool started = spawn(&options, &signer->child, err);

	close(pair[1]);
	if (!started) {
		close(pair[0]);
		return error_prefix(err, "could not start the signer");
	}
	signer->fd = pair[0];
	if (packet_receive(signer->fd, START_TIMEOUT_MS, signer->scratch, hello, err) &&
	    reply_error(*hello, err))
		return true;
	stop_process(signer);
	return error_prefix(err, "signer");
}

/* Earlier ones stay, since somebody may look at them just now: there are few. */
static bool read_identity(struct signer *signer, json_t *hello, struct error *err)
{
	const char *id, *key, *pem, *fingerprint;
	json_t *keys, *statements;
	struct arena *arena = signer->identity_arena;

	if (json_unpack(hello, "{s:o, s:o, s:s, s:s}", "keys", &keys, "statements", &statements,
			"ca_pem", &pem, "ca_fingerprint", &fingerprint) != 0 ||
	    json_unpack(json_array_get(keys, 0), "{s:s, s:s}", "id", &id, "public", &key) != 0)
		return error_set(err, ERR_INTERNAL, "the signer did not say who it is");
	struct signer_identity *identity = arena_alloc(arena, sizeof(*identity));
	*identity = (struct signer_identity){
		.key_id = arena_strdup(arena, id),
		.public_key = arena_strdup(arena, key),
		.keys = json_keep(json_deep_copy(keys), arena),
		.statements = json_keep(json_deep_copy(statements), arena),
		.trust = (int)json_array_size(statements),
		.ca_pem = arena_strdup(arena, pem),
		.ca_fingerprint = arena_strdup(arena, fingerprint),
	};
	atomic_store(&signer->identity, identity);
	return true;
}

/* True when the file of statements is another one than the one looked at before. */
static bool trust_changed(struct signer *signer)
{
	char path[PATH_MAX];
	struct stat status = {0};

	snprintf(path, sizeof(path), "%s/keys/trust.json", signer->data_dir);
	if (stat(path, &status) != 0)
		status = (struct stat){0};
	bool changed = status.st_ino != signer->trust.st_ino ||
		       status.st_mtim.tv_sec != signer->trust.st_mtim.tv_sec ||
		       status.st_mtim.tv_nsec != signer->trust.st_mtim.tv_nsec;
	signer->trust = status;
	return changed;
}

bool signer_new(const char *program, const char *data_dir, struct signer **out, struct error *err)
{
	struct signer *signer = xcalloc(1, sizeof(*signer));
	json_t *hello;

	signer->program = xstrdup(program);
	signer->data_dir = xstrdup(data_dir);
	signer->identity_arena = arena_new();
	signer->scratch = arena_new();
	signer->fd = -1;
	pthread_mutex_init(&signer->mutex, NULL);
	(void)trust_changed(signer);
	if (!start_process(signer, &hello, err) || !read_identity(signer, hello, err)) {
		signer_free(signer);
		return false;
	}
	*out = signer;
	return true;
}

void signer_free(struct signer *signer)
{
	if (signer == NULL)
		return;
	stop_process(signer);
	pthread_mutex_destroy(&signer->mutex);
	arena_free(signer->scratch);
	arena_free(signer->identity_arena);
	free(signer->data_dir);
	free(signer->program);
	free(signer);
}

const struct signer_identity *signer_public(const struct signer *signer)
{
	return atomic_load(&signer->identity);
}

/* Makes sure that a process is there which holds the same keys as the one before. */
static bool ensure_process(struct signer *signer, struct error *err)
{
	json_t *hello;

	if (signer->fd >= 0)
		return true;
	if (!start_process(signer, &hello, err))
		return false;
	const struct signer_identity *known = signer_public(signer);
	const char *id = json_string_value(
		json_object_get(json_array_get(json_object_get(hello, "keys"), 0), "id"));
	if (id == NULL || strcmp(id, known->key_id) != 0) {
		stop_process(signer);
		return error_set(err, ERR_INTERNAL, "the signing key has changed under the server");
	}
	return true;
}

bool signer_refresh(struct signer *signer, bool *changed, struct error *err)
{
	json_t *hello;
	bool ok = true;

	pthread_mutex_lock(&signer->mutex);
	*changed = trust_changed(signer);
	if (*changed) {
		stop_process(signer);
		ok = start_process(signer, &hello, err) && read_identity(signer, hello, err);
		arena_reset(signer->scratch);
		/* The next look tries again. */
		if (!ok)
			signer->trust = (struct stat){0};
	}
	pthread_mutex_unlock(&signer->mutex);
	return ok;
}

static bool exchange(struct signer *signer, const json_t *request, json_t **reply,
		     struct error *err)
{
	/* The second attempt is for a process that died since the last request. */
	for (int attempt = 0; attempt < 2; attempt++) {
		if (!ensure_process(signer, err))
			return false;
		if (packet_send(signer->fd, request, signer->scratch, err) &&
		    packet_receive(signer->fd, ANSWER_TIMEOUT_MS, signer->scratch, reply, err))
			return reply_error(*reply, err);
		if (err->code == ERR_TOO_LARGE)
			return false;
		stop_process(signer);
	}
	return error_set(err, ERR_UNAVAILABLE, "the signer does not answer");
}

/* Sends request (taken over) and copies the member of the answer into the arena. */
static bool ask(struct signer *signer, json_t *request, const char *member, struct arena *arena,
		char **out, struct error *err)
{
	json_t *reply;

	pthread_mutex_lock(&signer->mutex);
	bool ok = exchange(signer, request, &reply, err);
	if (ok) {
		const char *text = json_string_value(json_object_get(reply, member));

		if (text != NULL)
			*out = arena_strdup(arena, text);
		else
			ok = error_set(err, ERR_INTERNAL, "the signer's answer has no %s", member);
	}
	arena_reset(signer->scratch);
	pthread_mutex_unlock(&signer->mutex);
	json_decref(request);
	return ok;
}

bool signer_sign(struct signer *signer, const char *payload_type, const void *payload, size_t len,
		 struct arena *arena, char **envelope_json, struct error *err)
{
	json_t *text = json_stringn(payload, len);

	if (text == NULL)
		return error_set(err, ERR_INVALID, "payload is not UTF-8 text");
	return ask(
		signer,
		json_pack("{s:s, s:s, s:o}", "op", "sign", "type", payload_type, "payload", text),
		"envelope", arena, envelope_json, err);
}

bool signer_issue(struct signer *signer, const char *csr_pem, const char *node_id, int64_t seconds,
		  struct arena *arena, char **cert_pem, struct error *err)
{
	json_t *request = json_pack("{s:s, s:s, s:s, s:I}", "op", "issue", "csr", csr_pem, "node",
				    node_id, "seconds", (json_int_t)seconds);

	if (request == NULL)
		return error_set(err, ERR_INVALID, "signing request is not text");
	return ask(signer, request, "certificate", arena, cert_pem, err);
}

bool signer_revoke(struct signer *signer, const char *const *serials, size_t count,
		   struct arena *arena, char **crl_pem, struct error *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(serials[i]));
	return ask(signer, json_pack("{s:s, s:o}", "op", "revoke", "serials", list), "crl", arena,
		   crl_pem, err);
}

bool signer_issue_server(struct signer *signer, const char *csr_pem, const char *const *names,
			 size_t name_count, int days, struct arena *arena, char **cert_pem,
			 struct error *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < name_count; i++)
		json_array_append_new(list, json_string(names[i]));
	json_t *request = json_pack("{s:s, s:s, s:o, s:i}", "op", "issue_server", "csr", csr_pem,
				    "names", list, "days", days);
	if (request == NULL)
		return error_set(err, ERR_INVALID, "signing request is not text");
	return ask(signer, request, "certificate", arena, cert_pem, err);
}
