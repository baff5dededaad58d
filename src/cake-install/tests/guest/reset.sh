# shellcheck shell=bash disable=SC1091,SC2154
# Everything is destroyed and made anew, whenever the power fails; an old mark does it never again.
. /cake/common.sh
mark() { mkdir -p /run/esp && mount "/dev/$1" /run/esp && "${@:2}" && umount /run/esp; }
code 1 "$install" reset
says 'nothing was done'
code 0 "$install" renew --wait 0
says '"renewed":false'
code 0 "$install" open-state --mount /state --wait 0
code 0 "$install" open-pools
is 'what was written is there' precious "$(cat /pool/data/file)"
key=$(cat /state/key-of-this-test)
code 0 "$install" reset
mark vda1 cp /run/esp/cake/reset.json /run/mark
closed
# The power failed before the restart: no key opens anything any more.
code 3 "$install" open-state --mount /state --wait 0
printf '%s' "$key" >/run/key
status=0
"$install" unlock --mount /state --wait 0 </run/key >/run/said 2>&1 || status=$?
is 'the recovery key opens nothing' 5 "$status"
closed
# It fails again while a pool is made anew, and while the state is.
for volume in cake-pool-data cake-state; do
    "$install" renew --wait 0 >/run/said 2>&1 &
    pid=$!
    until grep -qsx "$volume" /sys/block/dm-*/dm/name; do
        kill -0 "$pid" 2>/dev/null || { cat /run/said; fail "it ended before $volume was made"; }
        sleep 0.02
    done
    kill -9 "$pid"
    wait "$pid" || true
    while pgrep -x mkfs.xfs >/dev/null; do sleep 0.02; done
    closed
    echo "ok: killed at $volume"
done
code 0 "$install" renew --wait 0
says '"renewed":true'
code 0 "$install" open-state --mount /state --wait 0
code 0 "$install" open-pools
says '/pool/data'
is 'the state is empty' 'keys setup' "$(echo /state/* | sed 's,/state/,,g')"
is 'the pools are empty' '' "$(find /pool/data /pool/local -mindepth 1)"
new=$(cat /state/setup/recovery-key)
if [ -z "$new" ] || [ "$new" = "$key" ]; then fail 'the recovery key is the one before'; fi
echo fresh >/state/file
sync
closed
# A mark that a disk brings back, which was away meanwhile.
mark vda1 cp /run/mark /run/esp/cake/reset.json
code 0 "$install" renew --wait 0
says '"renewed":false'
mark vda1 test ! -e /run/esp/cake/reset.json || fail 'the old mark stays'
code 0 "$install" open-state --mount /state --wait 0
is 'nothing was lost' fresh "$(cat /state/file)"
closed
code 0 "$install" open-state --mount /state --wait 0
says '"by":"key-file"'
closed
echo DONE
