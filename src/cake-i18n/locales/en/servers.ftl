server-health-no-bmc = no BMC
server-health-well = well
server-health-unheard = not heard
server-health-warning = warning
server-health-critical = critical
chassis-fault-power = its power has a fault
chassis-fault-cooling = its cooling has a fault
chassis-fault-drive = a drive has a fault
chassis-fault-intrusion = its lid is open
server-on = on
server-off = off
server-power = Power
server-health = Health
server-bmc = BMC
server-read-at = Read
server-problem = Problem
server-node = Node
server-place = Place
server-units = U{ $unit }, { $height } U
server-note = Note
server-watts = Draws
server-air = Air in, out
server-device = Firmware of the BMC
server-guid = Machine
server-laboratory = A program plays this BMC.
server-no-password = No password is known.
server-password = BMC password
server-weak = Password of the BMC
bmc-password-yes = Set a new password
bmc-password-title = Give the BMC of { $name } a new password?
bmc-password-text = cake makes a strong one, sets it in the BMC and logs in with it once. Nobody has to know it, and it is shown nowhere: whoever logs in to the BMC with the old one can’t any more. Until the new one is proven both are kept.

# What is weak about a BMC’s password.
bmc-weak-empty = there is none
bmc-weak-default = it is the maker’s own, which everybody knows
bmc-weak-user = it is made of the user’s name
bmc-weak-short = it has fewer than eight characters
bmc-weak-common = it is among the first that are tried

# Finding servers.
field-servers = Servers
find-title = Find servers
find-text = cake asks each address of a range whether a BMC answers there. It logs in nowhere and changes nothing.
find-own = This machine
find-own-none = It has no BMC, or its kernel can’t reach one.
field-range = Range of addresses
field-range-hint = A network such as 10.0.0.0/24, two addresses with “-” between them, or one address; at most 4096.
find-ports = Other ports
field-ipmi-port = Port of IPMI
field-redfish-port = Port of Redfish
find-start = Find
find-cancel = Stop
find-asked = Addresses asked: { $asked } of { $total }
find-done = { $count ->
    [0] No BMC found. Addresses asked: { $total }
    [one] One BMC found. Addresses asked: { $total }
   *[other] { $count } BMCs found. Addresses asked: { $total }
}
find-more = More BMCs answered than are shown here. Ask a smaller range.
find-state-running = Asking
find-state-nothing = Nothing found
find-state-done = Done
find-state-cancelled = Stopped
find-state-interrupted = Interrupted
scan-end-cancelled = It was stopped before every address was asked.
scan-end-interrupted = The program that asks ended in between. Ask again.
find-nothing-title = No BMC answered
find-why-cable = The management port of the server is not plugged in. It is a network port of its own, often marked with a wrench, “MGMT”, “iDRAC”, “iLO” or “IPMI”.
find-why-range = The BMCs are in another network. Look for their addresses in the BIOS set-up or in the list of your DHCP server, and ask that range.
find-why-off = IPMI over LAN is off. Switch it on in the BIOS set-up or on the BMC’s own page.
find-why-filter = Something in between lets UDP port 623 and TCP port 443 not through: a firewall, or another VLAN.
find-by-hand = Add a server by hand
find-found = BMCs that answered
find-choose-one = Choose { $address }
find-choose = Choose servers to add
find-name-of = Name for { $address }
find-login-text = User and password of the chosen BMCs; each is sent to these machines and to no others, so choose only those you know. cake tries them once.
find-add-one = Add 1 server
find-add-many = Add %n servers
find-sum = %n of %m added
find-skip = Later: create the first VM
find-later = You find this page again under “Servers”.
scan-address = Address
scan-maker = Maker
scan-product = Product
scan-speaks = Speaks
scan-name = Server
scan-is-server = Server
