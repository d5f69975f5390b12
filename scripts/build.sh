#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh [PRESET]: builds everything with a preset (default: release) into build/PRESET/bin.
# The dashboard is built first when npm is there; without npm an existing
# web/dist is used, and without that the server has no dashboard.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

cd "$MUSTER_ROOT"
preset=${1:-release}
web=PREBUILT
if [ -f web/package-lock.json ] && command -v npm >/dev/null && node_suffices node; then
	web=ON
fi
tests=ON
# What is installed needs no tests; "cmake --preset release" builds them all the same.
[ "$preset" != release ] || tests=OFF
# Whoever builds here at the same time, say a demo beside the tests, waits: npm and ninja share their folders.
mkdir -p "$MUSTER_BUILD"
exec 8>"$MUSTER_BUILD/build.lock"
flock 8
cmake --preset "$preset" -DWITH_WEB="$web" -DWITH_TESTS="$tests"
cmake --build --preset "$preset" 8>&-
