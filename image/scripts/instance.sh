# shellcheck shell=bash
# Sourced after common.sh: the running instance of one state directory. Two programs, each with a pid file that names a
# process by pid, start time and boot, so that a reused pid is never taken for ours.
#
#   CAKE_STATE/            the caller's
#     cake.toml ca.pem     for the `cake` command: where the instance is, whose certificate it has
#     bin/                 the programs as they were started
#     log/ run/            root's: logs, pid files, the node's socket
#     node/                root's alone
#     lab/                 the laboratory's servers, after make up LAB=1
#     caked/               the unprivileged user's alone

# shellcheck source=image/scripts/process.sh
. "$(dirname "${BASH_SOURCE[0]}")/process.sh"

CAKE_STATE=${CAKE_STATE:-$CAKE_TOP/.cake}
case $CAKE_STATE in /*) ;; *) CAKE_STATE=$PWD/$CAKE_STATE ;; esac
CAKE_HTTPS=${CAKE_HTTPS:-127.0.0.1:8443}
CAKE_USER=${CAKE_USER:-cake}
CAKE_OWNER=${CAKE_OWNER:-$(id -u):$(id -g)}
export CAKE_STATE CAKE_HTTPS CAKE_USER
# Where caked finds its state, in a mount namespace of its own: short, and the same wherever the checkout lies.
CAKED_ROOM=/run/cake

# As root from here on; what belongs to the caller goes back to the caller.
become_root() {
    [ "$(id -u)" != 0 ] || return 0
    local keep=(CAKE_STATE="$CAKE_STATE" CAKE_HTTPS="$CAKE_HTTPS" CAKE_USER="$CAKE_USER" CAKE_ENGINE_DIR="$CAKE_ENGINE_DIR"
        CAKE_IMAGES_DIR="$CAKE_IMAGES_DIR" CAKE_OWNER="$CAKE_OWNER" CAKE_BUILT="${CAKE_BUILT:-}"
        VMS="${VMS:-}" SETUP="${SETUP:-}" LAB="${LAB:-}"
        CAKE_NETNS="${CAKE_NETNS:-}" CI="${CI:-}")
    command -v sudo >/dev/null || die 'this needs root: run it as root, or install sudo'
    exec sudo env "${keep[@]}" "$0" "$@"
}

# pid_of NAME: the pid of the running program, if it is the one that we started.
pid_of() { remembered "$CAKE_STATE/run/$1.pid"; }

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

# as_caked COMMAND…: replaces this shell by a command that runs as the unprivileged user, sees CAKE_STATE as /run/cake
# even where that user may not enter the directories above (a checkout in a home directory of mode 0700), holds no
# capability and can get none.
as_caked() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    exec unshare --mount --propagation slave sh -euc '
        state=$1 room=$2 user=$3
        shift 3
        mount --bind "$state" "$room"
        cd "$room"
        exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
    ' as_caked "$CAKE_STATE" "$CAKED_ROOM" "$CAKE_USER" "$@"
}

# caked_says COMMAND…: a sub-command of caked on this instance's state.
caked_says() {
    local command=$1
    shift
    (as_caked "$CAKED_ROOM/bin/caked" "$command" --state "$CAKED_ROOM/caked" "$@")
}
