# Alerts: what is so, and what to do about it. Whom it is about stands beside it.

alert-node-away-short = Server does not answer
alert-node-away = The server’s agent (cake-node) does not answer. VMs go on running.
alert-node-away-next = If it lasts, look at the log of cake-node on the server.
alert-pool-missing-short = Storage pool missing
alert-pool-missing = The storage pool is not there.
alert-pool-missing-next = Check that its disk is connected and mounted.
alert-pool-space-short = Storage pool nearly full
alert-pool-space = The storage pool is { $percent } % full: { $free } free of { $size }.
alert-pool-space-next = Empty the bin, delete VMs and images that nobody needs, or move the pool to a larger disk. Guests are paused when nothing is left.
alert-vm-no-space-short = Paused: no space
alert-vm-no-space = The guest is paused, because the storage pool is full. Nothing of it is lost.
alert-vm-no-space-next = Make space in the pool: the guest goes on by itself within a minute.
alert-vm-failed-short = VM failed
alert-vm-failed = The VM failed.
alert-vm-failed-next = Look at its page for what went wrong.
alert-vm-crashed-short = VM crashed
alert-vm-crashed = It ended by itself and is not started again.
alert-vm-crashed-next = Look at the console for what the guest said, then start it again.
alert-certificate-ends-short = Certificate ends soon
alert-certificate-ends = { $days ->
    [one] The console’s certificate ends in { $days } day. Then browsers warn whoever opens the console.
   *[other] The console’s certificate ends in { $days } days. Then browsers warn whoever opens the console.
}
alert-certificate-ends-next = Upload its successor in the settings, or go back to the built-in one.
alert-vm-lost-short = VM lost
alert-vm-lost = It is in cake’s records, but no server has it.
alert-vm-lost-next = Create it again, or delete the record.
alert-vm-orphaned-short = VM unknown
alert-vm-orphaned = It runs on the server, but cake’s records do not know it. Nothing was removed.
alert-vm-orphaned-next = Adopt it to take it into the records. The guest notices nothing.
alert-ups-on-battery-short = On battery
alert-ups-on-battery = The server runs on battery: { $charge } % of it, for about { $minutes } minutes.
alert-ups-on-battery-next = Look for the power. If it does not come back in time, guests and server are shut down by themselves.
alert-ups-low-battery-short = Battery nearly empty
alert-ups-low-battery = The battery is nearly empty, or the power is about to be cut.
alert-ups-low-battery-next = Nothing has to be done: guests and server are shut down by themselves. They start again when the power is back.
alert-ups-away-short = Power supply not heard
alert-ups-away = The power supply (UPS) can’t be heard. Nobody notices a power cut now.
alert-ups-away-next = Look in the settings for what is wrong, and at the NUT server and its cable.
alert-ups-replace-battery-short = Replace battery
alert-ups-replace-battery = The power supply says that its battery has to be replaced.
alert-ups-replace-battery-next = Order a new battery. Until then it may not last through the next power cut.
alert-ups-shutdown-short = Shut down: no power
alert-ups-shutdown = The power was about to end: guests are shut down, and then the server where it can be.
alert-ups-shutdown-next = Where the server stays on, it can’t be powered off from here: do it by hand. Guests start again when the power is back.
alert-disk-failing-short = Disk is failing
alert-disk-failing = The disk { $disk } says that it is failing.
alert-disk-failing-next = Back up what lies on it now, and replace the disk.
alert-disk-sectors-short = Unreadable sectors
alert-disk-sectors = { $sectors ->
    [one] One sector of the disk { $disk } can’t be read.
   *[other] { $sectors } sectors of the disk { $disk } can’t be read.
}
alert-disk-sectors-next = Check that the backups are good. If the number grows, replace the disk.
alert-disk-worn-short = Disk worn
alert-disk-worn = { $percent } % of the life of the disk { $disk } is used up.
alert-disk-worn-next = Order a new disk, and replace this one before it is worn out.
alert-disk-wearing-short = Disk wears out soon
alert-disk-wearing = { $days ->
    [one] { $percent } % of the life of the disk { $disk } is used up. At the pace of the last two weeks the rest is gone in about one day.
   *[other] { $percent } % of the life of the disk { $disk } is used up. At the pace of the last two weeks the rest is gone in about { $days } days.
}
alert-disk-wearing-next = Order a new disk, and replace this one before then. See which VMs write so much: each VM’s page has the chart.
alert-disk-spare-short = Spare blocks nearly used up
alert-disk-spare = The disk { $disk } has few spare blocks left: { $percent } %.
alert-disk-spare-next = Back up what lies on it now, and replace the disk.
alert-disk-hot-short = Disk temperature
alert-disk-hot = The disk { $disk } is too hot or too cold: { $degrees } °C.
alert-disk-hot-next = Check the fans, the air filters and the temperature of the room.
alert-server-silent-short = BMC not heard
alert-server-silent = The BMC of the server can’t be heard. { $why }
alert-server-silent-next = Until then nobody sees its temperatures and power. Look at the page of the server.
alert-chassis-fault-short = Chassis fault
alert-chassis-fault = The server reports: { $what }
alert-chassis-fault-next = Look at the server’s page for the sensor behind it, then at the machine.
alert-bmc-password-short = Weak BMC password
alert-bmc-password = Anybody could guess the password of the server’s BMC: { $what }
alert-bmc-password-next = Press “Set a new password” on the server’s page, or set a long one in the BMC and type it there. Whoever reaches a BMC can do everything with its server.
alert-sensor-limit-short = Sensor past its limit
alert-sensor-limit = { $sensor }: { $value } ({ $what }, limit { $limit })
alert-sensor-limit-next = Look at the server: its air, its fans, what feeds it. Its page shows what else it measures.
alert-sensor-trend-short = Sensor nears its limit
alert-sensor-trend = { $what }
alert-sensor-trend-next = Look at the chart of the sensor, then see to the part before it fails: a fan, a filter, a memory module.
alert-sensor-fault-short = Hardware needs somebody
alert-sensor-fault = { $sensor }: { $what }
alert-sensor-fault-next = Look at the server’s event log for when it began, then at the part.
