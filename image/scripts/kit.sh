# shellcheck shell=bash
# Sourced after common.sh: the tools that make the image, in a tree of their own.

# kit_tree: prints the path of the kit, which is made once.
kit_tree() {
    need mmdebstrap flock
    local list=$CAKE_TOP/image/kit.list tree new
    tree=$CAKE_ENGINE_DIR/kit-$(recipe_hash "$list" "${BASH_SOURCE[0]}")
    (
        one_at_a_time kit
        [ ! -d "$tree" ] || exit 0
        say "building the kit from $(packages "$list" | wc -l) packages and what they need" >&2
        new=$(mktemp -d "$CAKE_ENGINE_DIR/.kit-XXXXXX")
        bootstrap essential "$(joined "$list")" "$new" >&2
        as_root mkdir -p "$new/work"
        chmod 755 "$new"
        mv "$new" "$tree"
    ) || die 'the kit could not be built'
    echo "$tree"
}

# kit DIRECTORY COMMAND…: runs a program of the kit; DIRECTORY is its /work, the only thing of this machine that it sees.
kit() {
    local directory=$1 tree
    shift
    tree=$(kit_tree)
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_root unshare --mount --propagation slave sh -euc '
        tree=$1 directory=$2
        shift 2
        mount --bind "$directory" "$tree/work"
        mount -t proc proc "$tree/proc"
        mount --bind /dev "$tree/dev"
        exec chroot "$tree" env -C /work LC_ALL=C.UTF-8 SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}" "$@"
    ' kit "$tree" "$directory" "$@"
}
