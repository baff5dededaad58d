#!/usr/bin/env bash
# Starts cake-node as root and caked as an unprivileged user, waits until both are ready, and prints where the console
# is. What runs already is left alone: run it as often as you like.
set -euo pipefail
# shellcheck source=image/scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=image/scripts/instance.sh
. "$(dirname "$0")/instance.sh"

export CAKE_BUILT=${CAKE_BUILT:-$CAKE_TOP/target/release}
[ -z "${SETUP:-}" ] || { [ -r "$SETUP" ] && SETUP=$(readlink -f "$SETUP"); } || die "SETUP=$SETUP cannot be read"
# The caller's own where the caller may make it. Elsewhere (/var/lib/cake) root does, and it is given to the caller below.
mkdir -p "$CAKE_STATE" 2>/dev/null || true
become_root "$@"
mkdir -p "$CAKE_STATE" || die "CAKE_STATE=$CAKE_STATE cannot be made"
need jq setpriv unshare flock ss tail

# The user that caked runs as: a system user of that name, or a new one; never somebody's login.
ensure_user() {
    local entry
    if entry=$(getent passwd "$CAKE_USER"); then
        [ "$(cut -d: -f3 <<<"$entry")" -lt 1000 ] ||
            die "the user $CAKE_USER of this machine is somebody's login: name another one with CAKE_USER"
        return
    fi
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
        --comment 'cake control daemon' "$CAKE_USER"
    say "created the system user $CAKE_USER for caked"
}

ensure_state() {
    # Sockets have short names: the kernel takes 107 bytes.
    [ ${#CAKE_STATE} -le 80 ] || die "CAKE_STATE is too long a path for sockets: set it to a shorter one, for example /srv/cake"
    chown "$CAKE_OWNER" "$CAKE_STATE"
    chmod 755 "$CAKE_STATE"
    install -d -m 755 "$CAKED_ROOM" "$CAKE_STATE"/{bin,log,run}
    install -d -m 700 "$CAKE_STATE/node"
    install -d -m 700 -o "$CAKE_USER" -g "$CAKE_USER" "$CAKE_STATE/caked"
}

# ours NAME: puts a built program where it is started from. A build that replaces the original leaves it alone.
ours() {
    [ -x "$CAKE_BUILT/$1" ] || die "$CAKE_BUILT/$1 is not built: run make build"
    install -m 755 "$CAKE_BUILT/$1" "$CAKE_STATE/bin/.$1"
    mv -f "$CAKE_STATE/bin/.$1" "$CAKE_STATE/bin/$1"
}

# A taken port is said before anything starts; caked would only say it in its log.
check_port() {
    local port=${CAKE_HTTPS##*:} taken
    [[ $CAKE_HTTPS == *:* && $port =~ ^[0-9]+$ ]] || die "CAKE_HTTPS=$CAKE_HTTPS is not ADDRESS:PORT"
    [ "$port" != 0 ] || return 0
    taken=$(ss -Hltn "sport = :$port" | awk '{ print $4 }' |
        awk -v mine="${CAKE_HTTPS%:*}" -v port="$port" '
            { sub(":" port "$", "") }
            $0 == mine || $0 == "*" || $0 == "0.0.0.0" || $0 == "[::]" || mine == "0.0.0.0" || mine == "[::]"')
    [ -z "$taken" ] || die "$CAKE_HTTPS is taken by another program: choose another address, for example CAKE_HTTPS=127.0.0.1:9443"
}

# start NAME COMMAND…: starts a program in a session of its own and waits for the line that it writes when it is ready.
# Its end of the pipe closes when it dies, so a failed start is known at once.
start() {
    local name=$1 pipe=$CAKE_STATE/run/.$1.ready log=$CAKE_STATE/log/$1.log pid ready
    shift
    rm -f "$pipe"
    mkfifo -m 600 "$pipe"
    # The caller may read it, not write it.
    touch "$log"
    chown "0:${CAKE_OWNER##*:}" "$log"
    chmod 640 "$log"
    # 9 is our own lock: a daemon that inherited it would hold it for ever.
    (exec 9>&-; exec 7>"$pipe"; "$@") </dev/null >>"$log" 2>&1 &
    pid=$!
    exec 8<"$pipe"
    rm -f "$pipe"
    if ! read -r -t 60 ready <&8 || [[ $ready != ready* ]]; then
        printf '\n' >&2
        tail -n 15 "$log" >&2
        kill "$pid" 2>/dev/null || true
        "$(dirname "$0")/down.sh" >/dev/null || true
        die "$name did not start: the end of $log is above"
    fi
    exec 8<&-
    remember "$pid" "$CAKE_STATE/run/$name.pid"
}

# ensure_netns: a network namespace with a bridge, made when CAKE_NETNS names one. Without it no link is made or changed: a bridge
# of the machine's own is found and offered, and that is all.
ensure_netns() {
    [[ $CAKE_NETNS =~ ^[A-Za-z0-9_-]{1,32}$ ]] || die "CAKE_NETNS=$CAKE_NETNS is no name for a network namespace"
    need ip
    [ ! -e "/run/netns/$CAKE_NETNS" ] || return 0
    ip netns add "$CAKE_NETNS"
    ip -n "$CAKE_NETNS" link set lo up
    ip -n "$CAKE_NETNS" link add br0 type bridge
    ip -n "$CAKE_NETNS" addr add 10.90.0.1/24 dev br0
    ip -n "$CAKE_NETNS" link set br0 up
    say "made the network namespace $CAKE_NETNS with the bridge br0 (10.90.0.1/24); ip netns delete $CAKE_NETNS takes it away"
}

start_node() {
    local place=() launcher=auto
    if [ -n "${CAKE_NETNS:-}" ]; then
        # systemd would start guests beside the namespace, not in it.
        place=(ip netns exec "$CAKE_NETNS") launcher=detached
    fi
    exec "${place[@]}" setsid "$CAKE_STATE/bin/cake-node" serve --launcher "$launcher" --state "$CAKE_STATE/node" --engine "$CAKE_ENGINE_DIR/current" \
        --images "$CAKE_IMAGES_DIR" --socket "$CAKE_STATE/run/node.sock" --allow-user "$CAKE_USER" --ready-fd 7
}

start_caked() {
    as_caked setsid "$CAKED_ROOM/bin/caked" serve --state "$CAKED_ROOM/caked" \
        --node-socket "$CAKED_ROOM/run/node.sock" --https "$CAKE_HTTPS" --ready-fd 7
}

# answer_setup: the wizard's answers from a file. It goes through a copy that only caked's user reads, on a tmpfs.
answer_setup() {
    local copy key status=0
    copy=$(mktemp /run/cake-setup-XXXXXX)
    cat "$SETUP" >"$copy"
    chown "$CAKE_USER" "$copy"
    key=$(caked_says setup --file "$copy") || status=$?
    rm -f "$copy"
    [ $status = 0 ] || die "the answers in $SETUP were refused: see above"
    printf '\n  recovery key  %s\n\nIt is shown this once. Keep it away from this machine: it opens sealed secrets when the nodes are lost.\n' "$key"
}

# tell: where the console is. The same every time.
tell() {
    local status url token
    status=$(caked_says status) || die 'caked does not answer: see make logs'
    if [ -n "${SETUP:-}" ] && [ "$(jq -r '.setup_token // ""' <<<"$status")" != "" ]; then
        answer_setup
        status=$(caked_says status)
    fi
    url=$(jq -r .url <<<"$status")
    token=$(jq -r '.setup_token // ""' <<<"$status")
    # The certificate of the authority is public; the directory that it lies in is not.
    install -m 644 "$CAKE_STATE/caked/ca.pem" "$CAKE_STATE/ca.pem"
    printf 'url = "%s"\nca = "ca.pem"\n' "$url" >"$CAKE_STATE/.cake.toml"
    mv "$CAKE_STATE/.cake.toml" "$CAKE_STATE/cake.toml"
    chown "$CAKE_OWNER" "$CAKE_STATE/cake.toml" "$CAKE_STATE/ca.pem"
    printf '\n  console       %s\n  fingerprint   %s\n' "$url" "$(jq -r .fingerprint <<<"$status")"
    if [ -n "$token" ]; then
        printf '  setup token   %s\n\nOpen the console, compare the fingerprint (SHA-256), and begin the setup with the token.\n' "$token"
    else
        printf '\nThe setup is done: log in to the console, or with: cake login --user NAME\n'
    fi
}

exec 9>"$CAKE_STATE/.up.lock"
flock 9
ensure_user
ensure_state
if pid_of caked >/dev/null; then :; else check_port; fi
if pid_of cake-node >/dev/null; then
    say 'cake-node is running'
else
    [ -d "$CAKE_ENGINE_DIR/current/usr" ] || die 'there is no engine root: run make engine'
    [ -z "${CAKE_NETNS:-}" ] || ensure_netns
    ours cake-node
    start cake-node start_node
    say 'cake-node started'
fi
if pid_of caked >/dev/null; then
    say 'caked is running'
else
    ours caked
    start caked start_caked
    say 'caked started'
fi
tell
[ "${LAB:-}" != 1 ] || "$CAKE_TOP/image/lab/up.sh"
