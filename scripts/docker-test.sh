#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make docker-test: builds Muster's images, starts docker/compose.yaml, enrols the agent in it, sees its node online, and takes all
# of it down again.
#
# A Docker that runs is used as it is. Where none does, one is started by hand (as root) with folders, socket and
# networks of its own that are removed at the end, and without touching the firewall. BASE names the base image; by default
# debian:bookworm-slim is pulled, and where that cannot be, a fresh Debian 12 is made with debootstrap.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

if [ "$(id -u)" -ne 0 ] && ! docker info >/dev/null 2>&1; then
	exec sudo -- "$0" "$@"
fi
"$MUSTER_ROOT/scripts/install-deps.sh" docker

cache=$MUSTER_BUILD/docker-test
work=$(mktemp -d /tmp/muster-docker.XXXXXX)
project=muster-test-$$
daemon=
export MUSTER_TAG=test-$$ POSTGRES_PASSWORD MUSTER_ENROLL_TOKEN MUSTER_CA_FINGERPRINT MUSTER_HTTPS_PORT MUSTER_MQTT_PORT
# The builder that every Docker has: the newer one fetches itself from a registry.
export DOCKER_BUILDKIT=0
POSTGRES_PASSWORD=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
# Published on any free port.
MUSTER_HTTPS_PORT=0
MUSTER_MQTT_PORT=0
mkdir -p "$cache"

say() {
	printf 'docker-test: %s (%d s)\n' "$*" "$SECONDS"
}

compose() {
	docker-compose --project-name "$project" --file "$MUSTER_ROOT/docker/compose.yaml" "$@"
}

finish() {
	local status=$? image
	trap - EXIT
	if [ $status -ne 0 ]; then
		compose --profile agent logs --tail 40 >&2 2>&1 || true
	fi
	compose --profile agent down --volumes --timeout 10 >"$work/down.log" 2>&1 || cat "$work/down.log" >&2
	if [ -n "$daemon" ]; then
		kill "$daemon" 2>/dev/null || true
		wait "$daemon" 2>/dev/null || true
		umount "$work"/exec/netns/* 2>/dev/null || true
	else
		for image in server agent postgres broker; do
			docker image rm --no-prune "muster-$image:$MUSTER_TAG" >/dev/null 2>&1 || true
		done
	fi
	rm -rf --one-file-system "$work"
	exit $status
}

# until_true SECONDS WHAT COMMAND...: waits until the command succeeds.
until_true() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >"$work/until.log" 2>&1; do
		if [ $SECONDS -ge $deadline ]; then
			printf 'docker-test: waited in vain: %s\n' "$what" >&2
			tail -n 5 "$work/until.log" >&2
			return 1
		fi
		sleep 1
	done
	say "$what"
}

start_docker() {
	docker info >/dev/null 2>&1 && return
	export DOCKER_HOST=unix://$work/docker.sock
	dockerd --host "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" \
		--iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bridge=none \
		>"$work/dockerd.log" 2>&1 &
	daemon=$!
	until_true 60 "a Docker of our own runs" docker info || {
		tail -n 20 "$work/dockerd.log" >&2
		return 1
	}
}

# Prints the base image's name.
base_image() {
	local mirror
	if [ -n "${BASE:-}" ]; then
		echo "$BASE"
		return
	fi
	if docker image inspect debian:bookworm-slim >/dev/null 2>&1 ||
		timeout 120 docker pull debian:bookworm-slim >/dev/null 2>&1; then
		echo debian:bookworm-slim
		return
	fi
	if [ ! -f "$cache/base.tar" ]; then
		# shellcheck source=scripts/demo/debs.sh
		. "$MUSTER_ROOT/scripts/demo/debs.sh"
		mirror=$(debs_sources | awk '$3 == "bookworm" { print $2; exit }')
		debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root" "$mirror" >"$work/debootstrap.log" 2>&1 || {
			tail -n 5 "$work/debootstrap.log" >&2
			return 1
		}
		# As this machine is set up: its mirrors, and authorities that it trusts besides the public ones.
		debs_sources | grep -v -- -backports >"$work/root/etc/apt/sources.list"
		cp -r /usr/local/share/ca-certificates/. "$work/root/usr/local/share/ca-certificates/"
		chroot "$work/root" update-ca-certificates >/dev/null 2>&1
		tar -C "$work/root" --one-file-system -cf "$cache/base.tar.new" .
		mv "$cache/base.tar.new" "$cache/base.tar"
		rm -rf --one-file-system "$work/root"
	fi
	docker import "$cache/base.tar" muster-base:bookworm >/dev/null
	echo muster-base:bookworm
}

build_images() {
	local base=$1 image
	# Where npm is at hand the dashboard is built here, once; the Dockerfile can do it, but has to fetch npm first.
	if command -v npm >/dev/null && node_suffices node; then
		# The lock is that of build.sh, which does the same.
		(cd "$MUSTER_ROOT/web" && flock 8 && npm ci --silent --no-audit --no-fund && npm run build 8>&-) \
			8>"$MUSTER_BUILD/build.lock" >"$work/web.log" 2>&1 || {
			tail -n 20 "$work/web.log" >&2
			return 1
		}
		say "dashboard built"
	fi
	for image in server agent postgres broker; do
		docker build --network host --file "$MUSTER_ROOT/docker/Dockerfile" --build-arg "BASE=$base" \
			--target $image --tag "muster-$image:$MUSTER_TAG" "$MUSTER_ROOT" >"$work/build.log" 2>&1 || {
			tail -n 30 "$work/build.log" >&2
			return 1
		}
		say "image $image: $(docker image inspect --format '{{.Size}}' "muster-$image:$MUSTER_TAG" |
			awk '{ printf "%.0f MB", $1 / 1e6 }')"
	done
}

healthy() {
	[ "$(docker inspect --format '{{.State.Health.Status}}' "$(compose ps -q server)")" = healthy ]
}

# The muster command inside the server's container.
muster() {
	compose exec -T -e MUSTER_SERVER=https://server:8443 -e MUSTER_CA=/var/lib/muster/keys/ca.crt \
		-e "MUSTER_TOKEN=$token" server muster "$@"
}

node_online() {
	muster node list --output json | grep -q '"status": *"online"'
}

trap finish EXIT
trap 'exit 130' INT TERM
start_docker
base=$(base_image)
say "base image $base"
build_images "$base"
compose up -d --no-build
until_true 120 "the server is healthy" healthy
compose exec -T server musterd user create --login admin --name Admin --role admin >/dev/null
token=$(compose exec -T server musterd token create --user admin --role admin --name docker-test | grep -o 'mst_[A-Za-z0-9_-]*')
enrol=$(muster enroll-token create --name gateway-1 --output json)
MUSTER_ENROLL_TOKEN=$(grep -o 'mse_[A-Za-z0-9_-]*' <<<"$enrol" | head -n 1)
MUSTER_CA_FINGERPRINT=$(sed -n 's/.*"ca_fingerprint": *"\([^"]*\)".*/\1/p' <<<"$enrol" | head -n 1)
compose --profile agent up -d --no-build agent
until_true 60 "the agent's node is online" node_online
say "all held"
