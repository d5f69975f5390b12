#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [RESULT.xml]: checks the dashboard: types, units, size budget, then the browser against a real
# server and real agents below $MUSTER_BIN. Writes JUnit XML to RESULT.xml and RESULT-unit.xml.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
result=${1:-$root/build/test-results/browser.xml}
mkdir -p "$(dirname "$result")"
result=$(cd "$(dirname "$result")" && pwd)/$(basename "$result")

cd "$root/web"
[ -d node_modules/playwright-core ] || npm ci
npm run --silent typecheck
npx vitest run --reporter=default --reporter=junit --outputFile.junit="${result%.xml}-unit.xml"
[ -f dist/index.html ] || npm run --silent build
npm run --silent budget
cd "$root"
node --test --test-reporter=spec --test-reporter-destination=stdout \
	--test-reporter=junit --test-reporter-destination="$result" tests/browser/dashboard.test.mjs
