#!/usr/bin/env bash
# Ends the laboratory: each BMC, then its machine, so that nobody starts it again. What they remember stays.
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=image/scripts/common.sh
. "$here/../scripts/common.sh"
# shellcheck source=image/scripts/instance.sh
. "$here/../scripts/instance.sh"
# shellcheck source=image/lab/lab.sh
. "$here/lab.sh"

[ -d "$LAB" ] || exit 0
become_root "$@"
for server in "${LAB_SERVERS[@]}"; do
    ! pid_of "$server" >/dev/null || stop "$server"
    stop_machine "$server"
done
