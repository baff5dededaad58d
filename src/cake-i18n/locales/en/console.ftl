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

# The overview
health-good = All is well.
health-attention = { $count ->
    [one] { $count } thing needs your attention.
   *[other] { $count } things need your attention.
}
health-unreachable = The server does not answer.
health-running = { $count } running
attention-pool-full = The pool is nearly full: { $free } free of { $size }.
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
fact-no-disk = No disk
fact-in-pool = in pool { $pool }
fact-network = Network
fact-image = Made from
fact-hostname = Host name
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
fact-machine = Machine type
fact-cpu-model = Processor model
fact-disk-serial = Disk serial number
fact-mac = MAC address
fact-pid = Process
fact-hardware-version = Version of this record
fact-name = Name
fact-kind = Kind
fact-min-memory = Memory at least
fact-stored = Takes on the server
fact-checksum = Checksum (SHA-256)
fact-subject = About
fact-asked-by = Asked by
fact-asked-at = Asked at
fact-ended = Ended
fact-took = Took
fact-version = Version of cake
fact-set-up = Set up
fact-fingerprint = TLS fingerprint (SHA-256)
launcher-systemd = VMs run as systemd units
launcher-detached = VMs run as processes of their own

# The list of VMs
vms-title = Virtual machines
vm-create = Create VM
vms-search = Search names and images
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
bulk-one-start = Start 1 VM
bulk-many-start = Start %n VMs
bulk-text-start = These will start:
bulk-one-shutdown = Shut down 1 VM
bulk-many-shutdown = Shut down %n VMs
bulk-text-shutdown = The guests will be asked to shut down; they save their work:
bulk-one-stop = Force off 1 VM
bulk-many-stop = Force off %n VMs
bulk-text-stop = As if the power were cut: what a guest has not written to its disk is lost.
bulk-rest = %n of the selected can’t do this now.
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
vm-change = Change name or restart
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
confirm-delete-verb = Delete VM and disks
confirm-delete-verb-diskless = Delete VM

# Creating a VM
new-title = Create a VM
new-what = What should run?
new-size = How big?
new-network = Which network?
new-name = What is it called?
new-more = More: firmware, restart, users
new-needs-memory = needs { $memory } of memory
new-cpus-hint = { $count ->
    [one] The server has 1 processor. VMs share it.
   *[other] The server has { $count } processors. VMs share them.
}
new-memory-hint = For example 512 MiB or 2 GiB. { $have } are free now.
new-disk-hint = Takes space only as it fills. { $have } are free.
new-size-hint = For example 512 MiB or 2 GiB.
new-name-hint = Letters and digits of any language. It can be changed later.
new-firmware-default = As the image prefers
new-firmware-why = An image knows what it boots with. Choose yourself only for an old operating system.
new-restart-why = After a crash: a guest that fails comes back, one that shuts itself down stays off.
new-start = Start it at once
new-start-why = Without this it is created and stays off.
new-inside = Inside the guest (cloud-init)
new-inside-why = Images with cloud-init read this at their first start.
new-hostname-why = Made from the name, so that logs say the same as this console.
new-user-why = May be left empty. With keys below, the user is called cake if nothing else is said.
new-keys-why = One public key in each line, as in authorized_keys.
new-user-data-why = Your own cloud-config or script, at most { $limit }, instead of users and keys.
network-nat-text = It reaches your network and the Internet; nobody reaches it from outside.
network-none-text = It talks to nobody. You still have its console.
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

# Help
help-title = Help: { $title }
help-lead = The manual, kept inside cake. It needs no Internet.
help-search = Search the manual
help-nothing = Nothing in the manual matches.
help-pages = Pages
help-api = API description
