#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make debs: Debian packages into build/debs:
#
#   musterd, muster-cli, muster-sim
#                         the release build, for this machine's architecture, on the libraries of Debian 12
#   muster-agent          the static agent, one package for amd64, arm64 and armhf each; needs no other package
#   muster-agents         what a server gives to gateways by /install.sh
#
#   TARGETS="amd64 arm64 armv7"   agents of some kinds only
#   FAST=1                        package what has been built, build nothing
#   PRESET=dev                    another build of the server than release
#   VERSION=1.2.3                 another version than that of the sources
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$MUSTER_ROOT"

read -ra targets <<<"${TARGETS:-amd64 arm64 armv7}"
preset=${PRESET:-release}
out=$MUSTER_BUILD/debs
work=$MUSTER_BUILD/debs-work
recipes=packaging/debian
host=$(dpkg --print-architecture)

die() {
	printf 'debs: %s\n' "$*" >&2
	exit 1
}

# The version of the sources; between two releases older than the next, and younger with each commit.
version_find() {
	local version
	version=$(sed -n 's/^project(muster VERSION \([^ ]*\).*/\1/p' CMakeLists.txt)
	if git rev-parse --verify -q HEAD >/dev/null 2>&1 && ! git describe --exact-match --match "v$version" >/dev/null 2>&1; then
		version+="~git$(git log -1 --format=%cd --date=format:%Y%m%d%H%M).$(git rev-parse --short HEAD)"
	fi
	echo "$version"
}

# put MODE SOURCE PACKAGE PATH
put() {
	install -D -m "$1" "$2" "$work/$3/$4"
}

# The programs' libraries as dependencies. dpkg-shlibdeps wants to stand beside a debian/control.
shared_libraries() {
	mkdir -p "$work/shlibs/debian"
	printf 'Source: muster\n\nPackage: muster\nArchitecture: any\n' >"$work/shlibs/debian/control"
	(cd "$work/shlibs" && dpkg-shlibdeps --warnings=0 -O "$@") | sed -n 's/^shlibs:Depends=//p'
}

# service MODE SOURCE PACKAGE PATH: as put, with the folders of a package filled in.
service() {
	put "$@"
	sed -i "s#@BIN@#/usr/bin#g; s#@DIR@#/var/lib/muster-agent#g" "$work/$3/$4"
}

copyright() {
	local package=$1 file name
	put 644 LICENSE "$package" "usr/share/doc/$package/copyright"
	[ "$2" = static ] || return 0
	# What is linked in brings its own terms along.
	{
		for file in "$MUSTER_BUILD"/static-deps/sources/*.debian.tar.xz; do
			name=$(basename "$file")
			# cmocka is for the tests only; a package without .dsc is left from an older version.
			if [ -e "${file%.debian.tar.xz}.dsc" ] && [ "${name%%_*}" != cmocka ]; then
				printf '\n=== %s\n\n' "${name%%_*}"
				tar -xOf "$file" debian/copyright
			fi
		done
		printf '\n=== musl\n\n'
		cat /usr/share/doc/musl-dev/copyright
	} >>"$work/$package/usr/share/doc/$package/copyright"
}

# finish PACKAGE ARCHITECTURE LIBRARIES
finish() {
	local package=$1 root=$work/$1 script size
	mkdir -p "$root/DEBIAN"
	size=$(du -sk --apparent-size "$root" | cut -f 1)
	sed "s#@VERSION@#$version#; s#@ARCH@#$2#; s#@SIZE@#$size#; s#@SHLIBS@#$3#" "$recipes/$package/control" >"$root/DEBIAN/control"
	for script in postinst prerm postrm; do
		[ ! -e "$recipes/$package/$script" ] || install -m 755 "$recipes/$package/$script" "$root/DEBIAN/$script"
	done
	[ ! -d "$root/etc" ] || (cd "$root" && find etc -type f -printf '/%p\n') >"$root/DEBIAN/conffiles"
	(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
	chmod -R u=rwX,go=rX "$root"
	dpkg-deb --root-owner-group -Zxz --build "$root" "$out/${package}_${version}_$2.deb" >/dev/null
	echo "debs: ${out#"$MUSTER_ROOT"/}/${package}_${version}_$2.deb"
	rm -rf "$root"
}

server() {
	local bin=$MUSTER_BUILD/$preset/bin name libraries
	for name in musterd muster muster-sim; do
		[ -x "$bin/$name" ] || die "$bin/$name has not been built"
	done
	put 755 "$bin/musterd" musterd usr/bin/musterd
	strip "$work/musterd/usr/bin/musterd"
	put 644 packaging/musterd.conf musterd etc/muster/musterd.conf
	service 644 packaging/systemd/musterd.service musterd lib/systemd/system/musterd.service
	service 644 packaging/systemd/musterd-standalone.service musterd lib/systemd/system/musterd-standalone.service
	copyright musterd shared
	libraries=$(shared_libraries "$work/musterd/usr/bin/musterd")
	finish musterd "$host" "$libraries"
	program muster-cli muster
	program muster-sim muster-sim
}

# program PACKAGE NAME: a package with one program of the release build.
program() {
	local package=$1 name=$2 libraries
	put 755 "$MUSTER_BUILD/$preset/bin/$name" "$package" "usr/bin/$name"
	strip "$work/$package/usr/bin/$name"
	copyright "$package" shared
	libraries=$(shared_libraries "$work/$package/usr/bin/$name")
	finish "$package" "$host" "$libraries"
}

agent() {
	local target=$1 architecture=$1 program=$MUSTER_BUILD/static/$1/muster-agent
	[ -x "$program" ] || die "$program has not been built"
	[ "$target" != armv7 ] || architecture=armhf
	put 755 "$program" muster-agent usr/bin/muster-agent
	service 644 packaging/systemd/muster-agent.service muster-agent lib/systemd/system/muster-agent.service
	service 755 packaging/openrc/muster-agent muster-agent usr/share/doc/muster-agent/examples/openrc/muster-agent
	copyright muster-agent static
	finish muster-agent "$architecture" ""
}

agents() {
	local target
	for target in "${targets[@]}"; do
		put 755 "$MUSTER_BUILD/static/$target/muster-agent" muster-agents "usr/share/muster/agents/$target/muster-agent"
	done
	copyright muster-agents static
	finish muster-agents all ""
}

if [ -z "${FAST:-}" ]; then
	scripts/install-deps.sh static
	scripts/build.sh "$preset"
	TARGETS="${targets[*]}" scripts/static.sh
fi
version=${VERSION:-$(version_find)}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date -r CMakeLists.txt +%s)
export SOURCE_DATE_EPOCH
rm -rf "$work" "$out"
mkdir -p "$out"
server
for target in "${targets[@]}"; do
	agent "$target"
done
agents
rm -rf "$work"
