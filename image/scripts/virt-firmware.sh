#!/usr/bin/env bash
# virt-firmware.sh: prints the folder of a Python environment with virt-firmware, which writes Secure Boot keys into OVMF's variables.
# Made once, from exact versions whose hashes are known; made anew when the list changes.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/tools.sh
. "$(dirname "$0")/tools.sh"

python_tool virt-firmware "$CAKE_TOP/tests/virt-firmware.txt"
