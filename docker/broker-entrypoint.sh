#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs mosquitto with Muster's settings once musterd has made the authority and the broker's certificate.
set -eu

until [ -f /keys/ca.crt ] && [ -f /keys/server.crt ] && [ -f /keys/server.key ]; do
	echo "waiting for musterd to make ca.crt, server.crt and server.key in /keys"
	sleep 1
done
exec mosquitto -c /etc/mosquitto/mosquitto.conf
