//! A rack in memory: real values of the vocabulary behind [`ConsoleData`], for the tests of the pages and for the gallery.

mod rack;
mod sample;

pub use rack::Rack;
pub use sample::{busy, empty, fresh, hostile, unreachable, viewer};
