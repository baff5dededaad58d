# Words of the console’s pages.

# The frame around every page
language-own-name = English
comma = { ", " }
semicolon = { "; " }
colon = { ": " }
full-stop = .
# Between two sentences
sentence-gap = { " " }
skip-to-content = Skip to content
nav = Main navigation
nav-overview = Overview
nav-vms = VMs
nav-images = Images
nav-disks = Disks
nav-tasks = Tasks
nav-events = Events
nav-audit = Audit record
nav-settings = Settings
nav-account = Account
nav-help = Help
nav-more = More
theme-switch = Light, dark or automatic
theme-auto = Colours: automatic
theme-light = Colours: light
theme-dark = Colours: dark
needs-script = This console needs JavaScript.
live-offline = The connection to the server is interrupted. What you see may be out of date; it comes back by itself.
activity = Tasks of the moment
say-unreachable = The server does not answer. Nothing was changed; try again.
say-request = Request number:
say-copied = Copied
say-marked = Your browser did not let it be copied. It is selected: copy it with the keyboard.
say-required = Please fill this in.
say-help = What does this mean?
save = Save
cancel = Cancel
close = Close
copy = Copy
print = Print
detail = Details for support (in English)
read-more = Read more
filters = Filters
confirm-back = Go back
confirm-type-name = To confirm, type the name:
keys-title = Keyboard shortcuts
keys-search = Search
keys-help = Show these keys
keys-move = Next and previous row
keys-select = Select the row
keys-found = From the search box to what was found, and on
keys-bulk = To the actions for the selected rows
keys-new = Create a VM
keys-go-vms = Go to VMs
keys-go-tasks = Go to tasks
keys-go-events = Go to events
keys-close = Close, or leave a field
pager-before = Previous
pager-after = Next
pager-older = Older
pager-newest = Newest
pager-range = { $from } to { $to }
pager-total = of { $count }
percent-done = { $percent } % done
percent-used = { $percent } % used
of-free = { $free } free of { $all }
of-all = { $part } of { $all }

# The overview
health-good = All is well.
health-attention = { $count ->
    [one] { $count } thing needs your attention.
   *[other] { $count } things need your attention.
}
health-unreachable = The server does not answer.
health-running = { $count } running
health-known = { $count ->
    [one] { $count } thing is not as it should be, and somebody sees to it.
   *[other] { $count } things are not as they should be, and somebody sees to them.
}
alerts-title = Alerts
alerts-lead = What somebody must act on now. An alert goes when it is no longer so.
alerts-all = All alerts
alerts-past = What happened before
alerts-none-title = No alerts
alerts-none-text = Nothing needs you right now. What happened stands under “Events”.
cause-why = Why cake thinks so
cause-tell = What would tell
cause-between = What it could be
cause-alerts = { $count ->
    [one] One alert beneath it
   *[other] { $count } alerts beneath it
}
cause-vms = { $count ->
    [one] One VM suffers from it or may.
   *[other] { $count } VMs suffer from it or may.
}
cause-help = How causes are found
alert-since = Began { $age }.
alert-known = Acknowledged by { $who }, { $age }.
alert-acknowledge = Acknowledge
alert-unacknowledge = Take back
alert-note-example = The maker knows
first-vm-title = Create your first VM
first-vm-text = Four questions, and it runs. The image that comes with cake boots in seconds.
servers = Servers
server-connected = Connected
server-unreachable = Does not answer
server-never-seen = It has not reported yet.
pools = Storage pools
pool-never-seen = The server has not reported it yet.
pool-unavailable = Not available
pool-reflink = copies of images take no space
pool-copies = images are copied in full
processors-given = { $all ->
    [one] 1 logical processor
   *[other] { $all } logical processors
}; running VMs have { $given ->
    [one] 1 vCPU
   *[other] { $given } vCPUs
}
recent-events = Lately
events-all = All events

# Facts
fact-memory = Memory
fact-processors = Processors
fact-accelerator = How guests run
fact-up = Up for
fact-node-up = cake-node running for
fact-space = Space
fact-place = Place
fact-file-system = File system
fact-disk = Disk
fact-pool = Storage pool
fact-no-disk = No disk
fact-in-pool = in pool { $pool }
fact-network = Network
fact-image = Made from
fact-hostname = Host name
fact-priority = Priority
priority-why = When power is short, servers whose VMs have low priority are slowed down first.
fact-restart = Start again by itself
fact-restarts = { $count ->
    [one] once so far
   *[other] { $count } times so far
}
fact-created = Created
fact-used = { $used } used
fact-taken = takes { $taken } on the server
fact-id = Id
fact-project = Project
fact-firmware = Firmware
fact-tpm = TPM
fact-tpm-2 = TPM 2.0, the VM’s own
fact-secure-boot = Secure Boot
fact-secure-boot-on = On: only what is signed starts
fact-machine = Machine type
fact-cpu-model = Processor model
fact-disk-serial = Disk serial number
fact-mac = MAC address
fact-pid = Process
fact-engine = QEMU
fact-engine-outdated = The server has a newer one.
fact-engine-way-transfer = Its QEMU can be changed while it runs: the guest stands still for some milliseconds.
fact-engine-way-live = Its QEMU can be changed while it runs: its memory is copied first, which takes it twice for that time.
fact-engine-tpm = With a TPM it is changed only when the VM is shut down and started.
fact-engine-nat = Connections that are open through NAT break.
fact-engine-replaced-transfer = Changed { $when }; the guest stood still for { $ms } ms.
fact-engine-replaced-live = Changed { $when }, its memory copied; the guest stood still for { $ms } ms.
engine-step-start = The new QEMU starts.
engine-step-copy = The guest’s memory is copied into the new QEMU while it runs.
engine-step-change = The guest changes hands.
engine-step-finish = The guest runs in the new QEMU; the old one is put away.
engine-not-running = Its QEMU can be changed while it runs; when it is started, it gets the new one.
engines-title = VMs in an older QEMU
engines-text = The server has a newer QEMU than these VMs run in. They can go on in it without being stopped; at the latest they get it when they are shut down and started.
engines-all = Change all { $count }
engines-all-title = { $count ->
    [one] Change the QEMU of 1 VM?
   *[other] Change the QEMU of { $count } VMs?
}
engine-change = Change QEMU
fact-hardware-version = Version of this record
fact-name = Name
fact-kind = Kind
fact-image-machine = Its machine
fact-min-memory = Memory at least
fact-stored = Takes on the server
fact-checksum = Checksum (SHA-256)
fact-subject = About
fact-asked-by = Asked by
fact-asked-at = Asked at
fact-ended = Ended
fact-took = Took
fact-pause = Pause
task-pause = The guest stood still for { $ms } ms.
fact-version = Version of cake
fact-set-up = Set up
fact-fingerprint = TLS fingerprint (SHA-256)
launcher-systemd = VMs run as systemd units
launcher-detached = VMs run as processes of their own

# The list of VMs
vms-title = Virtual machines
vm-create = Create VM
vms-search = Search names, tags and conditions
nothing-found = Nothing matches.
vms-show-all = Show all VMs
vms-empty-title = No VMs yet
vms-empty-text = A VM is a computer of its own inside this server. Create one from an image: it takes four answers.
filter-all = All
filter-running = On
filter-stopped = Stopped
filter-attention = Need attention
filter-warnings = Warnings and errors
filter-errors = Errors
columns = Columns
column-name = Name
column-id = Id
column-project = Project
column-state = State
column-image = Made from
column-cpus = vCPUs
column-memory = Memory
column-memory-bytes = Memory (bytes)
column-disk = Disk
column-disk-bytes = Disk (bytes)
column-usage = CPU use
column-created = Created
column-time = Time
column-severity = Severity
column-event = Event
column-task = Task
column-ended = Ended
column-end = How it ended
column-operation = API operation
column-who = Who
column-what = What
column-result = Result
column-from = From where
column-request = Request number
column-kind = Kind
column-tags = Tags
select-all = Select all VMs shown
select-vm = Select { $name }
bulk = Actions for the selected VMs
bulk-count = %n selected
bulk-clear = Clear
bulk-everything = Select all %n that this list finds
bulk-none = Nothing can be done to the selected VMs now
bulk-not = These are left as they are
bulk-accepted = accepted
bulk-type = This can’t be undone. Type the number of VMs:
bulk-tags-hint = Words with spaces between; a word with “-” in front is taken off.
bulk-verb-start = Start
bulk-verb-shutdown = Shut down
bulk-verb-stop = Force off
bulk-verb-tag = Tag
bulk-verb-bin = Delete
bulk-one-tag = Tag 1 VM
bulk-many-tag = Tag %n VMs
bulk-text-tag = Nothing happens to the guests. These get other tags:
bulk-one-bin = Delete 1 VM
bulk-many-bin = Delete %n VMs
bulk-text-bin = They go to the bin, from where they can be brought back:
bulk-one-start = Start 1 VM
bulk-many-start = Start %n VMs
bulk-text-start = These will start:
bulk-one-shutdown = Shut down 1 VM
bulk-many-shutdown = Shut down %n VMs
bulk-text-shutdown = The guests will be asked to shut down; they save their work:
bulk-one-stop = Force off 1 VM
bulk-many-stop = Force off %n VMs
bulk-text-stop = As if the power were cut: what a guest has not written to its disk is lost.
bulk-verb-replace-engine = Change QEMU
bulk-one-replace-engine = Change the QEMU of 1 VM
bulk-many-replace-engine = Change the QEMU of %n VMs
bulk-text-replace-engine = The guests go on in the server’s current QEMU; each stands still for some milliseconds. Connections that are open through NAT break.
bulk-done = %n accepted
bulk-failed = %n refused

# One VM
vm-title = VM { $name }
vm-actions = Actions
vm-console = Console
vm-action-start = Start
vm-action-shutdown = Shut down
vm-action-stop = Force off
vm-action-reset = Reset
vm-action-pause = Pause
vm-action-resume = Resume
vm-action-delete = Delete
vm-action-adopt = Adopt
vm-says-pending = Waiting for the server to take it.
vm-says-provisioning = Its disks are being prepared.
vm-says-stopped = It is off.
vm-says-halted = { $how }, { $when }.
vm-says-starting = It is being started.
vm-says-running = for { $since }
vm-says-running-tcg = for { $since }, by software translation
vm-says-paused = It stands still and keeps its memory.
vm-says-shutting-down = The guest was asked to shut down.
vm-says-stopping = It is being switched off.
vm-says-failed = It did not start.
vm-says-deleting = It and its disks are being removed.
vm-says-lost = No server has it.
vm-has = What it has
vm-change = Change name, tags, restart or priority
vm-change-note = The guest notices nothing of a new name; its host name stays.
vm-save = Save changes
vm-gone = This VM was deleted.
vm-gone-next = Back to the list of VMs
vm-no-tasks = No tasks yet.
vm-no-events = Nothing happened yet.
vm-orphaned = It runs on the server, but cake’s records do not know it. Nothing was removed.
vm-orphaned-next = Adopt it to take it into the records. The guest notices nothing.
vm-lost = It is in cake’s records, but no server has it.
vm-lost-next = Create it again, or delete the record.
hardware = Virtual hardware
hardware-why = Written once when the VM was created, so that the guest never sees its machine change.
confirm-stop-title = Force off { $name }?
confirm-stop-text = As if the power were cut: what the guest has not written to its disk is lost. Shut down asks the guest first.
confirm-stop-verb = Force off
confirm-reset-title = Reset { $name }?
confirm-reset-text = The guest starts from the beginning at once: what it has not written to its disk is lost.
confirm-reset-verb = Reset
confirm-delete-title = Delete { $name }?
confirm-delete-text = The VM and its disks ({ $disks }) are removed from the server. This can’t be undone.
confirm-delete-text-diskless = The VM is removed from the server. This can’t be undone.
confirm-delete-text-keeps = The VM and its own disks ({ $disks }) are removed from the server. This can’t be undone. Disks that were attached to it stay and are free then.
confirm-delete-text-keeps-all = The VM is removed from the server. This can’t be undone. Disks that were attached to it stay and are free then.
confirm-delete-verb = Delete VM and disks
confirm-delete-verb-diskless = Delete VM
confirm-bin-title = Delete { $name }?
confirm-bin-text = It is forced off and goes to the bin with its disks. From there it can be brought back for some days.
confirm-bin-verb = Move to the bin

# Creating a VM
new-title = Create a VM
new-what = What should run?
new-size = How big?
new-network = Which network?
new-name = What is it called?
new-more = More: ports, firmware, restart, priority, users
new-needs-memory = needs { $memory } of memory
new-cpus-hint = { $count ->
    [one] The server has 1 processor. VMs share it.
   *[other] The server has { $count } processors. VMs share them.
}
new-memory-hint = For example 512 MiB or 2 GiB. { $have } are free now.
new-disk-hint = Takes space only as it fills. { $have } are free.
new-more-disks = { $count ->
    [one] The image has a second disk of { $size }. The VM gets it too.
   *[other] The image has { $count } more disks, { $size } together. The VM gets all of them.
}
new-size-hint = For example 512 MiB or 2 GiB.
new-name-hint = Letters and digits of any language. It can be changed later.
new-firmware-default = As the image prefers
new-firmware-why = An image knows what it boots with. Choose yourself only for an old operating system.
new-switch-default = What suits the image
new-switch-on = On
new-switch-off = Off
new-tpm-why = Windows 11 asks for one. Its memory lies with the VM and goes with it.
new-secure-boot-why = Needs UEFI. Windows and the large Linux distributions are signed; self-made kernels are not.
new-restart-why = After a crash: a guest that fails comes back, one that shuts itself down stays off.
new-start = Start it at once
new-start-why = Without this it is created and stays off.
new-inside = Inside the guest (cloud-init)
new-inside-why = Images with cloud-init read this at their first start.
new-hostname-why = Made from the name, so that logs say the same as this console.
new-user-why = May be left empty. With keys below, the user is called cake if nothing else is said.
new-keys-why = One public key in each line, as in authorized_keys.
new-user-data-why = Your own cloud-config or script, at most { $limit }, instead of users and keys.
network-nat-text = It reaches your network and the Internet; nobody reaches it from outside but through the ports you open.
network-none-text = It talks to nobody. You still have its console.
network-bridge-text = A machine among the others on that network, with an address from there.
network-bridge-members = A machine among the others on that network, through { $members }.
network-bridge-down = The bridge is switched off on the server.
new-forwards = Ports of the server that lead to it
new-forwards-why = Only with a shared address. One in each line, for example tcp:8080:80: port 8080 of the server leads to port 80 of the guest.
nics-title = Network
nics-none = It has no network card and talks to nobody.
nics-addresses-none = No address seen yet
nics-addresses-off = Off
nics-forward = Port { $host } of the server leads to its port { $guest } ({ $protocol }).
nics-coming = Being plugged in…
nics-leaving = Its cable is pulled; the guest is letting it go…
nics-remove = Remove network card
nics-built-in = Part of the machine as it was made; it can be removed while the VM is off.
nics-remove-title = Remove this network card?
nics-remove-text = The guest loses this connection at once. Its address and port forwards go with it.
nics-add = Add a network card
nics-add-note = A VM that runs gets it at once. Later cards can be removed while it runs.

drives-title = Disks and CD
disk-number = Disk { $number }
disk-boots = starts from here
disk-coming = Being plugged in…
disk-growing = Growing…
disk-leaving = The guest is letting it go…
disk-remove = Remove disk
disk-built-in = It can be removed while the VM is off.
disk-remove-title = Remove this disk and destroy what is on it?
disk-remove-text = { $size } with everything on them go for good. The bin does not keep disks that are removed one by one; to keep it, detach it.
disk-add = Add a disk
disk-add-note = An empty disk. A VM that runs gets it at once.
disk-grow = Grow a disk
disk-grow-note = The guest sees the new size at once; its file system may have to be grown in there. A disk never shrinks.
exports-title = Take it away
exports-text = { $days ->
    [one] One file of the VM that other products can read. The server keeps it for 1 day, then it goes by itself.
   *[other] One file of the VM that other products can read. The server keeps it for { $days } days, then it goes by itself.
}
exports-more = What is in the file, and what is left out
export-make = Export this VM
export-format = Format
export-format-ova = OVA: VMware, VirtualBox, Proxmox and others
export-format-qcow2 = qcow2 and cake’s own definition: QEMU, libvirt and others
export-note = The VM must be off, and stays off until it is done. Passwords of cloud-init, the memory of a TPM and the variables of UEFI are left out.
export-until = Is deleted on { $date }
export-download = Download
export-delete = Delete
export-delete-title = Delete { $file }?
export-delete-text = Copies that were saved elsewhere stay good.
export-cancel = Cancel
disk-size = Size
disk-size-new = New size
disk-detach = Detach disk
disk-detach-title = Take this disk out and keep it?
disk-detach-text = Everything on it stays. It is found on the page Disks and can go to another VM. While the VM runs, unmount it in the guest first.
disk-attach = Attach a disk
disk-attach-note = A VM that runs gets it at once, with everything on it.
disk-attach-none = No disk is free. The page Disks makes new ones.
disks-lead = Every disk of this cloud. One that is no VM’s part goes from one VM to another and stays when a VM goes.
disks-new = Create a disk
disks-new-note = Empty, and in no VM at first. It takes space only as it fills.
disks-vm = VM
disks-own = Part of its VM
disks-rename = Name and tags
disks-delete = Delete disk
disks-delete-title = Move the disk { $name } to the bin?
disks-delete-text = From there it can be brought back for some days, with everything on it.
disks-failed-next = It is tried again. Make room in the storage pool, or delete this disk.
disks-none-title = No disks
disks-none-text = A VM brings its own. A disk that is to go from one VM to another is made here.
cd-none = It has no CD drive. It gets one when a CD is put in while it is off.
cd-in = In the drive
cd-unknown = An image that is not here any more
cd-opened = The guest has opened the tray.
cd-changing = Being changed…
cd-waiting = The guest was asked to open the tray…
cd-eject = Eject
cd-insert = Insert a CD
cd-insert-which = CD image
cd-insert-none = There is no CD image yet. Bring in an ISO file on the page Images.
cd-insert-note = A VM that runs sees it at once.
drivers-cd = Drivers’ CD
drivers-cd-change = Change the drivers’ CD
drivers-cd-none = None
drivers-cd-in = In the second drive
drivers-cd-why = For an installer that asks for drivers, such as those for virtio: a second CD drive, from which nothing is started.
drivers-cd-note = Only while the VM is off. With none, the second drive goes.
cd-force = Open the drive by force
cd-force-title = Open the drive by force?
cd-force-text = Programs in the guest that read from the CD see an error. An installer may fail.
bridges-none = This server has no bridge. How to make one is in the manual under “Networks”.
fact-bridges = Bridges
size-own = As it was
size-tiny = Tiny
size-small = Small
size-medium = Medium
size-large = Large
size-needs-cpus = { $count ->
    [one] This server has only 1 processor.
   *[other] This server has only { $count } processors.
}
size-needs-memory = This server has only { $have } of memory.
size-needs-disk = Only { $have } of disk space is free.
field-name = Name
field-cpus = Processors (vCPUs)
field-user = User
field-ssh-keys = SSH keys of this user
field-administrator = May become root (sudo)
field-user-data = user-data

# The serial console
console-title = Console of { $name }
console-connecting = Connecting…
console-connected = Connected
console-reconnecting = Connection lost. Connecting again…
console-off = The VM is off. Start it to use the console.
console-elsewhere = You may not open this console.
console-copy = Copy selection
console-paste = Paste
console-input = Keyboard input of the console
console-keys = Keys that a phone lacks
console-note = The serial port of the VM. The last 64 KiB are kept and shown when you come back.
key-left = Arrow left
key-right = Arrow right
key-up = Arrow up
key-down = Arrow down

# The screen
console-kinds = Kinds of console
console-screen = Screen
console-serial = Serial port
screen-title = Screen of { $name }
screen-off = The VM is off. Start it to see its screen.
screen-input = Screen of the guest. Keys and pointer go to it; Ctrl+Alt+G leaves it.
screen-control-yours = You are in control.
screen-control-nobody = Nobody is in control.
screen-control-other = { $name } is in control.
screen-control-never = You are looking on.
screen-viewers = Number of viewers: { $count }.
screen-take = Take control
screen-keyboard = Touch keyboard
screen-cad = Ctrl+Alt+Del
screen-paste = Type a text
screen-paste-why = There is no shared clipboard: the text is typed key by key, as on an American keyboard. Characters that such a keyboard lacks are left out.
screen-paste-text = Text, at most 2,000 characters
screen-paste-verb = Type it
screen-typed = Number of characters typed: { $count }.
screen-typed-some = Characters typed: { $count } of { $all }.
screen-fit = Fit
screen-full = Full screen
screen-note = The VM’s own screen and keyboard. Ctrl+Alt+G gives the keyboard back to this page; screen readers find text on the serial port.
screen-none = This VM has no screen.
screen-none-direct = Its kernel is started directly, and such a machine has only a serial port.
screen-none-old = It was created before there were screens, and its virtual hardware never changes by itself. Its serial port works as before; VMs that are created now have a screen.

# Images
images-lead = What VMs are made from. A VM gets a copy of its own; the image stays as it is.
image-available = Ready
image-missing = Not on the server
image-unknown = Not looked at yet
image-built-in = comes with cake
image-use = Create a VM from it
image-delete = Delete
image-delete-title = Delete the image { $name }?
image-delete-text = Disks that were made from it stay as they are. The image goes to the bin and can be brought back for some days.
image-download = Download

upload-title = Bring in an image
upload-from = Where the file is
upload-from-file = On this computer
upload-from-file-text = It is sent from here, part by part.
upload-from-url = At an address
upload-from-url-text = The server fetches it. This page need not stay open.
upload-url = Address
upload-url-hint = Begins with http:// or https://. Not the address of a page that shows the file.
upload-no-url = Give the address.
upload-from-stick = On a stick in the server
upload-from-stick-text = The server reads it. This page need not stay open.
upload-stick = Sticks in the server
upload-no-stick = Choose a file.
stick-plug-in = Plug one in: its images appear here by themselves. Sticks formatted with FAT, exFAT, NTFS or ext4 are read; nothing on them is changed.
stick-as-formatted = Formatted with { $format }, which cake does not read. FAT, exFAT, NTFS and ext4 are read.
stick-kinds = Files that end in .iso, .img, .raw, .qcow2, .vmdk, .vhdx or .ova are shown.
upload-file = File
upload-file-hint = A disk (raw, qcow2, VMDK in one file, VHDX), a VM in one file (OVA) or a CD (ISO). Unpack .gz, .xz and .zip first.
upload-os = What will run in VMs made from it
upload-os-hint = Decides which cards the VM gets. With “Other” an installer finds a SATA disk and an Intel network card, which every system knows. Where an OVA names its system, that counts.
upload-checksum = Check it against a checksum
upload-checksum-hint = The 64 digits that its maker publishes beside the file. A file that differs is refused.
upload-send = Bring it in
upload-no-file = Choose the file.
upload-other-file = This is another file: its length differs from the one that was begun.
upload-keep-open = Keep this page open until the file is here. If the connection breaks, it goes on by itself.

import-pending = Waiting for the server
import-receiving = Receiving
import-checking = Checking
import-converting = Converting
import-done = Done
import-failed = Failed
import-ending = Ending
import-says-pending = The server has not answered for it yet.
import-says-receiving = What is here stays here. If no page sends it any more, choose the same file again to go on.
import-says-fetching = The server fetches it from { $host }. What is here stays here; after a break it goes on by itself.
import-says-stick = The server reads it from the stick { $stick }. Leave the stick plugged in.
import-says-checking = A confined program reads it from beginning to end.
import-says-converting = A confined program makes a raw disk of it.
import-says-done = It appears among the images in a moment.
import-says-failed = The task says why.
import-says-ending = What was received is let go of.
import-go-on = Choose the file to go on
import-cancel = Cancel
images-none-title = No images
images-none-text = The server reports none. In the checkout, this command builds the images that come with cake:

# Tasks, events, audit
tasks-lead = Work that takes a while. It goes on when you close the browser.
tasks-search = Search tasks
tasks-active = At work
tasks-finished = Finished
tasks-none-active = Nothing is being done right now.
tasks-none-finished = Nothing has been finished yet.
task-cancel = Cancel task
cancel-title = Cancel “{ $title }”?
cancel-text-delete = The VM and what was made of its disks are removed again.
cancel-text-off = The VM is switched off again, as if the power were cut.
cancel-text-on = cake no longer waits for the guest. The VM stays on, unless the guest still shuts down by itself.
cancel-text-scan = No further address is asked. What was found until then stays.
cancel-text-engine = The guest goes on in the QEMU that it has. If it has changed hands by then, it stays in the new one.
task-cancelling = Cancelling: what was begun is being undone.
task-show-subject = Show what it is about
task-note = You may close this page; the task goes on.
events-lead = What happened, newest first.
events-search = Search events
events-none = Nothing has happened yet.
audit-lead = Who changed what, from where, with what result. Records can’t be changed.
audit-search = Search the audit record
audit-none = Nothing has been changed yet.

# Settings and accounts
settings-general = This cloud
settings-language-hint = For messages that nobody reads in a browser. Each person’s pages follow their own choice.
settings-per-kwh-hint = For example 4.27. Then the energy of the servers is shown in money too. Empty: it is not.
settings-currency-hint = Three letters: TWD, EUR, USD.
field-bin-days = Days in the bin
settings-bin-hint = A VM or an image that is deleted can be brought back for so long, from 1 to 365. Until then it takes its space.
settings-names-hint = Beside those that the server finds itself. The built-in certificate covers them at once.
announcement-title = On the network
announcement-more = How to find the console without a screen
announcement-change = Change the name, or tell nobody
announcement-check = Tell machines on the network where the console is
local-name-hint = Letters a to z, digits and “-”; browsers add .local. Empty: cake- and the server’s serial number.
certificate-title = Certificate
certificate-source = From
certificate-source-built-in = cake’s own authority on this server
certificate-source-own = Uploaded
certificate-names = For
certificate-issuer = Issued by
certificate-until = Good until
certificate-renewed = renewed by itself
certificate-warning-not-named = It covers none of the names that this console is known by. Who opens the console is warned by the browser.
certificate-warning-ends-soon = It ends within 30 days.
certificate-authority = Download cake’s authority
certificate-reset = Use the built-in one
certificate-reset-title = Go back to the built-in certificate?
certificate-reset-text = The uploaded certificate and its key are deleted from this server. Open connections go on.
certificate-upload = Upload your own
certificate-upload-text = From your company’s authority or a public one. It is used at once; open connections go on. Who asks for a name that it does not cover still gets the built-in one.
certificate-chain-hint = The console’s certificate first, then those that lead to its authority.
certificate-chain-file = Read the chain from a file
certificate-key-hint = Not encrypted. Leave it empty if the certificate answers a signing request that was made here. It never leaves this server again.
certificate-key-file = Read the key from a file
certificate-save = Use this certificate
certificate-uploaded = The certificate is in use.
certificate-request = Make a signing request
certificate-request-text = The key is made here and stays here. Give the request to your authority and upload what comes back, without a key.
certificate-request-make = Make the request
certificate-request-made = Give this to your authority:
settings-accounts = Accounts
settings-about = About
field-cloud-name = Name of this cloud
field-language = Language
field-zone = Time zone
field-role = Role
field-disabled = May not log in
field-account-name = Account name
field-password = Password
field-password-again = Password again
field-old-password = Password until now
field-new-password = New password
account-own = (you)
account-disabled = May not log in
account-since = since { $date }
account-change = Change
account-new = New account
account-create = Create account
account-language = Language of your pages
account-calendar = Years on your pages
calendar-gregorian = 2026 (Gregorian)
calendar-minguo = 115 (Minguo, Republic of China)
password-hint = At least 8 characters. A few words in a row are easy to keep and hard to guess.
password-differs = The two passwords differ.
password-change = Change password
password-changed = The password is changed.
password-logs-out = Your other browsers are logged out.
tokens = API tokens
tokens-why = For scripts and the cake command: they can do what you can do.
tokens-none = No tokens.
token-once = Your new token. It is shown only this once:
token-created = created { $date }
token-expires = ends { $date }
token-expired = ended { $date }
token-no-end = does not end
token-name-hint = What it is for, for example “nightly report”.
token-create = Create token
field-token-name = Name of a new token
field-token-end = Ends after
confirm-token-title = Delete the token { $name }?
confirm-token-text = What uses it can no longer log in. This can’t be undone.
confirm-token-verb = Delete token
login = Log in
logout = Log out
login-lost = Lost the password?
login-lost-text = Another administrator can set a new one. If there is none, root on the server runs:
login-lost-screen = Or stand in front of the server: the menu on its screen shows a word for it.
login-let-in = I have a word from the screen
let-in-title = Let an administrator in
let-in-text = Choose “Lost administrator” in the menu on the server’s screen. It shows a word that is good for 15 minutes, and once.
let-in-word = Word on the screen
let-in-word-hint = Twenty letters. Hyphens and capitals do not matter.
let-in-name-hint = The account keeps everything it has. One that was disabled is enabled, and its sessions end.
let-in-send = Set the password

# Help
help-title = Help: { $title }
help-lead = The manual, kept inside cake. It needs no Internet.
help-search = Search the manual
help-nothing = Nothing in the manual matches.
help-pages = Pages
help-api = API description

# The bin
bin-title = Bin
bin-lead = { $count ->
    [one] What was deleted is kept here for one day. Until then it can be brought back; it still takes its space.
   *[other] What was deleted is kept here for { $count } days. Until then it can be brought back; it still takes its space.
  }
bin-since = Deleted
bin-until = Gone for good
bin-size = Space
bin-restore = Bring back
bin-destroy = Delete for good
bin-destroy-title = Delete { $name } for good?
bin-destroy-text = It is removed from the server with everything that it has. This can’t be undone.
bin-destroy-text-vm = It is removed from the server with its own disks. This can’t be undone. Disks that were attached to it stay and are free then.
bin-empty-title = The bin is empty
bin-empty-text = A VM or an image that is deleted comes here first.

# What was used: charts of a server and of a VM
usage-title-node = What { $name } uses
usage-title-vm = What it uses
usage-spans = How far back
usage-hour = Hour
usage-day = Day
usage-month = Month
usage-says = { $what }: { $now } now, { $mean } on average, { $most } at most
usage-keys = Arrow keys move along the curve.
usage-none-yet = Measured every ten seconds; the first curve is here in half a minute.
usage-not-there = Nothing was measured in this time.
usage-unavailable = What was used can’t be read now. It is tried again by itself.
usage-uncounted = The network of this VM is not counted: it has no network card, or only one behind NAT.
usage-set-aside = Part of the history was damaged and was set aside on { $when }. What could be read is shown.
usage-numbers = The same in numbers
usage-time = Time
usage-most = { $what }, at most

# The search over everything, and what is kept of it.
nav-search = Search
search-label = Search
search-everywhere = Search everything
search-placeholder = kind:vm state:running memory>=4GiB
search-lead = One search over VMs, images, servers, tasks and events. Words are looked for in names, tags and sentences; conditions say the rest.
search-examples = What can be asked
search-example-and = Running VMs with at least 4 GiB of memory
search-example-or = Everything with one of these tags
search-example-not = VMs that do not run
search-example-time = What was made after a day
search-example-age = Errors of the last seven days
search-example-task = Tasks that failed
search-example-audit = What was refused since yesterday
found-vm = VMs
found-image = Images
found-pool = Storage pools
found-node = Servers
found-task = Tasks
found-event = Events
found-audit = Audit
found-account = Accounts
found-more = Show all of these
found-did = { $who }: { $what }
found-did-to = { $who }: { $what } “{ $name }”
saved-title = Saved searches
saved-none = Search for something you look for often, then save it under a name.
saved-name = Name for the search above
saved-save = Save search
saved-change = Rename or delete
tags-edit = Change the tags
tags-hint = Words to find it by, with spaces between: a–z, 0–9, “-”, “.” and “_”.
manifest-description = Virtual machines, networks and storage of this rack
search-wrong = The marked part can’t be understood
search-possible = Possible there
backup-title = Backup of the configuration
backup-text = Accounts, settings, VMs’ definitions and the record of what happened in one file, for this server or another. Disks and images are not in it. The recovery key opens it.
backup-more = More about backups
backup-create = Back up now
backup-save = Save
backup-delete = Delete
backup-delete-title = Delete the backup of { $time }?
backup-delete-text = Copies that were saved elsewhere stay good.
support-title = Support bundle
support-text = For whoever helps you: logs, versions, settings and what happened, in one file of at most 50 MB. Passwords, tokens, keys and user-data are taken out.
support-create = Make a support bundle
support-holds = What it holds
support-delete-title = Delete the support bundle of { $time }?
support-delete-text = Copies that were saved elsewhere stay.
ups-title = Power supply (UPS)
host-title = This server
host-more = What restarting and powering off does
host-change = Change name and clock
host-name-hint = What the server is called in the network and in the console: a DNS name.
host-zone-hint = For the machine’s own programs and logs. Pages follow the time zone above.
host-ntp-follow = The clock follows time servers in the network
host-clock = Clock
host-clock-text = The clock is set by hand: it can take the time of the device that you are looking at.
host-clock-now = Take the time of this device
host-clock-set = The clock is set.
host-reboot = Restart
host-reboot-title = Restart { $name }?
host-reboot-text = The console does not answer until the server is back. VMs that run now start again with it.
host-power-off = Power off
host-power-off-title = Power { $name } off?
host-power-off-text = Somebody has to switch the server on again. VMs that run now start again then.
host-leave-none = No VM runs now.
host-leave-vms = { $count ->
    [one] One VM runs and is shut down first: { $names }.
   *[other] { $count } VMs run and are shut down first: { $names }.
}
host-leaving-tasks = It can be cancelled under Tasks.
ups-more = What happens when the power fails
ups-change = Watch a power supply
ups-saved = The power supply is watched.
ups-remove = Watch none
ups-remove-title = Watch no power supply any more?
ups-remove-text = Nobody notices a power cut then, and guests are not shut down before the battery is empty.
field-ups-host = NUT server
ups-host-hint = Name or address. A power supply with a USB cable is served by NUT on the server itself: localhost.
field-ups-port = Port
field-ups-name = Name of the power supply
field-ups-minutes = Shut down with so many minutes left
ups-minutes-hint = Or when the power supply says that its battery is nearly empty. Guests first, then the server.
field-ups-user = User
ups-user-hint = Only so that the NUT server waits for this server before it cuts the power.
ups-password-hint = A password is kept. Leave it empty to keep it.
ups-offered = There is: { $names }.
hardware-title = Server disks
hardware-lead = The disks that the servers are built of, and what they say of their health. They are asked each hour.
disk-count = { $count ->
    [one] { $count } disk
   *[other] { $count } disks
}
disk-none = The server shows no disk.
disk-read-now = Ask now
disk-read-at = As of
disk-device = Device
disk-rotating = rotating
disk-solid = solid state
disk-spare = Spare blocks left
disk-spare-of = { $percent } %; { $least } % is too few
disk-hours-years = { $hours } ({ $years } years)

# Servers: the rack
nav-servers = Servers
servers-title = Servers
servers-list = All servers
servers-search = Name, node, address or note
servers-show-all = Show all servers
servers-empty-title = Add the first server
servers-empty-text = A server has a small computer of its own, the BMC (iDRAC, iLO, XClarity, IPMI), that knows its temperatures, fans and power even while it is off. Look for the BMC’s address on a label at the server, or in its BIOS.
servers-add = Add a server
servers-add-text = The BMC’s address is on a label at the server, or in its BIOS. IPMI over LAN has to be switched on there.
servers-add-yes = Add the server
server-name-hint = What you call it, for example what is written on it.
server-place-note = Place in the rack and note
server-waiting = not heard yet
server-filter-all = All
server-filter-attention = Need somebody
server-filter-on = On
server-filter-off = Off
rack-well = All is well.
rack-unknown = No server has been heard yet.
rack-attention = { $count ->
    [one] One server needs you.
   *[other] { $count } servers need you.
}
rack-on = { $count } on
rack-more = { $count ->
    [one] And one more
   *[other] And { $count } more
}
rack-picture = { $count ->
    [one] The rack with one server, from above
   *[other] The rack with { $count } servers, from above
}
rack-slot = { $name }: { $says }
rack-air = { $inlet } → { $outlet }
rack-free = U{ $first } to U{ $last }: { $count } U free
server-chassis = Chassis
rack-beside = Where do these stand?
rack-beside-text = Nobody has said yet. Count the units from below, or read them from the rack’s rail.
rack-beside-ask = Nobody has said yet. An administrator can.
rack-place = Say where it stands
rack-place-yes = Put it there
column-power = Power
column-watts = Draws
column-inlet = Air in
column-outlet = Air out
column-node = Node
column-place = Place
column-problem = Problem
column-watts-number = Watts
column-inlet-number = Air in (°C)
column-outlet-number = Air out (°C)
column-vms = VMs
column-unit = Unit
column-height = Height (U)
column-bmc = BMC
column-note = Note
field-unit = Lowest unit (U)
field-unit-hint = Counted from below.
field-height = Height (U)
field-bmc-host = BMC address
bmc-host-hint = A name or an address, without “http://”.
field-bmc-user = User
field-bmc-password = Password
bmc-password-hint = Leave it empty to keep it. When address, port or user change, type it again.
bmc-more = Protocol, port and K_g
field-bmc-access = Protocol
field-bmc-port = Port
bmc-port-hint = Empty: 623, or 443 with Redfish.
field-bmc-key = K_g
bmc-key-hint = Only where the BMC has one: up to 20 characters, or 40 hexadecimal digits.

# Servers: one of them
server-title = Server { $name }
server-gone = This server was removed.
server-gone-next = Go to the servers
server-actions = What can be done
server-says-well = Everything that it measures is as it should be.
server-says-on = It is on.
server-says-off = It is off.
server-says-troubles = { $count ->
    [one] One thing is not as it should be:
   *[other] { $count } things are not as they should be:
}
server-says-not-since = Last read { $age }; not heard since.
server-says-waiting = It was added a moment ago. What it measures shows here as soon as its BMC answers.
server-says-never = Its BMC has never been heard.
server-says-no-bmc = Nothing is known of its temperatures, fans and power: cake knows no BMC of it.
server-values-of = What stands below was read on { $time }.
server-troubles = What is not as it should be
server-trouble-passed = { $value }, { $state } (limit { $limit })
server-trouble-value = { $value }, { $state }
server-laboratory-why = What it says is made up, for trying things out.
server-try-again = Try with these
server-next-silent = Check that the server has mains power, that the BMC’s network cable is plugged in, and that its address is right. cake asks again by itself.
server-next-no-address = Check the name, or type the address itself. cake asks again by itself.
server-next-refused = Type the right user and password here.
server-next-ask = An administrator has to type the right user and password.
server-next-forbidden = Give the user at least the right “operator” in the BMC’s own settings, or type another user below.
server-next-busy = Somebody else has all its sessions open. cake asks again by itself.
server-next-garbled = Check the address and the port. If they are right, restart the BMC or update its firmware.
server-next-cipher = Allow cipher suite 17 or 3 in the BMC’s settings, or update its firmware.
server-next-another = If the machine was exchanged, save its address below again. If not, two machines share an address: give one another.
server-next-no-device = If it has a BMC on the network, type its address below.
server-next-worker = cake asks again by itself. If it stays so, look at the events of the node.
server-lit = Its light is on.
server-light-on = Light on
server-light-off = Light off
server-verb-on-button = Switch on
server-verb-soft-button = Shut down
server-verb-cycle-button = Power-cycle
server-verb-reset-button = Reset
server-verb-off-button = Cut power
server-guests = { $count ->
    [one] One VM runs on it: { $names }.
   *[other] { $count } VMs run on it: { $names }.
}
server-guests-none = cake runs on it, and no VM right now.
server-guests-running = { $count ->
    [one] { $count } VM running
   *[other] { $count } VMs running
}
server-guests-unknown = cake does not know what runs on it.
server-verb-soft-title = Shut { $name } down?
server-verb-soft-text = Its operating system is asked to shut down, as if somebody pressed the power button. It may refuse, and VMs may be cut off.
server-verb-soft-yes = Shut the server down
server-verb-cycle-title = Power-cycle { $name }?
server-verb-cycle-text = Its power goes off, and on again a few seconds later. Nothing is asked before: whatever runs is cut off, and what was not written to disk is lost.
server-verb-cycle-yes = Power-cycle the server
server-verb-reset-title = Reset { $name }?
server-verb-reset-text = It starts anew at once. Nothing is asked before: whatever runs is cut off, and what was not written to disk is lost.
server-verb-reset-yes = Reset the server
server-verb-off-title = Cut the power of { $name }?
server-verb-off-text = It goes off at once, as if somebody pulled the plug. Whatever runs is cut off, and what was not written to disk is lost.
server-verb-off-yes = Cut the power
server-polite = cake runs on this server.
server-polite-link = The polite way off shuts its VMs down first.
server-facts = What it is
server-no-place = not said yet
server-after-cut = After a power cut
server-maker = Maker of the BMC
server-maker-number = number { $number }
server-protocol = Version of the protocol
server-change = Change name, place or note
server-place-remove = Take it out of the rack
server-boot = Choose from what it starts next
field-boot = Start from
field-boot-uefi = As UEFI, not as BIOS
server-boot-text = Only the next time. Nothing happens until it is restarted.
server-boot-yes = Start from there next
server-restore = Choose what happens after a power cut
bmc-change = Change how its BMC is reached
bmc-add = Say where its BMC is
bmc-remove = Forget the BMC
bmc-remove-title = Forget the BMC?
bmc-remove-text = Address, user and password are forgotten, and cake no longer sees the temperatures, fans and power of this server. Nothing happens to the machine.
server-remove = Remove the server
server-remove-title = Remove { $name }?
server-remove-text = cake forgets it, with its BMC’s address and password, and no longer watches it. Nothing happens to the machine; it can be added again.
server-no-bmc-title = No BMC
server-no-bmc-text = If this server has one, say where it is: then its temperatures, fans and power show here, and it can be switched on and off.
server-no-bmc-node = cake found no BMC that it can ask through this machine itself. If it has one on the network, say where it is.
server-no-tasks = Nothing was asked of it yet.
server-no-events = Nothing has happened to it yet.
sensors-title = What it measures
sensors-none = It names no sensors.
sensors-not-yet = Nothing has been read yet.
sensors-quiet = { $count ->
    [one] One sensor says nothing now
   *[other] { $count } sensors say nothing now
}
sensors-quiet-text = Places without a part, sensors that only work while the server is on, and those that only report events.
sensor-value = Value
sensor-limits = Limits
sensor-between = { $least } to { $most }
sensor-at-least = at least { $least }
sensor-at-most = at most { $most }
sensor-entity = { $entity } { $number }
server-asking = The BMC is asked …
server-asks = What the BMC is asked for
server-read-again = Read it again
server-log = Event log
server-log-text = What the BMC wrote down itself, also while cake was away.
server-log-no-time = clock not set
server-log-ended = – over
server-log-passed = ({ $value }, limit { $limit })
server-log-empty = The event log is empty.
server-log-older = { $count ->
    [one] One older entry is not shown. “cake server events” has it.
   *[other] { $count } older entries are not shown. “cake server events” has them all.
}
server-log-full = { $percent } % of the log is in use.
server-log-overflowed = The log was full, and entries were lost. Clear it.
server-log-clear = Clear the log
server-log-clear-title = Clear the event log?
server-log-clear-text = { $count ->
    [one] One entry is deleted in the BMC and can’t be brought back.
   *[other] { $count } entries are deleted in the BMC and can’t be brought back.
} What was new to cake stands under “Events” too.
server-log-clear-yes = { $count ->
    [one] Delete the entry
   *[other] Delete { $count } entries
}
server-parts = Parts
server-parts-text = Makers, part numbers and serial numbers, as the name plates say.
part-unnamed = Without a name
parts-none = The BMC names no parts.
node-machine = Machine
node-machine-see = Temperatures, fans and power
