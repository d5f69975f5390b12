#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs PostgreSQL on /var/lib/postgresql/data, after making the cluster, a role and a database "muster" at the first start.
# The role's password is the first line of the file that POSTGRES_PASSWORD_FILE names.
set -eu

PATH=/usr/lib/postgresql/15/bin:$PATH
data=/var/lib/postgresql/data
password=${POSTGRES_PASSWORD_FILE:?names the file with the password}

if [ ! -f "$data/PG_VERSION" ]; then
	# Made aside and moved when complete: a start that was cut off leaves nothing that looks finished.
	rm -rf "$data.new"
	initdb --pgdata "$data.new" --username muster --pwfile "$password" --encoding UTF8 \
		--locale C.UTF-8 --data-checksums --auth-local peer --auth-host scram-sha-256 >/dev/null
	echo "host all all all scram-sha-256" >>"$data.new/pg_hba.conf"
	echo "CREATE DATABASE muster" | postgres --single -D "$data.new" postgres >/dev/null
	mv "$data.new" "$data"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
