# shellcheck shell=bash
# Sourced after instance.sh: three servers that are none. The BMC of each is OpenIPMI's ipmi_sim; its power starts and stops a QEMU.
#
#   CAKE_STATE/lab/        a room of its own, seen as /run/cake-lab in a mount namespace by whatever runs in it
#     password             of the BMCs' user `admin`: the caller's to read, nobody else's
#     engine/ images/      the engine root and its images, mounted there
#     bin/                 what the BMCs call
#     lab-1/ …             port, guid, the BMC's configuration and memory; the machine's pid, serial port, console and wishes
#       sensors/           a file a sensor, the caller's to write: see set.sh

LAB=$CAKE_STATE/lab
LAB_ROOM=/run/cake-lab
# shellcheck disable=SC2034 # used by who sources this
LAB_SERVERS=(lab-1 lab-2 lab-3) LAB_USER='admin'
# The loopback that cake-node sees: with CAKE_NETNS another one than the machine's.
LAB_PLACE=()
[ -z "${CAKE_NETNS:-}" ] || LAB_PLACE=(ip netns exec "$CAKE_NETNS")

# in_lab COMMAND…: replaces this shell by a command that runs as the unprivileged user, with no capability, in a mount namespace where
# the laboratory, the engine and its images have the same short paths wherever they lie.
in_lab() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    exec "${LAB_PLACE[@]}" unshare --mount --propagation slave sh -euc '
        lab=$1 room=$2 engine=$3 images=$4 user=$5
        shift 5
        mount --bind "$lab" "$room"
        mount --bind -o ro "$engine" "$room/engine"
        mount --bind -o ro "$images" "$room/images"
        cd "$room"
        exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
    ' in_lab "$LAB" "$LAB_ROOM" "$(readlink -f "$CAKE_ENGINE_DIR/current")" "$CAKE_IMAGES_DIR" "$CAKE_USER" "$@"
}

# stop_machine SERVER: its QEMU, at once.
stop_machine() {
    local pid
    pid=$(remembered "$LAB/$1/machine.pid") || return 0
    kill -KILL "$pid" 2>/dev/null || true
    ended "$pid" 20 || die "the machine of $1 (pid $pid) cannot be ended"
    rm -f "$LAB/$1/machine.pid"
}
