#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make demo: a Muster server and a plant of five gateways with real programs, on this machine. Installs what it needs, builds,
# starts everything below build/demo, prints where to log in, and stays until Ctrl-C; then nothing is left running.
#
#   STORY=1         play the main job as well (scripts/demo/story.py) and end; the exit status says whether it held
#   DEMO_DIR=DIR    another folder than build/demo; copies in different folders run side by side
#   PRESET=dev      another build than release
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

began=$SECONDS
preset=${PRESET:-release}
"$MUSTER_ROOT/scripts/install-deps.sh" demo
# What install-deps.sh has just brought counts from here on.
. "$MUSTER_ROOT/scripts/env.sh"
mkdir -p "$MUSTER_BUILD"
{
	# Copies that start at the same time share the build.
	flock 9
	"$MUSTER_ROOT/scripts/build.sh" "$preset" >"$MUSTER_BUILD/demo-build.log" 2>&1 9>&- || {
		tail -n 30 "$MUSTER_BUILD/demo-build.log" >&2
		exit 1
	}
	"$MUSTER_ROOT/scripts/demo/make-packages.sh" "$MUSTER_BUILD/demo-packages" 9>&-
} 9>"$MUSTER_BUILD/demo.lock"
echo "demo: built in $((SECONDS - began)) s"

options=()
[ -z "${STORY:-}" ] || options+=(--story)
[ -z "${DEMO_DIR:-}" ] || options+=(--dir "$DEMO_DIR")
exec python3 "$MUSTER_ROOT/scripts/demo/main.py" --programs "$MUSTER_BUILD/$preset/bin" \
	--packages "$MUSTER_BUILD/demo-packages" --default-dir "$MUSTER_BUILD/demo" "${options[@]}"
