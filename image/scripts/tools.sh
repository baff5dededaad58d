# shellcheck shell=bash
# Sourced after common.sh: cargo's helpers, compiled into target/tools when the machine has none.

# cargo_tool NAME [OPTION…]: makes `cargo NAME` work. Unoptimised: it compiles in about a minute instead of five, and a
# fresh machine runs it once.
cargo_tool() {
    local name=cargo-$1 root=$CAKE_TOP/target/tools
    shift
    export PATH="$root/bin:$PATH"
    command -v "$name" >/dev/null && return
    say "compiling $name (once)"
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=0 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 CARGO_TARGET_DIR=$root/build \
        cargo install --quiet --locked --root "$root" "$@" "$name"
    rm -rf "$root/build"
}
