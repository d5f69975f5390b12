/* SPDX-License-Identifier: Apache-2.0 */
#include "http/problem.h"

#include <stddef.h>

static const struct {
	unsigned int status;
	const char *title;
} PROBLEMS[] = {
	[ERR_NONE] = {500, "Internal error"},
	[ERR_INVALID] = {400, "The request is not valid"},
	[ERR_UNAUTHENTICATED] = {401, "Sign in first"},
	[ERR_FORBIDDEN] = {403, "Not allowed"},
	[ERR_NOT_FOUND] = {404, "Not found"},
	[ERR_CONFLICT] = {409, "In conflict with the current state"},
	[ERR_TOO_LARGE] = {413, "Too large"},
	[ERR_LIMITED] = {429, "Too many requests"},
	[ERR_UNAVAILABLE] = {503, "Unavailable for now"},
	[ERR_TIMEOUT] = {504, "Took too long"},
	[ERR_INTERNAL] = {500, "Internal error"},
};

unsigned int problem_status(enum error_code code)
{
	if ((size_t)code >= ARRAY_SIZE(PROBLEMS))
		return 500;
	return PROBLEMS[code].status;
}

json_t *problem_json(const struct error *err, unsigned int status, const char *request_id)
{
	enum error_code code = (size_t)err->code < ARRAY_SIZE(PROBLEMS) ? err->code : ERR_INTERNAL;
	bool hidden = code == ERR_INTERNAL || code == ERR_NONE;
	const char *name = error_code_name(hidden ? ERR_INTERNAL : code);
	const char *detail = hidden ? "the log of the server has the cause" : err->text;
	json_t *problem = json_pack("{s:o, s:s, s:i, s:s, s:s, s:s}", "type",
				    json_sprintf("urn:muster:problem:%s", name), "title",
				    PROBLEMS[code].title, "status",
				    (int)(status != 0 ? status : PROBLEMS[code].status), "detail",
				    detail, "instance", request_id, "code", name);

	if (problem != NULL && err->field[0] != '\0')
		json_object_set_new(
			problem, "errors",
			json_pack("[{s:s, s:s}]", "field", err->field, "detail", detail));
	return problem;
}
