/* SPDX-License-Identifier: Apache-2.0 */
#include "renewal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "base/x509.h"
#include "fetch/http.h"
#include "protocol/limits.h"

enum {
	MAX_PEM = 64 * 1024,
	LOOK_MIN_MS = 500,
	LOOK_MAX_MS = 3600 * 1000,
	LOOKS = 60, /* in a life */
	AGAIN_FACTOR = 6,
	TIMEOUT_MS = 30000,
};

static const char NEXT_KEY[] = "keys/next.key";
static const char NEXT_CERTIFICATE[] = "keys/next.crt";
/* As the server's domain/inventory/certificate.h says. */
static const char PROOF_PREFIX[] = "muster-renew-1\n";

struct renewal {
	struct renewal_options options;
	struct certificate current; /* without its PEM */
	uint64_t timer;
	usec_t alone_since; /* boot time; 0: there is a link */
	struct child child;
};

static void key_cleanup(struct tls_key **key)
{
	tls_key_free(*key);
}

static bool read_certificate(const char *path, struct arena *arena, struct certificate *out,
			     struct error *err)
{
	size_t size;
	char *pem;

	return file_read(path, MAX_PEM, arena, &pem, &size, err) &&
	       (certificate_parse(pem, size, arena, out, err) || error_prefix(err, "%s", path));
}

static bool belongs(const char *key_path, const char *pem)
{
	CLEANUP(key_cleanup) struct tls_key *key = NULL;
	struct error ignored = {0};

	return file_exists(key_path) && tls_key_load(key_path, &key, &ignored) &&
	       certificate_matches_key(pem, key);
}

static bool move(const char *from, const char *to, struct error *err)
{
	if (rename(from, to) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not put %s in place", to);
	return file_sync_parent(to, err);
}

/* Puts what waits in place. Each step may be the last before a cut; the next start goes on. */
static bool settle(bool *switched, struct error *err)
{
	struct arena *arena = arena_new();
	struct certificate next;
	bool ok = true;

	*switched = false;
	if (!file_exists(NEXT_CERTIFICATE)) {
		arena_free(arena);
		return true;
	}
	if (!read_certificate(NEXT_CERTIFICATE, arena, &next, err)) {
		log_warn("dropping a certificate that cannot be read: %s", err->text);
		ok = file_remove_tree(NEXT_CERTIFICATE, err);
	} else if (belongs(NEXT_KEY, next.pem)) {
		ok = *switched = move(NEXT_KEY, IDENTITY_KEY_FILE, err) &&
				 move(NEXT_CERTIFICATE, IDENTITY_CERTIFICATE_FILE, err);
	} else if (belongs(IDENTITY_KEY_FILE, next.pem)) {
		ok = *switched = move(NEXT_CERTIFICATE, IDENTITY_CERTIFICATE_FILE, err);
	} else {
		log_warn("dropping a certificate for no key of ours");
		ok = file_remove_tree(NEXT_CERTIFICATE, err);
	}
	arena_free(arena);
	return ok;
}

static bool load_current(struct renewal *renewal, struct error *err)
{
	struct arena *arena = arena_new();
	bool ok = read_certificate(IDENTITY_CERTIFICATE_FILE, arena, &renewal->current, err);

	renewal->current.pem = NULL;
	arena_free(arena);
	return ok;
}

/*
 * Two thirds are over. Without a word of the server since our start the wall clock may say so too: what
 * follows is a question, and the answer brings the time.
 */
static bool is_due(const struct renewal *renewal)
{
	const struct certificate *current = &renewal->current;
	usec_t now = trusted_time_now(renewal->options.time);

	if (!renewal->options.time->anchored && clock_now_utc() > now)
		now = clock_now_utc();
	return now >= current->not_before + (current->not_after - current->not_before) / 3 * 2;
}

static bool load_or_make_key(struct tls_key **out, struct error *err)
{
	if (file_exists(NEXT_KEY))
		return tls_key_load(NEXT_KEY, out, err);
	struct tls_key *key = tls_key_generate();

	if (!tls_key_save(key, NEXT_KEY, err)) {
		tls_key_free(key);
		return false;
	}
	*out = key;
	return true;
}

static bool make_request(struct arena *arena, char **csr, struct error *err)
{
	CLEANUP(key_cleanup) struct tls_key *key = NULL;

	return load_or_make_key(&key, err) && csr_create(key, "muster-node", arena, csr, err);
}

const char *renewal_serial(const struct renewal *renewal)
{
	return renewal->current.serial;
}

const char *renewal_request(struct renewal *renewal, struct arena *arena)
{
	struct error err = {0};
	char *csr;

	if (!is_due(renewal))
		return NULL;
	if (make_request(arena, &csr, &err))
		return csr;
	log_error("could not ask for a new certificate: %s", err.text);
	return NULL;
}

/* Ours, by the server's authority, for the key that waits; judged at its own begin, as at enrolment. */
static bool keep_next(const struct identity *identity, const char *pem, struct arena *arena,
		      struct error *err)
{
	struct certificate next;
	size_t size;
	char *ca;

	if (!file_read(IDENTITY_CA_FILE, MAX_PEM, arena, &ca, &size, err) ||
	    !certificate_parse(pem, strlen(pem), arena, &next, err) ||
	    !certificate_verify(pem, ca, CERTIFICATE_CLIENT, next.not_before, err))
		return error_prefix(err, "the new certificate");
	if (strcmp(next.common_name, identity->node_id) != 0 || !belongs(NEXT_KEY, pem))
		return error_set(err, ERR_INVALID,
				 "the new certificate is not what this node asked for");
	return file_write_atomic(NEXT_CERTIFICATE, pem, strlen(pem), 0644, err);
}

static bool switch_over(struct renewal *renewal, struct error *err)
{
	char until[TIME_TEXT_SIZE];
	bool switched;

	if (!settle(&switched, err) || !switched)
		return false;
	if (!load_current(renewal, err))
		return false;
	time_format(renewal->current.not_after, until);
	log_info("a new certificate is in place serial=%s until=%s", renewal->current.serial,
		 until);
	renewal->options.switched(renewal->options.arg);
	return true;
}

bool renewal_take(struct renewal *renewal, const char *pem, struct error *err)
{
	struct arena *arena = arena_new();
	bool ok = keep_next(renewal->options.identity, pem, arena, err);

	arena_free(arena);
	return ok && switch_over(renewal, err);
}

/* --- without a link --- */

static void child_ended(int fd, short revents, void *arg)
{
	struct renewal *renewal = arg;
	struct error err = {0};

	(void)revents;
	loop_remove_fd(renewal->options.loop, fd);
	int status = child_wait(&renewal->child);
	renewal->child = (struct child){.pidfd = -1};
	if (status != 0)
		log_debug("no new certificate over HTTPS: %s", wait_status_text(status));
	else if (!switch_over(renewal, &err) && err.text[0])
		log_error("could not switch to the new certificate: %s", err.text);
}

static void start_child(struct renewal *renewal)
{
	char name[] = "muster-agent", command[] = "renew", option[] = "--dir";
	struct arena *arena = arena_new();
	char *argv[] = {name, command, option, arena_strdup(arena, renewal->options.root), NULL};
	const struct spawn_fd fds[] = {{STDERR_FILENO, STDERR_FILENO}};
	const struct spawn_options options = {
		.program = "/proc/self/exe",
		.argv = argv,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.flags = SPAWN_NO_NEW_PRIVS | SPAWN_DIE_WITH_PARENT,
	};
	struct error err = {0};

	if (spawn(&options, &renewal->child, &err))
		loop_add_fd(renewal->options.loop, renewal->child.pidfd, POLLIN, child_ended,
			    renewal);
	else
		log_error("could not ask for a certificate over HTTPS: %s", err.text);
	arena_free(arena);
}

static void watch_link(struct renewal *renewal)
{
	usec_t now = clock_boottime();

	if (renewal->options.online(renewal->options.arg)) {
		renewal->alone_since = 0;
	} else if (renewal->alone_since == 0) {
		renewal->alone_since = now;
	} else if (renewal->child.pidfd < 0 &&
		   now - renewal->alone_since > renewal->options.alone_ms * USEC_PER_MSEC) {
		/* The next time after a longer while: the answer was that it is not the reason. */
		renewal->alone_since =
			now + (AGAIN_FACTOR - 1) * renewal->options.alone_ms * USEC_PER_MSEC;
		start_child(renewal);
	}
}

static void look(void *arg)
{
	struct renewal *renewal = arg;
	const struct certificate *current = &renewal->current;
	int64_t pause_ms = (current->not_after - current->not_before) / USEC_PER_MSEC / LOOKS;
	struct error err = {0};

	if (pause_ms > renewal->options.alone_ms / 2)
		pause_ms = renewal->options.alone_ms / 2;
	if (pause_ms < LOOK_MIN_MS)
		pause_ms = LOOK_MIN_MS;
	if (pause_ms > LOOK_MAX_MS)
		pause_ms = LOOK_MAX_MS;
	renewal->timer = loop_timer_set(renewal->options.loop, pause_ms, look, renewal);
	/* Somebody may have called "muster-agent renew". */
	if (renewal->child.pidfd < 0 && file_exists(NEXT_CERTIFICATE) &&
	    !switch_over(renewal, &err) && err.text[0])
		log_error("could not switch to the new certificate: %s", err.text);
	if (renewal->options.online(renewal->options.arg) && is_due(renewal))
		renewal->options.ask(renewal->options.arg);
	watch_link(renewal);
}

bool renewal_new(const struct renewal_options *options, struct renewal **out, struct error *err)
{
	struct renewal *renewal = xcalloc(1, sizeof(*renewal));
	bool switched;

	renewal->options = *options;
	renewal->child.pidfd = -1;
	if (!settle(&switched, err) || !load_current(renewal, err)) {
		free(renewal);
		return false;
	}
	renewal->timer = loop_timer_set(options->loop, LOOK_MIN_MS, look, renewal);
	*out = renewal;
	return true;
}

void renewal_free(struct renewal *renewal)
{
	if (!renewal)
		return;
	loop_timer_cancel(renewal->options.loop, renewal->timer);
	if (renewal->child.pidfd >= 0) {
		loop_remove_fd(renewal->options.loop, renewal->child.pidfd);
		child_stop(&renewal->child, false, 0);
	}
	free(renewal);
}

/* --- the child --- */

static bool sign_request(const char *csr, struct arena *arena, const char **proof,
			 struct error *err)
{
	const char *text = arena_printf(arena, "%s%s", PROOF_PREFIX, csr);
	CLEANUP(key_cleanup) struct tls_key *key = NULL;
	uint8_t *signature;
	size_t size;

	if (!tls_key_load(IDENTITY_KEY_FILE, &key, err) ||
	    !tls_key_sign(key, text, strlen(text), arena, &signature, &size, err))
		return false;
	char *encoded = arena_alloc(arena, BASE64_SIZE(size));
	base64_encode(signature, size, encoded);
	*proof = encoded;
	return true;
}

static bool post(const struct identity *identity, json_t *body, struct arena *arena, json_t **out,
		 struct error *err)
{
	struct http_answer answer;
	char *ca;

	if (!file_read(IDENTITY_CA_FILE, MAX_PEM, arena, &ca, NULL, err))
		return false;
	const struct http_request request = {
		.url = arena_printf(arena, "%s/api/v1/enroll/renew", identity->server),
		.ca_pem = ca,
		.body = json_text(body, arena),
		.timeout_ms = TIMEOUT_MS,
	};
	if (!http_exchange(&request, arena, &answer, err) ||
	    !json_parse_limited(answer.body, answer.size, LIMIT_JSON_DEPTH, out, err))
		return error_prefix(err, "%s", identity->server);
	json_keep(*out, arena);
	const char *detail = json_string_value(json_object_get(*out, "detail"));
	if (answer.status == 201)
		return true;
	return error_set(err, answer.status == 409 ? ERR_CONFLICT : ERR_FORBIDDEN,
			 "the server gives no new certificate: %s",
			 detail ? detail : "no reason given");
}

bool renewal_rescue(struct arena *arena, struct error *err)
{
	struct identity identity;
	struct certificate old;
	const char *proof;
	json_t *answer;
	char *csr;

	if (!identity_load(arena, &identity, err))
		return false;
	if (!identity.server)
		return error_set(err, ERR_NOT_FOUND, "the address of the server is not known");
	if (!read_certificate(IDENTITY_CERTIFICATE_FILE, arena, &old, err) ||
	    !make_request(arena, &csr, err) || !sign_request(csr, arena, &proof, err))
		return false;
	json_t *body = json_keep(
		json_pack("{s:s, s:s, s:s}", "certificate", old.pem, "csr", csr, "proof", proof),
		arena);
	if (!post(&identity, body, arena, &answer, err))
		return false;
	const char *pem = json_string_value(json_object_get(answer, "certificate"));
	return pem ? keep_next(&identity, pem, arena, err)
		   : error_set(err, ERR_INVALID, "the server's answer has no certificate");
}
