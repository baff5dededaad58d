# shellcheck shell=bash
# Sourced after common.sh: Debian's cloud kernel with the boot loaders beside it, and initramfs made of it.

# kernel_tree: prints the path of the unpacked kernel, which is made once: vmlinuz, modules, busybox, boot loaders.
# Unpacked, not installed: no package's script runs, and neither engine root nor guests carry an initramfs generator.
kernel_tree() {
    need mmdebstrap depmod flock
    local list=linux-image-cloud-amd64,busybox-static,systemd-boot-efi,syslinux-common tree new version
    tree=$CAKE_ENGINE_DIR/kernel-$(echo "$list $CAKE_SUITE" | recipe_hash "${BASH_SOURCE[0]}" -)
    (
        one_at_a_time kernel
        [ ! -d "$tree" ] || exit 0
        new=$(mktemp -d "$CAKE_ENGINE_DIR/.kernel-XXXXXX")
        bootstrap extract "$list" "$new" >&2
        as_root chown -R "$(id -u):$(id -g)" "$new"
        version=$(basename "$(echo "$new"/usr/lib/modules/*)")
        ln -s usr/lib "$new/lib"
        ln -s "boot/vmlinuz-$version" "$new/vmlinuz"
        depmod -b "$new" "$version"
        # What no guest of ours opens.
        rm -rf "${new:?}"/{etc,var,usr/share,usr/sbin,usr/lib/x86_64-linux-gnu,usr/lib/udev} "$new"/usr/bin/perl*
        chmod 755 "$new"
        mv "$new" "$tree"
    ) || die 'the kernel could not be unpacked'
    echo "$tree"
}

# add_modules KERNEL_TREE ROOT MODULE…: copies drivers and what they depend on to ROOT/lib/modules, prints their order.
add_modules() {
    local tree=$1 root=$2 version module path
    shift 2
    version=$(basename "$(echo "$tree"/usr/lib/modules/*)")
    for module in "$@"; do
        modprobe -d "$tree" -S "$version" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
        module=$(basename "$path" .xz)
        # busybox cannot unpack .ko.xz: they go in unpacked.
        [ -f "$root/lib/modules/$module" ] || xz -dc "$path" >"$root/lib/modules/$module"
        echo "$module"
    done
}

# pack_initramfs ROOT OUTPUT: the same tree gives the same bytes.
pack_initramfs() {
    need cpio zstd xz
    find "$1" -exec touch -h -d @0 {} +
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0) | zstd -q -19 >"$2"
}
