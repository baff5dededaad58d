# shellcheck shell=bash disable=SC2154 # $work is of who sources it
# Sourced after kit.sh: one signed file of kernel, initramfs and command line. $work is where its parts lie, with the keys in `keys`.

# sign FILE: for Secure Boot, in place. A signature has the time in it: for two builds of the same commit it stands still.
sign() {
    kit "$work" faketime -f "$(date -u -d "@$SOURCE_DATE_EPOCH" '+%F %T')" \
        sbsign --key keys/boot.key --cert keys/boot.pem --output "$1" "$1" 2>/dev/null >&2
}

# pack_cpio TREE OUTPUT: the same tree gives the same bytes. What is compressed already is not compressed again.
pack_cpio() {
    find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0) >"$2"
}

# pack_uki KERNEL: cake.efi of vmlinuz, initrd, microcode, cmdline and os-release; not signed yet. The state opens in the measured phase
# and in no later one: cake-appliance boot begins and ends it.
pack_uki() {
    kit "$work" ukify build --linux=vmlinuz --initrd=initrd --microcode=microcode --cmdline=@cmdline --os-release=@os-release \
        --uname="$1" --stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub \
        --pcr-private-key=keys/pcr.key --pcr-public-key=keys/pcr.pem --pcrpkey=keys/pcr.pem --pcr-banks=sha256 --phases=enter-initrd \
        --output=cake.efi >/dev/null
}
