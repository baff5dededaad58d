#!/usr/bin/env bash
# longer.sh soak|bench: runs every program of the workspace whose name ends in -soak or -bench, one after the other, and
# prints what each took. Soaking also runs every fuzz target where a nightly compiler and cargo-fuzz are at hand
# (CAKE_FUZZ_SECONDS each, 60 by default).
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

kind=${1:-}
case $kind in soak | bench) ;; *) die 'usage: longer.sh soak|bench' ;; esac
need jq cargo
cd "$CAKE_TOP"
summary=() failed=0

# step NAME COMMAND…: runs it and keeps its result for the summary.
step() {
    local name=$1 started=$SECONDS result=passed
    shift
    printf '\n== %s\n' "$name"
    "$@" || { result=FAILED; failed=1; }
    summary+=("$(printf '%-40s %6s s  %s' "$name" $((SECONDS - started)) "$result")")
}

# programs: "PACKAGE KIND NAME" of every program of that kind.
programs() {
    cargo metadata --no-deps --format-version 1 | jq -r --arg kind "-$kind" '
        .packages[] | .name as $package | .targets[]
        | select(.name | endswith($kind)) | select(.kind[0] == "bin" or .kind[0] == "example")
        | "\($package) \(.kind[0]) \(.name)"'
}

fuzz() {
    local folder target
    if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
        summary+=("$(printf '%-40s %6s    %s' 'fuzz targets' - 'SKIPPED: no nightly compiler with cargo-fuzz')")
        return
    fi
    for folder in src/*/fuzz web-ui/fuzz; do
        [ -f "$folder/Cargo.toml" ] || continue
        for target in $(cd "$folder" && cargo +nightly fuzz list --fuzz-dir .); do
            step "fuzz $folder $target" cargo +nightly fuzz run --fuzz-dir "$folder" "$target" -- \
                -max_total_time="${CAKE_FUZZ_SECONDS:-60}"
        done
    done
}

found=$(programs)
[ -n "$found" ] || die "no program of the workspace ends in -$kind"
while read -r package type name; do
    step "$name" cargo run --release --quiet -p "$package" "--$type" "$name" </dev/null
done <<<"$found"
[ "$kind" != soak ] || fuzz
printf '\nmake %s\n' "$kind"
printf '  %s\n' "${summary[@]}"
exit $failed
