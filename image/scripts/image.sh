#!/usr/bin/env bash
# Builds the appliance's firmware in target/image: cake.efi (kernel, cake-init and root in one signed file), cake-installer.img (that
# file on a stick), repository (what servers update from), their sums and papers.
#   VERSION=1.2.3  what it calls itself (the workspace's version)      LOCKED=1  only the packages of image/appliance.lock
#   KEYS=DIR       the maker's keys (test keys, which no release takes) DEBUG=1   a root shell on the second serial port
#   FAST=1         packed in seconds instead of minutes, a tenth larger
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/kit.sh
. "$(dirname "$0")/kit.sh"
# shellcheck source=image/scripts/uki.sh
. "$(dirname "$0")/uki.sh"
# shellcheck source=image/scripts/appliance-root.sh
. "$(dirname "$0")/appliance-root.sh"

cd "$CAKE_TOP"
need mmdebstrap mksquashfs cargo jq openssl curl
programs=${CAKE_BUILT:-$CAKE_TOP/target/release}
out=${CAKE_IMAGE_DIR:-$CAKE_TOP/target/image}
version=${VERSION:-$(cargo metadata --no-deps --format-version 1 | jq -r '.packages[] | select(.name == "caked") | .version')}
variant=appliance
[ "${DEBUG:-}" != 1 ] || variant=debug
keys=${KEYS:-$CAKE_TOP/target/keys/test}
# Two builds of the same commit say the same time.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

cake_image() { "$programs/cake-image" "$@"; }

# init_program: cake-init linked statically, because nothing but it is there when it runs. The rest of the workspace is not.
init_program() {
    cargo rustc --release --quiet -p cake-init --bin cake-init --target-dir target/static -- \
        -C target-feature=+crt-static -C relocation-model=static -C strip=symbols
    install -m 755 target/static/release/cake-init "$work/cake-init"
    ! ldd "$work/cake-init" >/dev/null 2>&1 || die 'cake-init is not linked statically'
}

# Keys that call themselves a test's sign nothing but tests; a shell for root is signed by no others.
check_keys() {
    local subject
    [ "${KEYS:-}" != "" ] || image/scripts/keys.sh "$keys" test
    subject=$(openssl x509 -in "$keys/boot.pem" -noout -subject)
    case $subject in
        *'not for release'*) [ "${RELEASE:-}" != 1 ] || die "these are test keys: a release is signed with the maker's (KEYS=DIR)" ;;
        *) [ "$variant" != debug ] || die "the maker's keys do not sign a firmware with a root shell" ;;
    esac
    check_update_keys "$subject"
}

# Whom servers believe that update: the keys of the repository, of the same kind as those of the file.
check_update_keys() {
    local folder=$keys/repository kind=release
    if [ -z "${KEYS:-}" ] && [ ! -e "$folder/1.root.json" ]; then "$programs/cake-release" keys "$folder" --test >&2; fi
    [ -e "$folder/1.root.json" ] || die "$folder has no keys for updates: make them with cake-release keys $folder"
    [ ! -e "$folder/test-root.pem" ] || kind='test'
    case $1:$kind in
        *'not for release'*:test) ;;
        *'not for release'*:*) die "$folder has keys of a maker beside test keys for Secure Boot" ;;
        *:test) die "$folder has test keys: a release is signed with the maker's (KEYS=DIR)" ;;
    esac
}

# The newest root: where a server's trust begins.
newest_root() { find "$keys/repository" -name '*.root.json' -printf '%f\n' | sort -n | tail -n 1; }

build_root() {
    local tree=$work/tree level=15
    cake_image lock --taken "$base/taken" --lock image/appliance.lock ${LOCKED:+--locked}
    as_root cp -a --reflink=auto "$base/tree" "$tree"
    cp "$(echo "$tree"/boot/vmlinuz-*)" "$work/vmlinuz"
    cp "$(echo "$tree"/boot/config-*)" "$work/kernel-config"
    build_microcode "$tree"
    as_root bash -euc "$(declare -f furnish settle)
        CAKE_TOP=\$6 furnish \"\$1\" \"\$2\" \"\$3\" \"\$4\"
        settle \"\$1\" \"\$5\" \"\$7\"" root "$tree" "$(readlink -f "$CAKE_ENGINE_DIR/current")" "$CAKE_IMAGES_DIR" "$programs" \
        "$version" "$CAKE_TOP" "$variant"
    [ "$variant" != debug ] || as_root cp -r --no-preserve=ownership image/root-debug/. "$tree/"
    as_root cp "$(kit_tree)/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$work/systemd-bootx64.efi"
    sign systemd-bootx64.efi
    as_root install -m 644 "$work/systemd-bootx64.efi" "$tree/usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed"
    as_root install -m 644 "$keys/boot.pem" "$tree/usr/lib/cake/boot.pem"
    as_root install -m 644 "$keys/repository/$(newest_root)" "$tree/usr/share/cake/root.json"
    as_root "$programs/cake-image" configure "$tree"
    # The recipe is that of every image; this unit is in images for developers alone.
    [ "$variant" != debug ] || as_root ln -sf /usr/lib/systemd/system/cake-debug.service "$tree/etc/systemd/system/multi-user.target.wants/"
    as_root "$programs/cake-image" check-links "$tree"
    as_root "$programs/cake-contract" root "$tree" --engine "$tree/usr/lib/cake/engine" --kernel-config "$work/kernel-config"
    [ "${FAST:-}" != 1 ] || level=3
    kit "$work" mksquashfs tree root.squashfs -comp zstd -Xcompression-level "$level" -b 256K -noappend -quiet -no-progress
}

# Corrections of the processor, where the kernel looks before anything else (its Documentation/arch/x86/microcode.rst).
build_microcode() {
    local firmware=$1/usr/lib/firmware place=$work/microcode.d/kernel/x86/microcode
    mkdir -p "$place"
    # The kernel takes them one behind the other; the copies of packages that end in .initramfs are others' business.
    find "$firmware/intel-ucode" -type f ! -name '*.initramfs' | LC_ALL=C sort | xargs cat >"$place/GenuineIntel.bin"
    find "$firmware/amd-ucode" -type f -name '*.bin' | LC_ALL=C sort | xargs cat >"$place/AuthenticAMD.bin"
    if [ ! -s "$place/GenuineIntel.bin" ] || [ ! -s "$place/AuthenticAMD.bin" ]; then die 'the corrections of processors were not found'; fi
    pack_cpio "$work/microcode.d" "$work/microcode"
    rm -rf "$work/microcode.d"
}

# The drivers that the root itself needs, unpacked, in the order in which they load.
build_initramfs() {
    local root=$work/initramfs kernel path name
    kernel=$(basename "$(echo "$work"/tree/usr/lib/modules/*)")
    mkdir -p "$root/drivers"
    install -m 755 "$work/cake-init" "$root/init"
    cake_image drivers | while read -r name; do
        kit "$work" modprobe -d tree -S "$kernel" --show-depends "$name"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | sed 's#^.*/tree/#/#' | while read -r path; do
        name=$(basename "$path" .xz)
        xz -dc "$work/tree$path" >"$root/drivers/$name"
        echo "$name"
    done >"$work/order"
    mv "$work/order" "$root/drivers/order"
    [ -s "$root/drivers/order" ] || die 'the drivers of the initramfs were not found'
    ln "$work/root.squashfs" "$root/root.squashfs"
    pack_cpio "$root" "$work/initrd"
    rm -rf "$root"
}

build_uki() {
    local sum
    sum=$(sha256sum "$work/root.squashfs" | cut -d' ' -f1)
    cp "$work/tree/usr/lib/os-release" "$work/os-release"
    printf '%s cake.root=sha256:%s' "$(cake_image parameters)" "$sum" >"$work/cmdline"
    pack_uki "$(basename "$(echo "$work"/tree/usr/lib/modules/*)")"
    sha256sum "$work/cake.efi" | cut -d' ' -f1 >"$work/unsigned.sha256"
    sign cake.efi
}

# A stick: one ESP with the file where every firmware looks, and room for an answer file.
build_installer() {
    local image=$work/cake-installer.img bytes sectors start=2048
    bytes=$(stat -c %s "$work/cake.efi")
    sectors=$(((bytes + (48 << 20)) / 512))
    truncate -s $(((start + sectors + 2048) * 512)) "$image"
    printf 'label: gpt\nlabel-id: ca4e0000-0000-4000-8000-000000000001\nstart=%s, size=%s, type=uefi, name=cake-installer, uuid=ca4e0000-0000-4000-8000-000000000002\n' \
        $start $sectors | kit "$work" sfdisk -q cake-installer.img
    kit "$work" mformat -i cake-installer.img@@$((start * 512)) -F -T $sectors -H $start -v CAKE -N ca4e0003 ::
    kit "$work" mmd -i cake-installer.img@@$((start * 512)) ::EFI ::EFI/BOOT
    kit "$work" mcopy -i cake-installer.img@@$((start * 512)) cake.efi ::EFI/BOOT/BOOTX64.EFI
}

# What servers update from. Its number rises with each build, or they would take the next one for an old one; it offers this version.
build_repository() {
    rm -rf "$out/repository/targets"
    "$programs/cake-release" repository --keys "$keys/repository" --out "$out/repository" --version "$version" --only "$out/cake.efi" >&2
}

papers() {
    local metadata=$work/cargo.json common
    cargo metadata --format-version 1 --locked >"$metadata"
    common=(--taken "$base/taken" --cargo "$metadata" --release "$version" --epoch "$SOURCE_DATE_EPOCH")
    cake_image sbom "${common[@]}" >"$work/sbom.spdx.json"
    cake_image licences "${common[@]}" --copyright "$base/copyright" >"$work/licences.txt"
}

check_keys
started=$SECONDS
say "building the image of cake $version ($variant)"
mkdir -p "$out"
work=$(mktemp -d "$CAKE_ENGINE_DIR/.image-XXXXXX")
trap 'as_root rm -rf --one-file-system "$work"' EXIT
# The kit's programs see what they sign with, and no keys of the repository.
mkdir "$work/keys"
cp "$keys"/{boot,pcr}.{key,pem} "$work/keys/"
init_program
base=$(base_tree "$(cake_image packages)")
build_root
say "root: $(stat -c %s "$work/root.squashfs") bytes, $((SECONDS - started)) s"
build_initramfs
build_uki
build_installer
papers
(cd "$work" && sha256sum cake.efi cake-installer.img sbom.spdx.json licences.txt >SHA256SUMS)
openssl dgst -sha256 -sign "$keys/boot.key" -out "$work/SHA256SUMS.sig" "$work/SHA256SUMS"
printf '%s\n' "$version" >"$work/version"
for file in cake.efi cake-installer.img sbom.spdx.json licences.txt SHA256SUMS SHA256SUMS.sig unsigned.sha256 version; do
    mv -f "$work/$file" "$out/$file"
done
install -m 644 "$keys/boot.pem" "$keys/pcr.pem" "$out/"
build_repository
say "cake.efi: $(stat -c %s "$out/cake.efi") bytes; installer: $(stat -c %s "$out/cake-installer.img") bytes; $((SECONDS - started)) s"
