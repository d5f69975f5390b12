#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes this machine a node of the Muster server that serves this script. "muster enroll-token create" and the dashboard
# print the one line that fetches it, compares its checksum, and runs it. Run again, it updates the agent and changes nothing else.
#
#   --server URL           https://host:port of the server
#   --token TOKEN          enrolment token; not needed where the machine is a node already
#   --ca-fingerprint HEX   sha256 of the server's own authority
#   --name NAME            name of the node (default: the host's)
#   --label KEY=VALUE      may come again
#   --bin-dir DIR          where the program goes (default: /usr/local/bin)
#   --dir DIR              what the agent keeps (default: /var/lib/muster-agent)
#   --no-start             install and enrol only; the init system is left alone
#
# Why it can be trusted: whoever runs the one line got the script's checksum from the server through a channel that he trusts
# already. The script knows the checksums of the agents and runs none with another; and it looks whether the server has the
# authority of the fingerprint before it fetches anything else. Needs sh, sha256sum, base64, and curl or wget.
set -eu

# From here to the end of the list the server fills in: architecture, sha256 and bytes of each agent.
AGENTS='
@AGENTS@
'

say() {
	echo "muster: $*"
}

die() {
	echo "muster: $*" >&2
	exit 1
}

# fetch PATH FILE. The server's certificate is of its own authority, which no system knows: curl is told; wget of BusyBox cannot be,
# and for it the checksums alone must do, as they can.
fetch() {
	if command -v curl >/dev/null; then
		if [ -s "$work/ca.crt" ]; then
			curl -fsS --cacert "$work/ca.crt" -o "$2" "$server$1"
		else
			curl -fsSk -o "$2" "$server$1"
		fi
	elif command -v wget >/dev/null; then
		wget -q --no-check-certificate -O "$2" "$server$1"
	else
		die "neither curl nor wget is here"
	fi || die "no answer from $server$1; look at address, port and firewall"
}

sha256() {
	sha256sum "$1" | cut -d ' ' -f 1
}

check_authority() {
	fetch /api/v1/ca "$work/new.crt"
	sed '/^-----/d' "$work/new.crt" | base64 -d >"$work/ca.der" || die "$server does not answer with a certificate"
	found=$(sha256 "$work/ca.der")
	if [ "$found" != "$fingerprint" ]; then
		die "the authority of $server has the fingerprint $found, not the one given; nothing was installed"
	fi
	mv "$work/new.crt" "$work/ca.crt"
}

# Sets target, wanted and bytes, as the list of agents has them.
choose_agent() {
	case $(uname -m) in
	x86_64) target=amd64 ;;
	aarch64) target=arm64 ;;
	armv7* | armv8l) target=armv7 ;;
	*) die "there is no agent for $(uname -m)" ;;
	esac
	# The system may be 32 bit under a 64 bit kernel; a static 64 bit program runs there as well.
	wanted='' bytes=''
	while read -r name sum size; do
		if [ "$name" = "$target" ]; then
			wanted=$sum bytes=$size
		fi
	done <<LIST
$AGENTS
LIST
	[ -n "$wanted" ] || die "$server has no agent for $target"
}

install_agent() {
	if [ -f "$bin/muster-agent" ] && [ "$(sha256 "$bin/muster-agent")" = "$wanted" ]; then
		say "$bin/muster-agent is up to date"
		return
	fi
	say "fetching the agent for $target, $bytes bytes"
	fetch "/agents/$target" "$work/muster-agent"
	[ "$(sha256 "$work/muster-agent")" = "$wanted" ] || die "the agent that came is not the one that was promised; nothing was installed"
	mkdir -p "$bin"
	# Beside the old one first: what runs keeps its file, and a power cut leaves the old or the new.
	cp "$work/muster-agent" "$bin/muster-agent.new"
	chmod 755 "$bin/muster-agent.new"
	sync
	"$bin/muster-agent.new" --version >/dev/null || die "the agent does not run on this machine"
	mv "$bin/muster-agent.new" "$bin/muster-agent"
	say "installed $("$bin/muster-agent" --version)"
	changed=yes
}

# The token goes through the environment, where other users cannot see it.
enroll() {
	if [ -z "$token" ]; then
		[ -f "$dir/keys/identity.json" ] || die "--token is missing; \"muster enroll-token create\" makes one"
		return
	fi
	MUSTER_AGENT_TOKEN=$token "$bin/muster-agent" enroll --dir "$dir" --server "$server" --ca-fingerprint "$fingerprint" "$@"
}

systemd_unit() {
	cat <<'UNIT'
@SYSTEMD@
UNIT
}

openrc_script() {
	cat <<'SCRIPT'
@OPENRC@
SCRIPT
}

# put FILE MODE: standard input with the folders filled in, in one step.
put() {
	sed "s#@BIN@#$bin#g; s#@DIR@#$dir#g" >"$1.new"
	chmod "$2" "$1.new"
	mv "$1.new" "$1"
}

start() {
	if [ -d /run/systemd/system ]; then
		systemd_unit | put /etc/systemd/system/muster-agent.service 644
		systemctl daemon-reload
		systemctl enable --quiet muster-agent
		systemctl ${changed:+re}start muster-agent
		say "runs under systemd: systemctl status muster-agent, journalctl -u muster-agent"
	elif [ -x /sbin/openrc-run ]; then
		openrc_script | put /etc/init.d/muster-agent 755
		rc-update -q add muster-agent default
		rc-service muster-agent ${changed:+re}start
		say "runs under OpenRC: rc-service muster-agent status"
	else
		say "no systemd and no OpenRC here: have your init system run \"$bin/muster-agent run\" and start it again when it ends"
	fi
}

main() {
	server='' token='' fingerprint='' bin=/usr/local/bin dir=/var/lib/muster-agent idle='' changed=''
	given="$*"
	# What is left in "$@" afterwards is for "muster-agent enroll".
	count=$#
	while [ "$count" -gt 0 ]; do
		option=$1
		shift
		count=$((count - 1))
		case $option in
		--no-start)
			idle=yes
			continue
			;;
		--server | --token | --ca-fingerprint | --name | --label | --bin-dir | --dir) ;;
		*) die "unknown option $option" ;;
		esac
		[ "$count" -gt 0 ] || die "$option needs a value"
		value=$1
		shift
		count=$((count - 1))
		case $option in
		--server) server=${value%/} ;;
		--token) token=$value ;;
		--ca-fingerprint) fingerprint=$(printf %s "${value#sha256:}" | tr 'A-F' 'a-f') ;;
		--bin-dir) bin=$value ;;
		--dir) dir=$value ;;
		*) set -- "$@" "$option" "$value" ;;
		esac
	done
	[ -n "$given" ] || die "the dashboard and \"muster enroll-token create\" show the whole line"
	case $server in
	https://*) ;;
	*) die "--server is https://host:port of the Muster server" ;;
	esac
	[ -n "$fingerprint" ] || die "--ca-fingerprint is missing; without it nobody knows whose server this is"
	case $bin:$dir in
	/*:/*) ;;
	*) die "--bin-dir and --dir are plain absolute paths" ;;
	esac
	case $bin$dir in
	*[!A-Za-z0-9._/-]*) die "--bin-dir and --dir are plain absolute paths" ;;
	esac
	[ "$(id -u)" -eq 0 ] || [ -w "$bin" ] || die "run it as root: it writes to $bin and $dir"
	umask 022
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	check_authority
	choose_agent
	install_agent
	enroll "$@"
	[ -n "$idle" ] || start
}

# Last, and alone on its line: of a script that was cut off nothing runs.
main "$@"
