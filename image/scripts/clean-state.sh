#!/usr/bin/env bash
# Removes the state of a stopped instance: accounts, virtual machines, their disks. Asks first, unless CI=1.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/instance.sh
. "$(dirname "$0")/instance.sh"

[ -d "$CAKE_STATE" ] || { say "nothing to remove: $CAKE_STATE is not there"; exit 0; }
# Only a directory that make up has made.
for part in node caked; do
    [ -d "$CAKE_STATE/$part" ] || die "$CAKE_STATE does not look like cake's state: left alone"
done
become_root "$@"
for program in caked cake-node lab-1 lab-2 lab-3; do
    ! pid_of "$program" >/dev/null || die "$program is running: make down VMS=stop first"
done
if [ -x "$CAKE_STATE/bin/cake-node" ] && [ -n "$("$CAKE_STATE/bin/cake-node" vms --state "$CAKE_STATE/node")" ]; then
    die 'virtual machines are running: make up, then make down VMS=stop'
fi
if [ "${CI:-}" != 1 ] && [ "${CI:-}" != true ]; then
    [ -t 0 ] || die 'nobody can be asked here (CI=1 answers yes)'
    read -r -p "cake: remove $CAKE_STATE with every virtual machine and disk in it? [y/N] " answer
    case $answer in [yY]*) ;; *) die 'left alone' ;; esac
fi
rm -rf --one-file-system "$CAKE_STATE"
say "removed $CAKE_STATE"
