#!/usr/bin/env bash
# Stops caked, cake-node and the laboratory. Virtual machines go on running; with VMS=stop they are stopped first.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/instance.sh
. "$(dirname "$0")/instance.sh"

[ -d "$CAKE_STATE" ] || { say "nothing to stop: $CAKE_STATE is not there"; exit 0; }
become_root "$@"

stop caked
if [ "${VMS:-}" = stop ] && [ -x "$CAKE_STATE/bin/cake-node" ]; then
    "$CAKE_STATE/bin/cake-node" stop-vms --state "$CAKE_STATE/node"
fi
stop cake-node
[ ! -d "$CAKE_STATE/lab" ] || "$CAKE_TOP/image/lab/down.sh"
[ -x "$CAKE_STATE/bin/cake-node" ] || exit 0
running=$("$CAKE_STATE/bin/cake-node" vms --state "$CAKE_STATE/node")
if [ -n "$running" ]; then
    say 'these virtual machines go on running (make down VMS=stop stops them too):'
    printf '%s\n' "$running" | sed 's/^/    /'
else
    say 'no virtual machine is running'
fi
