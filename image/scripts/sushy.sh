#!/usr/bin/env bash
# sushy.sh: prints the folder of a Python environment with sushy-tools, OpenStack's emulator of a Redfish service, and sushy's sample
# documents. Made once, from exact versions whose hashes are known; made anew when the list changes.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/tools.sh
. "$(dirname "$0")/tools.sh"

python_tool sushy "$CAKE_TOP/src/cake-bmc/tests/redfish/requirements.txt"
