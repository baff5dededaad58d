# Words of the cake command. `cli-cmd-…` and `cli-arg-…` are its help.

cli-about = One rack, from the command line: virtual machines, tasks, events, settings.
cli-usage = Usage:
cli-commands = Commands
cli-command-placeholder = COMMAND
cli-options = Options
cli-arguments = Arguments
cli-exit-codes = Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 not found, 4 not logged in or not allowed, 5 conflict with what is so, 6 nobody answers, 7 the request was refused as invalid, 8 the certificate is not trusted.
cli-where = In a checkout of cake the running instance is found by itself; elsewhere give --url and --ca once, at login.

cli-cmd-login = Log in; keeps an API token for this machine, never the password
cli-cmd-logout = Take this machine’s token back and forget it
cli-cmd-whoami = Show who is logged in, and where
cli-cmd-vm = Virtual machines
cli-cmd-vm-create = Create a VM from an image and start it
cli-cmd-vm-list = List the VMs
cli-cmd-vm-show = Show one VM
cli-cmd-vm-start = Start a VM
cli-cmd-vm-shutdown = Ask the guest to shut down
cli-cmd-vm-stop = Force a VM off, like pulling the plug
cli-cmd-vm-reset = Reset a VM, like pressing its reset button
cli-cmd-vm-pause = Pause a VM; its memory stays
cli-cmd-vm-resume = Let a paused VM go on
cli-cmd-vm-adopt = Take an orphaned VM back into cake’s records
cli-cmd-vm-delete = Delete a VM and its disks
cli-cmd-vm-rename = Rename a VM
cli-cmd-vm-nic = A VM’s network cards
cli-cmd-vm-nic-add = Give a VM a network card, even while it runs
cli-cmd-vm-nic-remove = Take a network card from a VM
cli-cmd-vm-console = Connect this terminal to a VM’s serial console
cli-cmd-vm-screenshot = Save a picture of a VM’s screen (PNG)
cli-cmd-vm-usage = Show what a VM used: the last hour, day or month
cli-cmd-image = Images that VMs are made from
cli-cmd-image-list = List the images
cli-cmd-image-upload = Bring in a disk (raw, qcow2, VMDK, VHDX) or a CD (ISO); called again, it goes on where it was
cli-cmd-image-fetch = Let the server fetch an image from an address (http, https)
cli-cmd-image-download = Save an image’s file here; called again, it goes on where it was
cli-cmd-image-delete = Delete an image; disks made from it stay
cli-cmd-vm-tag = Tags: words to find VMs by
cli-cmd-vm-tag-add = Add tags to a VM
cli-cmd-vm-tag-remove = Take tags off a VM
cli-cmd-image-tag = Tags: words to find images by
cli-cmd-image-tag-add = Add tags to an image
cli-cmd-image-tag-remove = Take tags off an image
cli-cmd-pool = Storage pools
cli-cmd-bin = What was deleted and can be brought back
cli-cmd-bin-list = List what is in the bin
cli-cmd-bin-restore = Bring something back
cli-cmd-bin-delete = Delete something for good
cli-cmd-pool-list = List the pools
cli-cmd-node = Servers
cli-cmd-node-list = List the servers
cli-cmd-node-show = Show one server
cli-cmd-node-usage = Show what a server used: the last hour, day or month
cli-cmd-task = Tasks: long work with progress
cli-cmd-task-list = List the tasks, newest first
cli-cmd-task-show = Show one task
cli-cmd-task-cancel = Cancel a task
cli-cmd-task-wait = Wait until a task has ended
cli-cmd-event = What happened
cli-cmd-event-list = List the events, newest first
cli-cmd-audit = Who changed what
cli-cmd-audit-list = List the audit records, newest first
cli-cmd-query = Search everything, for example: cake query 'kind:vm state:running memory>4GiB -tag:test'
cli-cmd-saved = Searches that you keep under a name
cli-cmd-saved-list = List your saved searches
cli-cmd-saved-save = Save a search under a name
cli-cmd-saved-rename = Rename a saved search
cli-cmd-saved-delete = Delete a saved search
cli-cmd-token = API tokens of your account
cli-cmd-token-create = Create a token; it is shown once
cli-cmd-token-list = List your tokens
cli-cmd-token-delete = Delete a token
cli-cmd-account = Accounts
cli-cmd-account-list = List the accounts
cli-cmd-account-create = Create an account
cli-cmd-account-passwd = Set a new password, your own if no name is given
cli-cmd-account-delete = Delete an account
cli-cmd-account-calendar = How years are counted on your own pages: gregorian or minguo
cli-cmd-settings = Settings of the whole system
cli-cmd-settings-show = Show the settings
cli-cmd-settings-set = Change settings
cli-cmd-system = The system as a whole: back up, restore
cli-cmd-system-backup = Back up the configuration into a file: everything but disks and images
cli-cmd-system-backups = Backups that are kept on the server
cli-cmd-system-backups-list = List the backups, oldest first
cli-cmd-system-backups-download = Save a backup here; called again, it goes on where it was
cli-cmd-system-backups-delete = Delete a backup from the server
cli-cmd-system-support-bundle = Save a bundle for whoever helps: logs, versions and what happened, without secrets
cli-cmd-system-restore = Restore a backup into a cake that is not set up yet
cli-cmd-setup = The setup wizard
cli-cmd-setup-status = Show whether setup is done
cli-cmd-completion = Print the completion script of a shell
cli-cmd-version = Show the versions of this command and of the server

cli-arg-help = Show this help
cli-arg-version = Show this command’s version
cli-arg-json = Print the API’s JSON
cli-arg-url = Address of the console, for example https://192.0.2.10:8443
cli-arg-ca = Certificate of the rack’s own authority (PEM)
cli-arg-token-file = File with an API token
cli-arg-lang = Language: en or zh-Hant-TW
cli-arg-user = Account name
cli-arg-password-stdin = Read the password from standard input; for your own, the current one on a first line
cli-arg-token-create-days = How many days it is good; for ever if not given
cli-arg-vm = Name or id of the VM
cli-arg-no-wait = Do not wait for the task’s end
cli-arg-vm-create-name = Name of the VM
cli-arg-image = Image that the disk is made from
cli-arg-image-upload-name = Name of the image
cli-arg-file = File that is sent
cli-arg-os = What will run in VMs made from it: linux, windows or other (other if not given)
cli-arg-sha256 = Checksum that its maker publishes
cli-arg-image-fetch-name = Name of the image
cli-arg-image-fetch-url = Address of the file, beginning with http:// or https://
cli-arg-image-download-image = Name or id of the image
cli-arg-image-download-output = File that the image is written to
cli-arg-image-delete-image = Name or id of the image
cli-arg-cpus = Number of virtual processors (1 if not given)
cli-arg-memory = Memory, for example 512MiB or 2GiB (512MiB if not given)
cli-arg-disk = Size of the disk, for example 2GiB (the image’s own size if not given)
cli-arg-firmware = bios, uefi or direct (the image’s best if not given)
cli-arg-network = none, nat, or bridge:NAME with a bridge of the server (nat if not given)
cli-arg-forward = Port of the server that leads to the guest, for example tcp:8080:80; may be given again
cli-arg-mac = MAC address of the network card
cli-arg-restart = When it starts again by itself: never, on-crash or always
cli-arg-hostname = Host name that cloud-init sets (made from the VM’s name if not given)
cli-arg-vm-create-user = User that cloud-init makes (cake if only a key is given)
cli-arg-ssh-key = File with public SSH keys of that user; may be given again
cli-arg-user-data = File with cloud-init user-data, in place of a user
cli-arg-no-start = Create it without starting it
cli-arg-state = Only VMs in this state, for example running
cli-arg-system-backup-file = File that the backup is written to, best ending in .cakebackup
cli-arg-system-support-bundle-file = File that the bundle is written to, best ending in .tar.gz
cli-arg-system-restore-file = The backup
cli-arg-system-backups-download-output = File that the backup is written to
cli-arg-backup = Id of the backup
cli-arg-setup-token-file = File with the setup token; asked for otherwise
cli-arg-recovery-key-file = File with the recovery key; asked for where it is needed
cli-arg-yes = Do not ask first
cli-arg-now = For good, without the bin
cli-arg-what = Name or id of what is in the bin
cli-arg-bin-restore-name = Another name, where the old one is taken by now (VMs)
cli-arg-vm-rename-name = New name
cli-arg-serial = The serial console (the only kind so far)
cli-arg-output = File that the picture is written to
cli-arg-node = Name or id of the server
cli-arg-span = How far back: hour, day or month (hour)
cli-arg-limit = At most this many
cli-arg-task = Id of the task
cli-arg-follow = Go on: show each event as it happens
cli-arg-text = What to look for
cli-arg-saved = Run the search that is saved under this name
cli-arg-csv = As CSV, for spreadsheets
cli-arg-query = Every VM that this search finds, for example: 'tag:test'
cli-arg-tag = A tag: a–z, 0–9, “-”, “.” and “_”
cli-arg-vm-tag-add-name = Name or id of the VM
cli-arg-vm-tag-remove-name = Name or id of the VM
cli-arg-image-tag-add-name = Name or id of the image
cli-arg-image-tag-remove-name = Name or id of the image
cli-arg-saved-save-name = Name of the search
cli-arg-saved-rename-old = Name until now
cli-arg-saved-rename-name = New name
cli-arg-saved-delete-name = Name of the search
cli-arg-calendar = gregorian or minguo
cli-arg-token-create-name = What the token is for
cli-arg-token = Name or id of the token
cli-arg-account-create-name = Name of the account
cli-arg-account-passwd-name = Name of the account
cli-arg-account-delete-name = Name of the account
cli-arg-role = administrator, operator or viewer
cli-arg-change = A setting and its new value
cli-arg-shell = bash, zsh, fish, elvish or powershell

cli-wrong-unknown-argument = There is no argument “{ $argument }” here.
cli-wrong-unknown-command = There is no command “{ $command }”.
cli-wrong-missing = Something is missing: { $argument }
cli-wrong-missing-command = A command is missing.
cli-wrong-no-value = “{ $argument }” needs a value.
cli-wrong-value = “{ $value }” is not right for “{ $argument }”.
cli-wrong-conflict = “{ $argument }” can’t be used together with another argument given, or was given twice.
cli-wrong-other = The arguments are not right.
cli-wrong-user-data = --user-data takes the place of --user and --ssh-key: give one or the other.
cli-wrong-no-terminal-file = There is no terminal to ask on: name files with --setup-token-file and --recovery-key-file.
cli-wrong-no-terminal = There is no terminal to ask for the password on: use --password-stdin.
cli-wrong-passwords-differ = The two passwords are not the same.
cli-wrong-assignment = “{ $value }” is not of the form KEY=VALUE.
cli-wrong-not-in-bin = “{ $value }” is not in the bin.
cli-wrong-several-in-bin = Several things in the bin are called “{ $value }”: give the id.
cli-wrong-needs-yes = Nobody can be asked here: look at the summary, then run it again with --yes.
cli-usage-next = “cake --help”, or --help after any command, shows what it takes.

cli-unreachable = { $url } does not answer: { $why }
cli-unreachable-next = Check that cake is running (“make up”) and that the address is right.
cli-untrusted = { $url } did not show a certificate of this rack.
cli-untrusted-next = Nothing was sent. Check the address and the certificate given with --ca.
cli-protocol = { $url } gave an answer that this command does not understand: { $why }
cli-protocol-next = Check that the address is cake’s, and that this command is not much older than the server.
cli-address = “{ $url }” is not an https address.
cli-address-next = Give it like https://192.0.2.10:8443.
cli-certificate = The certificate in { $path } can’t be used: { $why }
cli-certificate-next = “make up” says where the rack’s certificate is; give it with --ca.
cli-no-instance = No running cake was found from here.
cli-no-instance-next = Run “make up” in a checkout and call this command inside it, or give --url and --ca.
cli-no-certificate = The rack’s certificate is not known.
cli-no-certificate-next = Give it with --ca.
cli-not-logged-in = You are not logged in.
cli-not-logged-in-next = Log in with “cake login”.
cli-not-confirmed = That is not its name. Nothing was deleted.
cli-pointer = In the request: { $pointer }
cli-request-id = Request id, for support: { $id }
cli-task-id = Task: { $id }
cli-detail = Detail: { $detail }

cli-ask-user = User:
cli-ask-password = Password:
cli-ask-new-password = New password:
cli-ask-again = Once more:
cli-logged-in = Logged in to { $url } as { $name }.
cli-logged-out = Logged out of { $url }.
cli-token-once = This token is shown only now:
cli-token-deleted = The token { $name } was deleted.
cli-account-created = The account { $name } was created.
cli-account-deleted = The account { $name } was deleted.
cli-password-changed = The password of { $name } was changed.
cli-setup-done = Setup is done.
cli-setup-open = Setup is not done yet: open { $url } in a browser.
cli-task-begun = Begun; the task is { $id }

cli-vm-created = { $name } was created. Its state: { $state }.
cli-vm-created-next = Connect to it with “cake vm console { $name } --serial”.
cli-vm-started = { $name } runs.
cli-vm-shut-down = { $name } has shut down.
cli-vm-stopped = { $name } is off.
cli-vm-reset = { $name } was reset.
cli-vm-paused = { $name } is paused.
cli-vm-resumed = { $name } goes on.
cli-vm-adopted = { $name } is in cake’s records again.
cli-vm-deleted = { $name } and its disks were deleted.
cli-vm-binned = { $name } is in the bin. It can be brought back: cake bin restore { $name }
cli-image-binned = The image { $name } is in the bin. It can be brought back: cake bin restore { $name }
cli-restored = { $name } is back.
cli-vm-renamed = { $old } is now called { $name }.
cli-nic-added = { $name } has a new network card.
cli-nic-removed = { $name } has let the network card go.
cli-vm-delete-confirm = This deletes { $name } and its disks for ever. Type its name to go on:
cli-image-uploaded = The image { $name } can be used. Next: cake vm create NAME --image { $name }
cli-col-file = File
cli-support-ask = Save a bundle with these files? [y/N]
cli-support-made = Saved { $file } ({ $size }). Look into it before you give it away.
cli-backup-made = Backed up the configuration in { $file } ({ $size }). Only the recovery key opens it.
cli-backup-deleted = Deleted the backup.
cli-restore-sent = Backup of { $name } of { $time } ({ $size }) sent. Restoring …
cli-system-restored = { $count ->
    [one] { $name } is back at { $url }. It knows 1 VM; nothing was started.
   *[other] { $name } is back at { $url }. It knows { $count } VMs; nothing was started.
}
cli-system-sealed-elsewhere = { $count ->
    [one] 1 secret was not opened by the recovery key: give it again to the VM that needs it.
   *[other] { $count } secrets were not opened by the recovery key: give them again to the VMs that need them.
}
cli-ask-setup-token = Setup token:
cli-ask-recovery-key = Recovery key:
cli-wrong-exists = { $value } exists already: choose another file.
cli-col-made = Made
cli-image-downloaded = Saved { $name } in { $file }.
cli-image-deleted = Deleted the image { $name }.
cli-image-delete-confirm = The image { $name } can’t be brought back. Type its name to delete it:
cli-console-attached = Connected to the serial console of { $name }. Ctrl-] leaves.
cli-console-lost = [the connection was lost; connecting again]
cli-console-off = { $name } is off.
cli-console-left = Left the console. { $name } goes on.
cli-screenshot = The screen of { $name } is in { $file }.

cli-nothing = There is nothing to show.
cli-usage-set-aside = Part of the history was damaged and was set aside on { $when }. What could be read is shown.
cli-yes = yes
cli-no = no
cli-col-name = Name
cli-col-id = Id
cli-col-project = Project
cli-col-state = State
cli-col-asked = Asked for
cli-col-failure = Failure
cli-col-cpus = vCPUs
cli-col-memory = Memory
cli-col-memory-free = Free memory
cli-col-least-memory = Least memory
cli-col-disk = Disk
cli-col-used-cpu = CPU used
cli-col-used-memory = Takes on the server
cli-col-image = Image
cli-col-firmware = Firmware
cli-col-network = Network
cli-col-bridges = Bridges
cli-col-hostname = Host name
cli-col-restart = Starts again
cli-col-accelerator = Runs by
cli-col-pid = Process
cli-col-started = Started
cli-col-created = Created
cli-col-title = Title
cli-col-tags = Tags
cli-col-query = Search
cli-col-os = System
cli-col-size = Size
cli-col-free = Free
cli-col-file-system = File system
cli-col-path = Folder
cli-col-connected = Connected
cli-col-version = Version
cli-col-host = Host
cli-col-qemu = QEMU
cli-col-launcher = Launcher
cli-col-epoch = Epoch
cli-col-time = Time
cli-col-task = Task
cli-col-progress = Progress
cli-col-begun = Begun
cli-col-ended = Ended
cli-col-end = End
cli-col-detail = Detail
cli-col-measure = What
cli-col-now = Now
cli-col-mean = Average
cli-col-most = Most
cli-col-curve = Curve
cli-col-severity = Severity
cli-col-event = Event
cli-col-who = Who
cli-col-from = From
cli-col-action = Action
cli-col-subject = What
cli-col-result = Result
cli-col-kind = Kind
cli-col-binned = Deleted
cli-col-until = Gone for good
cli-col-role = Role
cli-col-disabled = Disabled
cli-col-url = Address
cli-col-command = This command
cli-col-server = Server

cli-query-saved = The search “{ $name }” is saved.
cli-query-renamed = The search “{ $old }” is now called “{ $name }”.
cli-query-deleted = The search “{ $name }” is deleted.
cli-tags = “{ $name }” has these tags: { $tags }
cli-tags-none = “{ $name }” has no tags.
cli-calendar-set = Your pages show years so: { $calendar }
cli-bulk-start = { $count ->
    [one] 1 VM will be started
   *[other] { $count } VMs will be started
}
cli-bulk-shutdown = { $count ->
    [one] 1 guest will be asked to shut down
   *[other] { $count } guests will be asked to shut down
}
cli-bulk-stop = { $count ->
    [one] 1 VM will be forced off; what its guest has not written to its disk is lost
   *[other] { $count } VMs will be forced off; what a guest has not written to its disk is lost
}
cli-bulk-pause = { $count ->
    [one] 1 VM will be paused
   *[other] { $count } VMs will be paused
}
cli-bulk-resume = { $count ->
    [one] 1 VM will go on
   *[other] { $count } VMs will go on
}
cli-bulk-bin = { $count ->
    [one] 1 VM will go to the bin
   *[other] { $count } VMs will go to the bin
}
cli-bulk-delete = { $count ->
    [one] 1 VM will be deleted with its disks; it can’t be brought back
   *[other] { $count } VMs will be deleted with their disks; they can’t be brought back
}
cli-bulk-will = { $title }: { $names }
cli-bulk-not = Not “{ $name }”: { $why }
cli-bulk-none = There is no VM that it could be done to now.
cli-bulk-type = Type the number of VMs ({ $count }) to go on:
cli-bulk-sure = Type y to go on:
cli-bulk-each = { $name }: { $said }
cli-bulk-failed = { $count } of { $of } did not do what was asked.
