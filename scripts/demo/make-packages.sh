#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make-packages.sh [DIR]: makes the vendor archives that the demo's gateways install, each with its manifest,
# in DIR (default build/demo-packages):
#
#   mosquitto   two versions, of Debian 12 and of its backports, and a third that cannot start
#   collectd    with its modbus, mqtt and logfile plugins
#   node-red    with its own Node.js
#
# Programs come out of Debian's .deb files and npm's packages as they are; each brings the libraries that a
# plain Debian 12 does not have, and a wrapper that makes it run wherever it is unpacked. Needs no root, and does nothing
# when all is there already.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"
# shellcheck source=scripts/demo/debs.sh
. "$MUSTER_ROOT/scripts/demo/debs.sh"

out=${1:-$MUSTER_BUILD/demo-packages}
work=$out/work
architecture=$(dpkg --print-architecture)
platform=linux-$architecture
manifests=$MUSTER_ROOT/demo/packages

say() {
	printf 'make-packages: %s\n' "$*"
}

# stage_libraries ROOT STAGE: the shared libraries among the unpacked .deb files, under the names that programs ask for.
stage_libraries() {
	mkdir -p "$2/lib"
	find "$1/lib" "$1/usr/lib" -name 'lib*.so.*' 2>/dev/null | grep -E '\.so\.[0-9]+$' |
		while read -r library; do
			cp -L "$library" "$2/lib/"
		done
}

# stage_licences ROOT STAGE
stage_licences() {
	local file
	for file in "$1"/usr/share/doc/*/copyright; do
		install -D -m 644 "$file" "$2/share/licences/$(basename "$(dirname "$file")")"
	done
}

# stage_wrapper STAGE NAME PROGRAM: bin/NAME starts PROGRAM with the libraries beside it.
stage_wrapper() {
	mkdir -p "$1/bin"
	cat >"$1/bin/$2" <<-END
		#!/bin/sh
		# Finds its libraries beside itself, wherever the package was unpacked.
		here=\$(cd "\$(dirname "\$0")/.." && pwd)
		LD_LIBRARY_PATH="\$here/lib" exec "\$here/$3" "\$@"
	END
	chmod 755 "$1/bin/$2"
}

# check_libraries STAGE FILE...: whether each finds all of its libraries.
check_libraries() {
	local stage=$1 file lost
	shift
	for file in "$@"; do
		lost=$(LD_LIBRARY_PATH=$stage/lib ldd "$stage/$file" | grep 'not found' || true)
		if [ -n "$lost" ]; then
			printf 'make-packages: %s lacks libraries:\n%s\n' "$file" "$lost" >&2
			return 1
		fi
	done
}

# pack STAGE NAME VERSION RELEASE FORMAT: the archive and its manifest, from demo/packages/NAME.json.
pack() {
	local stage=$1 name=$2 version=$3 release=$4 format=$5 archive
	archive=$out/$name-$version.$format
	# The same files give the same bytes, whoever packs them when.
	(cd "$stage" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=go-w -cf - -- *) |
		case $format in
		tar.gz) gzip -6 -n ;;
		tar.zst) zstd -q -T0 -6 ;;
		esac >"$archive.new"
	mv "$archive.new" "$archive"
	python3 "$MUSTER_ROOT/scripts/demo/manifest.py" "$manifests/$name.json" \
		version="$version" platform="$platform" release="$release" archive="$archive" \
		>"$out/$name-$version.json"
	say "$(basename "$archive"), $(du -h "$archive" | cut -f 1)"
}

# mosquitto SUITE RELEASE FORMAT PACKAGE...: one version of the broker.
mosquitto() {
	local suite=$1 release=$2 format=$3 debian root stage
	shift 3
	debian=$(debs_version mosquitto "$suite")
	root=$work/mosquitto-$suite
	stage=$root.stage
	debs_unpack "$root" "mosquitto=$debian" libdlt2 libnsl2 libtirpc3 libwrap0 "$@"
	install -D -m 755 "$root/usr/sbin/mosquitto" "$stage/sbin/mosquitto"
	stage_libraries "$root" "$stage"
	stage_licences "$root" "$stage"
	stage_wrapper "$stage" mosquitto sbin/mosquitto
	check_libraries "$stage" sbin/mosquitto
	pack "$stage" mosquitto "${debian%%-*}" "$release" "$format"
}

# What a vendor's bad build looks like: well packed, rightly signed, and it does not start.
mosquitto_broken() {
	local stage=$work/mosquitto-broken
	mkdir -p "$stage/bin"
	cat >"$stage/bin/mosquitto" <<-'END'
		#!/bin/sh
		echo "mosquitto: symbol lookup error: undefined symbol: mosquitto_property_read_all" >&2
		exit 127
	END
	chmod 755 "$stage/bin/mosquitto"
	pack "$stage" mosquitto "$1" "$2" tar.gz
}

brokers() {
	mosquitto bookworm 1 tar.gz
	if [ -n "$(debs_version mosquitto bookworm-backports)" ]; then
		mosquitto bookworm-backports 2 tar.zst libwebsockets17 libuv1
	else
		cat >&2 <<-'END'
			make-packages: WARNING: bookworm-backports cannot be had from this machine's mirror.
			make-packages: WARNING: mosquitto 2.0.21 is NOT what the demo upgrades to: it is 2.0.11 once more,
			make-packages: WARNING: repacked as 2.0.11.1, so that there are two versions at all.
		END
		pack "$work/mosquitto-bookworm.stage" mosquitto 2.0.11.1 2 tar.zst
	fi
	mosquitto_broken 2.0.22 3
}

collector() {
	local root=$work/collectd stage=$work/collectd.stage debian plugin
	debian=$(debs_version collectd-core bookworm)
	debs_unpack "$root" "collectd-core=$debian" libmodbus5 libmosquitto1
	install -D -m 755 "$root/usr/sbin/collectd" "$stage/sbin/collectd"
	for plugin in logfile modbus mqtt; do
		install -D -m 644 "$root/usr/lib/collectd/$plugin.so" "$stage/lib/collectd/$plugin.so"
	done
	install -D -m 644 "$root/usr/share/collectd/types.db" "$stage/share/types.db"
	stage_libraries "$root" "$stage"
	stage_licences "$root" "$stage"
	stage_wrapper "$stage" collectd sbin/collectd
	check_libraries "$stage" sbin/collectd lib/collectd/{logfile,modbus,mqtt}.so
	pack "$stage" collectd "${debian%%-*}" 1 tar.gz
}

analytics() {
	local stage=$work/node-red version
	mkdir -p "$stage/bin"
	cp "$MUSTER_ROOT"/demo/analytics/package{,-lock}.json "$stage/"
	(cd "$stage" && npm ci --silent --ignore-scripts --omit=dev --no-audit --no-fund)
	mv "$stage"/node_modules/node-linux-*/bin/node "$stage/bin/node"
	# A gateway runs flows and edits none: the editor, headers, type declarations and manuals stay at home.
	rm -rf "$stage"/node_modules/{node-linux-*,.bin,@types} "$stage"/node_modules/@node-red/editor-client/public
	# Node-RED asks where npm is when it starts, and never for npm itself while installing is off.
	find "$stage/node_modules/npm" -mindepth 1 -maxdepth 1 ! -name package.json -exec rm -rf {} +
	find "$stage/node_modules" -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.md' \) -delete
	cat >"$stage/bin/node-red" <<-'END'
		#!/bin/sh
		here=$(cd "$(dirname "$0")/.." && pwd)
		exec "$here/bin/node" --max-old-space-size=128 "$here/node_modules/node-red/red.js" "$@"
	END
	chmod 755 "$stage/bin/node-red"
	version=$("$stage/bin/node" -p 'require(process.argv[1]).version' "$stage/node_modules/node-red/package.json")
	pack "$stage" node-red "$version" 1 tar.zst
}

main() {
	local stamp
	stamp=$(cat "$MUSTER_ROOT"/scripts/demo/{make-packages.sh,debs.sh,manifest.py} "$manifests"/*.json \
		"$MUSTER_ROOT"/demo/analytics/package-lock.json | sha256sum | cut -c 1-64)-$platform
	if [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]; then
		say "all there in $out"
		return
	fi
	rm -rf "$work"
	rm -f "$out"/*.tar.* "$out"/*.json "$out/stamp"
	mkdir -p "$work"
	debs_init "$out/apt"
	brokers
	collector
	analytics
	rm -rf "$work"
	printf '%s\n' "$stamp" >"$out/stamp"
}

main
