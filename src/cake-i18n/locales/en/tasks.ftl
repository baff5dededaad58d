# Tasks: long work with progress.

task-kind-vm-create = Create VM
task-kind-vm-start = Start
task-kind-vm-shutdown = Shut down
task-kind-vm-stop = Force off
task-kind-vm-reset = Reset
task-kind-vm-pause = Pause
task-kind-vm-resume = Resume
task-kind-vm-update = Change
task-kind-vm-delete = Delete VM
task-kind-vm-adopt = Adopt

task-vm-create = Create { $name }
task-vm-start = Start { $name }
task-vm-shutdown = Shut down { $name }
task-vm-stop = Force off { $name }
task-vm-reset = Reset { $name }
task-vm-pause = Pause { $name }
task-vm-resume = Resume { $name }
task-vm-update = Change { $name }
task-vm-delete = Delete { $name }
task-vm-adopt = Adopt { $name }

task-state-running = At work
task-state-done = Done
task-state-failed = Failed
task-state-cancelled = Cancelled

# How a task ended
task-end-done = { $name }: it is done.
task-end-failed = { $name }: it did not succeed.
task-end-cancelled = { $name }: it was cancelled before it was done.
task-end-superseded = { $name }: a newer request took its place.
task-end-removed = { $name }: it was deleted meanwhile.
task-end-interrupted = { $name }: it was interrupted; ask again.
task-end-lost = { $name }: no server has it.
task-end-refused = { $name }: the server refused it.
task-end-crashed = { $name }: the guest crashed.
task-end-killed = { $name }: somebody on the server ended it.
task-end-not-running = { $name }: it is not running.
