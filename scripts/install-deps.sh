#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# install-deps.sh [compile] [build] [demo] [test] [load] [docker] [static] [debs]
#
# Installs the Debian 12 packages that Muster needs, through apt (with sudo if you are not root), and says
# which. Without arguments: build. Each purpose includes "compile", and each but docker, static and debs "build".
#
#   compile  compiler, CMake, the libraries' headers
#   build    Node.js for the dashboard
#   demo     what the demo plant runs: PostgreSQL, mosquitto, collectd
#   test     what the tests need on top of that: pytest and its friends, chromium, lint tools, clang
#   load     the supervisors that tests/load/compare.sh measures beside ours
#   docker   Docker, for "make docker-test"
#   static   musl, cross compilers and qemu-user for "make static" and "make static-test". Adds the architectures arm64 and armhf
#            to dpkg, since Debian has musl for them as a package of theirs
#   debs     debootstrap, for "make debs-test"
#
# It does nothing, and does not ask the network, when everything is there already. Services that Debian's
# packages would start or enable (PostgreSQL, mosquitto, collectd, Docker) stay off when it is this script
# that brings them: Muster runs its own copies. Debian 12's Node.js is too old for the dashboard's tools: unless
# PATH has a newer one, its npm fetches the npm packages of a newer Node.js into build/node.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

COMPILE=(
	build-essential ca-certificates ccache cmake git ninja-build pkg-config python3 xz-utils zstd brotli
	libarchive-dev libcmocka-dev libcurl4-openssl-dev libgit2-dev libgnutls28-dev libjansson-dev
	libmicrohttpd-dev libmodbus-dev libmosquitto-dev libpq-dev libsodium-dev libsqlite3-dev libssl-dev
	libzstd-dev zlib1g-dev
)
DEMO=(
	collectd-core curl iproute2 libmodbus5 libmosquitto1 mosquitto mosquitto-clients openssl postgresql procps
	python3 util-linux
)
TEST=(
	chromium clang clang-format clang-tidy codespell fonts-dejavu-core fonts-noto-cjk jq
	libclang-rt-14-dev llvm python3-cryptography python3-hypothesis python3-jsonschema python3-paho-mqtt python3-psycopg2
	python3-pytest python3-requests python3-yaml shellcheck
)
LOAD=(monit runit s6 supervisor)
STATIC=(
	autoconf automake crossbuild-essential-arm64 crossbuild-essential-armhf dpkg-dev libtool musl-dev musl-tools
	qemu-user-static tcl
)
DEBS=(debootstrap)
DOCKER=(debootstrap docker.io docker-compose iptables)

# Services that the packages above bring: package=units.
UNITS=(
	collectd-core=collectd.service mosquitto=mosquitto.service postgresql=postgresql.service
	"docker.io=docker.service docker.socket" containerd=containerd.service
	monit=monit.service supervisor=supervisor.service runit=runit.service
)

say() {
	printf 'install-deps: %s\n' "$*"
}

die() {
	printf 'install-deps: %s\n' "$*" >&2
	exit 1
}

# missing PACKAGE...: those that are not installed, one a line.
missing() {
	local installed
	installed=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' 2>/dev/null |
		sed -n 's/^installed \([^:]*\).*/\1/p' | sort -u)
	printf '%s\n' "$@" | sort -u | comm -23 - <(printf '%s\n' "$installed")
}

apt_update() {
	local attempt
	# The lock of the package lists has no timeout of its own: somebody else's update may hold it.
	for attempt in 1 2 3 4 5 6; do
		apt-get -q -o DPkg::Lock::Timeout=600 update && return 0
		say "apt-get update did not succeed (attempt $attempt of 6), again in 10 s"
		sleep 10
	done
	say "apt-get update failed: going on with the package lists that are here"
}

# Runs as root: installs the packages named, with their services off.
apt_install() {
	local policy=/usr/sbin/policy-rc.d pair unit absent
	# Two copies of this script must not take each other's policy file away.
	exec 9>/run/lock/muster-install-deps.lock
	flock 9
	mapfile -t absent < <(missing "$@")
	[ ${#absent[@]} -gt 0 ] || return 0
	apt_update
	if [ ! -e "$policy" ]; then
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
		install --no-install-recommends "${absent[@]}" 9>&-
	command -v systemctl >/dev/null || return 0
	for pair in "${UNITS[@]}"; do
		printf '%s\n' "${absent[@]}" | grep -qx -- "${pair%%=*}" || continue
		for unit in ${pair#*=}; do
			systemctl --quiet disable "$unit" >/dev/null 2>&1 || true
			say "left $unit off (systemctl enable --now $unit turns it on)"
		done
	done
}

# Runs as root. All architectures of musl-dev must have the same version, so the machine's own is named too.
apt_install_musl() {
	dpkg --add-architecture arm64
	dpkg --add-architecture armhf
	apt_update
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
		install --no-install-recommends musl-dev musl-dev:arm64 musl-dev:armhf
}

ensure_musl() {
	if command -v aarch64-linux-musl-gcc >/dev/null && command -v arm-linux-musleabihf-gcc >/dev/null; then
		return
	fi
	say "installing with apt: musl-dev:arm64 musl-dev:armhf"
	as_root --apt-musl
}

# as_root ARG...: this script again, as root.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$0" "$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$0" "$@"
	else
		die "not root, and there is no sudo; as root run: $0 $*"
	fi
}

ensure_packages() {
	local absent
	mapfile -t absent < <(missing "$@")
	if [ ${#absent[@]} -eq 0 ]; then
		return
	fi
	say "installing with apt: ${absent[*]}"
	as_root --apt "${absent[@]}"
}

ensure_node() {
	local machine
	if command -v npm >/dev/null && node_suffices node; then
		return
	fi
	case $(dpkg --print-architecture) in
	amd64) machine=x64 ;;
	arm64) machine=arm64 ;;
	*) die "no Node.js $MUSTER_NODE_MAJOR for $(dpkg --print-architecture): install one >= $MUSTER_NODE_MIN yourself" ;;
	esac
	command -v npm >/dev/null || ensure_packages npm
	say "fetching Node.js $MUSTER_NODE_MAJOR and npm from npm into $MUSTER_NODE_DIR"
	mkdir -p "$MUSTER_NODE_DIR/bin"
	npm install --silent --no-save --no-package-lock --ignore-scripts --no-audit --no-fund \
		--prefix "$MUSTER_NODE_DIR" "node-linux-$machine@$MUSTER_NODE_MAJOR" npm@11
	ln -sf "../node_modules/npm/bin/npm-cli.js" "$MUSTER_NODE_DIR/bin/npm"
	ln -sf "../node_modules/npm/bin/npx-cli.js" "$MUSTER_NODE_DIR/bin/npx"
	# Last: its presence is what says that all of it is there.
	ln -sf "../node_modules/node-linux-$machine/bin/node" "$MUSTER_NODE_DIR/bin/node"
	node_suffices "$MUSTER_NODE_DIR/bin/node" || die "the Node.js in $MUSTER_NODE_DIR does not run"
}

main() {
	local wanted=("${COMPILE[@]}") node=no musl=no purpose
	if [ "${1:-}" = --apt ]; then
		shift
		apt_install "$@"
		return
	elif [ "${1:-}" = --apt-musl ]; then
		apt_install_musl
		return
	fi
	[ $# -gt 0 ] || set -- build
	for purpose in "$@"; do
		case $purpose in
		compile | docker | static | debs) ;;
		*) node=yes ;;
		esac
		case $purpose in
		compile | build) ;;
		demo) wanted+=("${DEMO[@]}") ;;
		test) wanted+=("${DEMO[@]}" "${TEST[@]}") ;;
		load) wanted+=("${DEMO[@]}" "${LOAD[@]}") ;;
		docker) wanted+=("${DOCKER[@]}") ;;
		debs) wanted+=("${DEBS[@]}") ;;
		static)
			[ "$(dpkg --print-architecture)" = amd64 ] || die "static programs are built on amd64"
			wanted+=("${STATIC[@]}")
			musl=yes
			;;
		-h | --help)
			sed -n '4,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
			return
			;;
		*) die "unknown purpose '$purpose': use compile, build, demo, test, load, docker, static, debs" ;;
		esac
	done
	command -v apt-get >/dev/null || die "this needs Debian's apt; on another system install by hand: ${wanted[*]}"
	ensure_packages "${wanted[@]}"
	[ "$musl" = no ] || ensure_musl
	[ "$node" = no ] || ensure_node
	say "all there for: $*"
}

main "$@"
