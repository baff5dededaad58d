server-cap = May draw
server-cap-asked = Asked
server-cap-force = In force
server-cap-takes = Its BMC takes
server-cap-free = as much as it likes
server-cap-left = nothing; as its BMC has it
server-cap-change = Limit what it may draw
field-watts = Watts
server-cap-text = The BMC slows the server’s processors down when it would draw more. It is never switched off for it. cake looks every minute whether the limit is still in force.
server-cap-between = This BMC takes { $least } to { $most }.
server-cap-none = As much as it likes
server-cap-leave = Leave it as the BMC has it
server-cap-differs = { $watts } was asked.
server-cap-free-asked = No limit was asked.
cap-trouble-unsupported = Its BMC can’t limit power.
cap-trouble-out-of-range = Its BMC does not take such a limit.
cap-trouble-forbidden = The BMC’s user may not set a limit: it needs the right “operator” or “administrator”.
cap-trouble-failed = Its BMC did not take the limit.
problem-cap-unsupported-short = No limit possible
problem-cap-unsupported = The BMC of “{ $name }” can’t limit power: it speaks neither DCMI nor Redfish’s power limit.
problem-cap-unsupported-next = Look for a setting such as “power capping” in the BMC’s own settings; some need a licence of the maker.

server-cap-held = Held back by the budget
server-cap-held-at = The rack’s power budget holds it back at { $watts }.
server-cap-own = Your own limit of { $watts } stays as it is.
kind-rack = rack
field-power_budget = Power budget
budget-title = Power budget
budget-none = none; as much as they like
budget-drawn = Drawn now
budget-silent = Servers that do not say what they draw
budget-held = Held back
budget-says = The servers draw { $drawn } of the { $budget } that the rack may draw.
budget-says-none = The rack has no power budget: its servers draw as much as they like.
budget-silent-some = { $count ->
    [one] One server does not say what it draws and is not counted.
   *[other] { $count } servers do not say what they draw and are not counted.
 }
budget-exceeded = All servers that can be slowed down are, and it is not enough. Stop VMs, switch a server off, or raise the budget.
budget-held-title = { $count ->
    [one] One server is held back:
   *[other] { $count } servers are held back:
 }
budget-held-at = at { $watts }, { $why }
budget-why-none = because no VM runs there
budget-why-low = because only VMs of low priority run there
budget-why-normal = because its VMs have normal priority, and those of lower priority were not enough
budget-why-high = though VMs of high priority run there: all others were not enough
budget-change = Set the power budget
budget-text = When the servers together come near it, those whose VMs have the lowest priority are slowed down first. No server is switched off.
budget-remove = No budget
alert-power-budget-short = Over the power budget
alert-power-budget = The servers draw { $watts } W, and the rack may draw { $budget } W. All that can be slowed down are.
alert-power-budget-next = Stop VMs that can wait, or switch a server off. If the feed can give more, raise the power budget on the page of the servers.
event-power-held = Power is short: of the budget of { $budget } W too little is left, and servers are slowed down: { $servers }.
event-power-free = There is power enough again: no server is slowed down by the power budget any more.
