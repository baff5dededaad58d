# shellcheck shell=bash
# Sourced by the other scripts: messages, root, the machine's Debian mirror, results that appear whole or not at all.

CAKE_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CAKE_ENGINE_DIR=${CAKE_ENGINE_DIR:-$CAKE_TOP/target/engine}
CAKE_IMAGES_DIR=${CAKE_IMAGES_DIR:-$CAKE_ENGINE_DIR/images}
export CAKE_TOP CAKE_ENGINE_DIR CAKE_IMAGES_DIR
# The Debian release that engine root and images are made of, whatever release this machine runs.
CAKE_SUITE=trixie

say() { printf 'cake: %s\n' "$*"; }
die() { printf 'cake: %s\n' "$*" >&2; exit 1; }

# as_root COMMAND…: runs it as root, through sudo for everybody else.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; return; fi
    command -v sudo >/dev/null || die "this needs root: run it as root, or install sudo"
    sudo "$@"
}

# need COMMAND…: a missing tool is one clear line instead of a broken pipe later.
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null ||
            die "'$tool' is missing: image/scripts/host-packages.sh installs what is needed"
    done
}

# packages FILE: the names in a package list, comments dropped.
packages() { sed -e 's/#.*//' "$1" | awk 'NF { print $1 }'; }

# joined FILE: the same with commas between.
joined() { packages "$1" | paste -sd,; }

# recipe_hash FILE…: names a result after everything that it is made from.
recipe_hash() { cat "$@" | sha256sum | cut -c1-16; }

# debian_archives: the two archives that this machine's own apt is set up for, as "KIND URI" lines, KIND being main or
# security. Every mirror and proxy setting stays where the administrator put it.
debian_archives() {
    if [ -n "${CAKE_DEBIAN_MIRROR:-}" ]; then
        printf 'main %s\n' "$CAKE_DEBIAN_MIRROR"
        [ -z "${CAKE_DEBIAN_SECURITY_MIRROR:-}" ] || printf 'security %s\n' "$CAKE_DEBIAN_SECURITY_MIRROR"
        return
    fi
    # apt describes only archives whose index it has fetched.
    [ -n "$(apt-get indextargets 'Created-By: Packages')" ] || as_root apt-get update -qq >&2
    # Third-party archives also have a "main" and a "stable"; those that were fetched once name their origin.
    # shellcheck disable=SC2016 # apt expands these, not the shell
    apt-get indextargets --format '$(RELEASE) $(REPO_URI) $(ORIGIN)' 'Created-By: Packages' 'Component: main' |
        awk '$3 != "" && $3 != "Debian" && $3 !~ /^\$/ { next }
             { kind = "" }
             $1 ~ /^(bookworm|trixie|forky|oldstable|stable|testing)$/ { kind = "main" }
             $1 ~ /^(bookworm|trixie|forky|oldstable|stable|testing)-security$/ { kind = "security" }
             kind != "" && !seen[kind]++ { print kind, $2 }'
}

# trixie_sources: apt sources lines for the release that we build from. CAKE_COMPONENTS names more than Debian's own.
trixie_sources() {
    local kind uri found='' components=${CAKE_COMPONENTS:-main}
    while read -r kind uri; do
        case $kind in
            main)
                found=yes
                printf 'deb %s %s %s\n' "$uri" "$CAKE_SUITE" "$components" "$uri" "$CAKE_SUITE-updates" "$components"
                ;;
            security) printf 'deb %s %s-security %s\n' "$uri" "$CAKE_SUITE" "$components" ;;
        esac
    done < <(debian_archives)
    [ -n "$found" ] || die "no Debian archive in this machine's apt configuration: set CAKE_DEBIAN_MIRROR=http://…/debian"
}

# bootstrap VARIANT INCLUDE TARGET [OPTION…]: mmdebstrap of the release, without recommended packages.
bootstrap() {
    local variant=$1 include=$2 target=$3
    shift 3
    local sources
    sources=$(trixie_sources)
    # Locale and proxy come from the machine; documentation never goes in.
    printf '%s\n' "$sources" | as_root env LC_ALL=C.UTF-8 mmdebstrap --quiet --mode=root --variant="$variant" \
        --include="$include" --architectures=amd64 \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        "$@" "$CAKE_SUITE" "$target" -
}

# one_at_a_time NAME: a second build of the same thing waits for the first and then finds it done.
one_at_a_time() {
    mkdir -p "$CAKE_ENGINE_DIR"
    exec 9>"$CAKE_ENGINE_DIR/.lock-$1"
    flock 9
}

# engine [timeout SECONDS] PROGRAM ARGUMENT…: a program of the engine root, run by the engine's own loader and libraries:
# no root needed, nothing of this machine's mixed in. (Virtual machines get the tree as their root instead.)
engine() {
    local root=$CAKE_ENGINE_DIR/current libraries=$CAKE_ENGINE_DIR/current/usr/lib/x86_64-linux-gnu guard=()
    if [ "$1" = timeout ]; then guard=("$1" "$2") && shift 2; fi
    local program=$1
    shift
    [ -x "$root/usr/bin/$program" ] || die "no $program in the engine root: run make engine"
    "${guard[@]}" "$root/lib64/ld-linux-x86-64.so.2" --library-path "$libraries:$libraries/swtpm" \
        "$root/usr/bin/$program" "$@"
}
