#!/usr/bin/env bash
# Starts the laboratory: a rack of three servers that are none. What runs already is left alone, and a server that was there before
# remembers its port, its event log, and whether it was on. Called by `make up LAB=1`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=image/scripts/common.sh
. "$here/../scripts/common.sh"
# shellcheck source=image/scripts/instance.sh
. "$here/../scripts/instance.sh"
# shellcheck source=image/lab/lab.sh
. "$here/lab.sh"

CAKE_BUILT=${CAKE_BUILT:-$CAKE_TOP/target/release}
become_root "$@"
need ipmi_sim sdrcomp ipmitool awk ss setpriv unshare flock
[ -d "$CAKE_ENGINE_DIR/current/usr" ] || die 'there is no engine root: run make engine'
[ -f "$CAKE_IMAGES_DIR/cake-tiny.raw" ] || die 'there is no cake-tiny: run make engine'

# The password is the caller's to read. ipmi_sim keeps its own copy, in a file that nobody else reads.
ensure_room() {
    install -d -m 755 "$LAB_ROOM" "$CAKE_STATE"/run "$LAB" "$LAB"/{bin,engine,images}
    install -m 755 "$here/chassis.sh" "$here/../scripts/process.sh" "$LAB/bin"
    [ -s "$LAB/password" ] || (umask 077; od -An -N8 -tx1 /dev/urandom | tr -d ' \n' >"$LAB/password")
    chown "$CAKE_OWNER" "$LAB/password"
}

# taken PORT: somebody listens there.
taken() { [ -n "$("${LAB_PLACE[@]}" ss -Hltun "sport = :$1")" ]; }

# A free port of loopback that no client gets by chance: below those that the kernel gives away.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        taken "$port" || { echo "$port"; return; }
    done
}

# once SERVER FILE COMMAND…: what a server keeps for ever, made when it is not there.
once() {
    local file=$LAB/$1/$2
    shift 2
    [ -s "$file" ] || "$@" >"$file"
}

# hex NUMBER…: bytes.
hex() { local byte; for byte in "$@"; do printf '%b' "\\x$(printf %02x "$byte")"; done; }

# sum_to_zero: standard input, filled up to a multiple of eight bytes of which the last makes the sum zero (FRU definition 1.0 §10).
sum_to_zero() {
    local bytes=() byte sum=0
    mapfile -t bytes < <(od -An -v -tu1 -w1)
    while [ $(((${#bytes[@]} + 1) % 8)) != 0 ]; do bytes+=(0); done
    for byte in "${bytes[@]}"; do sum=$((sum + byte)); done
    hex "${bytes[@]}" $(((256 - sum % 256) % 256))
}

# texts TEXT…: each with its length before it, as eight-bit text; then the mark of the end (§13), which a text of one byte would be too.
texts() {
    local text
    for text in "$@"; do hex $((0xc0 | ${#text})); printf %s "$text"; done
    hex 0xc1
}

# area HEAD… -- TEXT…: an area of a name plate, with its version before and its length where it belongs.
area() {
    local head=() length
    while [ "$1" != -- ]; do head+=("$1"); shift; done
    shift
    length=$(((3 + ${#head[@]} - 1 + $(texts "$@" | wc -c) + 7) / 8))
    { hex 1 "$length" "${head[@]}"; texts "$@"; } | sum_to_zero
}

# name_plate SERVER: chassis (a rack mount), board and product. Whoever reads it knows that it is a laboratory.
name_plate() {
    local serial=${1^^}
    area 0x17 -- "cake-lab" "$serial-C" >"$work/chassis"
    area 0 0 0 0 -- "cake laboratory" "Board of nothing" "$serial-B" "cake-lab-board" "" >"$work/board"
    area 0 -- "cake laboratory" "Laboratory server" "cake-lab" "1.0" "$serial" "" "" >"$work/product"
    local board=$((1 + $(wc -c <"$work/chassis") / 8)) product
    product=$((board + $(wc -c <"$work/board") / 8))
    hex 1 0 1 "$board" "$product" 0 | sum_to_zero
    cat "$work"/{chassis,board,product}
    # ipmi_sim was promised this many bytes.
    head -c 512 /dev/zero
}

# configuration SERVER PORT GUID SERIAL: ipmi_sim's. Its cipher suite 3 is RAKP-HMAC-SHA1 with AES. Its serial over LAN goes to the
# machine's serial port, which listens there while it is on.
configuration() {
    local level
    printf 'name "%s"\nset_working_mc 0x20\n  startlan 1\n    addr 127.0.0.1 %s\n    priv_limit admin\n    guid %s\n' "$1" "$2" "$3"
    for level in user operator admin; do printf '    allowed_auths_%s md5\n' $level; done
    printf '  endlan\n  sol "tcp:127.0.0.1:%s" 115200\n' "$4"
    printf '  chassis_control "%s/bin/chassis.sh %s/%s"\n  startnow false\n' "$LAB_ROOM" "$LAB_ROOM" "$1"
    printf '  user 1 false "" "" user 10 md5\n  user 2 true "%s" "%s" admin 10 md5\n' "$LAB_USER" "$(cat "$LAB/password")"
}

# prepare SERVER: everything that its BMC reads.
prepare() {
    local server=$1 folder=$LAB/$1 sensor
    install -d -m 750 -o "$CAKE_USER" -g "${CAKE_OWNER##*:}" "$folder"
    install -d -m 755 "$folder/sensors"
    install -d -m 700 "$folder/memory/ipmi_sim/$server"
    once "$server" port free_port
    once "$server" serial free_port
    once "$server" guid tr -d '-' </proc/sys/kernel/random/uuid
    once "$server" power echo 1
    once "$server" fru name_plate "$server"
    truncate -s 512 "$folder/fru"
    # shellcheck disable=SC2013 # names are words
    for sensor in $(awk '!/^#/ && NF { print $1 }' "$here/sensors"); do
        once "$server" "sensors/$sensor" awk -v file="$sensor" -v value= -f "$here/value.awk" "$here/sensors"
    done
    awk -f "$here/sdrs.awk" "$here/sensors" >"$work/sdrs"
    sdrcomp -o "$folder/memory/ipmi_sim/$server/sdr.20.main" "$work/sdrs" >"$folder/sdrcomp.log" 2>&1 ||
        die "sdrcomp refuses the sensors: see $folder/sdrcomp.log"
    awk -v room="$LAB_ROOM/$server" -f "$here/emu.awk" "$here/sensors" >"$folder/bmc.emu"
    (umask 077; configuration "$server" "$(cat "$folder/port")" "$(cat "$folder/guid")" "$(cat "$folder/serial")" >"$folder/lan.conf")
    touch "$folder/bmc.log"
    chown -R "$CAKE_USER" "$folder"
    chown -R "$CAKE_OWNER" "$folder/sensors"
}

# start SERVER: its BMC, and its machine if it was on. A port that is taken is said before it can be taken for ours.
start() {
    local server=$1 folder=$LAB/$1 deadline=$((SECONDS + 60)) port pid
    port=$(cat "$folder/port")
    ! taken "$port" || die "port $port of $server is taken: remove $folder/port for another one"
    (exec 9>&-; in_lab setsid ipmi_sim -n -c "$LAB_ROOM/$server/lan.conf" -f "$LAB_ROOM/$server/bmc.emu" -s "$LAB_ROOM/$server/memory") \
        </dev/null >>"$folder/bmc.log" 2>&1 &
    pid=$!
    # A command that it does not take leaves it alive without a port.
    until taken "$port"; do
        if ! started_at "$pid" >/dev/null || [ $SECONDS -ge $deadline ]; then
            kill "$pid" 2>/dev/null || true
            tail -n 5 "$folder/bmc.log" >&2
            die "ipmi_sim of $server did not start: the end of $folder/bmc.log is above"
        fi
        sleep 0.05
    done
    remember "$pid" "$CAKE_STATE/run/$server.pid" || die "ipmi_sim of $server ended: see $folder/bmc.log"
    if [ "$(cat "$folder/power")" = 1 ]; then
        (exec 9>&-; in_lab "$LAB_ROOM/bin/chassis.sh" "$LAB_ROOM/$server" set power 1) || die "the machine of $server did not start: see $folder/qemu.log"
    fi
    # Its clock begins at nothing, as that of a BMC whose battery was taken out: events would have no time. And it answers.
    "${LAB_PLACE[@]}" ipmitool -I lanplus -C 3 -H 127.0.0.1 -p "$port" -U "$LAB_USER" -f "$LAB/password" sel time set now >/dev/null ||
        die "ipmi_sim of $server does not answer: see $folder/bmc.log"
    say "$server started"
}

# as_owner COMMAND…: as the caller, with what the caller's `cake` remembers of its log-in; or with a log-in of our own, once there is one.
own_login=()
as_owner() {
    local uid=${CAKE_OWNER%%:*} gid=${CAKE_OWNER##*:}
    env HOME="$(getent passwd "$uid" | cut -d: -f6)" CAKE_STATE="$CAKE_STATE" "${own_login[@]}" \
        setpriv --reuid "$uid" --regid "$gid" --clear-groups "$@"
}

# answer FIELD: of the administrator in the answers to the wizard.
answer() {
    awk -v field="$1" '/^\[/ { inside = $0 == "[administrator]" }
        inside && $1 == field && $2 == "=" { sub(/^[^"]*"/, ""); sub(/".*/, ""); print }' "$SETUP"
}

# tell_cake: makes the servers known to the running cake, if somebody is logged in or the wizard's answers name a password.
tell_cake() {
    local cake=$CAKE_BUILT/cake server unit known place
    if [ ! -x "$cake" ] || ! "$cake" server --help >/dev/null 2>&1 || ! pid_of caked >/dev/null; then return 0; fi
    if ! as_owner "$cake" server list --json >/dev/null 2>&1 && [ -n "${SETUP:-}" ] && [ -n "$(answer password)" ]; then
        chmod 711 "$work"
        install -d -m 700 -o "${CAKE_OWNER%%:*}" -g "${CAKE_OWNER##*:}" "$work/login"
        own_login=(XDG_CONFIG_HOME="$work/login")
        answer password | as_owner "$cake" login --user "$(answer name)" --password-stdin >/dev/null 2>&1 || true
    fi
    if ! known=$(as_owner "$cake" server list --json 2>/dev/null); then
        printf '\nLog in (cake login --user NAME) and run make up LAB=1 again: then they stand in the console.\n'
        return 0
    fi
    for server in "${LAB_SERVERS[@]}"; do
        if jq -e --arg name "$server" '[.. | .name? // empty] | index($name)' <<<"$known" >/dev/null; then continue; fi
        # At the bottom of the rack, where nothing else stands.
        unit=${server#lab-} place=()
        jq -e --argjson unit "$unit" '[.. | .place? | objects | range(.unit; .unit + .height)] | index($unit)' <<<"$known" >/dev/null ||
            place=(--place "$unit")
        as_owner "$cake" server add "$server" --bmc "127.0.0.1:$(cat "$LAB/$server/port")" --user "$LAB_USER" --password-stdin "${place[@]}" \
            --note "Laboratory: a program plays its BMC." <"$LAB/password" ||
            die "cake does not take $server: see above"
    done
    [ ${#own_login[@]} = 0 ] || as_owner "$cake" logout >/dev/null 2>&1 || true
}

mkdir -p "$CAKE_STATE"
exec 9>"$CAKE_STATE/.lab.lock"
flock 9
work=$(mktemp -d /run/cake-lab-XXXXXX)
trap 'rm -rf "$work"' EXIT
ensure_room
for server in "${LAB_SERVERS[@]}"; do
    if pid_of "$server" >/dev/null; then
        say "$server is running"
    else
        prepare "$server"
        start "$server"
    fi
done
printf '\n'
for server in "${LAB_SERVERS[@]}"; do
    printf '  %-12s  127.0.0.1:%s  user %s\n' "$server" "$(cat "$LAB/$server/port")" "$LAB_USER"
done
printf '  password      in %s\n  sensors       image/lab/set.sh lab-1 cpu 95\n' "$LAB/password"
tell_cake
