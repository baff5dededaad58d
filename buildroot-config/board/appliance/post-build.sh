#!/bin/sh
# What cake finds under Debian's names.
set -eu

# Firmware of virtual machines: edk2 leaves it among the images, under names without a size.
ovmf=$TARGET_DIR/usr/share/OVMF
mkdir -p "$ovmf"
cp "$BINARIES_DIR/OVMF_CODE.fd" "$ovmf/OVMF_CODE_4M.fd"
cp "$BINARIES_DIR/OVMF_VARS.fd" "$ovmf/OVMF_VARS_4M.fd"
# Places that cake-node mounts things on while the root is read-only.
mkdir -p "$TARGET_DIR/vm"
