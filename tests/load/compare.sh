#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# compare.sh: restart latency and memory of muster-agent beside s6, runit, supervisord and monit of Debian, 20 services each,
# one after the other in one run. Prints a table and writes build/compare.json. The agent is the static one when
# "make static" has built it. Takes about three minutes; run it on a machine that does nothing else.
#
#   COMPARE_ROUNDS=5   so often each service is killed (once where a restart takes seconds)
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../../scripts/env.sh"

"$MUSTER_ROOT/scripts/install-deps.sh" load >&2
. "$MUSTER_ROOT/scripts/env.sh"
"$MUSTER_ROOT/scripts/build.sh" release >&2
agent=$MUSTER_BUILD/static/$(dpkg --print-architecture)
[ -x "$agent/muster-agent" ] || agent=$MUSTER_BUILD/release/bin
exec python3 "$MUSTER_ROOT/tests/load/compare.py" --programs "$MUSTER_BUILD/release/bin" --agent "$agent" \
	--rounds "${COMPARE_ROUNDS:-5}" --out "$MUSTER_BUILD/compare.json"
