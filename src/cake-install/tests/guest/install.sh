# shellcheck shell=bash disable=SC1091,SC2154
# Two system disks and a pool of two, without a TPM. Killed at many points, cancelled, and given again with the same answers.
. /cake/common.sh
cp /cake/two.toml "$answers"
for step in $(cat /cake/kills); do
    "${run[@]}" --json >/run/lines 2>&1 &
    pid=$!
    step_reached "$step"
    kill -9 "$pid"
    wait "$pid" || true
    echo "ok: killed at step $step ($(tail -n 1 /run/lines | sed 's/.*"step":"\([a-z-]*\)".*/\1/'))"
done
mkdir /run/cancelled
cp "$answers" /run/cancelled/
"${run[@]/#\/run\/answers.toml//run/cancelled/answers.toml}" --json >/run/lines 2>&1 &
pid=$!
step_reached 20
kill -TERM "$pid"
if wait "$pid"; then fail 'it was cancelled and goes on'; fi
grep -q cancelled /run/lines || fail 'it does not say that it was cancelled'
is 'nothing is left open after cancelling' '' "$(ls -d /sys/block/dm-* /sys/block/md* 2>/dev/null || true)"
code 0 "$install" disks
says 'an installation of cake that was broken off'
code 0 "${run[@]}"
says 'cake is installed'
is 'a run that was cancelled leaves no key' 0 "$(ls /run/cancelled/cake-recovery-key-*.txt 2>/dev/null | wc -l)"
code 1 "${run[@]}"
says 'S1: on it is an installation of cake “Rack 1”, version 0.1.0. If that may be lost, its serial number must stand in `erase`'
says 'P2: on it is a pool of cake'
# Between the boot files of both disks nothing is unfinished any more: it boots.
cp /cake/erase.toml "$answers"
"${run[@]}" --json >/run/lines 2>&1 &
pid=$!
step_reached 27
kill -9 "$pid"
wait "$pid" || true
cp /cake/two.toml "$answers"
code 1 "${run[@]}"
says 'S1: on it is an installation of cake “Rack 1”, version 0.1.0. If that'
says 'S2: on it is an installation of cake “Rack 1”, version 0.1.0. If that'
says 'P1: on it is an installation of cake “Rack 1”, version 0.1.0. If that'
# Each run keeps a key beside its answers; the last one is the installation's.
key=$(cat "$(ls /run/cake-recovery-key-*.txt | tail -n 1)")
code 0 "$install" open-state --mount /state --wait 0
says '"by":"key-file","missing_disks":0'
code 0 "$install" open-pools
says '/pool/data'
is 'both pools are mounted' 2 "$(grep -c ' /pool/' /proc/mounts)"
is 'the answers are root'"'"'s' 600 "$(stat -c %a /state/setup/answers.toml)"
is 'the state is XFS with reflink' 1 "$(xfs_info /state | grep -c reflink=1)"
echo precious >/state/file
echo precious >/pool/data/file
code 1 "${run[@]}"
says 'it is in use (/pool/local, /state)'
echo "$key" >/state/key-of-this-test
sync
closed
echo DONE
