#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make test: installs what the tests need and runs every one of them, with address and undefined behaviour sanitizers. The last line
# says "N passed, N failed".
#
#   TESTS="ctest pytest browser"   some of the suites only
#   FAST=1                         no installing, no building
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$MUSTER_ROOT"

preset=${PRESET:-dev}
results=$MUSTER_BUILD/test-results
if [ -z "${FAST:-}" ]; then
	scripts/install-deps.sh test
	. scripts/env.sh
	scripts/build.sh "$preset"
fi
rm -rf "$results"
mkdir -p "$results"
export MUSTER_BIN=$MUSTER_BUILD/$preset/bin

# Each suite writes what it did as JUnit XML, from which the sum is made; a suite that writes nothing has failed.
suite_ctest() {
	ctest --preset "$preset" --repeat until-pass:2 --output-junit "$results/ctest.xml"
}

suite_pytest() {
	local folders=() folder
	for folder in tests/integration tests/e2e tests/fault tests/model; do
		[ -d "$folder" ] && folders+=("$folder")
	done
	[ ${#folders[@]} -gt 0 ] || return 0
	local run=(/usr/bin/python3 -m pytest -q -o "cache_dir=$results/pytest-cache")
	"${run[@]}" --junitxml "$results/pytest.xml" "${folders[@]}" && return
	# On a machine that does other work a process may be late. What failed runs once more, alone; the sum names
	# what passed only then, so that it is looked at.
	"${run[@]}" --last-failed --junitxml "$results/pytest-again.xml" "${folders[@]}"
}

suite_browser() {
	[ -x tests/browser/run.sh ] || return 0
	tests/browser/run.sh "$results/browser.xml"
}

broken=()
for suite in ${TESTS:-ctest pytest browser}; do
	"suite_$suite" || broken+=("$suite")
done
python3 scripts/test-sum.py "$results" "${broken[@]}"
