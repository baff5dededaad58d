//! With which status programs of the installation end, besides 0, and 1 for every other error: `cake-install`, where nothing else is said.

/// The state is locked: neither TPM nor key file opens it.
pub const LOCKED: u8 = 3;
/// There is no installation on the disks of this server.
pub const NO_INSTALLATION: u8 = 4;
/// The recovery key is that of another installation.
pub const WRONG_KEY: u8 = 5;

/// `cake-appliance`, asked for disks, a plan or an installation: there is nothing to install from.
pub const NO_MEDIUM: u8 = 3;
