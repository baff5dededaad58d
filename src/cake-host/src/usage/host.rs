//! What the whole machine has.

use std::io;

use cake_types::{ByteSize, NodeCapacity};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

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

/// What this machine has now.
pub fn capacity() -> io::Result<Capacity> {
    let wanted = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted).map_err(io::Error::other)?;
    let cpus = std::thread::available_parallelism()?.get();
    let memory = system.total_memory();
    let memory_available = system.available_memory().min(memory);
    Ok(Capacity { cpus: u32::try_from(cpus).unwrap_or(u32::MAX), memory, memory_available })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine() {
        let capacity = capacity().expect("a machine");
        assert!(capacity.cpus >= 1 && capacity.memory > 100_000_000, "{capacity:?}");
        assert!(capacity.memory_available <= capacity.memory);
        assert_eq!(NodeCapacity::from(capacity).cpus, capacity.cpus);
    }
}
