/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes what nothing needs any more, after a commit: old generations of services, services that
 * are gone, packages beyond the two before the current one, and what broken downloads left. What a
 * desired state on disk names, be it in force, under way or waiting, stays, its parts included.
 * Failures are logged; the next commit tries again.
 */
#pragma once

#include "reconcile/content.h"
#include "state/state.h"

/* Folders of services only: what is left when there was no commit. Not while a change is under way. */
void housekeeping_services(const struct content *current);

void housekeeping_run(struct state *state, const struct content *current);
