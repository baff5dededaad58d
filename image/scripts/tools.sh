# shellcheck shell=bash
# Sourced after common.sh: cargo's helpers, compiled into target/tools when the machine has none; programs in Python.

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

# python_tool NAME LIST: prints the folder of a Python environment with the packages of a list, which names exact versions and their
# hashes. Made once, and anew when the list changes. Used as `bin/python3 -m`: an environment may be moved, its scripts not.
python_tool() {
    local name=$1 list=$2 place new python
    place=$CAKE_TOP/target/tools/$name-$(recipe_hash "$list" "${BASH_SOURCE[0]}")
    if [ ! -d "$place" ]; then
        need python3
        mkdir -p "$CAKE_TOP/target/tools"
        (
            one_at_a_time "$name"
            [ ! -d "$place" ] || exit 0
            say "installing $name (once)" >&2
            new=$place.new
            rm -rf "$new"
            # The distribution's Python, where there are several.
            python=/usr/bin/python3
            [ -x "$python" ] || python=python3
            "$python" -m venv "$new" >&2 || die "'python3 -m venv' fails: image/scripts/host-packages.sh installs what is needed"
            "$new/bin/python3" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
                --require-hashes --requirement "$list" >&2
            mv "$new" "$place"
        )
    fi
    echo "$place"
}
