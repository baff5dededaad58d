//! A sensor's record and its answer, made into what people read ([`cake_types::Sensor`]).

mod meaning;
mod reading;

pub use meaning::{Fact, detailed, fact, facts_of_the_specification, firmware_details, group, key};
pub use reading::{RawReading, sensor, silent};
