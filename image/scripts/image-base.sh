#!/usr/bin/env bash
# What an image is made from and with: its packages, unpacked, and the kit. `make image` fetches what is not there yet; this does it
# beforehand, because a compiler can work beside it.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/kit.sh
. "$(dirname "$0")/kit.sh"
# shellcheck source=image/scripts/appliance-root.sh
. "$(dirname "$0")/appliance-root.sh"

cd "$CAKE_TOP"
kit_tree >/dev/null
names=$("${CAKE_BUILT:-$CAKE_TOP/target/release}/cake-image" packages)
base_tree "$names" >/dev/null
