#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make faults: what takes too long for make test. Bounded in time:
#
#   FUZZ_SECONDS=60     each fuzz target runs this long, from its corpus on; 0 leaves fuzzing out
#   FAULT_SECONDS=300   rollouts on real agents this long, while parts are killed at random; 0 leaves that out
#   FAULT_STRIDE=1      an upgrade is broken at each so-many-th system call, in every way that tests/fault/README.md lists:
#                       some 12,000 runs at 1, which is hours on two cores; 0 leaves that out
#   FAULT_JOBS=N        runs of that at a time; one for each core, if not given
#   AGENT_KILLS=1000    so often is an agent killed with services running, after that
#   BEHAVIOURS=1000     so many random services run as real processes against a model of what must happen, and a hundred times
#                       as many on a clock of their own; 0 leaves that out
#   SPOOL_ROUNDS=500    so often is a process killed that works on a spool, which is compared with a model each time; 0 leaves that out
#   FAULT_SEED=N        repeats the choices of a run; each run prints its own
#
# What a fuzz target finds is left in build/faults, to be added to tests/fuzz/corpus with the repair.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$MUSTER_ROOT"

fuzz_seconds=${FUZZ_SECONDS:-60}
fault_seconds=${FAULT_SECONDS:-300}
fault_stride=${FAULT_STRIDE:-1}
behaviours=${BEHAVIOURS:-1000}
spool_rounds=${SPOOL_ROUNDS:-500}
seed=${FAULT_SEED:-$RANDOM}
found=$MUSTER_BUILD/faults
broken=()
[ -n "${FAST:-}" ] || scripts/install-deps.sh test

# fuzz_target PROGRAM: new inputs go to a folder of their own, the corpus in the sources is only read.
fuzz_target() {
	local name=${1##*/fuzz_}
	local work=$found/$name corpus=tests/fuzz/corpus/$name
	mkdir -p "$work/new"
	echo "== fuzz $name, $fuzz_seconds s"
	"$1" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$work/" "$work/new" "$corpus" >"$work/log" 2>&1 && return
	broken+=("fuzz $name")
	tail -n 40 "$work/log"
	echo "fuzz $name failed: $work"
}

if [ "$fuzz_seconds" -gt 0 ]; then
	cmake --preset fuzz -DWITH_WEB=PREBUILT
	targets=()
	for source in tests/fuzz/fuzz_*.c; do
		targets+=("$(basename "$source" .c)")
	done
	cmake --build --preset fuzz --target "${targets[@]}"
	for target in "${targets[@]}"; do
		fuzz_target "$MUSTER_BUILD/fuzz/tests/$target"
	done
fi

if [ "$fault_stride" -gt 0 ]; then
	# Without sanitizers the agent is ten times as fast.
	if [ -z "${FAST:-}" ]; then
		cmake --preset release -DWITH_WEB=PREBUILT -DWITH_TESTS=ON
		cmake --build --preset release --target muster-agent muster-shim fault_tracer fault_preload
	fi
	echo "== an upgrade, broken at every system call (stride $fault_stride)"
	MUSTER_BIN=$MUSTER_BUILD/release/bin /usr/bin/python3 tests/fault/everywhere.py --stride "$fault_stride" \
		--seed "$seed" --jobs "${FAULT_JOBS:-$(nproc)}" || broken+=("everywhere")
fi

if [ "$behaviours" -gt 0 ]; then
	[ -n "${FAST:-}" ] || scripts/build.sh dev
	echo "== $behaviours random services, from seed $seed on"
	BEHAVIOURS=$((behaviours * 100)) BEHAVIOUR_SEED=$seed "$MUSTER_BUILD/dev/tests/test_agent_behaviours" ||
		broken+=("behaviours on a clock")
	BEHAVIOURS=$behaviours BEHAVIOUR_SEED=$seed "$MUSTER_BUILD/dev/tests/test_integrationagent_behaviours" ||
		broken+=("behaviours of processes")
fi

if [ "$spool_rounds" -gt 0 ]; then
	[ -n "${FAST:-}" ] || scripts/build.sh dev
	echo "== a spool against its model, $spool_rounds kills, seed $seed"
	MUSTER_SPOOL_ROUNDS=$spool_rounds MUSTER_SPOOL_SEED=$seed "$MUSTER_BUILD/dev/tests/test_agent_spool" ||
		broken+=("spool")
fi

if [ "$fault_seconds" -gt 0 ]; then
	[ -n "${FAST:-}" ] || scripts/build.sh dev
	echo "== faults, $fault_seconds s"
	FAULT_SECONDS=$fault_seconds FAULT_SEED=$seed AGENT_KILLS=${AGENT_KILLS:-1000} MUSTER_BIN=$MUSTER_BUILD/dev/bin \
		/usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/fault || broken+=("faults")
fi

if [ ${#broken[@]} -gt 0 ]; then
	echo "failed: ${broken[*]}"
	exit 1
fi
echo "faults: nothing found"
