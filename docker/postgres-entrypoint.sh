#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs PostgreSQL on /var/lib/postgresql/data, after making the cluster, its role and its database "muster" at the first start with
# the password in POSTGRES_PASSWORD.
set -eu

PATH=/usr/lib/postgresql/15/bin:$PATH
data=/var/lib/postgresql/data

if [ ! -f "$data/PG_VERSION" ]; then
	# Made aside and moved when complete: a start that was cut off leaves nothing that looks finished.
	rm -rf "$data.new"
	umask 077
	echo "${POSTGRES_PASSWORD:?}" >/tmp/password
	initdb --pgdata "$data.new" --username muster --pwfile /tmp/password --encoding UTF8 \
		--locale C.UTF-8 --data-checksums --auth-local peer --auth-host scram-sha-256 >/dev/null
	rm /tmp/password
	echo "host all all all scram-sha-256" >>"$data.new/pg_hba.conf"
	echo "CREATE DATABASE muster" | postgres --single -D "$data.new" postgres >/dev/null
	mv "$data.new" "$data"
fi
unset POSTGRES_PASSWORD
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
