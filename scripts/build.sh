#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds everything with a preset (default: release) into build/<preset>/bin.
# The dashboard is built first when npm is there; without npm an existing
# web/dist is used, and without that the server has no dashboard.
set -eu

cd "$(dirname "$0")/.."
preset=${1:-release}
web=PREBUILT
if [ -f web/package-lock.json ] && command -v npm >/dev/null; then
    web=ON
fi
cmake --preset "$preset" -DWITH_WEB="$web"
cmake --build --preset "$preset"
