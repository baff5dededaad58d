//! With which status `cake-install` ends, besides 0, and 1 for every other error.

/// The state is locked: neither TPM nor key file opens it.
pub const LOCKED: u8 = 3;
/// There is no installation on the disks of this server.
pub const NO_INSTALLATION: u8 = 4;
/// The recovery key is that of another installation.
pub const WRONG_KEY: u8 = 5;
