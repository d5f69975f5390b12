#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make bench: measures the release build on the demo plant, five real agents on this machine, prints a table and writes
# build/bench.json:
#
#   agent_pss_kb            memory of an idle agent that is connected and supervises three services
#   shim_pss_kb             memory of the shim of one service
#   rollout_5_agents_ms     a rollout of one config file, from its creation to the last of five agents
#   service_restart_p50_ms  from kill -9 of a service to its new process
#
# Nothing passes or fails here; it is for comparing by hand, on a machine that does nothing else.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

"$MUSTER_ROOT/scripts/install-deps.sh" demo >&2
. "$MUSTER_ROOT/scripts/env.sh"
"$MUSTER_ROOT/scripts/build.sh" release >&2
"$MUSTER_ROOT/scripts/demo/make-packages.sh" "$MUSTER_BUILD/demo-packages" >&2
exec python3 "$MUSTER_ROOT/scripts/demo/bench.py" --programs "$MUSTER_BUILD/release/bin" \
	--packages "$MUSTER_BUILD/demo-packages" --out "$MUSTER_BUILD/bench.json"
