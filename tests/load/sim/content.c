/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/content.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "base/strbuf.h"

enum { BUCKETS = 4096, RUNS_TEXT_MAX = 64 * 512, PID = 1000 };

struct contents {
	struct content *buckets[BUCKETS];
};

struct contents *contents_new(void)
{
	return xcalloc(1, sizeof(struct contents));
}

static void content_free(struct content *content)
{
	free(content->reported);
	free(content->health);
	free(content->runs);
	free(content);
}

void contents_free(struct contents *contents)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (contents->buckets[i]) {
			struct content *content = contents->buckets[i];

			contents->buckets[i] = content->next;
			content_free(content);
		}
	free(contents);
}

/* The digest is a hash already. */
static struct content **bucket_of(struct contents *contents, const char *digest)
{
	const char *hex = strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : digest;
	unsigned int bucket = 0;

	for (int i = 0; i < 3 && hex[i]; i++)
		bucket = bucket << 4 |
			 (unsigned int)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
	return &contents->buckets[bucket % BUCKETS];
}

struct content *content_find(struct contents *contents, const char *digest)
{
	struct content *content = *bucket_of(contents, digest);

	while (content && strcmp(content->digest, digest) != 0)
		content = content->next;
	return content;
}

static const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "-";
}

static json_t *only(json_t *object, const char *const *names)
{
	json_t *out;

	if (!json_is_object(object))
		return json_null();
	out = json_object();
	for (; *names; names++)
		json_object_set(out, *names, json_object_get(object, *names));
	return out;
}

static void add_service(const char *name, json_t *service, const char *since, json_t *reported,
			json_t *health, struct strbuf *runs)
{
	static const char *const PACKAGE[] = {"name", "version", "sha256", NULL};
	static const char *const CONFIG[] = {"name", "version", "digest", NULL};
	json_t *package = json_object_get(service, "package");
	json_t *config = json_object_get(service, "config");
	bool run = json_is_true(json_object_get(service, "run"));

	json_object_set_new(reported, name,
			    json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:b, s:s, s:o, s:o, s:b}",
				      "state", run ? "running" : "stopped", "reason", "", "since",
				      since, "ready", run, "pid", run ? PID : 0, "restarts", 0,
				      "run", run, "driver", text_of(service, "driver"), "package",
				      only(package, PACKAGE), "config", only(config, CONFIG),
				      "drift", 0));
	json_object_set_new(health, name,
			    json_pack("{s:s, s:b, s:s, s:i, s:i, s:f, s:i}", "state",
				      run ? "running" : "stopped", "ready", run, "since", since,
				      "pid", run ? PID : 0, "restarts", 0, "cpu_percent", 0.4,
				      "mem_bytes", 9437184));
	strbuf_printf(runs, "%s%s=%s@%s#%s@%lld", runs->length ? "," : "", name,
		      text_of(package, "name"), text_of(package, "version"),
		      text_of(config, "name"),
		      (long long)json_integer_value(json_object_get(config, "version")));
}

static void take_apart(json_t *json, usec_t now, struct arena *arena, struct content *content)
{
	json_t *services = json_object_get(json, "services"), *service;
	json_t *reported = json_keep(json_object(), arena);
	json_t *health = json_keep(json_object(), arena);
	const char *rollout =
		json_string_value(json_object_get(json_object_get(json, "apply"), "rollout"));
	char since[TIME_TEXT_SIZE];
	struct strbuf runs;
	const char *name;

	strbuf_init(&runs, arena, RUNS_TEXT_MAX);
	time_format(now, since);
	json_object_foreach (services, name, service) {
		add_service(name, service, since, reported, health, &runs);
		snprintf(content->service, sizeof(content->service), "%s", name);
	}
	snprintf(content->rollout, sizeof(content->rollout), "%s", rollout ? rollout : "");
	content->health_interval_ms =
		json_integer_value(json_object_get(json, "health_interval_ms"));
	content->reported = xstrdup(json_text(reported, arena));
	content->health = xstrdup(json_text(health, arena));
	content->runs = xstrdup(runs.length ? runs.data : "-");
}

bool content_add(struct contents *contents, const char *digest, const char *text, size_t size,
		 usec_t now, struct content **out, struct error *err)
{
	struct content **bucket = bucket_of(contents, digest), *content;
	struct arena *arena;
	json_t *json;

	if (!json_parse_limited(text, size, LIMIT_JSON_DEPTH, &json, err))
		return error_prefix(err, "content");
	if (!json_is_object(json_object_get(json, "services"))) {
		json_decref(json);
		return error_set(err, ERR_INVALID, "content has no services");
	}
	arena = arena_new();
	content = xcalloc(1, sizeof(*content));
	snprintf(content->digest, sizeof(content->digest), "%s", digest);
	take_apart(json, now, arena, content);
	json_decref(json);
	arena_free(arena);
	content->next = *bucket;
	*bucket = content;
	*out = content;
	return true;
}

struct content *content_hold(struct content *content)
{
	content->holders++;
	return content;
}

void content_release(struct contents *contents, struct content *content)
{
	struct content **at;

	if (!content || --content->holders > 0)
		return;
	for (at = bucket_of(contents, content->digest); *at != content; at = &(*at)->next)
		continue;
	*at = content->next;
	content_free(content);
}
