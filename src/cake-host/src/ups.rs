//! A client of NUT servers (Network UPS Tools; RFC 9271): what a UPS says of itself.
//!
//! ```text
//!  Session: USERNAME · PASSWORD · LOGIN ─► LIST VAR ─► protocol (lines, words) ─► told (what they mean) ─► UpsStatus
//! ```
//!
//! The other side is anybody on the network: lines, lists and names are bounded, and whatever comes is either read or refused.

mod protocol;
mod session;
mod told;

pub use protocol::{Answer, LINE_MAX, ProtocolError, VARIABLES_MAX, parse, quoted};
pub use session::{Login, Session, SessionError, Target};
pub use told::{Told, told};
