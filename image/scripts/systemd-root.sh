#!/usr/bin/env bash
# Builds the systemd root: a Debian tree with systemd as process 1, as one squashfs, with its kernel and an initramfs
# that mounts it under a writable layer in memory. Prints its path; CAKE_ENGINE_DIR/systemd points to it.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/kernel.sh
. "$(dirname "$0")/kernel.sh"

list=$CAKE_TOP/image/systemd.list
guests=$CAKE_TOP/image/guests

# configure TREE: what makes it a guest that nobody logs in to.
configure() {
    local tree=$1
    cp -r --no-preserve=ownership "$guests/systemd/." "$tree/"
    mkdir -p "$tree/cake" "$tree/engine" "$tree/vm"
    echo cake-systemd >"$tree/etc/hostname"
    : >"$tree/etc/machine-id"
    # Nobody waits for these here: logins, the boot's own records.
    local unit
    for unit in getty.target systemd-update-utmp.service systemd-firstboot.service \
        systemd-journal-flush.service systemd-random-seed.service e2scrub_reap.service apt-daily.timer \
        apt-daily-upgrade.timer fstrim.timer systemd-hwdb-update.service systemd-pcrphase.service; do
        ln -sfn /dev/null "$tree/etc/systemd/system/$unit"
    done
    # The clock follows the network once somebody asks for it.
    rm -f "$tree/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service"
    # Nothing is to be brought up to date at boot: these are newer than /usr.
    touch -d '1 minute ago' "$tree/usr"
    touch "$tree/etc/.updated" "$tree/var/.updated"
    rm -rf "$tree"/var/cache/* "$tree"/var/log/journal "$tree"/var/lib/apt "$tree"/usr/share/{doc,man,info,locale,bash-completion,zsh,lintian}
}

# modules_into TREE: every driver of the kernel, and the index made in the tree itself, or none loads.
modules_into() {
    local tree=$1 kernel=$2
    rm -rf "$tree/usr/lib/modules"
    cp -r "$kernel/usr/lib/modules" "$tree/usr/lib/modules"
    chroot "$tree" depmod "$(basename "$kernel"/usr/lib/modules/*)"
}

build() {
    local new=$1 kernel
    kernel=$(kernel_tree)
    bootstrap essential "$(joined "$list")" "$new/tree"
    as_root bash -euc "$(declare -f configure modules_into); guests=\$3; configure \"\$1\"; modules_into \"\$1\" \"\$2\"" \
        configure "$new/tree" "$kernel" "$guests"
    # Level 3 packs in seconds what 15 packs in minutes, for a tenth more bytes.
    as_root mksquashfs "$new/tree" "$new/root.squashfs" -comp zstd -Xcompression-level 3 -noappend -quiet -no-progress
    as_root rm -rf --one-file-system "$new/tree"
    cp "$kernel/vmlinuz" "$new/vmlinuz"

    local initramfs=$new/initramfs
    mkdir -p "$initramfs/bin" "$initramfs/lib/modules"
    cp "$guests/systemd-initramfs/init" "$initramfs/init"
    cp "$kernel/usr/bin/busybox" "$initramfs/bin/busybox"
    add_modules "$kernel" "$initramfs" virtio_blk squashfs overlay >"$initramfs/lib/modules/order"
    pack_initramfs "$initramfs" "$new/initrd"
    rm -rf "$initramfs"
}

need mmdebstrap mksquashfs
one_at_a_time systemd
hash=$(find "$guests/systemd" "$guests/systemd-initramfs" -type f | LC_ALL=C sort | xargs cat |
    recipe_hash "$list" "$0" "$(dirname "$0")/kernel.sh" -)
root=$CAKE_ENGINE_DIR/systemd-$hash
if [ ! -d "$root" ]; then
    started=$SECONDS
    say "building the systemd root from $(packages "$list" | wc -l) packages and what they need (about two minutes)"
    new=$(mktemp -d "$CAKE_ENGINE_DIR/.systemd-XXXXXX")
    trap 'as_root rm -rf --one-file-system "$new"' EXIT
    build "$new"
    chmod 755 "$new"
    # Older ones are of no use to anybody; a guest that still runs from one holds its files open.
    find "$CAKE_ENGINE_DIR" -maxdepth 1 -name 'systemd-*' -exec rm -rf --one-file-system {} +
    mv "$new" "$root"
    trap - EXIT
    say "systemd root: $(du -sh "$root" | cut -f1), $((SECONDS - started)) s"
fi
ln -sfn "$(basename "$root")" "$CAKE_ENGINE_DIR/.systemd" && mv -T "$CAKE_ENGINE_DIR/.systemd" "$CAKE_ENGINE_DIR/systemd"
say "systemd root: $root"
