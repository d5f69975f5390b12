# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by our scripts and by the Makefile's recipes: names the project's folders and puts a Node.js that is
# new enough on PATH. Debian 12's own is 18 and today's Vite and Node-RED want more, so install-deps.sh
# keeps a newer one in build/node; a Node.js of the user's own that suffices is preferred.

MUSTER_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MUSTER_BUILD=${MUSTER_BUILD:-$MUSTER_ROOT/build}
MUSTER_NODE_DIR=$MUSTER_BUILD/node
MUSTER_NODE_MIN=20.19.0
MUSTER_NODE_MAJOR=24
export MUSTER_ROOT MUSTER_BUILD MUSTER_NODE_DIR MUSTER_NODE_MIN MUSTER_NODE_MAJOR

# version_at_least HAVE WANT
version_at_least() {
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# node_suffices NODE: whether that program runs and is new enough.
node_suffices() {
	local version
	version=$("$1" --version 2>/dev/null) || return 1
	version_at_least "${version#v}" "$MUSTER_NODE_MIN"
}

if ! { command -v npm >/dev/null && node_suffices node; } && [ -x "$MUSTER_NODE_DIR/bin/node" ]; then
	PATH=$MUSTER_NODE_DIR/bin:$PATH
	export PATH
fi
