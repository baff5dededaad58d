#!/usr/bin/env bash
# buildroot.sh check|build TREE [LINUX]: buildroot-config/ on a tree of Buildroot, which is never changed.
# check expands both defconfigs and holds them against image/contract.toml; with LINUX, a kernel's source, its options too.
# build makes target/image/cake-rescue.efi. cake's own programs enter prebuilt, from CAKE_PREBUILT_DIR.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

output=$CAKE_TOP/target/buildroot

# tree_of DIRECTORY: its absolute path, if it is one.
tree_of() {
    [ -f "$1/package/Config.in" ] || die "$1 is no tree of Buildroot"
    (cd "$1" && pwd)
}

check() {
    need make gcc
    [ -z "${2:-}" ] || need flex bison
    local linux=()
    [ -z "${2:-}" ] || linux=(--linux "$2")
    (cd "$CAKE_TOP" && cargo build --release -p cake-contract &&
        target/release/cake-contract buildroot --tree "$1" --output "$output" "${linux[@]}")
}

build() {
    need make gcc g++ rsync bc cpio unzip file wget perl
    local programs=${CAKE_PREBUILT_DIR:-$CAKE_TOP/target/x86_64-unknown-linux-musl/release}
    [ -x "$programs/cake-install" ] || die "no cake-install in $programs: build it static, or set CAKE_PREBUILT_DIR"
    mkdir -p "$output/rescue" "$CAKE_TOP/target/image"
    local make=(make -C "$1" "O=$output/rescue" "BR2_EXTERNAL=$CAKE_TOP/buildroot-config")
    CAKE_PREBUILT_DIR=$programs "${make[@]}" cake_rescue_defconfig
    CAKE_PREBUILT_DIR=$programs "${make[@]}"
    cp "$output/rescue/images/cake-rescue.efi" "$output/rescue/images/cake-rescue.efi.sha256" "$CAKE_TOP/target/image/"
    say "rescue: $CAKE_TOP/target/image/cake-rescue.efi"
}

verb=${1:-}
if [ -z "${2:-}" ]; then
    [ "$verb" = check ] || die 'which tree of Buildroot? make buildroot BUILDROOT=<tree>'
    say 'buildroot: skipped: no tree is given (make buildroot-check BUILDROOT=<tree>)'
    exit 0
fi
tree=$(tree_of "$2")
case $verb in
    check) check "$tree" "${3:-}" ;;
    build) build "$tree" ;;
    *) die 'usage: buildroot.sh check|build TREE [LINUX]' ;;
esac
