# shellcheck shell=bash disable=SC1091,SC2154
# A server with a TPM. What the firmware's stub would measure and bring along is made here: a key, and a signature of PCR 11 as it is.
. /cake/common.sh
cp /cake/one.toml "$answers"
mkdir -p /run/systemd
cp /cake/public.pem /run/systemd/tpm2-pcr-public-key.pem
/usr/lib/systemd/systemd-measure sign --current --phase=: --bank=sha256 --private-key=/cake/private.pem --public-key=/cake/public.pem \
    >/run/systemd/tpm2-pcr-signature.json
run+=(--pcr-public-key /run/systemd/tpm2-pcr-public-key.pem)
if [ "$(cat /cake/phase)" = install ]; then
    code 0 "${run[@]}"
    says 'cake is installed'
    ! grep -q 'protects nothing' /run/said || fail 'it warns of a key file'
fi
if [ "$(cat /cake/phase)" != other ]; then
    code 0 "$install" open-state --mount /state --wait 0
    says '"by":"tpm"'
    cat /run/cake-recovery-key-*.txt 2>/dev/null | sed 's/^/the key: /' || true
    cryptsetup luksDump --dump-json-metadata /dev/md127 | tr -d '[:space:]' >/run/said
    says '"tpm2-pcrs":[],'
    says '"tpm2_pubkey_pcrs":[11],'
    mount /dev/vdd1 /mnt && ls /mnt/cake && [ ! -e /mnt/cake/state.key ] && umount /mnt || fail 'there is a key file'
    # Another firmware is measured: PCR 11 is no longer what the maker signed.
    closed
    # TPM2_PCR_Extend of PCR 11 with an empty password (TPM 2.0 Library, Part 3, 22.2).
    exec 3<>/dev/tpm0
    printf '%b' '\x80\x02\0\0\0\x41\0\0\x01\x82\0\0\0\x0b\0\0\0\x09\x40\0\0\x09\0\0\0\0\0\0\0\0\x01\0\x0bmeasured--measured--measured--mea' >&3
    head -c 19 <&3 >/dev/null
    exec 3>&-
    code 3 "$install" open-state --mount /state --wait 0
    says 'the state is locked: this server'
    closed
else
    # Another TPM, as after a change of the mainboard.
    code 3 "$install" open-state --mount /state --wait 0
    says 'the state is locked: this server'
    closed
    "$install" unlock --mount /state --wait 0 --pcr-public-key /run/systemd/tpm2-pcr-public-key.pem </cake/key >/run/said || fail unlock
    says '"by":"recovery-key"'
    closed
    code 0 "$install" open-state --mount /state --wait 0
    says '"by":"tpm"'
    closed
fi
echo DONE
