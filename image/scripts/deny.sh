#!/usr/bin/env bash
# cargo-deny: licences, bans and sources always; security advisories where their database can be reached.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/tools.sh
. "$(dirname "$0")/tools.sh"

cargo_tool deny
cd "$CAKE_TOP"
cargo fetch --quiet --locked
cargo deny --offline --log-level error check licenses bans sources
if cargo deny fetch db >/dev/null 2>&1; then
    cargo deny --log-level error check --disable-fetch advisories
else
    say 'advisories: SKIPPED (their database cannot be reached from here)'
fi
