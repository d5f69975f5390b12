/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/spec.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "drivers/builtin.h"
#include "drivers/merge.h"
#include "drivers/spec_decode.h"

const char *spec_package_dir(struct arena *arena, const char *root, const char *sha256)
{
	return arena_printf(arena, "%s/packages/%s", root, sha256);
}

const char *spec_config_dir(struct arena *arena, const char *root, const char *name)
{
	/* Through the symlink, so that the command is the same for every generation. */
	return arena_printf(arena, "%s/services/%s/current/config", root, name);
}

const char *spec_data_dir(struct arena *arena, const char *root, const char *name)
{
	return arena_printf(arena, "%s/data/%s", root, name);
}

static const char *run_dir(struct arena *arena, const char *root, const char *name)
{
	return arena_printf(arena, "%s/run/services/%s", root, name);
}

/* The sha256 of the package in 64 hex digits, or NULL. */
static const char *package_sha256(const json_t *service)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(service, "package"), "sha256"));

	if (!text)
		return NULL;
	if (strncmp(text, "sha256:", 7) == 0)
		text += 7;
	if (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)
		return NULL;
	return text;
}

static const char *muster_value(const char *name, struct arena *arena,
				const struct spec_input *input)
{
	const char *sha256 = package_sha256(input->service);

	if (strcmp(name, "package") == 0)
		return sha256 ? spec_package_dir(arena, input->root, sha256) : NULL;
	if (strcmp(name, "config") == 0)
		return spec_config_dir(arena, input->root, input->name);
	if (strcmp(name, "data") == 0)
		return spec_data_dir(arena, input->root, input->name);
	if (strcmp(name, "run") == 0)
		return run_dir(arena, input->root, input->name);
	if (strcmp(name, "node") == 0)
		return input->node;
	if (strcmp(name, "service") == 0)
		return input->name;
	return NULL;
}

struct lookup {
	const struct spec_input *input;
	const json_t *values;
};

static const char *lookup(const char *name, struct arena *arena, const void *arg)
{
	const struct lookup *context = arg;

	if (strncmp(name, "muster.", 7) == 0)
		return muster_value(name + 7, arena, context->input);
	if (strncmp(name, "param.", 6) != 0)
		return NULL;
	const json_t *value = json_object_get(context->values, name + 6);
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		return arena_printf(arena, "%lld", (long long)json_integer_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	return NULL;
}

static bool layer_add(json_t *document, const json_t *layer, const char *name, struct error *err)
{
	if (!layer || json_is_null(layer))
		return true;
	if (!json_is_object(layer))
		return error_set_field(err, ERR_INVALID, name, "an object is expected");
	if (!merge_objects(document, layer, SPEC_MAX_DEPTH, err)) {
		error_prefix_field(err, name);
		return false;
	}
	return true;
}

/* driver <- manifest <- parameters; *out is the caller's. */
static bool document_merge(const struct spec_input *input, const char *driver, json_t **out,
			   struct error *err)
{
	const json_t *parameters = json_object_get(input->service, "parameters");
	const char *reserved = input->manifest ? change_key(parameters) : NULL;
	json_t *document = reserved ? NULL : driver_defaults(driver);

	if (reserved)
		return error_set_field(err, ERR_INVALID, "parameters",
				       "%s may only come from the signed manifest", reserved);

	if (!document)
		return error_set_field(err, ERR_INVALID, "driver",
				       "this agent has no driver \"%.63s\"", driver);
	if (!layer_add(document, json_object_get(input->manifest, "service"), "manifest.service",
		       err) ||
	    !layer_add(document, json_object_get(input->service, "parameters"), "parameters",
		       err)) {
		json_decref(document);
		return false;
	}
	*out = document;
	return true;
}

static bool document_expand(struct arena *arena, const struct spec_input *input, json_t *merged,
			    json_t **out, struct error *err)
{
	struct lookup context = {.input = input, .values = json_object_get(merged, "values")};
	size_t budget = SPEC_MAX_EXPANDED;
	const struct expansion expansion = {
		.lookup = lookup,
		.arg = &context,
		.strict = true,
		.max_bytes = SPEC_MAX_STRING,
		.budget = &budget,
	};
	/* Values are what the others refer to; they are not expanded themselves. */
	json_t *values = json_incref(json_object_get(merged, "values"));

	json_object_del(merged, "values");
	context.values = values;
	bool done = expand_tree(&expansion, merged, SPEC_MAX_DEPTH, arena, out, err);
	json_decref(values);
	return done;
}

static bool is_hot(const struct service_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->reload_glob_count; i++) {
		if (fnmatch(spec->reload_globs[i], path, 0) == 0)
			return true;
	}
	return false;
}

static json_t *file_entry(const json_t *file)
{
	const json_t *content = json_object_get(file, "content");
	const char *key = "content";
	char hash[SHA256_HEX_SIZE];

	if (!content) {
		content = json_object_get(file, "content_base64");
		key = "content_base64";
	}
	if (!json_is_string(content))
		return NULL;
	sha256_hex(json_string_value(content), json_string_length(content), hash);
	return json_pack("{s:s, s:O?}", key, hash, "mode", json_object_get(file, "mode"));
}

/* Fills cold and hot with path -> content; objects, since order does not matter. */
static bool files_sort(const struct spec_input *input, const struct service_spec *spec,
		       json_t *cold, json_t *hot, struct error *err)
{
	json_t *files = json_object_get(json_object_get(input->service, "config"), "files");
	size_t index;
	json_t *file;

	json_array_foreach (files, index, file) {
		const char *path = json_string_value(json_object_get(file, "path"));
		json_t *entry = path ? file_entry(file) : NULL;

		if (!entry)
			return error_set_field(err, ERR_INVALID, "config.files",
					       "file %zu has no path or no content", index);
		json_object_set_new(is_hot(spec, path) ? hot : cold, path, entry);
	}
	return true;
}

static void digest(const json_t *value, char out[SHA256_HEX_SIZE])
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	sha256_hex(text, strlen(text), out);
	free(text);
}

static bool digests_make(const struct spec_input *input, struct service_spec *spec,
			 struct error *err)
{
	static const char *const PROCESS_KEYS[] = {"command",	   "env",	   "cwd",
						   "user",	   "limits",	   "in_place",
						   "capabilities", "no_new_privs", "private_tmp"};
	json_auto_t *process = json_object();
	json_auto_t *hot = json_object();
	json_t *cold = json_object();

	json_object_set_new(process, "files", cold);
	if (!files_sort(input, spec, cold, hot, err))
		return false;
	for (size_t i = 0; i < sizeof(PROCESS_KEYS) / sizeof(PROCESS_KEYS[0]); i++)
		json_object_set(process, PROCESS_KEYS[i],
				json_object_get(spec->document, PROCESS_KEYS[i]));
	const char *sha256 = package_sha256(input->service);
	if (sha256)
		json_object_set_new(process, "package", json_string(sha256));
	digest(process, spec->process_digest);
	digest(hot, spec->hot_digest);
	return true;
}

static bool name_valid(const char *name)
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t length = strlen(name);

	return length > 0 && length <= SPEC_MAX_NAME && strspn(name, LETTERS) == length &&
	       !strchr("._-", name[0]);
}

static bool build(struct arena *arena, const struct spec_input *input, struct service_spec *spec,
		  struct error *err)
{
	const char *driver = json_string_value(json_object_get(input->service, "driver"));
	const json_t *run = json_object_get(input->service, "run");
	json_auto_t *merged = NULL;
	json_auto_t *document = NULL;
	struct service_spec built = {
		.name = arena_strdup(arena, input->name),
		.driver = arena_strdup(arena, driver ? driver : "generic"),
		.run = !run || json_is_true(run),
		.data_dir = spec_data_dir(arena, input->root, input->name),
		.run_dir = run_dir(arena, input->root, input->name),
		.root = arena_strdup(arena, input->root),
	};

	if (!document_merge(input, built.driver, &merged, err) ||
	    !document_expand(arena, input, merged, &document, err) ||
	    !spec_decode(arena, document, &built, err) || !digests_make(input, &built, err))
		return false;
	*spec = built;
	return true;
}

bool spec_build(struct arena *arena, const struct spec_input *input, struct service_spec *spec,
		struct error *err)
{
	if (!name_valid(input->name))
		return error_set(err, ERR_INVALID, "\"%.63s\" is no service name", input->name);
	if (!json_is_object(input->service))
		return error_set(err, ERR_INVALID, "service %s: an object is expected",
				 input->name);
	const json_t *package = json_object_get(input->service, "package");
	if (package && !json_is_null(package) && !package_sha256(input->service))
		return error_set_field(err, ERR_INVALID, "package.sha256",
				       "service %s: 64 hex digits are expected", input->name);
	if (!build(arena, input, spec, err))
		return error_prefix(err, "service %s", input->name);
	return true;
}

void spec_copy(struct arena *arena, const struct service_spec *from, struct service_spec *to)
{
	struct error err;
	json_auto_t *document = json_deep_copy(from->document);
	struct service_spec copy = {
		.name = arena_strdup(arena, from->name),
		.driver = arena_strdup(arena, from->driver),
		.run = from->run,
		.data_dir = arena_strdup(arena, from->data_dir),
		.run_dir = arena_strdup(arena, from->run_dir),
		.root = arena_strdup(arena, from->root),
	};

	/* It was decoded once already, so it cannot fail. */
	bool decoded = spec_decode(arena, document, &copy, &err);
	assert(decoded);
	memcpy(copy.process_digest, from->process_digest, sizeof(copy.process_digest));
	memcpy(copy.hot_digest, from->hot_digest, sizeof(copy.hot_digest));
	*to = copy;
}

char *spec_expand_file(struct arena *arena, const struct spec_input *input, const char *text,
		       size_t length, size_t *out_length)
{
	struct lookup context = {.input = input};
	struct error err;
	const struct expansion expansion = {
		.lookup = lookup,
		.arg = &context,
		.max_bytes = SIZE_MAX / 4,
	};
	struct strbuf out;

	strbuf_init(&out, arena, expansion.max_bytes);
	bool expanded = expand_text(&expansion, text, length, arena, &out, &err);
	assert(expanded);
	*out_length = out.length;
	return out.data;
}
