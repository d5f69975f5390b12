/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands for somebody at the device: each asks the running agent (control_ask.h) and shows the
 * answer to people, or as JSON. They return the exit status.
 */
#pragma once

int local_status(int argc, char **argv);
int local_explain(int argc, char **argv);
int local_logs(int argc, char **argv);
int local_restart(int argc, char **argv);
int local_retry(int argc, char **argv);
int local_apply(int argc, char **argv);
int local_report(int argc, char **argv);
int local_diag(int argc, char **argv);
