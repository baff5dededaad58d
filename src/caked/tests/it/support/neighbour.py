"""A machine in the office that speaks multicast DNS: live LABEL… | strangers LABEL | flood FOLDER LABEL"""
import itertools
import socket
import struct
import sys
from pathlib import Path

from zeroconf import NonUniqueNameException, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

HERE, GROUP, PORT = "10.9.0.1", "224.0.0.251", 5353


def live(*labels):
    """Says `+ NAME PORT HOST ADDRESSES` and `- NAME`; takes these names, and those that it is told, or says that somebody has one."""
    zeroconf = Zeroconf(interfaces=[HERE])
    kind = "_https._tcp.local."

    def seen(zeroconf, service_type, name, state_change):
        if state_change is ServiceStateChange.Removed:
            print("-", name)
            return
        info = ServiceInfo(service_type, name)
        if info.request(zeroconf, 10_000):
            print("+", name, info.port, info.server, *sorted(info.parsed_addresses()))

    browser = ServiceBrowser(zeroconf, kind, handlers=[seen])
    print("lives")
    for label in itertools.chain(labels, map(str.strip, sys.stdin)):
        address = socket.inet_aton(HERE)
        info = ServiceInfo(kind, f"{label}.{kind}", port=443, server=f"{label}.local.", addresses=[address])
        try:
            zeroconf.register_service(info)
            print("claimed", label)
        except NonUniqueNameException:
            print("taken", label)
    browser.cancel()


def question(label, number):
    name = b"".join(bytes([len(part)]) + part.encode() for part in (label, "local")) + b"\0"
    return struct.pack(">6H", number, 0, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1)


def ask(source, label, number):
    """Asks from an address as a plain resolver does."""
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.bind((source, 0))
    asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HERE))
    asker.sendto(question(label, number), (GROUP, PORT))
    return asker


def strangers(label):
    """Who is not of this network asks first, then who is: says what each hears."""
    stranger = ask("198.51.100.9", label, 1)
    while True:
        neighbour = ask(HERE, label, 2)
        neighbour.settimeout(2)
        try:
            heard = neighbour.recv(9000)
            break
        except TimeoutError:
            continue
    print("neighbour", struct.unpack(">6H", heard[:12])[3], socket.inet_aton("10.9.0.2") in heard)
    stranger.setblocking(False)
    try:
        print("stranger", stranger.recv(9000).hex())
    except BlockingIOError:
        print("stranger nothing")


def flood(folder, label):
    """Everything that a fuzzer thought of, again and again, then a question."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sender.bind(("", PORT))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HERE))
    messages = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
    for _ in range(200):
        for message in messages:
            sender.sendto(message, (GROUP, PORT))
    print("flooded", len(messages) > 10)
    strangers(label)


globals()[sys.argv[1]](*sys.argv[2:])
