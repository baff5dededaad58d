#!/usr/bin/env bash
# set.sh SERVER [SENSOR VALUE]: moves what a sensor of the laboratory measures, for example `image/lab/set.sh lab-1 cpu 95` or
# `image/lab/set.sh lab-2 psu1 unplugged`. Without a sensor it tells what there is. `begin` as VALUE is what it began with.
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=image/scripts/common.sh
. "$here/../scripts/common.sh"
# shellcheck source=image/scripts/instance.sh
. "$here/../scripts/instance.sh"

server=${1:-}
case $server in lab-[0-9]) ;; *) die 'set.sh SERVER SENSOR VALUE, for example: image/lab/set.sh lab-1 cpu 95' ;; esac
folder=$CAKE_STATE/lab/$server/sensors
[ -d "$folder" ] || die "there is no $server: run make up LAB=1"
if [ $# = 1 ]; then
    awk -v folder="$folder" '
        /^#/ || !NF { next }
        { getline raw < (folder "/" $1); close(folder "/" $1) }
        $4 == "states" {
            word = raw
            for (i = split($7, words, ","); i > 0; i--) { split(words[i], pair, "="); if (pair[2] == raw) word = pair[1] }
            printf "%-8s  %-10s  %s\n", $1, word, $7
            next
        }
        { printf "%-8s  %-10g  %s\n", $1, raw * $6 * 10 ^ $7, $4 }' "$here/sensors"
    exit
fi
[ $# = 3 ] || die 'set.sh SERVER SENSOR VALUE, for example: image/lab/set.sh lab-1 cpu 95'
value=$3
[ "$value" != begin ] || value=
raw=$(awk -v file="$2" -v value="$value" -f "$here/value.awk" "$here/sensors") || exit 1
# Whole or not at all: it may be read at any instant.
echo "$raw" >"$folder/.$2.new" 2>/dev/null || die "$folder is not yours to write: run this as its owner, or as root"
mv "$folder/.$2.new" "$folder/$2"
