/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/enrol.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "base/x509.h"
#include "protocol/topics.h"

enum { ANSWER_MAX = 256 * 1024, TIMEOUT_MS = 60000, ATTEMPTS = 8, SITES = 50 };

struct enrolling {
	struct fleet *fleet;
	const struct options *options;
	const char *ca; /* PEM, of the HTTPS server */
	int fd;		/* of nodes.jsonl, or -1 */

	pthread_mutex_t mutex; /* guards what follows, fleet and fd */
	pthread_cond_t ended;
	size_t next;	/* number in the name of the next to be enrolled */
	size_t running; /* threads */
	bool learned;
	struct error err; /* the first that stopped it */
};

struct answer {
	long status;
	struct strbuf body;
};

static size_t take(char *data, size_t size, size_t count, void *arg)
{
	return strbuf_append(arg, data, size * count) ? size * count : 0;
}

/* ca NULL: nobody is checked. body NULL: GET. */
static bool exchange(CURL *curl, const char *url, const char *ca, const char *body,
		     struct arena *arena, struct answer *answer, struct error *err)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	char reason[CURL_ERROR_SIZE] = "";

	strbuf_init(&answer->body, arena, ANSWER_MAX);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "muster-sim/" MUSTER_VERSION);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, ca ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, ca ? 2L : 0L);
	if (ca) {
		char *copy = arena_strdup(arena, ca);
		struct curl_blob pem = {copy, strlen(copy), CURL_BLOB_COPY};

		curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &pem);
	}
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	/* They point to what ends here. */
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	curl_slist_free_all(headers);
	return code == CURLE_OK || error_set(err, ERR_UNAVAILABLE, "no answer from %s: %s", url,
					     reason[0] ? reason : curl_easy_strerror(code));
}

/* The CA of the server, which the fingerprint names when there is one. */
static bool fetch_ca(const struct options *options, struct arena *arena, const char **ca,
		     struct error *err)
{
	const char *url = arena_printf(arena, "%s/api/v1/ca", options->url);
	const char *wanted = options->ca_fingerprint;
	CURL *curl = curl_easy_init();
	struct certificate certificate;
	struct answer answer = {0};
	bool ok = curl && exchange(curl, url, NULL, NULL, arena, &answer, err);

	curl_easy_cleanup(curl);
	if (!ok)
		return false;
	if (answer.status != 200 ||
	    !certificate_parse(answer.body.data, answer.body.length, arena, &certificate, err))
		return error_set(err, ERR_INVALID,
				 "%s gave no CA certificate (status %ld); is it a Muster server?",
				 options->url, answer.status);
	wanted += strncmp(wanted, "sha256:", 7) == 0 ? 7 : 0;
	if (*wanted && strcasecmp(wanted, certificate.fingerprint) != 0)
		return error_set(err, ERR_FORBIDDEN,
				 "the server's CA has the fingerprint %s, not the one given",
				 certificate.fingerprint);
	if (!*wanted)
		fprintf(stderr,
			"muster-sim: trusting the CA that the server shows, sha256:%s "
			"(--ca-fingerprint checks it)\n",
			certificate.fingerprint);
	*ca = answer.body.data;
	return true;
}

static const char *make_body(const struct options *options, size_t index, const char *csr,
			     struct arena *arena)
{
	const char *name = arena_printf(arena, "%s-%06zu", options->name, index);
	json_t *labels = json_pack("{s:s, s:o, s:o}", "fleet", options->name, "site",
				   json_sprintf("site-%02zu", index % SITES), "line",
				   json_sprintf("%zu", index / SITES % 10));

	return json_text(json_keep(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "token",
					     options->token, "csr", csr, "hostname", name, "name",
					     name, "platform", "linux-amd64", "agent_version",
					     MUSTER_VERSION, "labels", labels),
				   arena),
			 arena);
}

static bool refuse(const struct answer *answer, struct arena *arena, struct error *err)
{
	struct error ignored = {0};
	json_t *json;
	const char *detail = NULL;

	if (json_parse_limited(answer->body.data, answer->body.length, LIMIT_JSON_DEPTH, &json,
			       &ignored))
		detail = json_string_value(json_object_get(json_keep(json, arena), "detail"));
	return error_set(
		err, answer->status >= 500 || answer->status == 429 ? ERR_UNAVAILABLE : ERR_INVALID,
		"the server answers with status %ld: %s", answer->status,
		detail ? detail : "no reason given");
}

/* Under the mutex. Nodes are numbered as they come, in memory as in the file. */
static bool keep(struct enrolling *enrolling, json_t *json, const char *key, struct arena *arena,
		 struct error *err)
{
	struct fleet *fleet = enrolling->fleet;
	struct identity *identity = &fleet->nodes[fleet->count];
	const char *id = json_string_value(json_object_get(json, "node_id"));
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *certificate = json_string_value(json_object_get(json, "certificate"));

	if (!id || !name || !certificate || !topic_node_valid(id))
		return error_set(err, ERR_INVALID, "the server's answer names no node");
	if (!enrolling->learned) {
		if (!fleet_learn(fleet, json, err))
			return false;
		if (enrolling->fd >= 0 && !fleet_save(fleet, enrolling->options->state, json, err))
			return false;
		enrolling->learned = true;
	}
	snprintf(identity->id, sizeof(identity->id), "%s", id);
	identity->name = arena_strdup(fleet->arena, name);
	identity->key = arena_strdup(fleet->arena, key);
	identity->certificate = arena_strdup(fleet->arena, certificate);
	if (enrolling->fd >= 0) {
		const char *line = identity_line(identity, arena);

		if (!fd_write_all(enrolling->fd, line, strlen(line)))
			return error_set_errno(err, ERR_INTERNAL, errno,
					       "cannot keep the enrolled node");
	}
	fleet->count++;
	return true;
}

static bool enrol_one(struct enrolling *enrolling, CURL *curl, size_t index, struct arena *arena,
		      struct error *err)
{
	const struct options *options = enrolling->options;
	const char *url = arena_printf(arena, "%s/api/v1/enroll", options->url);
	struct tls_key *key = tls_key_generate();
	struct answer answer = {0};
	json_t *json;
	char *csr;

	bool ok = csr_create(key, "muster-node", arena, &csr, err);
	const char *pem = tls_key_pem(key, arena);
	tls_key_free(key);
	/* The same token and key get the same node again, so asking twice does no harm. */
	for (int attempt = 1; ok; attempt++) {
		ok = exchange(curl, url, enrolling->ca, make_body(options, index, csr, arena),
			      arena, &answer, err);
		if (ok && (answer.status == 200 || answer.status == 201))
			break;
		if (ok)
			(void)!refuse(&answer, arena, err);
		ok = err->code == ERR_UNAVAILABLE && attempt < ATTEMPTS;
		if (ok)
			usleep((useconds_t)(50000 << attempt));
	}
	if (!ok ||
	    !json_parse_limited(answer.body.data, answer.body.length, LIMIT_JSON_DEPTH, &json, err))
		return false;
	json_keep(json, arena);
	pthread_mutex_lock(&enrolling->mutex);
	ok = keep(enrolling, json, pem, arena, err);
	pthread_mutex_unlock(&enrolling->mutex);
	return ok;
}

static bool next_node(struct enrolling *enrolling, size_t *index)
{
	pthread_mutex_lock(&enrolling->mutex);
	bool more = enrolling->err.code == ERR_NONE &&
		    enrolling->next < (size_t)enrolling->options->nodes;
	if (more)
		*index = enrolling->next++;
	pthread_mutex_unlock(&enrolling->mutex);
	return more;
}

static void *enrol_run(void *arg)
{
	struct enrolling *enrolling = arg;
	struct arena *arena = arena_new();
	CURL *curl = curl_easy_init();
	struct error err = {0};
	size_t index;
	bool ok = curl != NULL || error_set(&err, ERR_INTERNAL, "could not set up an HTTPS client");

	while (ok && next_node(enrolling, &index)) {
		arena_reset(arena);
		ok = enrol_one(enrolling, curl, index, arena, &err);
	}
	curl_easy_cleanup(curl);
	arena_free(arena);
	pthread_mutex_lock(&enrolling->mutex);
	if (!ok && enrolling->err.code == ERR_NONE)
		enrolling->err = err;
	enrolling->running--;
	pthread_cond_signal(&enrolling->ended);
	pthread_mutex_unlock(&enrolling->mutex);
	return NULL;
}

/* Prints once a second until all threads have ended. */
static void watch(struct enrolling *enrolling, size_t had)
{
	usec_t begun = clock_monotonic();

	pthread_mutex_lock(&enrolling->mutex);
	while (enrolling->running > 0) {
		struct timespec until = {.tv_sec = clock_now_utc() / USEC_PER_SEC + 1};

		pthread_cond_timedwait(&enrolling->ended, &enrolling->mutex, &until);
		double seconds = (double)(clock_monotonic() - begun) / (double)USEC_PER_SEC;
		size_t count = enrolling->fleet->count;
		fprintf(stderr, "\renrolled %zu of %lld, %.0f/s ", count,
			(long long)enrolling->options->nodes,
			(double)(count - had) / (seconds > 0.001 ? seconds : 0.001));
	}
	pthread_mutex_unlock(&enrolling->mutex);
	fprintf(stderr, "\n");
}

static void run_threads(struct enrolling *enrolling)
{
	pthread_t threads[64];
	size_t count = (size_t)enrolling->options->enrol_threads;
	size_t had = enrolling->next;

	enrolling->running = count;
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, enrol_run, enrolling) != 0)
			out_of_memory(0);
	watch(enrolling, had);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

bool enrol_fleet(struct fleet *fleet, const struct options *options, struct error *err)
{
	struct enrolling enrolling = {.fleet = fleet,
				      .options = options,
				      .fd = -1,
				      .mutex = PTHREAD_MUTEX_INITIALIZER,
				      .ended = PTHREAD_COND_INITIALIZER,
				      .next = fleet->count,
				      .learned = fleet->count > 0};

	if (fleet->count >= (size_t)options->nodes)
		return true;
	if (!options->url[0] || !options->token[0])
		return error_set(err, ERR_INVALID,
				 "%zu of %lld nodes are enrolled: --url and --token are needed for "
				 "the others",
				 fleet->count, (long long)options->nodes);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (!fetch_ca(options, fleet->arena, &enrolling.ca, err))
		return false;
	if (options->state[0]) {
		const char *path = arena_printf(fleet->arena, "%s/nodes.jsonl", options->state);

		if (!file_make_folders(options->state, 0700, err))
			return false;
		enrolling.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (enrolling.fd < 0)
			return error_set_errno(err, ERR_INTERNAL, errno, "cannot write %s", path);
	}
	run_threads(&enrolling);
	fd_cleanup(&enrolling.fd);
	curl_global_cleanup();
	if (enrolling.err.code != ERR_NONE) {
		*err = enrolling.err;
		return error_prefix(err, "enrolment");
	}
	return true;
}
