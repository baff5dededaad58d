#!/usr/bin/env bash
# chassis.sh DIRECTORY get|set WHAT [VALUE]…: what ipmi_sim calls when somebody asks for or changes the power of one of the laboratory's
# servers. DIRECTORY is the server's. Runs unprivileged, in the laboratory's room.
set -euo pipefail
# shellcheck source=image/scripts/process.sh
. "$(dirname "$0")/process.sh"

room=$(dirname "$(dirname "$(readlink -f "$0")")")
directory=$1 verb=$2
shift 2
machine=$directory/machine.pid

wish() { cat "$directory/$1" 2>/dev/null || echo "$2"; }

# From what the next start boots: one start only, as IPMI has it when nobody says "until told otherwise", which ipmi_sim does not pass on.
boot_order() {
    case $(wish boot none) in
        pxe) echo order=n ;;
        cdrom) echo order=d ;;
        bios) echo menu=on,splash-time=60000 ;;
        *) echo order=c ;;
    esac
    rm -f "$directory/boot"
}

# What ipmi_sim has open would stay open in the machine: its port first of all.
close_what_was_left_open() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
}

# The monitor is a pipe: commands in, and nobody to read what it says.
power_on() {
    local engine=$room/engine arguments
    ! remembered "$machine" >/dev/null || return 0
    rm -f "$directory"/monitor.{in,out} "$machine"
    mkfifo -m 600 "$directory/monitor.in"
    ln -s /dev/null "$directory/monitor.out"
    # shellcheck disable=SC2054 # QEMU's commas
    arguments=(
        "$engine/lib64/ld-linux-x86-64.so.2" --library-path "$engine/usr/lib/x86_64-linux-gnu" "$engine/usr/bin/qemu-system-x86_64"
        -name "${directory##*/}" -L "$engine/usr/share/qemu" -L "$engine/usr/share/seabios"
        -machine q35 -accel tcg -m 256 -nodefaults -display none -boot "$(boot_order)"
        -drive "file=$room/images/cake-tiny.raw,format=raw,if=virtio,readonly=on"
        -chardev "pipe,id=monitor,path=$directory/monitor" -mon chardev=monitor,mode=readline
        -chardev "socket,id=serial,host=127.0.0.1,port=$(cat "$directory/serial"),server=on,wait=off,logfile=$directory/console.log"
        -serial chardev:serial
        -daemonize -pidfile "$directory/qemu.pid"
    )
    (close_what_was_left_open; exec "${arguments[@]}") </dev/null >"$directory/qemu.log" 2>&1
    remember "$(cat "$directory/qemu.pid")" "$machine"
}

power_off() {
    local pid
    pid=$(remembered "$machine") || return 0
    kill -KILL "$pid" 2>/dev/null || true
    ended "$pid" 5
    rm -f "$machine"
}

# monitor COMMAND: said to the machine, if there is one. Opened for both ways, so that it never waits for a reader.
monitor() {
    remembered "$machine" >/dev/null || return 0
    echo "$1" 1<>"$directory/monitor.in"
}

get() {
    case $1 in
        power) if remembered "$machine" >/dev/null; then echo power:1; else echo power:0; fi ;;
        boot) echo "boot:$(wish boot none)" ;;
        *) echo "there is no $1"; return 1 ;;
    esac
}

# set_ WHAT VALUE
set_() {
    case $1=$2 in
        power=1) echo 1 >"$directory/power"; power_on ;;
        power=0) echo 0 >"$directory/power"; power_off ;;
        reset=1) monitor system_reset ;;
        shutdown=1) echo 0 >"$directory/power"; monitor system_powerdown ;;
        reset=0 | shutdown=0) ;;
        boot=none | boot=pxe | boot=default | boot=cdrom | boot=bios) echo "$2" >"$directory/boot" ;;
        # Seconds, and whether it is for ever.
        identify=*) echo "$2" >"$directory/identify" ;;
        *) echo "$1 can't be $2"; return 1 ;;
    esac
}

case $verb in
    get) for what in "$@"; do get "$what"; done ;;
    set) while [ $# -ge 2 ]; do set_ "$1" "$2"; shift 2; done ;;
    *) echo "chassis.sh can't $verb"; exit 1 ;;
esac
