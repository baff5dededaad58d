# shellcheck shell=bash disable=SC1091,SC2154
# The disk is back: it is taken back, and its older content is never shown.
. /cake/common.sh
code 0 "$install" open-state --mount /state --wait 1
says '"taken_back":["vdd2"]'
is 'the newer content is shown' newer "$(cat /state/file)"
code 0 "$install" open-pools
is 'the newer content of the pool is shown' newer "$(cat /pool/local/file)"
echo 100000 >/proc/sys/dev/raid/speed_limit_max
until ! grep -q recovery /proc/mdstat; do sleep 0.2; done
is 'the mirrors are whole' 0 "$(grep -c '\[_U\]\|\[U_\]' /proc/mdstat)" || true
closed
echo DONE
