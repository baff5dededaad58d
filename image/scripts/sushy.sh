#!/usr/bin/env bash
# sushy.sh: prints the folder of a Python environment with sushy-tools, OpenStack's emulator of a Redfish service, and sushy's sample
# documents. Made once, from exact versions whose hashes are known; made anew when the list changes.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

list=$CAKE_TOP/src/cake-bmc/tests/redfish/requirements.txt
place=$CAKE_TOP/target/tools/sushy-$(recipe_hash "$list" "$0")
if [ ! -d "$place" ]; then
    need python3
    mkdir -p "$CAKE_TOP/target/tools"
    (
        one_at_a_time sushy
        [ ! -d "$place" ] || exit 0
        say 'installing sushy-tools (once)' >&2
        new=$place.new
        rm -rf "$new"
        # The distribution's Python, where there are several. Used as `python -m`: an environment may be moved, its scripts not.
        python=/usr/bin/python3
        [ -x "$python" ] || python=python3
        "$python" -m venv "$new" >&2 || die "'python3 -m venv' fails: image/scripts/host-packages.sh installs what is needed"
        "$new/bin/python3" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
            --require-hashes --requirement "$list" >&2
        mv "$new" "$place"
    )
fi
echo "$place"
