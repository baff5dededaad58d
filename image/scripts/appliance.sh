#!/usr/bin/env bash
# appliance.sh: the built image on a server that QEMU emulates, for people: its stick is in, its disk is blank the first time. Runs until
# it is switched off; Ctrl-C presses its power button, a second one cuts its power. Disk, TPM and firmware variables stay in
# target/appliance, so that the next start goes on where it was; RESET=1 begins anew.
#   CAKE_APPLIANCE_HTTPS=127.0.0.1:9443   where its console answers on this machine
#   CAKE_APPLIANCE_MEMORY=4096            MiB
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/process.sh
. "$(dirname "$0")/process.sh"

image=${CAKE_IMAGE_DIR:-$CAKE_TOP/target/image}/cake-installer.img
state=$CAKE_TOP/target/appliance
https=${CAKE_APPLIANCE_HTTPS:-127.0.0.1:9443}
share=$CAKE_ENGINE_DIR/current/usr/share
need flock ss mkfifo timeout
[ -f "$image" ] || die "$image is missing: run make image"
[[ $https =~ ^[0-9.]+:[0-9]+$ ]] || die "CAKE_APPLIANCE_HTTPS=$https is not ADDRESS:PORT"

# taken PORT: somebody listens there.
taken() { [ -n "$(ss -Hltn "sport = :$1")" ]; }

# free_screen: the number of a VNC screen that nobody has.
free_screen() {
    local number=0
    while taken $((5900 + number)); do number=$((number + 1)); done
    echo $number
}

# accelerator: KVM where a guest really runs in it, which the device node alone does not tell.
accelerator() {
    if [ -w /dev/kvm ] && [ -f "$CAKE_IMAGES_DIR/cake-pvh.elf" ] &&
        engine timeout 5 qemu-system-x86_64 -L "$share/seabios" -L "$share/qemu" -nodefaults -no-user-config -display none -m 32 \
            -machine q35 -accel kvm -kernel "$CAKE_IMAGES_DIR/cake-pvh.elf" -serial stdio 2>/dev/null </dev/null | grep -q cake-pvh; then
        echo kvm
    else
        echo tcg,thread=multi
    fi
}

# ensure_hardware: what is made once and stays.
ensure_hardware() {
    [ "${RESET:-}" != 1 ] || rm -rf "$state"/{disk.raw,variables.fd,tpm,serial.log}
    [ -f "$state/disk.raw" ] || truncate -s 32G "$state/disk.raw"
    [ -f "$state/variables.fd" ] || cp "$share/OVMF/OVMF_VARS_4M.fd" "$state/variables.fd"
    mkdir -p "$state/tpm"
}

# The machine in a process group of its own (set -m), so that Ctrl-C is ours to handle. Its TPM ends with it. What is written to the stick is forgotten.
start() {
    local screen=$1 model=qemu64,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq,+rdrand,+rdseed speed pic=,pic=off
    speed=$(accelerator)
    # An emulator is late with the old timer, which a kernel takes for broken; without the old interrupt controller it does not ask.
    if [ "$speed" = kvm ]; then model=host pic=''; fi
    mkfifo -m 600 "$work/monitor.in"
    ln -s /dev/null "$work/monitor.out"
    (exec 9>&-; engine swtpm socket --tpm2 --terminate --daemon --tpmstate "dir=$state/tpm" --ctrl "type=unixio,path=$work/tpm.sock")
    set -m
    (exec 9>&-; engine qemu-system-x86_64 -name cake-appliance -L "$share/seabios" -L "$share/qemu" -nodefaults -no-user-config \
        -machine "q35$pic" -accel "$speed" -cpu "$model" -smp 2 -m "${CAKE_APPLIANCE_MEMORY:-4096}" \
        -drive "if=pflash,format=raw,readonly=on,file=$share/OVMF/OVMF_CODE_4M.fd" \
        -drive "if=pflash,format=raw,file=$state/variables.fd" \
        -device VGA -vnc "127.0.0.1:$screen" -device qemu-xhci,id=usb -device usb-kbd -device usb-tablet -device virtio-rng-pci \
        -drive "if=none,id=disk,format=raw,discard=unmap,file=$state/disk.raw" -device nvme,drive=disk,serial=APPLIANCE,bootindex=0 \
        -drive "if=none,id=stick,format=raw,snapshot=on,file=$image" \
        -device usb-storage,bus=usb.0,drive=stick,serial=STICK,removable=on,bootindex=1 \
        -chardev "socket,id=tpm,path=$work/tpm.sock" -tpmdev emulator,id=tpm,chardev=tpm -device tpm-crb,tpmdev=tpm \
        -device ipmi-bmc-sim,id=bmc -device isa-ipmi-kcs,bmc=bmc \
        -netdev "user,id=net,hostfwd=tcp:$https-:443" -device virtio-net-pci,netdev=net,romfile= \
        -chardev "file,id=serial,path=$state/serial.log,append=on" -serial chardev:serial \
        -chardev "pipe,id=monitor,path=$work/monitor" -mon chardev=monitor,mode=readline) </dev/null >>"$state/qemu.log" 2>&1 &
    qemu=$!
    set +m
    if [ "$speed" != kvm ]; then say 'no hardware virtualisation here: the server is emulated, and takes a minute or two to start'; fi
}

cut() { [ -z "$qemu" ] || kill -KILL -- "-$qemu" 2>/dev/null || true; }

# press: the power button the first time, the plug the second.
press() {
    # Nothing is on yet.
    [ -n "$qemu" ] || exit 130
    presses=$((presses + 1))
    if [ $presses = 1 ]; then
        printf '\n'
        say 'its power button is pressed (Ctrl-C once more: its power is cut)'
        # Opened for both ways, so that it never waits for a reader.
        echo system_powerdown 1<>"$work/monitor.in"
    else
        cut
    fi
}

mkdir -p "$state"
exec 9>"$state/.lock"
flock -n 9 || die "an appliance runs already with $state"
! taken "${https##*:}" || die "$https is taken: choose another address, for example CAKE_APPLIANCE_HTTPS=127.0.0.1:9444"
# Short: a socket's path has at most 107 bytes.
work=$(mktemp -d -t cake-appliance-XXXXXX)
presses=0 qemu=
trap 'rm -rf "$work"; cut' EXIT
trap press INT TERM
ensure_hardware
screen=$(free_screen)
start "$screen"
printf '\n  console       https://%s (once it is up; fingerprint and token stand on its screen and in the log)\n' "$https"
printf '  screen        vnc://127.0.0.1:%s\n  serial log    %s\n\n' $((5900 + screen)) "$state/serial.log"
status=0
while started_at "$qemu" >/dev/null; do
    status=0
    wait "$qemu" 2>/dev/null || status=$?
done
qemu=
[ $presses -gt 1 ] || [ $status = 0 ] || { tail -n 5 "$state/qemu.log" >&2; die "QEMU ended with $status: the end of $state/qemu.log is above"; }
say 'the appliance is off'
