# shellcheck shell=bash
# Sourced: processes that are certainly the ones meant, and certainly ended. A pid is written down with its start time and the boot,
# so that a reused pid is never taken for ours.

# started_at PID: the start time of a process in ticks since boot; fails when there is none. The name in the second field
# may hold anything, so fields are counted behind its closing bracket.
started_at() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086 # fields are words
    set -- $stat
    # A zombie has ended.
    [ "$1" != Z ] || return 1
    echo "${20}"
}

# remember PID FILE: writes it down, whole or not at all. Fails when it has ended already.
remember() {
    local started
    started=$(started_at "$1") || return 1
    echo "$1 $started $(cat /proc/sys/kernel/random/boot_id)" >"$2.new"
    mv "$2.new" "$2"
}

# remembered FILE: the pid of the running program, if it is the one that was written down.
remembered() {
    local pid started boot
    read -r pid started boot 2>/dev/null <"$1" || return 1
    [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] && [ "$(started_at "$pid")" = "$started" ] || return 1
    echo "$pid"
}

# ended PID SECONDS: waits for the end of a process. A zombie has ended, whenever its parent looks (so not tail --pid).
ended() {
    local pid=$1 deadline=$((SECONDS + $2))
    while started_at "$pid" >/dev/null; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}
