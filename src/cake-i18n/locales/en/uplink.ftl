# The server’s own network.

operation-setup_network_try = Try another network in the wizard
operation-setup_network_confirm = Confirm the new network in the wizard
operation-setup_network_cancel = Return to the network of before in the wizard
operation-network_try = Try another network for a server
operation-network_confirm = Confirm a server’s new network
operation-network_cancel = Return to a server’s network of before

event-port-up = Port { $port } of server { $name }: a cable carries.
event-port-down = Port { $port } of server { $name }: no cable carries any more.
event-network-confirmed = The new network of server { $name } was confirmed.
event-network-returned = { $end ->
    [expired] The new network of server { $name } was not confirmed in time: the one before is back.
    [cancelled] The new network of server { $name } was cancelled: the one before is back.
    [restarted] The agent of server { $name } was started anew before its new network was confirmed: the one before is back.
   *[failed] Server { $name } did not take its new network: the one before is back.
}

problem-network-tried-short = Another network is being tried
problem-network-tried = Another network is being tried on “{ $name }”.
problem-network-tried-next = Confirm it or return to the one before, then try the next.
problem-no-network-tried-short = No network is being tried
problem-no-network-tried = No network is being tried on “{ $name }” (any more): the last confirmed one holds.
problem-no-network-tried-next = Look at the server’s network, and try again where that is needed.
problem-network-not-yet-short = Not yet applied
problem-network-not-yet = “{ $name }” does not have the new network yet.
problem-network-not-yet-next = Wait a few seconds, then confirm it.
problem-network-not-reached-short = Not reached by the new address
problem-network-not-reached = The new network of “{ $name }” is confirmed over one of its new addresses ({ $addresses }); this connection came in over another one, which proves nothing.
problem-network-not-reached-next = Open the console by the new address, log in there, and confirm.

reason-uplink-method = it is “dhcp” or “static”
reason-uplink-bond = it is “active-backup” or “lacp”
reason-uplink-address = an address is written with the length of its prefix, such as 192.0.2.7/24
reason-uplink-ip = it is an IP address, such as 192.0.2.1
reason-uplink-address-missing = a static address is needed, such as 192.0.2.7/24
reason-uplink-dhcp = DHCP gives it; choose a static address to say it yourself
reason-uplink-address-network = it is the network’s own address; the server needs one of its own in it
reason-uplink-address-broadcast = it is the broadcast address of its network
reason-uplink-address-unusable = it can’t be the address of a machine that others reach
reason-uplink-gateway-family = there is no address of the same family (IPv4, IPv6)
reason-uplink-gateway-outside = it is not in the network of the address, so it could not be reached
reason-uplink-gateway-own = it is the server’s own address
reason-uplink-gateways = there is one gateway for IPv4 and one for IPv6
reason-uplink-domain = it is a domain, such as example.com
reason-uplink-link = it is the name or the MAC address of a port
reason-uplink-twice = it stands here twice
reason-uplink-no-port = this server has no such port

field-method = Address
field-addresses = Addresses
field-gateways = Gateway
field-dns = DNS servers
field-search = Search domains
field-vlan = VLAN
field-links = Ports
field-bond = Several ports
field-mtu = Largest packet (MTU)

uplink-method-dhcp = By DHCP
uplink-method-static = Static
bond-mode-active-backup = One carries, another takes over
bond-mode-lacp = All carry together (LACP)
uplink-source-static = static
uplink-source-dhcp = DHCP
uplink-source-router = router
uplink-source-link-local = this cable only
uplink-source-other = other
uplink-from = { $address } ({ $source })
uplink-end-confirmed = The last change was confirmed.
uplink-end-expired = The last change was not confirmed in time: the network before is back.
uplink-end-cancelled = The last change was cancelled: the network before is back.
uplink-end-restarted = The server’s agent was started anew before the last change was confirmed: the network before is back.
uplink-end-failed = The server did not take the last change: the network before is back.
uplink-warning-no-dns = No DNS server: names can’t be looked up, so nothing is fetched by its name.
uplink-warning-no-gateway = No gateway: only the server’s own network can be reached.
uplink-warning-port-missing = A port that is named is not there.
uplink-warning-no-carrier = No cable carries at any of its ports.

network-uplink = The server’s own network

uplink-title = Network of { $name }
uplink-link = Network and ports of this server
uplink-back = The back of the server
uplink-back-text = Plug a cable in or pull it out, and its port changes here.
uplink-no-ports = This server has no network card that cake knows.
uplink-port = Port
uplink-carrier = Cable
uplink-carrier-yes = carries
uplink-carrier-no = no cable
uplink-speed = Speed
uplink-role = Use
uplink-role-active = carries the network
uplink-role-ready = takes over
uplink-role-spare = not used
uplink-mac = MAC address
uplink-driver = Driver
uplink-neighbor = Other end
uplink-addresses-now = Addresses
uplink-gateways-now = Gateway
uplink-dns-now = DNS servers
uplink-none-now = None yet. With DHCP, look whether a cable carries and whether the network has a DHCP server.
uplink-warnings = Note
uplink-ended = Last change
uplink-trial = Tried until
uplink-trial-title = Another network is being tried
uplink-trial-text = Unless you confirm it in time, the network before returns by itself.
uplink-trial-left = { $seconds } sec left
uplink-trial-over = The time is over: the network before returns.
uplink-trial-open = Open the console by the new address, log in there, and confirm:
uplink-trial-begins = The server is taking it over …
uplink-trial-waits = The new network has given no address yet. The console’s link appears here once it has.
uplink-trial-same = The address stays the same, so this page can confirm it.
uplink-confirm = Confirm this network
uplink-cancel = Return now
uplink-change = Try another network
uplink-change-text = Nothing is lost if it does not work: it returns by itself unless you confirm it from the new address.
uplink-addresses-hint = With the length of the prefix, such as 192.0.2.10/24; several with spaces between, IPv6 too.
uplink-gateway-hint = The router of that network, such as 192.0.2.1.
uplink-dns-hint = With spaces between. Empty with DHCP: what DHCP says.
uplink-more = More: VLAN, ports, search domains
uplink-vlan-hint = 1 to 4094, only if the switch sends the server’s network tagged. Networks of VMs stay as they are.
uplink-links-hint = Names or MAC addresses. None: every port, so that a cable may be plugged anywhere.
uplink-bond-hint = LACP only if the switch is set up for it at these ports; without that nobody reaches the server.
uplink-mtu-hint = 1280 to 9216; empty leaves it as the ports have it.
uplink-seconds = Time to confirm
uplink-seconds-unit = { $seconds } sec

cli-cmd-node-network = The server’s own network
cli-cmd-node-network-show = Show a server’s network, its ports and what it is to be
cli-cmd-node-network-try = Try another network: it returns by itself unless it is confirmed from its new address
cli-cmd-node-network-confirm = Confirm the network that is tried; connect by its new address for that
cli-cmd-node-network-cancel = Return to the network of before at once
cli-arg-node-network-try-dhcp = Take what the network gives
cli-arg-node-network-try-address = Static address with the length of its prefix, such as 192.0.2.7/24; may be given several times
cli-arg-node-network-try-gateway = Router of that network; one for IPv4 and one for IPv6
cli-arg-node-network-try-dns = DNS server; may be given several times
cli-arg-node-network-try-search = Domain in which short names are looked for; may be given several times
cli-arg-node-network-try-vlan = VLAN of the server’s address, 1 to 4094
cli-arg-node-network-try-links = Port that carries it, by its name or MAC address; without one, all
cli-arg-node-network-try-bond = What several ports are: active-backup or lacp
cli-arg-node-network-try-mtu = Largest packet in bytes, 1280 to 9216
cli-arg-node-network-try-seconds = How long it has to be confirmed, 30 to 600; 90 where nothing is said
cli-node-network-tried = “{ $name }” tries the new network, seconds to confirm it: { $seconds }. Its new addresses: { $addresses }. Confirm over one of them: give it with --url to “cake node network confirm”.
cli-node-network-confirmed = The new network of “{ $name }” holds.
cli-node-network-cancelled = “{ $name }” is back in the network of before.
