#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make static-test: builds the static agents and proves them, as root: the unit and integration tests of the agent, then an enrolment,
# a whole update and one that fails against a real server. amd64 in a root folder with nothing else in it, arm64 and armv7 under
# qemu-user, the latter as a processor without NEON.
#
#   TARGETS="amd64 arm64 armv7"   some of the targets only
#   FAST=1                        no building of agents and server
#   PRESET=dev                    another build of the server than release
#
# qemu-user needs the kernel to know it (binfmt_misc), since the agent starts itself and its shim: what is missing is registered
# for as long as this runs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$MUSTER_ROOT"

export TARGETS=${TARGETS:-amd64 arm64 armv7}
read -ra targets <<<"$TARGETS"
preset=${PRESET:-release}
binfmt=/proc/sys/fs/binfmt_misc
registered=()
broken=()

[ "$(id -u)" -eq 0 ] || {
	echo "static-test: run it as root: it makes name spaces, a device node, and tells the kernel of qemu" >&2
	exit 1
}

forget() {
	local name
	for name in "${registered[@]}"; do
		echo -1 >"$binfmt/$name"
	done
}
trap forget EXIT

# know NAME: the kernel runs programs of this processor with Debian's qemu-user-static.
know() {
	[ -e "$binfmt/register" ] || mount -t binfmt_misc none "$binfmt"
	[ ! -e "$binfmt/$1" ] || return 0
	cat "/usr/lib/binfmt.d/$1.conf" >"$binfmt/register"
	registered+=("$1")
}

if [ -z "${FAST:-}" ]; then
	scripts/install-deps.sh test
	scripts/static.sh
	scripts/build.sh "$preset"
fi
for target in "${targets[@]}"; do
	# Under qemu-user there are no system call filters and no Landlock, signal 32 stays ignored, and the long runs of the
	# supervisor take too long.
	chosen=(-L "unit|fuzz" -E "sandbox|behaviours|agent.supervisor|unit.spawn")
	case $target in
	amd64)
		unset QEMU_CPU
		chosen=(-LE lint)
		;;
	arm64)
		unset QEMU_CPU
		know qemu-aarch64
		;;
	armv7)
		# The least that it promises to run on.
		export QEMU_CPU=cortex-a9,neon=off
		know qemu-arm
		;;
	esac
	echo "== $target: unit tests"
	cmake --build "$MUSTER_BUILD/static-build/$target"
	(cd "$MUSTER_BUILD/static-build/$target" && ctest --output-on-failure --repeat until-pass:2 "${chosen[@]}") ||
		broken+=("$target: unit tests")
	echo "== $target: a whole update"
	TARGETS=$target MUSTER_BIN=$MUSTER_BUILD/$preset/bin /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/static ||
		broken+=("$target: update")
done

if [ ${#broken[@]} -gt 0 ]; then
	printf 'failed: %s\n' "${broken[@]}"
	exit 1
fi
echo "static-test: all well for $TARGETS"
