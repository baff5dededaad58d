#!/usr/bin/env bash
# Shows which Debian packages of image/build.list this machine lacks and installs them.
# Asks first, unless it is root's own doing or CI=1. `--check` only shows.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

# wanted: the packages of the list, without those whose command exists already.
wanted() {
    sed -e 's/#.*//' "$CAKE_TOP/image/build.list" | while read -r package unless command; do
        [ -n "$package" ] || continue
        if [ "$unless" = unless ] && command -v "$command" >/dev/null; then continue; fi
        echo "$package"
    done
}

# lacking: those of them that dpkg does not know as installed.
lacking() {
    local package
    for package in $(wanted); do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' || echo "$package"
    done
}

[ -r /etc/debian_version ] || die 'this builds on Debian 12 or 13; /etc/debian_version is not there'
mapfile -t missing < <(lacking)
if [ ${#missing[@]} = 0 ]; then
    say 'packages: nothing is missing'
else
    say "packages that are missing: ${missing[*]}"
    [ "${1:-}" != --check ] || exit 1
    if [ "$(id -u)" != 0 ] && [ "${CI:-}" != 1 ] && [ "${CI:-}" != true ]; then
        [ -t 0 ] || die 'not installed: nobody can be asked here (CI=1 answers yes)'
        read -r -p 'cake: install them now? [y/N] ' answer
        case $answer in [yY]*) ;; *) die 'not installed' ;; esac
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    say "packages: ${#missing[@]} installed"
fi

# Rust is not a Debian package here: its version is the project's, not the distribution's.
command -v cargo >/dev/null || die 'cargo is missing: install Rust 1.95 or newer (rustup)'
