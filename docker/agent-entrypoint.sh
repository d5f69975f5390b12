#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Enrols the gateway at its first start and runs the agent. The environment says where:
#   MUSTER_SERVER          https://host:port
#   MUSTER_ENROLL_TOKEN    a token from "muster enroll-token create"; needed until it is enrolled
#   MUSTER_CA_FINGERPRINT  as "muster enroll-token create" prints it
#   MUSTER_NODE_NAME       its name, else the host's
set -eu

dir=/var/lib/muster-agent
if [ ! -f "$dir/keys/identity.json" ]; then
	muster-agent enroll --dir "$dir" --server "${MUSTER_SERVER:?}" --token "${MUSTER_ENROLL_TOKEN:?}" \
		--ca-fingerprint "${MUSTER_CA_FINGERPRINT:?}" --name "${MUSTER_NODE_NAME:-$(hostname)}"
fi
exec muster-agent run --dir "$dir"
