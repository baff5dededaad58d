# Feeds of the building, power distribution units, and what answers SNMP.

kind-device = device
kind-pdu = power strip
kind-switch = switch

snmp-problem-silent = Nothing answers there, or not to this community. Look at the address and at the community, and whether SNMP version 2c is switched on in the device.
snmp-problem-no-address = Its name means no address. Check the spelling, or enter the address.
snmp-problem-sealed = The server here can’t read the community any more. Enter it again.
snmp-problem-garbled = What answers there does not keep to SNMP. Check the address and the device’s firmware.
snmp-problem-endless = It sends a table that does not end. Update the device’s firmware.
snmp-problem-unknown = It answers, and says nothing that cake knows of such a device. Tell us its maker and model.
snmp-problem-worker = The program that asks ended and starts again. That takes a moment.

alert-device-silent-short = Device not heard
alert-device-silent = The device can’t be heard. { $why }
alert-device-silent-next = Until then nobody sees what it measures. Its page shows what it said last.
alert-feed-dead-short = Feed dead
alert-feed-dead = Nothing comes in on feed { $feed }. On it hang: { $servers }
alert-feed-dead-next = Look at the breaker and ask the power company. Servers with a second supply on another feed go on; the others are off.
alert-pdu-load-short = Feed nearly full
alert-pdu-load = Input { $input } draws { $amps } A; it may draw { $limit } A.
alert-pdu-load-next = Move something to another feed before the breaker trips. What each outlet gives stands on the page of the power strip.
alert-feed-shared-short = All on one feed
alert-feed-shared = All its power supplies hang on feed { $feed }. When that is off, the server is off.
alert-feed-shared-next = Plug one of them into a power strip of the other feed. If that is so already, say so on the page of the power strip.

event-device-added = The device { $name } is watched.
event-device-removed = The device { $name } is no longer watched.
event-outlet-on = Outlet { $outlet } of { $name } was switched on (server: { $server }).
event-outlet-off = Outlet { $outlet } of { $name } was switched off (server: { $server }).

problem-device-taken-short = Already watched
problem-device-taken = “{ $name }” is at this address already.
problem-device-taken-next = Check the address. A device is watched once.
reason-community = it holds 1 to 64 letters, digits and signs
reason-community-again = it has to be said again when the address changes
reason-feed = it holds at most 16 characters
reason-outlet = it is a number as it stands on the unit, such as 5, or 2.5 for the second unit in a chain; each once
field-device-host = Address
field-community = Community
field-feed = Feed
field-outlet = Outlet
field-outlets = Outlets
field-rated-amps = Amperes each input may draw
field-rated-amps-hint = Only where the power strip does not say so itself.
field-community-hint = What the device’s SNMP (version 2c) wants to hear for reading. It is sealed to the servers and shown to nobody.
field-community-kept = Leave it empty to keep the one of before. When the address changes it has to be said again.
field-feed-hint = A, B, or a word of your own. All power strips on the same breaker have the same.

operation-pdu_create = Add power strip
operation-pdu_update = Change power strip
operation-pdu_delete = Forget power strip

feeds-title = Power feeds
feeds-empty-title = No power strip is watched
feeds-empty-text = Add the power strips (PDUs) of the rack that have a network port. Then cake shows what each feed carries, warns before a breaker trips, and says which servers hang on a feed that dies. It only reads: nothing is ever switched.
feeds-shared = Servers on one feed only
feed-shared = all its supplies hang on one feed
feed-none = On no feed yet
feed-says = { $watts }; { $servers }.
feed-says-dead = Nothing comes in. { $servers }.
feed-says-unheard = Nothing is heard of it. { $servers }.
feed-servers = { $count ->
    [one] one server hangs on it
   *[other] { $count } servers hang on it
}
pdus = Power strips
pdu-feed = Feed
pdu-health = State
pdu-watts = Power
pdu-load = Load
pdu-load-of = { $amps } of { $limit }
pdu-model = Model
pdu-serial = Serial number
pdu-address = Address
pdu-volts = Voltage
pdu-amps = Current
pdu-input = Input
pdu-inputs = Inputs
pdu-outlet = Outlet
pdu-outlets = Outlets
pdu-server = Server
pdu-used = In use
pdu-used-of = { $used } of { $all }
pdu-title = Power strip { $name }
pdu-facts = About it
pdu-called = Calls itself
pdu-no-feed = nobody said
pdu-change = Change
pdu-rated-remove = Take the limit from the power strip
pdu-remove-title = Forget { $name }?
pdu-remove-text = cake no longer asks it. Nothing happens to it, nor to what hangs on it.
pdu-gone = This power strip was removed.
pdu-gone-next = To the power feeds
pdu-says-old = It is not heard. What stands here is of { $age }.
pdu-says-unheard = It was never heard.
pdu-says-waiting = It is asked for the first time.
pdu-says-dead = Nothing comes in.
pdu-dead-next = Look at the breaker of this feed and ask the power company.
pdu-unread = Nothing was read yet. It takes a few seconds.
pdu-outlets-change = Say what hangs on the outlets
pdu-outlets-text = cake can’t see cables. What you say here is how it knows which servers a feed carries.
pdu-outlet-named = Outlet { $outlet }
pdu-outlet-none = nothing that cake knows
pdu-no-events = Nothing has happened yet.
pdu-add = Add a power strip
pdu-add-text = A power strip (PDU) with a network port, asked by SNMP. cake only reads.
pdu-add-yes = Add it
server-feeds = Power from
cause-servers = { $count ->
    [one] One server is on it: { $names }.
   *[other] { $count } servers are on it: { $names }.
}

cli-cmd-pdu = Power strips (PDUs) and the feeds of the building, over SNMP
cli-cmd-pdu-list = List the power strips
cli-cmd-pdu-show = Show a power strip and its outlets
cli-cmd-pdu-add = Watch another power strip
cli-cmd-pdu-set = Change a power strip’s name, address, feed, outlets or note
cli-cmd-pdu-remove = Forget a power strip; nothing happens to it
cli-arg-pdu = Name or id of the power strip
cli-arg-pdu-add-name = Name of the power strip
cli-arg-pdu-add-host = Its address or name, with a port where it is not 161
cli-arg-pdu-add-feed = Which feed of the building it hangs on: A, B, or a word
cli-arg-pdu-add-rated-amps = Amperes that each input may draw, where it does not say so itself
cli-arg-pdu-add-outlet = What hangs on an outlet, such as 5=web-1; may be given again
cli-arg-pdu-add-note = What people should know of it
cli-arg-pdu-add-community-stdin = Read the SNMP community from standard input
cli-arg-pdu-set-name = Another name
cli-arg-pdu-set-host = Another address or name, with a port where it is not 161
cli-arg-pdu-set-feed = Which feed of the building it hangs on; empty for none
cli-arg-pdu-set-rated-amps = Amperes that each input may draw
cli-arg-pdu-set-outlet = What hangs on an outlet, such as 5=web-1; 5= for nothing; may be given again, others stay
cli-arg-pdu-set-note = What people should know of it
cli-arg-pdu-set-community-stdin = Read the SNMP community from standard input; without it the one of before stays
cli-arg-pdu-remove-yes = Do not ask
cli-wrong-outlet = “{ $value }” is not right: give an outlet and a server, such as 5=web-1.
cli-ask-community = SNMP community:
cli-pdu-added = { $count ->
    [one] Added: { $name }. It answers; one outlet.
   *[other] Added: { $name }. It answers; { $count } outlets.
}
cli-pdu-added-unheard = Added: { $name }. It is not heard yet: { $why }
cli-pdu-set = Changed: { $name }
cli-pdu-removed = Forgotten: { $name }
cli-pdu-remove-ask = Forget this power strip?

alert-link-flaps-short = Link comes and goes
alert-link-flaps = { $count ->
    [one] The link at port { $port } came or went once within ten minutes (server: { $server }).
   *[other] The link at port { $port } came or went { $count } times within ten minutes (server: { $server }).
}
alert-link-flaps-next = Replace the cable, then the transceiver. If it goes on, the port or the network card is failing.
alert-port-errors-short = Errors at a port
alert-port-errors = { $count ->
    [one] One error at port { $port } within the last hour (server: { $server }).
   *[other] { $count } errors at port { $port } within the last hour (server: { $server }).
}
alert-port-errors-next = Look at the cable and its plugs, then replace the cable or the transceiver.
alert-cable-moved-short = Cable moved
alert-cable-moved = { $server } was at port { $port }; now it is: { $to }.
alert-cable-moved-next = If that is right, say so on the page Cabling. If not, plug it back.
alert-link-lost-short = No link to a server
alert-link-lost = Port { $port } led to { $server } and has no link.
alert-link-lost-next = Look whether the server is on, then at the cable. If it was taken out for good, say so on the page Cabling.
operation-switch_create = Add switch
operation-switch_update = Change switch
operation-switch_delete = Forget switch
operation-switch_accept_cabling = Accept cabling
cabling-title = Cabling
cabling-empty-title = No switch is watched
cabling-empty-text = Add the switches of the rack. Then cake shows which port leads to which server, as they tell each other (LLDP), names a cable that moved or a link that comes and goes, and counts errors. It only reads: nothing of a switch is ever changed.
cabling-odd = Not as it was
cabling-accept = It is right so
cable-swapped = Port { $port }: { $was } was here, { $is } is here now.
cable-moved = { $server } was at port { $port } and is at port { $to } now.
cable-lost = Port { $port } led to { $server } and has no link.
switch-says = { $up } ports have a link, { $servers } lead to servers.
switch-add = Add a switch
switch-add-text = A switch that answers SNMP. Who is at its ports it knows by LLDP: switch that on in the switch, and on servers where their system can.
switch-remove-text = cake no longer asks it. Nothing happens to it.
switch-ports = Ports
switch-port = Port
switch-link = Link
switch-leads-to = Leads to
switch-errors = Errors in the last hour
switch-changes = Changes in ten minutes
switch-up = up
switch-down = no link
switch-shut = shut
switch-megabits = { $megabits } Mbit/s
switch-ports-up = Links
switch-servers = Servers
cli-cmd-switch = Switches over SNMP: ports, errors, and which port leads to which server
cli-cmd-switch-list = List the switches
cli-cmd-switch-show = Show a switch and its ports
cli-cmd-switch-add = Watch another switch
cli-cmd-switch-set = Change a switch’s name, address or note
cli-cmd-switch-remove = Forget a switch; nothing happens to it
cli-cmd-switch-accept-cabling = Say that its cables are right as they are now
cli-arg-switch = Name or id of the switch
cli-arg-switch-add-name = Name of the switch
cli-arg-switch-add-host = Its address or name, with a port where it is not 161
cli-arg-switch-add-note = What people should know of it
cli-arg-switch-add-community-stdin = Read the SNMP community from standard input
cli-arg-switch-set-name = Another name
cli-arg-switch-set-host = Another address or name, with a port where it is not 161
cli-arg-switch-set-note = What people should know of it
cli-arg-switch-set-community-stdin = Read the SNMP community from standard input; without it the one of before stays
cli-arg-switch-remove-yes = Do not ask
cli-switch-added = { $count ->
    [one] Added: { $name }. It answers; one port.
   *[other] Added: { $name }. It answers; { $count } ports.
}
cli-switch-accepted = Accepted: the cables of { $name } are right as they are.
cli-switch-remove-ask = Forget this switch?
