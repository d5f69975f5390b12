#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs mosquitto with Muster's settings once its certificate is in /broker-keys, and has it load a renewed one.
set -eu

from=/broker-keys
to=/run/muster-broker

take_keys() {
	for file in ca.crt server.crt server.key; do
		install -m 400 -o mosquitto "$from/$file" "$to/$file"
	done
}

install -d -m 500 -o mosquitto "$to"
until [ -f "$from/ca.crt" ] && [ -f "$from/server.crt" ] && [ -f "$from/server.key" ]; do
	echo "waiting for musterd to make the broker's certificate"
	sleep 1
done
take_keys
mosquitto -c /etc/mosquitto/mosquitto.conf &
broker=$!
trap 'kill -TERM $broker' TERM INT
while kill -0 $broker 2>/dev/null; do
	sleep 10 &
	wait $! || true
	if ! cmp -s "$from/server.crt" "$to/server.crt" && cmp -s "$from/ca.crt" "$to/ca.crt"; then
		take_keys
		kill -HUP $broker
	fi
done
wait $broker
