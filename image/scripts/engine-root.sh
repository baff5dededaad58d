#!/usr/bin/env bash
# Builds the engine root: the read-only tree in which every VM's QEMU, firmware and swtpm live.
# The result is CAKE_ENGINE_DIR/root-HASH, made whole or not at all; `current` points to it. Prints its path.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

list=$CAKE_TOP/image/engine.list
need mmdebstrap flock
one_at_a_time engine
root=$CAKE_ENGINE_DIR/root-$(recipe_hash "$list" "$0")

# Everything a virtual machine never opens: help texts, desktop files, firmware of other machines, dpkg's own files.
slim() {
    local tree=$1
    rm -rf "$tree"/usr/share/{doc,man,info,locale,lintian,bash-completion,applications,icons,metainfo,bug,common-licenses} \
        "$tree"/usr/share/{base-files,gcc,gdb,perl5,python3,zsh,doc-base,apport,initramfs-tools} \
        "$tree"/usr/lib/{systemd,tmpfiles.d,sysusers.d,udev,modprobe.d} \
        "$tree"/usr/share/qemu/{vof*,s390*,palcode*,hppa*,opensbi*,openbios*,skiboot*,slof*,u-boot*,QEMU,petalogix*,npcm*} \
        "$tree"/var/lib/{apt,dpkg} "$tree"/var/cache "$tree"/etc/{apt,init.d,default,cron*,logrotate.d} "${tree:?}/boot" "${tree:?}/home"
}

build() {
    local new=$1
    # `extract` unpacks and runs no package's scripts: no users, no daemons, no shell, the same bytes every time.
    bootstrap extract "$(joined "$list")" "$new" --skip=cleanup/apt
    as_root bash -euc "$(declare -f slim)
        cd \"\$1\"
        for deb in var/cache/apt/archives/*.deb; do dpkg-deb --show \"\$deb\"; done | sort >packages
        slim .
        # Where the launcher mounts things: the tree itself is read-only by then.
        mkdir -p dev proc sys run tmp vm etc usr/share/cake
        mv packages usr/share/cake/packages
        printf 'root:x:0:0:root:/:/nonexistent\n' > etc/passwd
        printf 'root:x:0:\n' > etc/group
        chmod 755 . dev proc sys run vm && chmod 1777 tmp" slim "$new"
}

# A tree without a working QEMU never becomes `current`.
try() {
    local tree=$1 program
    for program in 'bin/qemu-system-x86_64 --version' 'bin/qemu-img --version' 'bin/swtpm --version' 'bin/swtpm_setup --help' \
        'sbin/smartctl --version'; do
        # shellcheck disable=SC2086 # the arguments are words
        as_root chroot "$tree" /usr/$program >/dev/null || die "the engine root is broken: $program failed"
    done
}

if [ ! -d "$root" ]; then
    started=$SECONDS
    say "building the engine root from $(packages "$list" | wc -l) packages and what they need (about a minute)"
    new=$(mktemp -d "$CAKE_ENGINE_DIR/.root-XXXXXX")
    trap 'as_root rm -rf --one-file-system "$new"' EXIT
    build "$new"
    try "$new"
    mv "$new" "$root"
    trap - EXIT
    say "engine root: $(du -sh "$root" | cut -f1), $((SECONDS - started)) s"
fi
# A rename replaces the link in one step: a VM that starts meanwhile sees the old tree or the new one.
ln -sfn "$(basename "$root")" "$CAKE_ENGINE_DIR/.current" && mv -T "$CAKE_ENGINE_DIR/.current" "$CAKE_ENGINE_DIR/current"
say "engine root: $root"
