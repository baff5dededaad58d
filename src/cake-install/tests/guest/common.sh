# shellcheck shell=bash
# Sourced by the scenarios: drivers, words to check with. /cake holds the programs, the firmware and the answers.
set -euo pipefail
exec 2>&1
modprobe -a dm-crypt md-mod raid1 raid10 vfat xfs nls_cp437 nls_ascii nls_iso8859_1
# A mirror's first synchronisation would fill the disks' files; nothing here waits for it.
echo 100 >/proc/sys/dev/raid/speed_limit_min
echo 200 >/proc/sys/dev/raid/speed_limit_max
install=/cake/cake-install
answers=/run/answers.toml
# shellcheck disable=SC2034 # the scenarios run it
run=("$install" run --answers "$answers" --firmware /cake/cake.efi --boot-loader /cake/systemd-bootx64.efi --version 0.1.0)

fail() { echo "FAILED: $*"; cat /proc/mdstat; lsblk; dmesg | tail -n 20; exit 1; }
# is WHAT WANTED FOUND
is() { [ "$2" = "$3" ] || fail "$1: wanted $2, found $3"; echo "ok: $1"; }
# code WANTED COMMAND…: its exit status; what it says goes to /run/said
code() {
    local wanted=$1 status=0
    shift
    "$@" >/run/said 2>&1 </dev/null || status=$?
    [ "$status" = "$wanted" ] || { cat /run/said; fail "$* ended with $status, wanted $wanted"; }
}
# says TEXT: the last command said so
says() { grep -qF -- "$1" /run/said || { cat /run/said; fail "nothing said: $1"; }; echo "ok: said: $1"; }
# closed: unmounts, closes and stops everything
closed() {
    local place name
    for place in $(awk '$2 ~ "^/(pool|state|run/cake-install)" { print $2 }' /proc/mounts | tac); do umount "$place"; done
    for name in /sys/block/dm-*/dm/name; do [ ! -e "$name" ] || dmsetup remove --retry "$(cat "$name")"; done
    for name in /sys/block/md*; do [ ! -e "$name" ] || mdadm --stop "/dev/${name##*/}"; done
}
# step_reached NUMBER: waits until the installation that runs in the background is there; its lines are in /run/lines
# shellcheck disable=SC2154 # pid is the scenario's
step_reached() {
    until grep -q "\"number\":$1," /run/lines; do
        kill -0 "$pid" 2>/dev/null || { cat /run/lines; fail "the installation ended before step $1"; }
        sleep 0.02
    done
}
