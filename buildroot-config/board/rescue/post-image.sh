#!/bin/sh
# The kernel with its root inside is an EFI program: given its name, its size and its checksum.
set -eu

limit=$((40 * 1000 * 1000))
cd "$BINARIES_DIR"
size=$(stat -c %s bzImage)
if [ "$size" -gt "$limit" ]; then
    echo "cake-rescue.efi would have $size bytes; $limit is what network boot of old firmware still takes" >&2
    exit 1
fi
cp bzImage cake-rescue.efi
sha256sum cake-rescue.efi >cake-rescue.efi.sha256
echo "cake-rescue.efi: $size bytes"
