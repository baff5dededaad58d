#!/usr/bin/env bash
# longer.sh soak|bench: runs every program of the workspace whose name ends in -soak or -bench, one after the other, and
# prints what each took. Soaking also runs the kill storms with many more rounds and a seed of this run
# (CAKE_STORM_ROUNDS, CAKE_CRASH_ROUNDS, CAKE_STORM_SEED), and every fuzz target where a nightly compiler is at hand
# (CAKE_FUZZ_SECONDS each, 60 by default).
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/tools.sh
. "$(dirname "$0")/tools.sh"

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
    summary+=("$(printf '%-50s %6s s  %s' "$name" $((SECONDS - started)) "$result")")
}

# programs: "PACKAGE KIND NAME" of every program of that kind.
programs() {
    cargo metadata --no-deps --format-version 1 | jq -r --arg kind "-$kind" '
        .packages[] | .name as $package | .targets[]
        | select(.name | endswith($kind)) | select(.kind[0] == "bin" or .kind[0] == "example")
        | "\($package) \(.kind[0]) \(.name)"'
}

# storms: the tests that kill the daemons at instants drawn by lot, for longer than `make test` may take.
storms() {
    export CAKE_STORM_ROUNDS=${CAKE_STORM_ROUNDS:-1000} CAKE_CRASH_ROUNDS=${CAKE_CRASH_ROUNDS:-1000}
    export CAKE_STORM_SEED=${CAKE_STORM_SEED:-$RANDOM$RANDOM}
    cargo_tool nextest --no-default-features --features default-no-update
    local soak=(cargo nextest run --release --workspace --profile soak --color never -E)
    step "cake-node killed $CAKE_STORM_ROUNDS times, seed $CAKE_STORM_SEED" "${soak[@]}" 'test(/^storm::killed_at_any_instant/)'
    step 'disks installed, killed at many steps, and opened' "${soak[@]}" 'package(cake-install) and binary(guest)'
    step "caked killed $CAKE_CRASH_ROUNDS times under load" "${soak[@]}" 'test(/^nothing_acknowledged_is_lost_when_caked/)'
    step 'the image built twice' image/scripts/image-twice.sh
}

fuzz() {
    local folder target found corpora
    if ! rustup run nightly rustc --version >/dev/null 2>&1; then
        summary+=("$(printf '%-50s %6s    %s' 'fuzz targets' - 'SKIPPED: no nightly compiler')")
        return
    fi
    cargo_tool fuzz
    for folder in src/*/fuzz; do
        [ -f "$folder/Cargo.toml" ] || continue
        for target in $(cd "$folder" && cargo +nightly fuzz list --fuzz-dir .); do
            # What is found on the way goes beside the build, not into the corpus that `make test` replays. Crates have targets of one name.
            found="target/fuzz/corpus/$(basename "${folder%/fuzz}")/$target"
            mkdir -p "$found"
            corpora=("$found")
            [ ! -d "$folder/corpus/$target" ] || corpora+=("$folder/corpus/$target")
            step "fuzz $folder $target" cargo +nightly fuzz run --fuzz-dir "$folder" --target-dir target/fuzz "$target" \
                "${corpora[@]}" -- -max_total_time="${CAKE_FUZZ_SECONDS:-60}"
        done
    done
}

found=$(programs)
[ -n "$found" ] || die "no program of the workspace ends in -$kind"
while read -r package type name; do
    step "$name" cargo run --release --quiet -p "$package" "--$type" "$name" </dev/null
done <<<"$found"
if [ "$kind" = soak ]; then
    storms
    fuzz
fi
printf '\nmake %s\n' "$kind"
printf '  %s\n' "${summary[@]}"
exit $failed
