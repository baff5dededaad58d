#!/usr/bin/env bash
# Stops caked and cake-node. Virtual machines go on running; with VMS=stop they are stopped first.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/instance.sh
. "$(dirname "$0")/instance.sh"

[ -d "$CAKE_STATE" ] || { say "nothing to stop: $CAKE_STATE is not there"; exit 0; }
become_root "$@"

# ended PID SECONDS: waits for the end of a process. A zombie has ended, whenever its parent looks (so not tail --pid).
ended() {
    local pid=$1 deadline=$((SECONDS + $2))
    while started_at "$pid" >/dev/null; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}

# stop NAME: asks the program to end and waits until it has. One that does not listen is ended: its state survives that.
stop() {
    local pid
    pid=$(pid_of "$1") || { say "$1 is not running"; return 0; }
    kill -TERM "$pid"
    if ! ended "$pid" 20; then
        say "$1 did not end within 20 s: killed"
        kill -KILL "$pid" 2>/dev/null || true
        ended "$pid" 20 || die "$1 (pid $pid) cannot be killed"
    fi
    rm -f "$CAKE_STATE/run/$1.pid"
    say "$1 stopped"
}

stop caked
if [ "${VMS:-}" = stop ] && [ -x "$CAKE_STATE/bin/cake-node" ]; then
    "$CAKE_STATE/bin/cake-node" stop-vms --state "$CAKE_STATE/node"
fi
stop cake-node
[ -x "$CAKE_STATE/bin/cake-node" ] || exit 0
running=$("$CAKE_STATE/bin/cake-node" vms --state "$CAKE_STATE/node")
if [ -n "$running" ]; then
    say 'these virtual machines go on running (make down VMS=stop stops them too):'
    printf '%s\n' "$running" | sed 's/^/    /'
else
    say 'no virtual machine is running'
fi
