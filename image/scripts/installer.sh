#!/usr/bin/env bash
# Builds what the tests install from: Debian's network installer on a CD that starts with BIOS and with UEFI, signed as Debian
# signs it. The CD itself is no Debian package, but everything on it is: kernel and initrd of debian-installer with their menus,
# ISOLINUX, shim and GRUB. Made once; the list of packages names the result.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

netboot=debian-installer-13-netboot-amd64
packages=$netboot,isolinux,shim-signed,grub-efi-amd64-signed

# layout TREE CD: the files of the CD.
layout() {
    local tree=$1 cd=$2 installer loaders=$1/usr/lib/shim grub=$1/usr/lib/grub/x86_64-efi-signed
    installer=$(echo "$tree"/usr/lib/debian-installer/images/*/amd64/text/debian-installer)
    mkdir -p "$cd/boot/grub" "$work/efi/EFI/BOOT"
    cp -rL "$installer" "$cd/debian-installer"
    rm -f "$cd"/debian-installer/amd64/{pxelinux.0,bootnetx64.efi,grubx64.efi}
    # In the CD's root, from where the menus name their files.
    cp "$tree/usr/lib/ISOLINUX/isolinux.bin" "$cd/debian-installer/amd64/boot-screens/ldlinux.c32" "$cd/"
    cp "$cd/debian-installer/amd64/boot-screens/syslinux.cfg" "$cd/isolinux.cfg"
    cp -r "$installer"/amd64/grub/. "$cd/boot/grub/"
    # The firmware starts shim, shim GRUB, GRUB reads /boot/grub/grub.cfg of the CD.
    cp "$loaders/shimx64.efi.signed" "$work/efi/EFI/BOOT/BOOTX64.EFI"
    cp "$grub/gcdx64.efi.signed" "$work/efi/EFI/BOOT/grubx64.efi"
    mformat -i "$cd/boot/grub/efi.img" -C -T 16384 -h 16 -s 32 -N ca4e0003 ::
    mmd -i "$cd/boot/grub/efi.img" ::EFI ::EFI/BOOT
    mcopy -i "$cd/boot/grub/efi.img" "$work"/efi/EFI/BOOT/* ::EFI/BOOT/
}

need mmdebstrap xorriso mformat mcopy flock
one_at_a_time installer
iso=$CAKE_ENGINE_DIR/installer-$(echo "$packages $CAKE_SUITE" | recipe_hash "$0" -).iso
if [ ! -f "$iso" ]; then
    say 'building the CD of the Debian installer'
    work=$(mktemp -d "$CAKE_ENGINE_DIR/.installer-XXXXXX")
    trap 'as_root rm -rf "$work"' EXIT
    bootstrap extract "$packages" "$work/tree"
    as_root chown -R "$(id -u):$(id -g)" "$work/tree"
    layout "$work/tree" "$work/cd"
    xorriso -as mkisofs -quiet -V 'Debian installer' -o "$work/new.iso" -J -r \
        -c boot.cat -b isolinux.bin -no-emul-boot -boot-load-size 4 -boot-info-table \
        -eltorito-alt-boot -e boot/grub/efi.img -no-emul-boot "$work/cd"
    mv "$work/new.iso" "$iso"
fi
ln -sfn "$(basename "$iso")" "$CAKE_ENGINE_DIR/installer.iso"
