//! A rack in memory: real values of the vocabulary behind [`ConsoleData`], for the tests of the pages and for the gallery.

mod pdus;
mod rack;
mod sample;
mod servers;
pub mod updates;

pub use rack::Rack;
pub use sample::{busy, crowded, empty, fresh, hostile, stick, unreachable, viewer};
pub use servers::short_of_power;
