# shellcheck shell=bash
# Sourced after common.sh: the appliance's root, from packages to a tree that is ready to be packed.

# archive_state: what the archives offer now, asked with apt's own settings. Any update of a package changes it.
archive_state() {
    local kind uri suite file
    file=$(mktemp)
    while read -r kind uri; do
        case $kind in
            main) set -- "$CAKE_SUITE" "$CAKE_SUITE-updates" ;;
            *) set -- "$CAKE_SUITE-security" ;;
        esac
        for suite; do
            # An archive that does not answer is taken to change once a day.
            if /usr/lib/apt/apt-helper download-file "$uri/dists/$suite/InRelease" "$file" >/dev/null 2>&1; then
                cat "$file"
            else
                date -u +%F
            fi
        done
    done < <(debian_archives) | sha256sum | cut -c1-16
    rm -f "$file"
}

# base_tree NAMES: prints the path of the tree with all packages, made once for each state of the archives. Beside it `taken` says
# which packages there are, as apt describes them, and `copyright` has their licences.
base_tree() {
    local names=$1 tree new
    tree=$CAKE_ENGINE_DIR/appliance-$(printf '%s %s' "$names" "$(archive_state)" | recipe_hash "${BASH_SOURCE[0]}" -)
    (
        one_at_a_time appliance
        [ ! -d "$tree" ] || exit 0
        say "fetching and unpacking the appliance's packages (about three minutes)" >&2
        new=$(mktemp -d "$CAKE_ENGINE_DIR/.appliance-XXXXXX")
        # What apt says of each is asked before apt's lists are cleaned away.
        # shellcheck disable=SC2016 # dpkg-query's and the inner shell's
        CAKE_COMPONENTS='main non-free-firmware' bootstrap essential "$names" "$new/tree" \
            --dpkgopt='path-include=/usr/share/doc/*/copyright' \
            --customize-hook='chroot "$1" dpkg-query -W -f "\${Package}=\${Version}\n" | APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" xargs apt-cache show --no-all-versions >"$1/taken"' >&2
        as_root mv "$new/tree/taken" "$new/taken"
        as_root cp -r --dereference "$new/tree/usr/share/doc" "$new/copyright" 2>/dev/null || true
        as_root chown -R "$(id -u):$(id -g)" "$new/taken" "$new/copyright"
        chmod 755 "$new"
        find "$CAKE_ENGINE_DIR" -maxdepth 1 -name 'appliance-*' -exec sh -c 'exec "$@"' sh rm -rf --one-file-system {} +
        mv "$new" "$tree"
    ) || die "the appliance's packages could not be had"
    echo "$tree"
}

# furnish TREE ENGINE IMAGES PROGRAMS: what is ours, into a tree with packages.
furnish() {
    local tree=$1 engine=$2 images=$3 programs=$4 name
    cp -rT --no-preserve=ownership "$CAKE_TOP/image/root" "$tree"
    install -d "$tree/usr/lib/cake/images" "$tree/state" "$tree/pool"
    cp -a "$engine/." "$tree/usr/lib/cake/engine/"
    cp --sparse=always "$images"/*.elf "$images"/*.raw "$images"/*.toml "$tree/usr/lib/cake/images/"
    for name in cake-node caked cake-appliance cake-install; do
        install -m 755 "$programs/$name" "$tree/usr/lib/cake/$name"
    done
    install -m 755 "$programs/cake" "$tree/usr/bin/cake"
    strip --strip-debug "$tree"/usr/lib/cake/cake* "$tree/usr/bin/cake"
}

# settle TREE VERSION VARIANT: what an installation would have left behind, and who this is.
settle() {
    local tree=$1 version=$2 variant=$3
    rm -f "$tree/etc/machine-id" "$tree/etc/hostname" "$tree/etc/resolv.conf" "$tree"/etc/{passwd,group,shadow,gshadow}-
    : >"$tree/etc/machine-id"
    ln -s ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$tree/etc/hosts"
    chroot "$tree" systemd-sysusers
    install -d "$tree/usr/share/cake"
    # shellcheck disable=SC2016 # dpkg-query's
    chroot "$tree" dpkg-query -W -f '${Package}\t${Version}\n' >"$tree/usr/share/cake/packages"
    # Nobody has a shell to log in to.
    sed -i -E 's#:/(usr/)?bin/(ba|da)?sh$#:/usr/sbin/nologin#' "$tree/etc/passwd"
    cat >"$tree/usr/lib/os-release" <<END
NAME=cake
ID=cake
ID_LIKE=debian
PRETTY_NAME="cake $version"
VERSION_ID=$version
IMAGE_ID=cake
IMAGE_VERSION=$version
VARIANT_ID=$variant
DEFAULT_HOSTNAME=cake
END
    chroot "$tree" depmod "$(basename "$tree"/usr/lib/modules/*)"
    # The linker's cache is made now: the root forgets what it makes at boot.
    chroot "$tree" ldconfig
    rm -rf "$tree"/var/{cache,log,tmp,backups}/* "$tree"/tmp/* "$tree"/run/* "$tree/var/cache/ldconfig" "$tree"/etc/*.dpkg-*
    find "$tree/root" -mindepth 1 -delete
    # Nothing is to be brought up to date at boot: these are newer than /usr.
    touch "$tree/etc/.updated" "$tree/var/.updated"
}
