# What servers measured over time, and the energy that they drew.
energy-title = Energy
energy-now = Draws now
energy-this-month = This month
energy-last-month = Last month
energy-all = All
energy-share = Part of the draw
energy-known = of { $percent } % of the time
energy-covered = Time known
energy-gaps = Where part of the time is not known, the energy is that of the rest: nothing is guessed.
energy-vms = What VMs have a part in
energy-vms-text = What their server draws now, split by the time that each keeps processors busy.
usage-year = Year
usage-least = { $what }, at least
sensor-spark = The last hour, as a chart
sensor-others = Other sensors of this server
sensor-draw = What the whole server draws
sensor-unavailable = What was measured can’t be read now. It is tried again by itself.
kind-sensor = sensor
# Where a sensor goes.
sensor-nears = at its limit in about { $when }
sensor-memory-errors = Correctable memory errors
sensor-trend-slows = { $sensor } slows down, now { $value }: at this pace it falls below its limit of { $limit } in about { $when }.
sensor-trend-falls = { $sensor } falls, now { $value }: at this pace it is below its limit of { $limit } in about { $when }.
sensor-trend-rises = { $sensor } rises, now { $value }: at this pace it is above its limit of { $limit } in about { $when }.
sensor-trend-counts = { $sensor } become more: about { $pace } a day.
