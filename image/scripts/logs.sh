#!/usr/bin/env bash
# Follows the logs of both programs.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/instance.sh
. "$(dirname "$0")/instance.sh"

[ -d "$CAKE_STATE/log" ] || die "there are no logs in $CAKE_STATE: run make up"
become_root "$@"
exec tail -n 50 -F "$CAKE_STATE/log/cake-node.log" "$CAKE_STATE/log/caked.log"
