# Words of installing cake from the wizard.
install-content-empty = Empty
install-content-empty-table = An empty partition table
install-content-unfinished = An installation of cake that was broken off
install-content-cake = cake “{ $name }”, version { $version }
install-content-cake-bare = An installation of cake
install-content-cake-pool = VM disks of a cake
install-content-partitions = { $count ->
    [one] { $count } partition: { $systems }
   *[other] { $count } partitions: { $systems }
}
install-content-partitions-bare = { $count ->
    [one] { $count } partition with unknown content
   *[other] { $count } partitions with unknown content
}
install-content-whole = Data: { $systems }
install-content-unknown = Data of an unknown kind
reason-install-unknown = no disk of this server has that serial number
reason-install-ambiguous = several disks have that serial number
reason-install-boot-medium = this server was started from it
reason-install-read-only = it can only be read
reason-install-used = it is in use
reason-install-too-small = it is too small
reason-install-has-data = something is on it, and nobody confirmed that it may be lost
reason-install-twice = it is chosen twice
reason-install-system-disks = choose one system disk, or two that mirror each other
reason-install-too-many = these are more disks than a server has
reason-install-serial = that is no serial number
reason-install-erases-nothing = that disk is not used, so nothing would be erased
reason-install-layout = it is “mirrored”, “striped” or “separate”
install-warning-no-tpm = This server has no TPM 2.0. The key of its disks lies beside them, so that it starts by itself. That protects nothing against somebody who takes the disks away.
install-warning-no-makers-key = This server has a TPM, but this version of cake carries no key for it. The key of the disks lies beside them, so that it starts by itself. That protects nothing against somebody who takes the disks away.
install-warning-one-system-disk = There is one system disk. If it fails, everything on it is lost.
install-warning-striped = The disks for VMs are striped. If one of them fails, everything on all of them is lost.
install-step-release = Letting go of the disks
install-step-wipe = Erasing what marks the disks’ content
install-step-divide = Dividing the disks into partitions
install-step-format-boot = Making the boot partitions
install-step-array = Making the mirrors
install-step-encrypt = Encrypting
install-step-format = Making file systems
install-step-enrol = Making the key that opens the disks at a start
install-step-settle = Writing your answers
install-step-firmware = Copying cake
install-step-verify = Reading everything back
install-step-boot = Making the disks bootable
install-step-name = Naming the partitions
install-step-entries = Telling the server to start from its disks
problem-installer-only-short = Not installed yet
problem-installer-only = cake runs from a stick: what is set up now would be forgotten when this server is switched off.
problem-installer-only-next = Install cake on this server’s disks first.
problem-not-installer-short = Installed already
problem-not-installer = This server was not started from a stick that installs cake.
problem-not-installer-next = To install it anew, start it from the stick.
problem-install-running-short = Being installed
problem-install-running = cake is being installed already.
problem-install-running-next = Look how far it is, or call it off first.
problem-install-done-short = Installed
problem-install-done = cake is installed on this server’s disks.
problem-install-done-next = Take the stick out and restart the server. To install once more, start from the stick again.
problem-install-too-late-short = Too late
problem-install-too-late = The disks are being made bootable: this can’t be called off any more.
problem-install-too-late-next = Wait for the last steps; they take seconds.
problem-install-none-short = Nothing to do
problem-install-none = cake is neither being installed nor installed.
problem-install-none-next = Begin the installation first.
problem-install-medium-short = No stick
problem-install-medium = This server was started over the network, so there is no stick to install from.
problem-install-medium-next = Start it from a USB stick with cake.
problem-install-refused-short = Disk not usable
problem-install-refused = The disk “{ $serial }” can’t be used so: { $reason }.
problem-install-refused-next = Choose another disk, or confirm that its content may be lost. Nothing was changed.
problem-install-failed-short = Disks not readable
problem-install-failed = Looking at this server’s disks failed: { $detail }
problem-install-failed-next = Try again. If it stays so, a disk or its cable may be broken: pull disks out until it works.
