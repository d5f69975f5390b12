#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make debs-test: builds the packages and has a bare Debian 12 install, use, upgrade, remove and purge them, as root. The bare system
# is made once with debootstrap and kept in build/debs-root. systemd does not run in there: what the packages ask of it is
# written down by a systemctl of ours, and the units themselves are read by systemd in tests/lint/units.py.
#
#   FAST=1   test the packages that lie in build/debs
#   PRESET, TARGETS as of scripts/debs.sh
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$MUSTER_ROOT"

bare=$MUSTER_BUILD/debs-root

[ "$(id -u)" -eq 0 ] || {
	echo "debs-test: run it as root: it makes a Debian in a folder" >&2
	exit 1
}
if [ -z "${FAST:-}" ]; then
	scripts/debs.sh
	scripts/install-deps.sh debs
fi
mirror=$(apt-get indextargets --format "\$(REPO_URI)" "Created-By: Packages" "Origin: Debian" "Codename: bookworm" | awk 'NR == 1')
if [ ! -e "$bare/etc/debian_version" ]; then
	rm -rf "$bare.new"
	debootstrap --variant=minbase bookworm "$bare.new" "${mirror:?apt knows no mirror of Debian 12}"
	mv "$bare.new" "$bare"
fi
root=$(mktemp -d "$MUSTER_BUILD/debs-test.XXXXXX")
trap 'rm -rf "$root"' EXIT
cp -a "$bare/." "$root"
mkdir -p "$root/debs"
cp "$MUSTER_BUILD"/debs/*_"$(dpkg --print-architecture)".deb "$MUSTER_BUILD"/debs/*_all.deb "$root/debs"
install -m 755 tests/static/debs-inside.sh "$root/debs-inside.sh"
# It need not survive a power cut.
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
# The same mirrors, names and proxies as here.
cp /etc/resolv.conf "$root/etc/resolv.conf"
apt-get indextargets --format "deb [trusted=yes] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" "Created-By: Packages" "Origin: Debian" |
	sort -u >"$root/etc/apt/sources.list"
mkdir -p "$MUSTER_BUILD/debs-cache/partial"
# Its own processes, which end with it, whatever happens.
# shellcheck disable=SC2016  # the inner shell expands them
unshare --pid --fork --kill-child --mount --mount-proc="$root/proc" sh -eu -c '
	mount --make-rprivate /
	mount --bind /dev "$1/dev"
	mount --bind "$2" "$1/var/cache/apt/archives"
	exec chroot "$1" /debs-inside.sh
' sh "$root" "$MUSTER_BUILD/debs-cache"
