//! What is used: by one process, by the whole machine.

mod counters;
mod host;
mod pressure;
mod process;
mod rates;
mod taps;

pub use counters::{host_counters, interfaces, parse_cpu_times, parse_disks, parse_interfaces, parse_memory};
pub use host::{Capacity, capacity};
pub use pressure::{Pressure, PressureShare, Resource, parse_pressure};
pub use process::{ProcessMeter, ProcessUsage, Sampler};
pub use rates::{host_row, vm_row};
pub use taps::taps_of;
