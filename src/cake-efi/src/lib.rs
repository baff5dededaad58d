//! The firmware's own list of what it starts: `Boot####`, `BootOrder`, `BootCurrent`, `BootNext` (UEFI 2.10 §3.1.3 load options, §3.3
//! variables, §10.3 device paths).
//!
//! ```text
//!  BootOrder   loader of the first disk ─► of the second ─► the file that the loader would go back to, by itself ─► what others put there
//!                       └── what does not start, or is not what was signed: the next one ──┘
//! ```
//!
//! Disks start without the list, by the fallback path (§3.5.1.1); with it there is something to start where the loader's choice is not
//! whole. Firmware that checks signatures goes on by itself; without Secure Boot [`start_next`] does the same.

mod list;
mod option;
mod variables;

pub use list::{Disk, Others, is_first_choice, is_there, start_next, write};
pub use option::{Entry, Role};
pub use variables::EfiError;

/// Where Linux shows the variables (efivarfs).
pub const EFIVARS: &str = "/sys/firmware/efi/efivars";
