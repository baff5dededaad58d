#!/usr/bin/env bash
# test.sh [-E FILTERSET…]: every test of the workspace but the image's, or some (`-E 'package(cake-vm)'`), and then what took longest;
# `test.sh --profile image` is the image's. Always
# built as a whole: with other packages chosen, features differ and every dependency would compile again.
# Tests start daemons and guests: they run as root.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/tools.sh
. "$(dirname "$0")/tools.sh"

cargo_tool nextest --no-default-features --features default-no-update
cd "$CAKE_TOP"
# Compiled as the caller, run as root: the target directory stays the caller's.
[ "$(id -u)" = 0 ] || export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER='sudo -E'
log=target/test.log started=$SECONDS status=0
cargo nextest run --release --workspace --no-fail-fast --status-level pass --color never "$@" 2>&1 | tee "$log" || status=$?
printf '\nThe slowest tests:\n'
# sed reads to the end: who stops before it ends sort by SIGPIPE, and with it this script.
grep -E '^ +(PASS|FAIL|TIMEOUT) +\[' "$log" | sed -E 's/^ +([A-Z]+) +\[ *([0-9.]+)s\] *(\([^)]*\) *)?(.*)/\2 s\t\1\t\4/' |
    sort -u | sort -rn | sed -n 1,15p
printf '\ntests: %s s, %s\n' $((SECONDS - started)) "$([ $status = 0 ] && echo passed || echo FAILED)"
exit $status
