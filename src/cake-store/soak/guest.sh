#!/usr/bin/env bash
# guest.sh WRITER OUTPUT: makes OUTPUT/vmlinuz and OUTPUT/initrd, a guest that mounts its one disk and runs WRITER on it.
# What WRITER prints goes to the first serial port, everything else to the second one.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/../../../image/scripts/common.sh"
# shellcheck source=image/scripts/kernel.sh
. "$(dirname "$0")/../../../image/scripts/kernel.sh"

[ $# = 2 ] || die 'usage: guest.sh WRITER OUTPUT'
writer=$1 output=$2 root=$2/initramfs
need ldd stat
tree=$(kernel_tree)
rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,state,lib/modules}
cp "$tree/usr/bin/busybox" "$root/bin/busybox"
# The writer as it was built, with the libraries it was built for.
cp "$writer" "$root/bin/cake-store-writer"
ldd "$writer" | grep -o '/[^ )]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
add_modules "$tree" "$root" virtio_pci virtio_blk ext4 xfs >"$root/lib/modules/list"
cat >"$root/init" <<'END'
#!/bin/busybox sh
# The kernel's words `cake.fs=TYPE` say what is on the disk.
exec >/dev/ttyS1 2>&1
bb() { /bin/busybox "$@"; }
bb mount -t proc proc /proc
bb mount -t sysfs sysfs /sys
bb mount -t devtmpfs devtmpfs /dev
exec >/dev/ttyS1 2>&1
while read -r module; do bb insmod "/lib/modules/$module"; done </lib/modules/list
fs=$(bb sed -n 's/.*cake\.fs=\([a-z0-9]*\).*/\1/p' /proc/cmdline)
bb mount -t "$fs" /dev/vda /state || bb poweroff -f
bb stty -F /dev/ttyS0 raw -echo
/bin/cake-store-writer /state >/dev/ttyS0
echo "the writer ended: $?"
bb poweroff -f
END
chmod 755 "$root/init"
pack_initramfs "$root" "$output/initrd"
cp -L "$tree/vmlinuz" "$output/vmlinuz"
rm -rf "$root"
