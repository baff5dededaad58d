# The table `sensors` and what a person says: the byte of sensor `file` for `value` (absent: for what it begins with).

/^#/ || !NF || $1 != file { next }
$4 == "states" {
    if (value == "") value = $6
    for (i = split($7, words, ","); i > 0; i--) {
        split(words[i], pair, "=")
        if (pair[1] == value) { print pair[2]; found = 1 }
    }
    if (!found) { print file " is one of " $7 > "/dev/stderr"; exit found = 3 }
    exit
}
{
    if (value == "") value = $8
    found = 1
    if (value !~ /^[0-9]+(\.[0-9]+)?$/) { print file " takes a number of " $4 > "/dev/stderr"; exit found = 3 }
    raw = int(value / ($6 * 10 ^ $7) + 0.5)
    if (raw > 255) { printf "%s ends at %s %s\n", file, 255 * $6 * 10 ^ $7, $4 > "/dev/stderr"; exit found = 3 }
    print raw
    exit
}
END {
    if (found == 3) exit 1
    if (!found) { print "no sensor is called " file > "/dev/stderr"; exit 1 }
}
