#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make static: the agent as one fully static file for gateways, into build/static/TARGET/muster-agent, with Debian's cross
# compilers and musl, on an amd64 Debian 12. The file carries muster-shim, which is there alone as well.
#
#   TARGETS="amd64 arm64 armv7"   some of the targets only
#   REFRESH=1                     asks for newer sources of the libraries first; do so for each release
#
# The libraries are built once (scripts/static-deps.sh): five minutes of one core for each target, then seconds.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$MUSTER_ROOT"

read -ra targets <<<"${TARGETS:-amd64 arm64 armv7}"
out=$MUSTER_BUILD/static

die() {
	printf 'static: %s\n' "$*" >&2
	exit 1
}

# check FILE BYTES: nothing is asked of the system that it will run on, and it has not grown out of bounds.
check() {
	local size
	size=$(stat -c %s "$1")
	if readelf --wide --program-headers "$1" | grep -q INTERP; then
		die "$1 wants a dynamic loader"
	fi
	if readelf --wide --dynamic "$1" | grep -q NEEDED; then
		die "$1 wants shared libraries"
	fi
	[ "$size" -le "$2" ] || die "$1 has $size bytes, more than $2"
	printf 'static: %s, %s bytes\n' "${1#"$MUSTER_ROOT"/}" "$size"
}

build() {
	local target=$1 strip=$2 agent_max=$3 shim_max=$4 work=$MUSTER_BUILD/static-build/$1 name
	cmake -S . -B "$work" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$MUSTER_ROOT/cmake/static.cmake" -DMUSTER_TARGET="$target" \
		-DMUSTER_STATIC_DEPS="$MUSTER_BUILD/static-deps/$target" -DCMAKE_BUILD_TYPE=Release -DMUSTER_STATIC=ON \
		-DWITH_SERVER=OFF -DWITH_CLI=OFF -DWITH_DEMO=OFF -DWITH_SIM=OFF
	cmake --build "$work" --target muster-agent muster-shim
	mkdir -p "$out/$target"
	for name in muster-agent muster-shim; do
		"$strip" -o "$out/$target/$name.new" "$work/bin/$name"
		mv "$out/$target/$name.new" "$out/$target/$name"
	done
	check "$out/$target/muster-agent" "$agent_max"
	check "$out/$target/muster-shim" "$shim_max"
}

[ -n "${FAST:-}" ] || scripts/install-deps.sh static
scripts/static-deps.sh ${REFRESH:+--refresh} "${targets[@]}"
for target in "${targets[@]}"; do
	case $target in
	amd64) build amd64 x86_64-linux-gnu-strip 4500000 100000 ;;
	# Half of that shim is a gap in the file: its segments may lie on pages of 64 KB.
	arm64) build arm64 aarch64-linux-gnu-strip 4500000 180000 ;;
	armv7) build armv7 arm-linux-gnueabihf-strip 3500000 180000 ;;
	esac
done
