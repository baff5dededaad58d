# shellcheck shell=bash disable=SC1091,SC2154
# The next start, with all disks: opened without being asked, locked without its key file, unlocked by the recovery key.
. /cake/common.sh
code 0 "$install" open-state --mount /state --wait 0
says '"missing_disks":0'
is 'what was written is there' newer "$(cat /state/file)"
code 0 "$install" open-pools
is 'what was written is in the pool' precious "$(cat /pool/data/file)"
key=$(cat /state/key-of-this-test)
closed
for part in vdd1 vde1; do
    mount "/dev/$part" /mnt
    rm -f /mnt/cake/state.key
    umount /mnt
done
code 3 "$install" open-state --mount /state --wait 0
says 'the state is locked: no boot partition has its key. It opens with the recovery key'
closed
code_with_key() { "$install" unlock --mount /state --wait 0 >/run/said 2>&1 <<<"$1" || { cat /run/said; return 1; }; }
code_with_key "${key//[cb]/d}" && fail 'a wrong key opens'
says 'that is not the recovery key'
code_with_key "$(tr a-z- A-Z\  <<<"$key")" || fail 'the recovery key does not open'
says '"by":"recovery-key"'
is 'what was written is there' newer "$(cat /state/file)"
for volume in $(lsblk -nro NAME,TYPE | awk '$2 ~ "raid" { print $1 }' | sort -u); do
    cryptsetup open --test-passphrase --key-file <(printf %s "$key") "/dev/$volume" || fail "the recovery key does not open $volume"
done
echo 'ok: the recovery key opens every volume'
closed
echo DONE
