# Events: something happened. `name` is the subject’s name.

severity-info = Information
severity-warning = Warning
severity-error = Error

event-setup-done = Setup is done: this cloud is called { $name }.
event-control-started = cake { $version } started.
event-node-connected = Server { $name } is connected.
event-node-disconnected = Server { $name } does not answer. Its VMs go on running.
event-vm-created = VM { $name } was created.
event-vm-started = VM { $name } started.
event-vm-stopped = VM { $name } stopped.
event-vm-paused = VM { $name } was paused.
event-vm-resumed = VM { $name } goes on.
event-vm-halted-by-guest = VM { $name } shut itself down.
event-vm-crashed = VM { $name } crashed.
event-vm-restarted = VM { $name } was started again after it had ended by itself.
event-vm-failed = VM { $name } failed. { $why }
event-vm-deleted = VM { $name } was deleted.
event-vm-orphaned = VM { $name } runs on the server, but cake’s records do not know it. Nothing was removed.
event-vm-lost = VM { $name } is in cake’s records, but no server has it.
event-vm-binned = VM { $name } was moved to the bin.
event-vm-restored = VM { $name } was brought back.
event-image-imported = The image { $name } was brought in and can be used.
event-image-import-failed = The image { $name } could not be brought in. { $why }
event-image-deleted = The image { $name } was deleted.
event-image-binned = The image { $name } was moved to the bin.
event-image-restored = The image { $name } was brought back.
event-volume-created = The disk { $name } was created.
event-volume-deleted = The disk { $name } was deleted, with everything on it.
event-volume-binned = The disk { $name } was moved to the bin.
event-volume-restored = The disk { $name } was brought back.
event-alert-began = Alert about { $name }: { $what }
event-alert-ended = No longer so for { $name }: { $what }
event-system-restored = The configuration of { $name } was restored from the backup of { $made_at }.
event-login-failed = Somebody tried to log in as { $claimed } from { $address } and failed.
