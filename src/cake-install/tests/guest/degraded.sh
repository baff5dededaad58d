# shellcheck shell=bash disable=SC1091,SC2154
# One system disk was pulled out: everything opens, and is written to.
. /cake/common.sh
code 0 "$install" open-state --mount /state --wait 1
says '"missing_disks":1'
code 0 "$install" open-pools
says '/pool/local'
echo newer >/state/file
echo newer >/pool/local/file
sync
closed
echo DONE
