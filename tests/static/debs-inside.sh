#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What scripts/debs-test.sh runs inside of a bare Debian: the packages' whole life. Each step says what it proves.
set -eu

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
asked=/tmp/systemctl.log
agent_dir=/var/lib/muster-agent

step() {
	echo "debs-test: $*"
}

die() {
	echo "debs-test: FAILED: $*" >&2
	exit 1
}

# wait_for TEXT COMMAND...: until it succeeds, two minutes at most.
wait_for() {
	what=$1
	shift
	for _ in $(seq 240); do
		if "$@" >/dev/null 2>&1; then
			return
		fi
		sleep 0.5
	done
	tail -n 20 /tmp/musterd.log /tmp/agent.log 2>/dev/null || true
	die "waited in vain for $what"
}

nothing_runs() {
	for program in musterd muster-agent muster-shim; do
		if pidof "$program" >/dev/null; then
			die "$program runs"
		fi
	done
}

# PostgreSQL and mosquitto must not start their own services.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d

step "the packages install on a bare system"
apt-get -q update >/tmp/apt.log 2>&1 || true
apt-get -q -y --no-install-recommends install postgresql mosquitto procps curl >>/tmp/apt.log 2>&1 ||
	{ tail -n 20 /tmp/apt.log; die "what the server uses does not install"; }
rm /usr/sbin/policy-rc.d
# As if systemd ran here; it writes down what it is asked for, and nothing else happens. apt gives scripts a PATH without /usr/local.
mkdir -p /run/systemd/system
cat >/usr/bin/systemctl <<'SYSTEMCTL'
#!/bin/sh
echo "$*" >>/tmp/systemctl.log
SYSTEMCTL
chmod 755 /usr/bin/systemctl
apt-get -q -y --no-install-recommends install /debs/*.deb >>/tmp/apt.log 2>&1 || { tail -n 20 /tmp/apt.log; die "the packages do not install"; }

step "nothing is started, and the server is not enabled, before somebody has said what it shall be"
nothing_runs
if grep -E 'enable|start' "$asked" | grep musterd; then
	die "musterd was enabled or started"
fi
[ "$(stat -c '%U:%G %a' /var/lib/muster)" = "muster:muster 750" ] || die "/var/lib/muster is not the server's"
[ "$(stat -c '%U:%G %a' /etc/muster/musterd.conf)" = "root:muster 640" ] || die "musterd.conf can be read by all"
grep -q "^ConditionPathExists=$agent_dir/keys/identity.json" /lib/systemd/system/muster-agent.service || die "the agent would start unenrolled"
if grep -r '@BIN@\|@DIR@' /lib/systemd/system /usr/share/doc/muster-agent; then
	die "a folder was not filled in"
fi

step "the server runs as the unit has it, as its own user"
grep -q '^ExecStart=/usr/bin/musterd standalone --config /etc/muster/musterd.conf$' /lib/systemd/system/musterd-standalone.service || die "another command"
setpriv --reuid muster --regid muster --init-groups --no-new-privs --bounding-set=-all env HOME=/var/lib/muster \
	/usr/bin/musterd standalone --config /etc/muster/musterd.conf >/tmp/musterd.log 2>&1 &
server=$!
wait_for "the server" curl -fsSk https://127.0.0.1:8443/readyz
fingerprint=$(curl -sk -o /dev/null -D - https://127.0.0.1:8443/api/v1/ca | tr -d '\r' | sed -n 's/^[Mm]uster-[Cc][Aa]-[Ff]ingerprint: //p')
password=$(sed -n 's/^password: //p' /var/lib/muster/first-login.txt)
printf '%s\n' "$password" | HOME=/root muster login --user admin --ca-fingerprint "$fingerprint" https://127.0.0.1:8443 >/dev/null

step "the one line of a token installs the agent of the package muster-agents, with its unit"
HOME=/root muster enroll-token create --uses 5 -o json >/tmp/token.json
line=$(sed -n 's/.*"install_command": *"\(.*\)".*/\1/p' /tmp/token.json | sed 's/\\"/"/g')
[ -n "$line" ] || die "the server offers no agent"
: >"$asked"
sh -c "$line --dir /var/lib/one-line --name one-line"
[ "$(cat "$asked")" = "daemon-reload
enable --quiet muster-agent
restart muster-agent" ] || die "systemd was asked for something else: $(cat "$asked")"
grep -q '^ExecStart=/usr/local/bin/muster-agent run --dir /var/lib/one-line$' /etc/systemd/system/muster-agent.service || die "another unit"
rm -rf /etc/systemd/system/muster-agent.service /usr/local/bin/muster-agent /var/lib/one-line

step "the package's agent enrols and comes online"
token=$(sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' /tmp/token.json)
muster-agent enroll --server https://127.0.0.1:8443 --token "$token" --ca-fingerprint "$fingerprint" --name gw
muster-agent run >/tmp/agent.log 2>&1 &
wait_for "the node to come online" sh -c 'HOME=/root muster node show gw | grep -q online'

step "a simulated fleet connects, and ends by itself"
muster-sim --nodes 2 --url https://127.0.0.1:8443 --token "$token" --ca-fingerprint "$fingerprint" --duration 1s >/tmp/sim.log ||
	die "the simulator did not end well"
grep -q '^2 nodes, 2 connected' /tmp/sim.log || die "the simulator says something else: $(cat /tmp/sim.log)"

step "an upgrade keeps settings that somebody has changed, starts what runs again, and stops no agent"
echo 'log_level = warn' >>/etc/muster/musterd.conf
: >"$asked"
dpkg -i /debs/musterd_*.deb /debs/muster-agent_*.deb >>/tmp/apt.log 2>&1
grep -q '^log_level = warn$' /etc/muster/musterd.conf || die "musterd.conf was overwritten"
grep -q '^try-restart musterd.service musterd-standalone.service$' "$asked" || die "a running server keeps its old program"
grep -q 'restart.*muster-agent.service' "$asked" || die "the agent keeps its old program"
if grep -E '(^| )(stop|disable)' "$asked"; then
	die "an upgrade stops something"
fi
pidof muster-agent >/dev/null || die "the agent was stopped"

step "removing the agent stops it and its services, and keeps its keys"
apt-get -q -y remove muster-agent >>/tmp/apt.log 2>&1
wait_for "the agent to end" sh -c '! pidof muster-agent'
[ -f "$agent_dir/keys/identity.json" ] || die "the keys are gone"

step "under OpenRC the one line has it started, and started again when it is killed"
rm -rf /run/systemd
apt-get -q -y --no-install-recommends install openrc >>/tmp/apt.log 2>&1 || die "openrc does not install"
# As after a boot.
mkdir -p /run/openrc
touch /run/openrc/softlevel
sh -c "$line --dir /var/lib/one-line --name one-line-rc"
[ -e /etc/runlevels/default/muster-agent ] || die "it is not in the runlevel"
wait_for "the node of OpenRC to come online" sh -c 'HOME=/root muster node show one-line-rc | grep -q online'
first=$(pidof muster-agent)
kill -KILL "$first"
# shellcheck disable=SC2016
wait_for "another agent" sh -c 'new=$(pidof muster-agent) && [ "$new" != "$1" ]' sh "$first"
rc-service muster-agent stop
wait_for "the agent to end" sh -c '! pidof muster-agent'
rc-update -q del muster-agent default
rm -rf /etc/init.d/muster-agent /usr/local/bin/muster-agent /var/lib/one-line
apt-get -q -y purge openrc >>/tmp/apt.log 2>&1
mkdir -p /run/systemd/system

step "removing the server keeps its data"
kill "$server"
wait "$server" || die "the server did not end well"
apt-get -q -y remove musterd muster-cli muster-sim muster-agents >>/tmp/apt.log 2>&1
grep -q '^--quiet disable --now musterd.service musterd-standalone.service$' "$asked" || die "the server's unit is left enabled"
for file in /var/lib/muster/keys/ca.key /etc/muster/musterd.conf; do
	[ -f "$file" ] || die "$file is gone"
done

step "purging leaves nothing"
# apt does not know any more what has left nothing to purge.
dpkg --purge musterd muster-agent muster-cli muster-sim muster-agents >>/tmp/apt.log 2>&1
apt-get -q -y autoremove >>/tmp/apt.log 2>&1
if getent passwd muster; then
	die "the user is left"
fi
left=$(find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /root \) -prune -o -iname '*muster*' -print | grep -v '^/debs' || true)
[ -z "$left" ] || die "left: $left"
nothing_runs
step "all well"
