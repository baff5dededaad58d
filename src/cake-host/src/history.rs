//! What was used and measured over time, in files that never grow: a file for the server and one for each VM, each of three rings
//! of pages (an hour, a day, a month); and for 63 sensors of a BMC each one of four rings (a year beside).
//!
//! ```text
//!   a row of measures, every 10 s ─► Archive ─┬─► hour:  as it is        ┌────┬────┬────┬────┐
//!                                             ├─► day:   mean and most ─►│page│page│page│page│ 4 KiB each, with its own
//!                                             └─► month: mean and most   └────┴────┴────┴────┘ name and checksum
//!                                                   └─► year, of sensors: least, and how much is known, beside
//! ```
//!
//! Where a point stands follows from its time alone, so there is no index that could be torn: a page that was written half
//! fails its checksum, and the others stay good. Start from [`Archive`]; [`Folder`] is where the files are.

mod archive;
mod folder;
mod gathering;
mod layout;
mod page;

pub use archive::{Archive, Read};
pub use folder::{FLUSH_EVERY, Folder, PageFile};
pub use layout::{Fold, Layout};
pub use page::{PAGE, Page, PageError, PageHead};

use std::io;

/// Where pages are kept: a file, or memory in tests.
pub trait Pages {
    /// Reads a page; one that was never written is all zeros.
    fn read(&self, number: u32, page: &mut [u8; PAGE]) -> io::Result<()>;
    fn write(&mut self, number: u32, page: &[u8; PAGE]) -> io::Result<()>;
}
