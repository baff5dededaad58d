#!/usr/bin/env bash
# image-twice.sh: two builds of the same commit from the same packages are the same, byte by byte, signatures too. The repository of the
# release says besides when it was signed, and until when it is believed.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

cd "$CAKE_TOP"
export FAST=1
first=$(mktemp -d "$CAKE_ENGINE_DIR/.twice-XXXXXX") second=$(mktemp -d "$CAKE_ENGINE_DIR/.twice-XXXXXX")
trap 'rm -rf "$first" "$second"' EXIT
CAKE_IMAGE_DIR=$first image/scripts/image.sh
CAKE_IMAGE_DIR=$second image/scripts/image.sh
diff -r --exclude=repository "$first" "$second" || die 'two builds of the image differ'
say "both builds are the same: cake.efi $(sha256sum "$first/cake.efi" | cut -d' ' -f1)"
