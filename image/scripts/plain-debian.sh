#!/usr/bin/env bash
# plain-debian.sh: what the appliance's start is measured against: Debian as it is installed, with the appliance's kernel, on one disk
# with systemd-boot. Nothing of cake is in it. Prints the image's path.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/kit.sh
. "$(dirname "$0")/kit.sh"

# A megabyte's sectors.
MIB=2048

# configure TREE: logs in nobody, and asks on the serial line who it is.
configure() {
    local tree=$1
    echo plain-debian >"$tree/etc/hostname"
    echo 'LABEL=plain / ext4 defaults 0 1' >"$tree/etc/fstab"
    printf '[Match]\nType=ether\n[Network]\nDHCP=yes\n' >"$tree/etc/systemd/network/cable.network"
    chroot "$tree" systemctl enable --quiet systemd-networkd.service serial-getty@ttyS0.service
    # It waits for the network where something needs it, and nothing here does.
    chroot "$tree" systemctl disable --quiet systemd-networkd-wait-online.service
}

# lay DISK TREE: an ESP with loader, kernel and initramfs, and the root.
lay() {
    local disk=$1 tree=$2 esp=$((1 * MIB)) root=$((257 * MIB)) at
    truncate -s $((2561 * MIB * 512)) "$disk"
    printf 'label: gpt\nstart=%s, size=%s, type=uefi\nstart=%s, size=%s, type=linux\n' \
        $esp $((256 * MIB)) $root $((2303 * MIB)) | sfdisk -q "$disk"
    cp "$(echo "$tree"/boot/vmlinuz-*)" "$work/vmlinuz"
    cp "$(echo "$tree"/boot/initrd.img-*)" "$work/initrd"
    cp "$tree/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$work/BOOTX64.EFI"
    printf 'timeout 0\ndefault plain.conf\n' >"$work/loader.conf"
    printf 'title Debian\nlinux /vmlinuz\ninitrd /initrd\noptions root=LABEL=plain ro console=tty0 console=ttyS0,115200 quiet no_timer_check\n' \
        >"$work/plain.conf"
    at=disk@@$((esp * 512))
    kit "$work" mformat -i "$at" -F -T $((256 * MIB)) -H $esp -v PLAIN ::
    kit "$work" mmd -i "$at" ::EFI ::EFI/BOOT ::loader ::loader/entries
    kit "$work" mcopy -i "$at" BOOTX64.EFI ::EFI/BOOT/BOOTX64.EFI
    kit "$work" mcopy -i "$at" vmlinuz initrd ::
    kit "$work" mcopy -i "$at" loader.conf ::loader/loader.conf
    kit "$work" mcopy -i "$at" plain.conf ::loader/entries/plain.conf
    as_root mke2fs -q -t ext4 -L plain -d "$tree" -E offset=$((root * 512)) "$disk" 2303M
}

need mmdebstrap sfdisk mke2fs
one_at_a_time plain-debian
image=$CAKE_ENGINE_DIR/plain-debian-$(recipe_hash "$0").img
if [ ! -f "$image" ]; then
    say 'building plain Debian, which starts are measured against' >&2
    work=$(mktemp -d "$CAKE_ENGINE_DIR/.plain-debian-XXXXXX")
    trap 'as_root rm -rf --one-file-system "$work"' EXIT
    bootstrap important systemd-sysv,udev,dbus,linux-image-amd64,initramfs-tools,zstd,systemd-boot-efi "$work/tree" >&2
    as_root bash -euc "$(declare -f configure); configure \"\$1\"" configure "$work/tree"
    lay "$work/disk" "$work/tree"
    mv "$work/disk" "$image"
fi
echo "$image"
