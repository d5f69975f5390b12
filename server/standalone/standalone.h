/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "musterd standalone": everything on one machine out of one data directory. Starts signer,
 * PostgreSQL, mosquitto and the application in this order, keeps them running, and takes them down
 * in reverse when SIGINT or SIGTERM comes, also in the middle of a start.
 */
#pragma once

#include "config.h"

/*
 * Runs until told to stop. Call in the main thread before any other thread exists. Of config are
 * used: data, listen, mqtt_listen, public_url and what the application reads. Returns the exit
 * status of the program; failures are logged.
 */
int standalone_run(const struct config *config);
