#!/usr/bin/env bash
# variants.sh OUT VERSION[:broken]…: other versions of the built image for tests of updates, in one repository OUT: the same root with
# another version in it; `broken` ones have a console that does not start. Signed with the test keys. Made once for each built image.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/kit.sh
. "$(dirname "$0")/kit.sh"
# shellcheck source=image/scripts/uki.sh
. "$(dirname "$0")/uki.sh"

[ $# -ge 2 ] || die 'usage: variants.sh OUT VERSION[:broken]…'
cd "$CAKE_TOP"
need objcopy cpio
out=$1
shift
image=${CAKE_IMAGE_DIR:-$CAKE_TOP/target/image}
programs=${CAKE_BUILT:-$CAKE_TOP/target/release}
keys=$CAKE_TOP/target/keys/test
# Tests beside each other want the same ones.
one_at_a_time variants
SOURCE_DATE_EPOCH=$(stat -c %Y "$image/cake.efi")
export SOURCE_DATE_EPOCH
made=$(sha256sum "$image/cake.efi" | cut -d' ' -f1)\ $*
[ "$(cat "$out/made" 2>/dev/null)" != "$made" ] || exit 0

# section NAME FILE: a part of the built file.
section() { objcopy -O binary --only-section=".$1" "$image/cake.efi" "$work/$2"; }

unpack() {
    section linux vmlinuz
    section initrd initrd.old
    section ucode microcode
    section cmdline cmdline.old
    section uname uname
    # With a final zero, as the stub reads it.
    tr -d '\0' <"$work/cmdline.old" >"$work/cmdline.text"
    mkdir "$work/initramfs"
    (cd "$work/initramfs" && cpio --quiet -idm) <"$work/initrd.old"
    mv "$work/initramfs/root.squashfs" "$work/root.old"
    kit "$work" unsquashfs -quiet -no-progress -d tree root.old >/dev/null
}

# variant VERSION BROKEN: cake.efi in $work.
variant() {
    local version=$1 unit=$work/tree/usr/lib/systemd/system/caked.service.d
    as_root sed -i -E "s/^((IMAGE_VERSION|VERSION_ID)=).*/\1$version/; s/^PRETTY_NAME=.*/PRETTY_NAME=\"cake $version\"/" "$work/tree/usr/lib/os-release"
    as_root rm -rf "$unit"
    if [ "$2" = broken ]; then
        as_root mkdir "$unit"
        printf '[Service]\nExecStart=\nExecStart=/usr/bin/false\n' | as_root tee "$unit/broken.conf" >/dev/null
    fi
    cp "$work/tree/usr/lib/os-release" "$work/os-release"
    as_root rm -f "$work/root.squashfs"
    kit "$work" mksquashfs tree root.squashfs -comp zstd -Xcompression-level 1 -b 256K -noappend -quiet -no-progress
    as_root cp "$work/root.squashfs" "$work/initramfs/root.squashfs"
    pack_cpio "$work/initramfs" "$work/initrd"
    sed -E "s/(cake\.root=sha256:)[0-9a-f]+/\1$(sha256sum "$work/root.squashfs" | cut -d' ' -f1)/" "$work/cmdline.text" >"$work/cmdline"
    pack_uki "$(tr -d '\0' <"$work/uname")"
    sign cake.efi
}

work=$(mktemp -d "$CAKE_ENGINE_DIR/.variants-XXXXXX")
trap 'as_root rm -rf --one-file-system "$work"' EXIT
# The kit's programs see what they sign with, and no keys of the repository.
mkdir "$work/keys"
cp "$keys"/{boot,pcr}.{key,pem} "$work/keys/"
rm -rf "$out"
mkdir -p "$out"
unpack
for one; do
    say "making version ${one%:broken} of the built image"
    variant "${one%:broken}" "${one##*:}"
    "$programs/cake-release" repository --keys "$keys/repository" --out "$out" --version "${one%:broken}" "$work/cake.efi" >&2
done
printf '%s' "$made" >"$out/made"
