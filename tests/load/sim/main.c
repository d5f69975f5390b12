/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "sim/enrol.h"
#include "sim/fleet.h"
#include "sim/options.h"
#include "sim/run.h"

enum { EXIT_USAGE = 2, HELP_MAX = 64 * 1024 };

static bool asks_for(int argc, char **argv, const char *option)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return true;
	return false;
}

static int print_help(void)
{
	struct strbuf text;

	strbuf_init(&text, NULL, HELP_MAX);
	options_help(&text);
	fputs(text.data, stdout);
	strbuf_release(&text);
	return EXIT_SUCCESS;
}

/* The nodes that there are, and as many more as are wanted. */
static bool gather(const struct options *options, struct fleet *fleet, struct error *err)
{
	fleet->nodes = arena_array(fleet->arena, (size_t)options->nodes, sizeof(*fleet->nodes));
	return (!options->state[0] ||
		fleet_load(fleet, options->state, (size_t)options->nodes, err)) &&
	       enrol_fleet(fleet, options, err) &&
	       (!options->state[0] || progress_load(fleet, options->state, err)) &&
	       (!options->broker[0] || fleet_set_brokers(fleet, options->broker, err));
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct fleet fleet = {.arena = arena};
	struct options options;
	struct error err = {0};
	bool clean = true;

	json_require_memory();
	json_object_seed(0);
	log_set_component("muster-sim");
	if (asks_for(argc, argv, "--help") || asks_for(argc, argv, "-h"))
		return print_help();
	if (asks_for(argc, argv, "--version")) {
		printf("muster-sim %s\n", MUSTER_VERSION);
		return EXIT_SUCCESS;
	}
	bool ok = options_load(argc, argv, arena, &options, &err);
	int failed = ok ? EXIT_FAILURE : EXIT_USAGE;
	ok = ok && gather(&options, &fleet, &err) && run_fleet(&options, &fleet, &clean, &err);
	if (!ok)
		fprintf(stderr, "muster-sim: %s\n", err.text);
	arena_free(arena);
	return !ok ? failed : clean ? EXIT_SUCCESS : EXIT_FAILURE;
}
