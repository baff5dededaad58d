//! The whole machine.

use std::{fs, io};

use cake_types::{ByteSize, NodeCapacity};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::pressure::{Pressure, Resource};

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Logical processors that this process may use.
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    /// Bytes that new programs could get without swapping.
    pub memory_available: u64,
}

impl From<Capacity> for NodeCapacity {
    fn from(Capacity { cpus, memory, memory_available }: Capacity) -> Self {
        Self { cpus, memory: ByteSize(memory), memory_available: ByteSize(memory_available) }
    }
}

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostUsage {
    pub capacity: Capacity,
    /// Processor time since the boot that was not idle, and all of it; clock ticks over all processors.
    pub cpu_busy_ticks: u64,
    pub cpu_total_ticks: u64,
    /// Runnable tasks on average over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Absent where the kernel does not measure it.
    pub cpu_pressure: Option<Pressure>,
    pub memory_pressure: Option<Pressure>,
    pub io_pressure: Option<Pressure>,
}

/// Measures the machine again and again.
#[derive(Debug)]
pub struct HostMeter {
    system: System,
    cpus: u32,
}

impl HostMeter {
    pub fn new() -> io::Result<Self> {
        let wanted = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(wanted).map_err(io::Error::other)?;
        let cpus = std::thread::available_parallelism()?.get();
        Ok(Self { system, cpus: u32::try_from(cpus).unwrap_or(u32::MAX) })
    }

    pub fn capacity(&mut self) -> Capacity {
        self.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let memory = self.system.total_memory();
        Capacity { cpus: self.cpus, memory, memory_available: self.system.available_memory().min(memory) }
    }

    pub fn sample(&mut self) -> io::Result<HostUsage> {
        let load = System::load_average().map_err(io::Error::other)?;
        let (cpu_busy_ticks, cpu_total_ticks) = parse_cpu(&fs::read_to_string("/proc/stat")?)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "an unreadable /proc/stat"))?;
        Ok(HostUsage {
            capacity: self.capacity(),
            cpu_busy_ticks,
            cpu_total_ticks,
            load: [load.one, load.five, load.fifteen],
            cpu_pressure: Pressure::read(Resource::Cpu)?,
            memory_pressure: Pressure::read(Resource::Memory)?,
            io_pressure: Pressure::read(Resource::Io)?,
        })
    }
}

/// What this machine has, once.
pub fn capacity() -> io::Result<Capacity> {
    Ok(HostMeter::new()?.capacity())
}

/// Busy and all ticks from the line of all processors: user, nice, system, idle, iowait, irq, softirq, steal. Guests'
/// time, which follows, is counted in user already.
fn parse_cpu(stat: &str) -> Option<(u64, u64)> {
    let fields = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = fields.split_ascii_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4).copied().unwrap_or(0);
    let total: u64 = ticks.iter().sum();
    Some((total - idle, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine() {
        let usage = HostMeter::new().expect("a meter").sample().expect("a sample");
        assert!(usage.capacity.cpus >= 1 && usage.capacity.memory > 100_000_000, "{usage:?}");
        assert!(usage.capacity.memory_available <= usage.capacity.memory);
        assert!(usage.cpu_busy_ticks > 0 && usage.cpu_busy_ticks <= usage.cpu_total_ticks);
        assert_eq!(NodeCapacity::from(usage.capacity).cpus, usage.capacity.cpus);
    }

    #[test]
    fn processor_line() {
        assert_eq!(parse_cpu("cpu  10 1 5 80 4 1 1 2 7 0\ncpu0 1 2 3"), Some((20, 104)));
        assert_eq!(parse_cpu("cpu  10 1"), None);
        assert_eq!(parse_cpu(""), None);
    }
}
