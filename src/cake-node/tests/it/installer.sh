#!/bin/sh
# Speaks as cake-appliance does to whom the wizard asks, and writes on no disk: a real installation is in the tests of cake-install and
# of the image. What it says lies beside it.
here=$(dirname "$0")
case $1 in
asked-disks) [ -f "$here/disks.json" ] && exec cat "$here/disks.json" || { echo "no stick" >&2; exit 3; } ;;
asked-plan) exec cat "$here/judged.json" ;;
asked-run)
    echo "$2" >>"$here/runs"
    trap 'echo "{\"news\":\"failed\",\"detail\":\"cancelled\",\"cancelled\":true}"; exit 1' TERM
    echo '{"news":"step","number":3,"of":16,"step":"divide","thousandths":125}'
    echo 'what a program complains about' >&2
    # It goes on when that file is there; a signal ends the waiting.
    until [ -e "$here/go" ]; do sleep 0.05 & wait $!; done
    echo '{"news":"step","number":14,"of":16,"step":"boot","thousandths":900}'
    echo '{"news":"key","key":"cbdefghi"}'
    echo '{"news":"done"}'
    ;;
*) exit 2 ;;
esac
