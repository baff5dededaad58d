#!/usr/bin/env bash
# systemd-guest.sh DIR OUTPUT: boots the systemd root in QEMU and runs DIR/run in it as root, under a real systemd.
# Inside, DIR is /cake and the engine root is /engine, both read-only. What `run` prints goes to OUTPUT as it comes;
# what the guest's own console says to OUTPUT.console. The exit status is that of `run`, or 125 if there was none.
# CAKE_GUEST_DISKS gives it more disks, written to by nobody else: words KIND=FILE, KIND being nvme, nvme-worn (with warnings), ide,
# virtio, virtio-4k (sectors of 4096 bytes) or stick (it can be pulled out, and is slow: 4 MiB/s); the FILE's name is the serial. Their
# drivers are loaded by whoever needs them: modprobe -a nvme ahci sd_mod virtio_scsi. Debian's cloud kernel has no USB, so a stick is a
# removable disk behind SCSI.
# CAKE_GUEST_CARDS is a number of network cards, whose cables lead nowhere: 52:54:00:00:00:01 and so on. They need modprobe virtio_net.
# CAKE_GUEST_TPM is a folder in which a TPM 2.0 keeps what it knows; the guest then has that TPM. CAKE_GUEST_FIRMWARE is a file with
# UEFI's variables (made when it is missing); the guest then starts under UEFI.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

[ $# = 2 ] || die 'usage: systemd-guest.sh DIR OUTPUT'
dir=$1 output=$2
[ -x "$dir/run" ] || die "$dir/run is not there or cannot be executed"
need mksquashfs timeout
guest=$CAKE_ENGINE_DIR/systemd
[ -d "$guest" ] || "$(dirname "$0")/systemd-root.sh" >&2

# engine_disk: the engine root as one file, packed once; fast to pack and fast to read.
engine_disk() {
    local root disk new
    root=$(readlink -f "$CAKE_ENGINE_DIR/current")
    disk=$CAKE_ENGINE_DIR/$(basename "$root").squashfs
    (
        one_at_a_time engine-disk
        [ ! -f "$disk" ] || exit 0
        new=$(mktemp "$CAKE_ENGINE_DIR/.engine-disk-XXXXXX")
        mksquashfs "$root" "$new" -comp zstd -Xcompression-level 1 -all-root -noappend -quiet -no-progress >&2
        mv "$new" "$disk"
    )
    echo "$disk"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mksquashfs "$dir" "$work/cake.squashfs" -all-root -noI -noD -noF -noX -noappend -quiet -no-progress >/dev/null
engine=$(engine_disk)

# What a launcher does not need and an emulated processor is slow at; the root itself stays complete.
masked=''
for unit in systemd-udev-trigger systemd-udev-load-credentials systemd-udevd modprobe@configfs modprobe@efi_pstore \
    modprobe@fuse modprobe@drm modprobe@dm_mod modprobe@loop systemd-binfmt systemd-remount-fs systemd-sysctl; do
    masked+=" systemd.mask=$unit.service"
done
masked+=' systemd.mask=systemd-udevd-control.socket systemd.mask=systemd-udevd-kernel.socket'
for mount in dev-hugepages dev-mqueue sys-kernel-debug sys-kernel-tracing sys-kernel-config sys-fs-fuse-connections; do
    masked+=" systemd.mask=$mount.mount"
done

disk() { printf 'driver=raw,node-name=%s,read-only=on,file.driver=file,file.filename=%s' "$1" "${2//,/,,}"; }
# disks: the arguments for CAKE_GUEST_DISKS, one a line.
disks() {
    local word kind file serial number=0
    case ${CAKE_GUEST_DISKS:-} in
        *stick=*) printf '%s\n' -device virtio-scsi-pci,id=sticks -object throttle-group,id=slow,x-bps-total=4194304 ;;
    esac
    for word in ${CAKE_GUEST_DISKS:-}; do
        kind=${word%%=*} file=${word#*=} number=$((number + 1))
        serial=$(basename "$file")
        printf '%s\n' -blockdev "driver=raw,node-name=more$number,file.driver=file,file.filename=${file//,/,,}"
        if [ "$kind" = stick ]; then
            printf '%s\n' -blockdev "driver=throttle,node-name=slow$number,throttle-group=slow,file=more$number"
        fi
        echo -device
        case $kind in
            nvme) echo "nvme,drive=more$number,serial=$serial" ;;
            # spare blocks below their threshold, and read-only
            nvme-worn) echo "nvme,drive=more$number,serial=$serial,smart_critical_warning=9" ;;
            ide) echo "ide-hd,drive=more$number,serial=$serial,bus=ide.$((number - 1))" ;;
            stick) echo "scsi-hd,bus=sticks.0,drive=slow$number,serial=$serial,removable=on,vendor=ACME,product=STICK" ;;
            virtio-4k) echo "virtio-blk-pci,drive=more$number,serial=$serial,logical_block_size=4096,physical_block_size=4096" ;;
            virtio) echo "virtio-blk-pci,drive=more$number,serial=$serial" ;;
            *) die "no such kind of disk: $kind" ;;
        esac
    done
}
mapfile -t more < <(disks)
for ((card = 1; card <= ${CAKE_GUEST_CARDS:-0}; card++)); do
    more+=(-netdev "user,id=card$card,restrict=on"
        -device "virtio-net-pci,netdev=card$card,romfile=,mac=52:54:00:00:00:0$card")
done

# tpm FOLDER: starts a TPM that ends with its QEMU; its socket is in $work.
tpm() {
    local libraries=$CAKE_ENGINE_DIR/current/usr/lib/x86_64-linux-gnu
    mkdir -p "$1"
    "$CAKE_ENGINE_DIR/current/lib64/ld-linux-x86-64.so.2" --library-path "$libraries:$libraries/swtpm" \
        "$CAKE_ENGINE_DIR/current/usr/bin/swtpm" socket --tpm2 --tpmstate "dir=$1" --ctrl "type=unixio,path=$work/tpm" \
        --flags startup-clear --terminate &
    until [ -S "$work/tpm" ]; do kill -0 $! || die 'the TPM did not start'; sleep 0.05; done
}
if [ -n "${CAKE_GUEST_TPM:-}" ]; then
    tpm "$CAKE_GUEST_TPM"
    more+=(-chardev "socket,id=tpm,path=$work/tpm" -tpmdev "emulator,id=tpm,chardev=tpm" -device "tpm-tis,tpmdev=tpm")
fi
if [ -n "${CAKE_GUEST_FIRMWARE:-}" ]; then
    ovmf=$CAKE_ENGINE_DIR/current/usr/share/OVMF
    [ -f "$CAKE_GUEST_FIRMWARE" ] || cp "$ovmf/OVMF_VARS_4M.fd" "$CAKE_GUEST_FIRMWARE"
    more+=(-drive "if=pflash,format=raw,unit=0,readonly=on,file=$ovmf/OVMF_CODE_4M.fd"
        -drive "if=pflash,format=raw,unit=1,file=$CAKE_GUEST_FIRMWARE")
fi
: >"$output"
status=0
# A fixed CPU model: under TCG `max` turns on 5-level paging, which panicked once. The timer is not tried: on a busy machine it is late,
# and the kernel would take it for broken and panic.
engine timeout "${CAKE_GUEST_SECONDS:-300}" qemu-system-x86_64 \
    -L "$CAKE_ENGINE_DIR/current/usr/share/seabios" -L "$CAKE_ENGINE_DIR/current/usr/share/qemu" \
    -nodefaults -no-user-config -no-reboot -display none \
    -machine q35 -accel tcg,thread=multi -cpu qemu64 -smp 2 -m "${CAKE_GUEST_MEMORY:-1024}" \
    -kernel "$guest/vmlinuz" -initrd "$guest/initrd" \
    -append "console=ttyS0 quiet nokaslr no_timer_check panic=-1 systemd.unit=cake-test.target systemd.show_status=no$masked" \
    -blockdev "$(disk root "$(readlink -f "$guest")/root.squashfs")" -device virtio-blk-pci,drive=root \
    -blockdev "$(disk cake "$work/cake.squashfs")" -device virtio-blk-pci,drive=cake \
    -blockdev "$(disk engine "$engine")" -device virtio-blk-pci,drive=engine \
    -chardev "file,id=console,path=$output.console" -serial chardev:console \
    -chardev "file,id=output,path=$output" -device virtio-serial-pci -device virtserialport,chardev=output,name=cake.output \
    -device virtio-rng-pci "${more[@]}" || status=$?

# The last line is the guest's report; the caller sees only what `run` itself printed.
report=$(tail -n 1 "$output")
case $report in
    'cake-guest-exit: '*) sed -i '$d' "$output" && exit "${report#cake-guest-exit: }" ;;
esac
printf 'cake: the systemd guest ended without a report (QEMU: %s); its console said:\n' "$status" >&2
tail -n 30 "$output.console" >&2
exit 125
