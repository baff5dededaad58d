//! What is used: by one process, by the whole machine.

mod host;
mod pressure;
mod process;

pub use host::{Capacity, HostMeter, HostUsage, capacity};
pub use pressure::{Pressure, PressureShare, Resource, parse_pressure};
pub use process::{ProcessMeter, ProcessUsage, Sampler};
