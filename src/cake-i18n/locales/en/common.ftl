# Words used everywhere: states, kinds, units of time.

brand = cake
count-vms = { $count ->
    [one] 1 VM
   *[other] { $count } VMs
}
count-servers = { $count ->
    [one] 1 server
   *[other] { $count } servers
}
count-tasks = { $count ->
    [one] 1 task
   *[other] { $count } tasks
}
count-cpus = { $count ->
    [one] 1 vCPU
   *[other] { $count } vCPUs
}
count-disks = { $count ->
    [one] 1 disk
   *[other] { $count } disks
}

age-now = just now
age-minutes = { $count ->
    [one] 1 minute ago
   *[other] { $count } minutes ago
}
age-hours = { $count ->
    [one] 1 hour ago
   *[other] { $count } hours ago
}
age-days = { $count ->
    [one] 1 day ago
   *[other] { $count } days ago
}
duration-moment = less than a second
duration-seconds = { $count ->
    [one] 1 second
   *[other] { $count } seconds
}
duration-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
}
duration-hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
}
duration-days = { $count ->
    [one] 1 day
   *[other] { $count } days
}

# States of a VM
state-pending = Waiting for the server
state-provisioning = Preparing disks
state-stopped = Stopped
state-starting = Starting
state-running = Running
state-paused = Paused
state-shutting-down = Shutting down
state-stopping = Stopping
state-failed = Failed
state-deleting = Deleting
state-lost = Lost
state-orphaned = Orphaned
state-done = Done
state-cancelled = Cancelled
state-binned = In the bin
state-free = Free
state-attached = In a VM
state-leaving = Its guest is letting it go
state-available = Ready
state-built-in = Comes with cake
state-ending = Ending
state-receiving = Receiving
state-checking = Checking
state-converting = Converting
state-waiting = Waiting for its turn
state-packing = Packing

# Kinds of things
kind-vm = VM
kind-image = image
kind-volume = disk
kind-pool = storage pool
kind-node = server
kind-account = account
kind-token = API token
kind-task = task
kind-settings = settings
kind-event = event
kind-audit = audit record
kind-query = saved search
kind-backup = backup
kind-support-bundle = support bundle
kind-role = role
kind-nic = network card
kind-alert = alert
kind-disk = disk
kind-export = export

firmware-bios = BIOS
firmware-uefi = UEFI
firmware-direct = Direct kernel start

network-none = No network
network-nat = Shared address (NAT)
network-bridge = Bridge { $name }

restart-never = Never
restart-on-crash = After a crash
restart-always = Always
priority-none = –
priority-low = Low
priority-normal = Normal
priority-high = High

image-format-raw = Raw disk
image-format-qcow2 = qcow2 disk
image-format-iso = CD or DVD (ISO)
image-format-kernel = Kernel (PVH)

os-linux = Linux
os-windows = Windows
os-other = Other

exit-guest = The guest shut itself down
exit-crash = The VM crashed
exit-killed = The VM’s process was ended from outside

accelerator-kvm = Hardware virtualisation (KVM)
accelerator-tcg = Software translation (TCG)
tcg-no-device = This server offers no KVM: virtualisation is switched off in its firmware set-up, or the server is itself a VM.
tcg-no-permission = KVM is there, but cake is not allowed to open it.
tcg-guest-did-not-run = KVM is there, but a test guest did not run with it.
tcg-asked = An administrator asked for software translation.

role-administrator = Administrator
role-operator = Operator
role-viewer = Viewer
permission-view = see things
permission-operate = start and stop VMs
permission-manage = create, change and delete VMs
permission-audit = read the audit record
permission-administer = change settings and accounts

action-start = start
action-shutdown = shut down
action-stop = force off
action-reset = reset
action-pause = pause
action-resume = resume
action-delete = delete
action-update = change
action-adopt = adopt
action-console = open the console of
action-cancel = cancel
action-upload = send a part of
action-bin = delete
action-restore = bring back
action-export = export
action-replace-engine = change the QEMU of
action-attach = attach
action-detach = detach
action-grow = grow
action-download = download
action-this = do that to

# Fields of requests, for refusals
field-memory = Memory
field-disk = Disk
field-image = Image
field-size = Size
field-bin_days = Days in the bin
field-local_name = Name on the network
field-announce = Whether the network is told
field-sha256 = Checksum (SHA-256)
field-path = Folder
field-users = Users
field-user_data = user-data
field-ssh_keys = SSH keys
field-network = Network
field-forwards = Forwards
field-tokens = API tokens
field-expires_in_days = Ends after
field-time_zone = Time zone
field-per_kwh = Price of a kilowatt-hour
field-currency = Currency
field-tags = Tags
field-queries = Saved searches
field-calendar = Calendar
field-vms = VMs
field-note = Note

# Why a VM failed, and what to do
failure-qemu-start = The virtual machine’s process ended before it answered.
failure-qemu-start-next = Start it again. If it fails again, look at the detail below and at the server’s log.
failure-qmp-protocol = The virtual machine’s process did not answer as it should.
failure-qmp-protocol-next = Force it off and start it again. The detail below helps support.
failure-disk = The disk could not be made or opened.
failure-disk-next = Check that the storage pool is available, then start the VM again.
failure-no-space = The storage pool is full.
failure-no-space-next = Free some space in the pool, or delete VMs that are no longer needed, then try again.
failure-image-missing = The image that the VM is made from is not on the server.
failure-image-missing-next = Look at Images: bring the image back, then start the VM again.
failure-pool-missing = The storage pool is not on this server.
failure-pool-missing-next = Check that its disk is connected and mounted, then start the VM again.
failure-hardware = The VM needs hardware that this server does not have.
failure-hardware-next = Move the VM’s disk to a suitable server, or create the VM again here.
failure-memory = The server has not enough free memory.
failure-memory-next = Stop another VM, or create this one again with less memory.
failure-guest-ignored-shutdown = The guest did not shut down in time.
failure-guest-ignored-shutdown-next = Log in through the console and shut it down there, or force it off.
failure-bridge-missing = The bridge that the VM is connected to is not on this server.
failure-bridge-missing-next = Make the bridge on the server, or give the VM another network card; then start it again.
failure-port-taken = Something else on this server listens at a port that is to lead to the VM.
failure-port-taken-next = End what listens there, or give the VM a network card with another port; then start it again.
failure-network = The VM could not be connected to its network.
failure-network-next = Look at the detail below, then start the VM again.
failure-guest-ignored-unplug = The guest did not let the device go in time.
failure-guest-ignored-unplug-next = Its cable is pulled already. It goes when the VM is shut down; a guest that still boots can be asked again later.
failure-cd-locked = The guest holds its CD drive shut.
failure-cd-locked-next = Eject the CD inside the guest, or open the drive by force: programs that read from the CD then see an error.
failure-engine-refused = The new QEMU did not take the guest over; the guest goes on in the one that it had.
failure-engine-refused-next = The detail below says why. The VM gets the new QEMU at the latest when it is shut down and started the next time.
failure-called-off = It was called off before anything came of it.
failure-called-off-next = There is nothing to do: everything is as it was before.

# Disks
disk-state-coming = being plugged in
disk-state-growing = growing
disk-state-leaving = the guest is letting it go
disk-state-failed = not as asked

# The CD drive
cd-empty = empty
cd-state-changing = being changed
cd-state-waiting = the guest was asked to open the tray
cd-state-failed = the guest holds it shut, or something else is wrong
failure-seal = The VM’s sealed secrets can’t be opened on this server.
failure-seal-next = Restore the server’s key with the recovery key, or create the VM again.
failure-crash-loop = It crashed again and again, so cake waits longer before each new try.
failure-crash-loop-next = Look at the console for what the guest says, then start it again.
failure-image-unknown = The file is nothing that VMs can be made from.
failure-image-unknown-next = Bring a disk (raw, qcow2, VMDK in one file, VHDX), a VM in one file (OVA) or a CD (ISO). If the file is packed (.gz, .xz, .zip), unpack it first.
failure-image-broken = The file is cut short or damaged.
failure-image-broken-next = Download it again from its maker and compare the checksum, then bring it in again.
failure-image-names-files = The file refers to other files, so it is not whole by itself.
failure-image-names-files-next = Convert it into one file without a backing file or parent, then bring that in.
failure-image-encrypted = The file is encrypted.
failure-image-encrypted-next = Decrypt it where it comes from, then bring it in again.
failure-package-several = The file holds more than one VM.
failure-package-several-next = Export each VM into an OVA of its own where it comes from, then bring them in one after the other.
failure-package-compressed = A disk in the file is compressed once more.
failure-package-compressed-next = Export the VM again without compressing its files (the usual OVA has none), then bring that in.
failure-checksum-differs = The file is not the one that its maker published: its checksum differs.
failure-checksum-differs-next = Check that the checksum belongs to this very file, then download and bring it in again.
failure-fetch-failed = The file does not come from the address that was given.
failure-fetch-failed-next = See whether the address is right and answers, then begin again; or download the file and send it from your computer.
failure-fetch-forbidden = The address leads to the server itself, or to what only it can reach.
failure-fetch-forbidden-next = Download the file and send it from your computer.
failure-fetch-changed = The file was replaced while it was fetched.
failure-fetch-changed-next = Begin again.
failure-stick-gone = The stick is not plugged in, or was pulled out before the file was here.
failure-stick-gone-next = Plug it into the server again and leave it there, then choose the file again. Nothing half-made was kept.
failure-stick-unreadable = The stick does not hand the file out.
failure-stick-unreadable-next = See whether another computer still reads the file from it; copy it to another stick, or send it from your computer. Nothing half-made was kept.
failure-stick-changed = The file on the stick is not the one that was chosen any more.
failure-stick-changed-next = Choose it again: the page shows what is on the stick now.
failure-vm-changed = The VM ran, or its disks were changed, while a file was made of it.
failure-vm-changed-next = Shut the VM down, leave it off until the export is done, and export it again. Nothing half-made was kept.
failure-bmc-silent = The server’s BMC did not answer.
failure-bmc-silent-next = Check that it has power and network, and the address that cake knows. Look how the server is before you ask again: what was asked may have happened.
failure-bmc-refused = The server’s BMC takes neither the user nor the password, or does not let this user do it.
failure-bmc-refused-next = Give the right user and password under “Servers”. cake does not try the old ones again, so that nobody is locked out.
failure-bmc-unsupported = The server’s BMC can’t do this.
failure-bmc-unsupported-next = Look into the maker’s manual for what it can do, or do it at the server itself.
failure-bmc-failed = The server’s BMC said that it failed, or answered nonsense.
failure-bmc-failed-next = Try it again. If it stays so, restart the BMC or update its firmware.
failure-interrupted = cake was interrupted in the middle of it: it may have happened, or not.
failure-interrupted-next = Look how the server is now, and ask again if you need to.
failure-internal = Something went wrong inside cake.
failure-internal-next = Try again. If it happens again, send the detail below to support.

# Why a name or an answer is refused
reason-name-empty = it is empty
reason-name-too-long = it has more than 63 characters
reason-name-edge = it must begin and end with a letter or a digit
reason-name-character = it may hold letters, digits and single “-”, “_”, “.” or space between them
reason-name-repeated = two of “-”, “_”, “.” and space can’t follow each other
reason-name-host = a host name holds only a–z, 0–9 and “-”
reason-name-id = it looks like an id
reason-kernel-has-no-disk = a kernel image starts without a disk
reason-network = it is “none”, “nat” or “bridge:” and the name of a bridge
reason-nat-needs-stop = a VM that was started without NAT gets it only while it is off
reason-forward = a forward is written as tcp:8080:80: protocol, port of the server, port of the guest
reason-forward-twice = the same port of the server is there twice
reason-forwards-need-nat = only a network card behind NAT has forwards; on a bridge every port is the guest’s own
reason-needs-uefi = only UEFI has Secure Boot
reason-needs-firmware = a kernel that is entered directly has no TPM
reason-language = this language is not one of the console’s
reason-password-too-long = a password has at most 1,024 bytes
reason-image-unavailable = the image is not on the server
reason-image-no-cd = it is not a CD (an ISO file)
reason-checksum = a SHA-256 checksum has 64 hexadecimal digits
reason-missing = it is missing
reason-ssh-key = it is not a public key in OpenSSH’s one-line format
reason-users-or-user-data = give users and keys, or user-data, not both
reason-too-many = there are too many
reason-user-name = a user’s name begins with a–z or “_” and holds a–z, 0–9, “_” and “-”, at most 32
reason-time-zone = this time zone is not known
reason-password-too-short = a password has at least 8 characters
reason-password-twice = give the password or its hash, not both
reason-password-missing = the password is missing
reason-password-hash = the hash is not argon2id in PHC format
reason-pool-path = the folder must be an absolute path without “..”
reason-tag-empty = a tag is empty
reason-tag-too-long = a tag has at most 63 characters
reason-tag-character = a tag holds a–z, 0–9 and “-”, “.” or “_” between them
reason-tag-edge = a tag begins and ends with a letter or a digit
reason-tag-too-many = there are at most 16 tags
reason-calendar = this calendar is not known
reason-query-field = there is no such field
reason-query-value = this field has no such value
reason-query-size = this is not a size
reason-query-number = this is not a number
reason-query-time = this is not a day or a time
reason-query-age = this is not a length of time
reason-query-compare = this field can’t be compared so
reason-query-missing = something is missing here
reason-query-quote = the quotation mark is not closed
reason-query-parenthesis = the parentheses don’t match
reason-query-too-long = the search is too long
reason-query-too-many = there are too many conditions
reason-query-too-deep = the parentheses are nested too deep

actor-account-token = { $name } (API token)
actor-system = cake itself
actor-root = root on the server
actor-setup = the setup wizard
actor-unknown = unknown ({ $claimed })
audit-done = Done
audit-refused = Refused: { $why }

# What is measured: titles, then measures beneath their title
usage-cpu = Processors
usage-memory = Memory
usage-swap = Swap
usage-disk = Disks
usage-network = Network
usage-pressure = Waiting
usage-cpu-user-percent = programs
usage-cpu-system-percent = kernel
usage-cpu-iowait-percent = waiting for disks
usage-cpu-steal-percent = taken away
usage-cpu-busy-processors = busy
usage-memory-used-bytes = used
usage-memory-available-bytes = available
usage-memory-cached-bytes = cached
usage-memory-taken-bytes = taken on the server
usage-swap-used-bytes = used
usage-disk-read-bytes-per-second = read
usage-disk-written-bytes-per-second = written
usage-disk-reads-per-second = reads
usage-disk-writes-per-second = writes
usage-disk-busy-percent = the busiest
usage-network-received-bits-per-second = received
usage-network-sent-bits-per-second = sent
usage-network-dropped-packets-per-second = dropped packets
usage-pressure-cpu-some-percent = for processors
usage-pressure-memory-some-percent = for memory
usage-pressure-memory-full-percent = all of them for memory
usage-pressure-io-some-percent = for disks
usage-pressure-io-full-percent = all of them for disks

# Certificates
kind-certificate = certificate
reason-certificate-none = there is no certificate in it; it begins with -----BEGIN CERTIFICATE-----
reason-certificate-garbage = it is not a certificate in PEM format
reason-certificate-too-many = a chain has at most 10 certificates
reason-certificate-authority = the first certificate is an authority’s; the console’s own comes first
reason-certificate-order = each certificate must be signed by the one after it
reason-certificate-expired = it, or one that it leads to, has ended
reason-certificate-not-yet = it, or one that it leads to, is not valid yet; check the server’s clock
reason-certificate-nameless = it names no host (subject alternative name), so no browser takes it
reason-key-none = there is no private key in it; it begins with -----BEGIN PRIVATE KEY-----
reason-key-garbage = it is not a private key in PEM format
reason-key-kind = this kind of key is not supported; RSA, ECDSA P-256 and P-384 and Ed25519 are
reason-key-differs = it does not belong to the certificate
reason-key-encrypted = it is encrypted; decrypt it first (openssl pkey -in KEY -out PLAIN)
reason-key-missing = it is missing, and no signing request was made here
reason-dns-name = it is neither a DNS name such as cake.example.com nor an address
reason-per-kwh = write a number such as 4.27, above zero, at most a million, with at most three digits after the point
reason-currency = write its three letters, such as TWD
reason-local-name = it is one part of a name: letters a to z, digits and “-”, not at its edges, at most 63 characters, perhaps with “.local” after it; not localhost
field-chain = Certificate and chain (PEM)
field-key = Private key (PEM)
field-names = Names and addresses
field-organization = Organization
kind-ups = power supply
kind-server = server
exit-host = Its server shut it down
reason-ups-host = it is a DNS name or an address
reason-ups-word = it holds letters, digits and “-”, “_”, “.” or “@”, at most 64; a password any character
reason-bmc-host = it is a DNS name or an address, without “http://” and without a port
reason-bmc-user = it holds at most 16 letters, digits and signs, no spaces
reason-bmc-password = it holds at most 20 characters; with Redfish at most 128
reason-bmc-key = it holds up to 20 characters, or 40 hexadecimal digits
reason-scan-range = it is a network such as 10.0.0.0/24, two addresses with “-” between them, or one address
reason-scan-backwards = it ends before it begins
reason-scan-mixed = one end is an address of IPv4 and the other of IPv6
reason-scan-nobody = no machine has such an address
reason-note = it holds at most 500 characters
reason-host-name = it holds letters a to z, digits and “-”, at most 64 characters, perhaps with “.” between parts; neither localhost nor an address
reason-clock = the time lies between 2020 and 2100
field-host = NUT server
field-port = Port
field-minutes = Minutes
ups-none = No power supply (UPS) is watched.
# The console's name on the network.
announce-announced = The machines on the network know where the console is.
announce-asking = The machines on the network are being asked whether one of them has the name.
announce-off = Nobody on the network is told where the console is: it is switched off.
announce-this-machine-only = Nobody on the network is told where the console is, because it listens only on this machine.
announce-no-link = Nobody can be told where the console is: no network card has a cable and an address by which the console is reached.
announce-nameless = The server does not say what tells it from others: it has no serial number and no network card. Choose a name.
announce-failed = Nobody on the network can be told where the console is. It is tried again every half minute.
announcement-name = Name
announcement-url = In a browser
announcement-addresses = Leads to
announcement-renamed = Another machine on the network is called { $wanted } already, so this console is { $name }.
ups-model = Model
ups-says = Status
ups-battery = Battery
ups-charge = Battery
ups-runtime = Lasts
ups-load = Load
ups-problem = Problem
ups-names = There is
ups-shutdown = Shut down
ups-minutes-left = { $minutes } min left
percent = { $percent } %
ups-flag-on-line = mains power
ups-flag-on-battery = on battery
ups-flag-low-battery = battery nearly empty
ups-flag-replace-battery = battery to be replaced
ups-flag-charging = charging
ups-flag-discharging = discharging
ups-flag-bypass = bypass: not protected
ups-flag-calibrating = trying its battery
ups-flag-off = output off
ups-flag-overload = overloaded
ups-flag-trimming = voltage too high, lowered
ups-flag-boosting = voltage too low, raised
ups-flag-forced = about to cut the power
ups-problem-unreachable = The NUT server does not answer: check address, port and firewall.
ups-problem-unknown = The NUT server knows no power supply of this name.
ups-problem-stale = The NUT server itself does not hear the power supply: check its driver and cable.
ups-problem-garbled = What answers there is no NUT server.
ups-problem-login = The NUT server refuses the user, the password or this server. It is read all the same, but does not wait for this server before it cuts the power.
ups-shutdown-guests = Guests are being shut down, then the server.
ups-shutdown-host = All guests are off; the server powers itself off.
ups-shutdown-stays = The guests are off. The server stays on: it is not cake’s to power off, or systemd does not run or refuses.
# why cake leaves a machine's own settings alone
hands-off-not-appliance = This machine is somebody’s own and only runs cake: its name, its clock, its network and its power are changed with its own tools.
hands-off-no-systemd = systemd does not run as process 1 here: the name, the clock, the network and the power of this machine are changed with its own tools.
host-setting-host-name = Host name
host-setting-time-zone = Time zone
host-setting-ntp = Clock follows the network
# a server that restarts or powers off
leaving-guests-power-off = The server is about to power off. { $left } of { $guests } VMs still shut down.
leaving-guests-reboot = The server is about to restart. { $left } of { $guests } VMs still shut down.
leaving-host-power-off = All VMs are off. The server powers off.
leaving-host-reboot = All VMs are off. The server restarts.
leaving-back-power-off = Powering off was cancelled. VMs that had shut down start again.
leaving-back-reboot = The restart was cancelled. VMs that had shut down start again.
host-clock-right = right, by the network
host-clock-unsure = not compared with any other clock
host-ntp-on = follows time servers in the network
host-ntp-off = is set by hand
host-ntp-none = The machine has no program for that
host-refused = { $setting } was not taken: { $because }
# The disks of a server, and what they say of their health.
disk-health = Health
disk-model = Model
disk-serial = Serial number
disk-temperature = Temperature
disk-hours = Hours of use
disk-worn = Life used up
disk-worn-out = Worn out
disk-worn-out-on = about { $date }, at the pace of the last two weeks
disk-reallocated = Replaced sectors
disk-pending = Unreadable sectors
disk-uncorrectable = Sectors that failed a test
disk-media-errors = Media errors
disk-not-looked = The server has not looked at its disks yet.
disk-bus-nvme = NVMe
disk-bus-ata = SATA
disk-bus-scsi = SAS or SCSI
disk-bus-usb = USB
disk-bus-virtio = virtual disk
disk-bus-other = other
disk-verdict-well = Well
disk-verdict-failing = Failing
disk-verdict-spare = Spare blocks nearly used up
disk-verdict-worn = Worn
disk-verdict-wearing = Wears out soon
disk-verdict-sectors = Some sectors can’t be read
disk-verdict-hot = Temperature
disk-verdict-unknown = Not known
disk-silence-unsupported = This disk tells nothing of its health.
disk-silence-asleep = The disk sleeps, and is not woken to be asked.
disk-silence-no-answer = The disk did not answer when it was asked.
disk-silence-no-program = The disk could not be asked: look at the log of cake-node.
# Sticks: how they are formatted, and why their files are not known
stick-none = No stick is plugged into the server.
stick-not-looked = The server has not looked yet.
stick-no-files = No image files are on it.
stick-incomplete = There may be more files than these: too many, too deep, or in a folder that can’t be read.
stick-format-fat = FAT
stick-format-exfat = exFAT
stick-format-ntfs = NTFS
stick-format-ext = ext4
stick-format-xfs = XFS
stick-format-btrfs = Btrfs
stick-format-hfs = HFS+
stick-format-apfs = APFS
stick-format-iso9660 = an installer’s own format (ISO 9660)
stick-format-luks = LUKS, encrypted
stick-format-bitlocker = BitLocker, encrypted
stick-format-unknown = an unknown format
stick-trouble-unsupported = It is formatted with what cake does not read.
stick-trouble-broken = Its file system is damaged. Let the computer that wrote it check it.
stick-trouble-unclean = It was pulled out before everything was written to it. Plug it into a computer once and eject it there.
stick-trouble-unreadable = It does not hand its contents out. Pull it out and plug it in again.
stick-trouble-busy = This server uses it for something else.
disk-warning-spare = Its spare blocks are nearly used up.
disk-warning-temperature = It is too hot or too cold.
disk-warning-reliability = Errors have made it unreliable.
disk-warning-read-only = It can only be read, no longer written.
disk-warning-backup = What saves its cache when the power fails is broken.
disk-warning-memory = Its persistent memory can’t be relied on.
