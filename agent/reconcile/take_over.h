/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that did the work before Muster: a unit of systemd, or one with a pid file. Taking over
 * stops it (and disables the unit, or both would run after the next boot) and remembers in
 * originals/<service>/.taken how it was; giving back makes it so again. Both may be repeated,
 * and both may take as long as the program takes to stop: they run in a child, as
 * "muster-agent take-over SERVICE GENERATION unit UNIT", "... pid-file FILE [COMMAND...]" and
 * "muster-agent give-back SERVICE GENERATION".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "drivers/spec.h"

/* generation: of the change that takes over. What was taken over before stays as it was noted. */
MUST_CHECK bool take_over(const char *service, int64_t generation,
			  const struct take_over_spec *spec, struct error *err);
/* Only what this generation took over; 0: whichever did. Otherwise does nothing. */
MUST_CHECK bool take_over_undo(const char *service, int64_t generation, struct error *err);

/* The commands of the child; argv begins behind the command's name. */
int take_over_main(int argc, char **argv);
int give_back_main(int argc, char **argv);

/* The arguments behind "muster-agent" for a child, NULL-terminated, in the arena. */
const char *const *take_over_arguments(struct arena *arena, const struct service_spec *spec,
				       int64_t generation);
const char *const *give_back_arguments(struct arena *arena, const char *service,
				       int64_t generation);

/* A process outside of Muster that runs the program of this spec already; 0: none is seen. */
pid_t take_over_rival(const struct service_spec *spec);
