#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make bench: measures what a gateway and a rollout cost, with real servers and agents on this machine, prints a table and writes
# build/bench.json. The agent is the static one when "make static" has built it, else that of the release build.
#
#   agent_pss_kb            memory of an idle agent that is connected and supervises three services
#   agent_anon_kb           of it, what no other process can share
#   shim_pss_kb             memory of the shim of one service
#   agent_cpu_percent       of one core, agent and shims of that gateway
#   agent_month_mb          traffic of that gateway with a heartbeat every 60 s, down to the IP headers
#   agent_month_tls_mb      the same without the headers of TCP and IP
#   install_peak_kb         memory of agent and children while it installs an archive of 50 MB
#   install_50mb_ratio      the time of that, as a multiple of curl | sha256sum | tar -x by hand
#   service_restart_p50_ms  from kill -9 of one of 20 services to the first sign of the next process
#   service_restart_p99_ms
#   agent_static_mb         size of the static muster-agent
#   rollout_5_agents_ms     a rollout of one config file, from its creation to the last of five agents
#
#   heartbeats_per_s ...    the figures of the server under a simulated fleet: docs/scaling.md
#
#   BENCH_PARTS="agent fleet"  one of them only
#   BENCH_SCALE=1           share of the nodes of the fleet
#   BENCH_HEARTBEATS=4      minutes of the idle agent
#   BENCH_ROUNDS=10         so often each of the 20 services is killed
#
# Nothing passes or fails here; it is for comparing by hand, on a machine that does nothing else. tests/load/compare.sh
# measures other supervisors beside it.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

"$MUSTER_ROOT/scripts/install-deps.sh" demo test >&2
. "$MUSTER_ROOT/scripts/env.sh"
"$MUSTER_ROOT/scripts/build.sh" release >&2
"$MUSTER_ROOT/scripts/demo/make-packages.sh" "$MUSTER_BUILD/demo-packages" >&2
agent=("$MUSTER_BUILD/release/bin")
static=$MUSTER_BUILD/static/$(dpkg --print-architecture)
if [ -x "$static/muster-agent" ] && [ -x "$static/muster-shim" ]; then
	agent=("$static" --static)
else
	echo "bench: no static build (make static), measuring the agent of the release build" >&2
fi
parts=()
for part in ${BENCH_PARTS:-agent fleet}; do
	parts+=("$MUSTER_BUILD/bench-$part.json")
	rm -f "$MUSTER_BUILD/bench-$part.json"
	case $part in
	agent)
		python3 "$MUSTER_ROOT/scripts/demo/bench.py" --programs "$MUSTER_BUILD/release/bin" --agent "${agent[@]}" \
			--heartbeats "${BENCH_HEARTBEATS:-4}" --rounds "${BENCH_ROUNDS:-10}" \
			--packages "$MUSTER_BUILD/demo-packages" --out "$MUSTER_BUILD/bench-agent.json"
		;;
	fleet)
		MUSTER_BIN=$MUSTER_BUILD/release/bin /usr/bin/python3 "$MUSTER_ROOT/tests/load/fleet.py" \
			--scale "${BENCH_SCALE:-1}" --out "$MUSTER_BUILD/bench-fleet.json"
		;;
	*)
		echo "bench: BENCH_PARTS has agent and fleet, not $part" >&2
		exit 2
		;;
	esac
done
exec "$MUSTER_ROOT/scripts/bench-sum.py" "$MUSTER_BUILD/bench.json" "${parts[@]}"
