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
task-kind-vm-bin = Move to the bin
task-kind-vm-restore = Bring back
task-kind-image-import = Bring in image
task-kind-vm-nic-add = Add network card
task-kind-vm-nic-remove = Remove network card
task-kind-vm-disk-add = Add disk
task-kind-vm-disk-grow = Grow disk
task-kind-vm-disk-remove = Remove disk
task-kind-vm-export = Export VM
task-kind-vm-cd-insert = Insert CD
task-kind-vm-cd-eject = Eject CD

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
task-vm-bin = Move { $name } to the bin
task-vm-restore = Bring back { $name }
task-image-import = Bring in image { $name }
task-vm-nic-add = Give { $name } a network card
task-vm-nic-remove = Take a network card from { $name }
task-vm-disk-add = Give { $name } a disk
task-vm-disk-grow = Make a disk of { $name } larger
task-vm-disk-remove = Take a disk from { $name }
task-vm-export = Export { $name }
task-vm-cd-insert = Put a CD into the drive of { $name }
task-vm-cd-eject = Take the CD out of { $name }

task-state-running = At work
task-state-done = Done
task-state-failed = Failed
task-state-cancelled = Cancelled

# What a task did. `name` is the VM’s.
task-done-vm-create = Created { $name }.
task-done-vm-start = Started { $name }.
task-done-vm-shutdown = { $name } has shut down.
task-done-vm-stop = Forced off { $name }.
task-done-vm-reset = Reset { $name }.
task-done-vm-pause = Paused { $name }.
task-done-vm-resume = { $name } goes on.
task-done-vm-update = Changed { $name }.
task-done-vm-delete = Deleted { $name }.
task-done-vm-adopt = Adopted { $name }.
task-done-vm-bin = { $name } is in the bin.
task-done-vm-restore = { $name } is back.
task-done-image-import = The image { $name } can be used.
task-done-vm-nic-add = { $name } has a new network card.
task-done-vm-nic-remove = { $name } has let the network card go.
task-done-vm-disk-add = { $name } has a new disk.
task-done-vm-disk-grow = The disk of { $name } is larger. Its guest may have to grow its file system.
task-done-vm-disk-remove = The disk of { $name } is gone, with everything on it.
task-done-vm-export = The file of { $name } can be downloaded.
task-done-vm-cd-insert = { $name } has the CD.
task-done-vm-cd-eject = The drive of { $name } is empty.

# What a task was to do, and why it did not
task-ended = { $title }: { $why }
task-end-done = Done.
task-end-failed = It did not succeed.
task-end-cancelled = Cancelled before it was done.
task-end-superseded = A newer request took its place.
task-end-removed = It was deleted meanwhile.
task-end-interrupted = Interrupted; ask again.
task-end-restored = It was under way when the backup was made that was restored.
task-end-lost = No server has it.
task-end-refused = The server refused it.
task-end-crashed = The VM crashed.
task-end-killed = The VM’s process was ended from outside.
task-end-not-running = The VM does not run.
