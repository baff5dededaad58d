#!/usr/bin/env bash
# Builds the two images that need no download: cake-tiny (Debian's cloud kernel and busybox on a real disk that boots
# with BIOS and with UEFI) and cake-pvh (one line on the serial port, for measuring). Each gets its NAME.toml.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/kernel.sh
. "$(dirname "$0")/kernel.sh"

guests=$CAKE_TOP/image/guests
# no_timer_check: an emulator on a busy machine is late with its timer, and the kernel takes that for a broken one and panics.
cmdline='console=tty0 console=ttyS0 quiet nokaslr no_timer_check'
disk_bytes=$((64 << 20))
part_start=2048 # sectors of 512 bytes

# What a virtual machine's devices need; dependencies come by themselves.
modules_first='button evdev virtio_blk virtio_net virtio-rng virtio_balloon virtio_mem vfat nls_cp437 nls_ascii isofs'
modules_later='virtio_scsi sd_mod sr_mod ahci'

# describe NAME FILE FORMAT FIRMWARE MIN_MEMORY VIRTUAL_SIZE OS TITLE_EN TITLE_ZH: writes NAME.toml on standard output.
describe() {
    cat <<END
name = "$1"
file = "$2"
format = "$3"
firmware = [$4]
min_memory = $5
virtual_size = $6
os = "$7"
sha256 = "$(sha256sum "$work/$2" | cut -d' ' -f1)"
built_in = true

[title]
en = "$8"
zh-Hant-TW = "$9"
END
}

# install_image NAME FILE: moves the pair into place, the description last: it makes the image known.
install_image() {
    chmod 644 "$work/$2" "$work/$1.toml"
    mv "$work/$2" "$CAKE_IMAGES_DIR/$2"
    mv "$work/$1.toml" "$CAKE_IMAGES_DIR/$1.toml"
}

build_pvh() {
    as --64 -o "$work/pvh.o" "$guests/pvh.S"
    ld -m elf_x86_64 -z max-page-size=4096 --build-id=none --strip-all -T "$guests/pvh.ld" \
        -o "$work/cake-pvh.elf" "$work/pvh.o"
    describe cake-pvh cake-pvh.elf kernel '"direct"' $((32 << 20)) 0 other \
        'One line and rest (for measuring)' '只印一行就休息（量測用）' >"$work/cake-pvh.toml"
}

# initramfs KERNEL_TREE OUTPUT: busybox, our few files and the drivers in the order in which they load.
initramfs() {
    local tree=$1 output=$2 root=$work/initramfs
    cp -r "$guests/tiny" "$root"
    mkdir -p "$root/bin"
    cp "$tree/usr/bin/busybox" "$root/bin/busybox"
    # shellcheck disable=SC2086 # the names are words
    {
        add_modules "$tree" "$root" $modules_first >"$root/lib/modules/first"
        add_modules "$tree" "$root" $modules_later >"$root/lib/modules/later"
    }
    pack_initramfs "$root" "$output"
}

# write_disk KERNEL_TREE IMAGE: one active FAT partition of type EFI that SYSLINUX and systemd-boot start from.
write_disk() {
    local tree=$1 image=$2 fat offset=$((part_start * 512))
    truncate -s "$disk_bytes" "$image"
    printf 'label: dos\nlabel-id: 0xca4e0001\nstart=%s, type=ef, bootable\n' $part_start | sfdisk -q "$image"
    dd if="$tree/usr/lib/syslinux/mbr/mbr.bin" of="$image" bs=440 count=1 conv=notrunc status=none
    fat=$image@@$offset
    mformat -i "$fat" -T $((disk_bytes / 512 - part_start)) -h 64 -s 32 -H $part_start -v CAKETINY -N ca4e0002 ::
    syslinux --install --offset "$offset" "$image"

    printf 'DEFAULT cake\nPROMPT 0\nLABEL cake\nKERNEL /vmlinuz\nINITRD /initrd\nAPPEND %s\n' "$cmdline" >"$work/syslinux.cfg"
    printf 'timeout 0\ndefault cake.conf\neditor no\n' >"$work/loader.conf"
    printf 'title cake-tiny\nlinux /vmlinuz\ninitrd /initrd\noptions %s\n' "$cmdline" >"$work/cake.conf"
    mmd -i "$fat" ::EFI ::EFI/BOOT ::loader ::loader/entries
    mcopy -i "$fat" "$tree/vmlinuz" ::vmlinuz
    mcopy -i "$fat" "$work/initrd" ::initrd
    mcopy -i "$fat" "$work/syslinux.cfg" ::syslinux.cfg
    mcopy -i "$fat" "$tree/usr/lib/systemd/boot/efi/systemd-bootx64.efi" ::EFI/BOOT/BOOTX64.EFI
    mcopy -i "$fat" "$work/loader.conf" ::loader/loader.conf
    mcopy -i "$fat" "$work/cake.conf" ::loader/entries/cake.conf
}

build_tiny() {
    local tree
    tree=$(kernel_tree)
    initramfs "$tree" "$work/initrd"
    write_disk "$tree" "$work/cake-tiny.raw"
    describe cake-tiny cake-tiny.raw raw '"bios", "uefi"' $((192 << 20)) $disk_bytes linux \
        'cake-tiny: a kernel and a shell, boots in seconds' 'cake-tiny：核心與 shell，幾秒內開機' >"$work/cake-tiny.toml"
}

need as ld sfdisk mformat mcopy mmd syslinux
one_at_a_time images
mkdir -p "$CAKE_IMAGES_DIR"
recipe=$(cat "$0" "$(dirname "$0")/common.sh" "$(dirname "$0")/kernel.sh" "$guests"/pvh.* | cat - <(find "$guests/tiny" -type f | LC_ALL=C sort | xargs cat) | sha256sum)
mark=$CAKE_IMAGES_DIR/.recipe
if [ -f "$mark" ] && [ "$(cat "$mark")" = "$recipe" ]; then
    say "images: $CAKE_IMAGES_DIR (unchanged)"
    exit 0
fi
started=$SECONDS
say 'building the images cake-tiny and cake-pvh'
work=$(mktemp -d "$CAKE_ENGINE_DIR/.images-XXXXXX")
trap 'as_root rm -rf --one-file-system "$work"' EXIT
build_pvh
build_tiny
install_image cake-pvh cake-pvh.elf
install_image cake-tiny cake-tiny.raw
echo "$recipe" >"$mark"
say "images: $CAKE_IMAGES_DIR, $((SECONDS - started)) s"
