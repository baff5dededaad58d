//! Where a repository is: a directory (a stick, an upload that was unpacked) or a URL.

mod directory;
mod error;
mod http;

pub use directory::Directory;
pub use error::SourceError;
pub use http::Http;

use crate::Control;
use std::ops::Range;

/// Files by their path in the repository, such as `metadata/timestamp.json`. Nothing of what it gives is believed before it has been
/// compared with a signed hash. Calls block.
pub trait Source: Send + Sync {
    /// A whole file of at most `limit` bytes; `None` where there is none.
    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Vec<u8>>, SourceError>;

    /// A part of a file: exactly as many bytes as asked for.
    fn read_range(&self, path: &str, range: Range<u64>, control: &Control) -> Result<Vec<u8>, SourceError>;
}
