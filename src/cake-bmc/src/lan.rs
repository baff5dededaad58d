//! IPMI over LAN: sessions of RMCP+ over UDP sockets that somebody else opened.
//!
//! ```text
//!   Session ──send──► Machine (pure: time, datagrams and randomness in; datagrams and outcomes out)
//!      ▲                 │ ▲
//!      │ response        ▼ │ datagrams
//!   Hub: a few sockets, one task each, that finds the machine a datagram is for
//!
//!   Out ──request──► LoggingIn ──RAKP 4──► In ──close, or no answer for too long──► Out
//!                       │  capabilities, suites (once), open session, RAKP 1, RAKP 3
//!                       └──► refused: nothing more is asked with this password
//! ```
//!
//! One request is outstanding at a time. What is lost is sent again with the same rqSeq, later and later; a session that seems
//! lost is made anew, while the request's patience lasts. So a request may reach a BMC twice.

mod active;
mod console;
mod hub;
mod login;
mod machine;
mod model;
mod pace;
mod session;

pub use console::{Console, free_console};
pub use hub::Hub;
pub use machine::Machine;
pub use model::{Counters, Login, Outcome, Output, Privilege, Ticket};
pub use pace::Pace;
pub use session::Session;
