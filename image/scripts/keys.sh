#!/usr/bin/env bash
# keys.sh DIRECTORY NAME: makes the keys that an image is signed with, once: for Secure Boot (boot.key, boot.pem) and for the
# measurements that unlock the state (pcr.key, pcr.pem). NAME is the maker's, or "test": such keys call themselves so, and nothing
# that they sign passes for a release. Where there are keys already nothing happens.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"

[ $# = 2 ] || die 'usage: keys.sh DIRECTORY NAME'
need openssl
directory=$1 name=$2
[ ! -e "$directory/boot.key" ] || exit 0
umask 077
mkdir -p "$(dirname "$directory")"
new=$(mktemp -d "$directory.XXXXXX")
subject="/CN=cake, $name"
[ "$name" != test ] || subject='/CN=cake test keys, not for release'
# Secure Boot of every firmware takes RSA 2048; ten years, as long as a server lives.
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "$subject" -keyout "$new/boot.key" -out "$new/boot.pem" 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$new/pcr.key" 2>/dev/null
openssl pkey -in "$new/pcr.key" -pubout -out "$new/pcr.pem"
mv -T "$new" "$directory"
say "made the keys of $name in $directory"
