/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets nodes in as devices are: each makes a key of its own (P-256), shows a signing request and the token, and
 * gets its id and certificate. Several connections that stay open do so side by side.
 */
#pragma once

#include "base/compiler.h"
#include "base/error.h"
#include "sim/fleet.h"
#include "sim/options.h"

/* Enrols until the fleet has options->nodes; with options->state each is kept as soon as it is there. Prints
 * how far it is on stderr. */
MUST_CHECK bool enrol_fleet(struct fleet *fleet, const struct options *options, struct error *err);
