//! What is used: now, since the start (counters), and over time (a history of measures).

use crate::{ByteSize, VmId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What QEMU's process uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time since the start, nanoseconds over all threads.
    pub cpu_ns: u64,
    /// Share of one processor over the last sample, in thousandths (2,000 = two whole processors).
    pub cpu_permille: u32,
    /// Resident memory.
    pub memory: ByteSize,
}

/// How far a history goes back. The longer, the coarser: a point of a day or a month is an average with its largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    #[default]
    Hour,
    Day,
    Month,
    /// Of sensors only.
    Year,
}

impl Span {
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Month, Self::Year];
    /// Those that are kept of what servers and VMs use.
    pub const OF_USAGE: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.as_str() == word)
    }

    /// Seconds from one point to the next.
    pub const fn step(self) -> u32 {
        match self {
            Self::Hour => 10,
            Self::Day => 120,
            Self::Month => 3600,
            // Ends at midnight in Taiwan, as days do that power is paid for.
            Self::Year => 4 * 3600,
        }
    }

    /// Points that are kept.
    pub const fn points(self) -> u32 {
        match self {
            Self::Hour => 360,
            Self::Day => 720,
            Self::Month => 744,
            Self::Year => 366 * 6,
        }
    }

    /// Whether a point has a largest value beside its average.
    pub const fn has_most(self) -> bool {
        !matches!(self, Self::Hour)
    }
}

/// Of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "of", content = "id")]
pub enum UsageOf {
    /// The server itself.
    Node,
    Vm(VmId),
}

macro_rules! measures {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// One column of a history. Its word, which has its unit in it, is the name in JSON.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Measure {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Measure {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

measures! {
    /// Percent of all processors: in programs, guests' included.
    CpuUser = "cpu_user_percent";
    /// In the kernel, interrupts included.
    CpuSystem = "cpu_system_percent";
    /// Idle while something waited for a disk.
    CpuIoWait = "cpu_iowait_percent";
    /// Taken away by a hypervisor beneath this server.
    CpuSteal = "cpu_steal_percent";
    /// Of a VM: how many processors it kept busy.
    CpuBusy = "cpu_busy_processors";
    /// What new programs could not have.
    MemoryUsed = "memory_used_bytes";
    MemoryAvailable = "memory_available_bytes";
    MemoryCached = "memory_cached_bytes";
    SwapUsed = "swap_used_bytes";
    /// Of a VM: resident memory of its QEMU.
    MemoryTaken = "memory_taken_bytes";
    DiskRead = "disk_read_bytes_per_second";
    DiskWritten = "disk_written_bytes_per_second";
    DiskReads = "disk_reads_per_second";
    DiskWrites = "disk_writes_per_second";
    /// Of the busiest disk: the share of time in which it had something to do.
    DiskBusy = "disk_busy_percent";
    NetworkReceived = "network_received_bits_per_second";
    NetworkSent = "network_sent_bits_per_second";
    NetworkDropped = "network_dropped_packets_per_second";
    /// Percent of time in which something waited (pressure stall information).
    PressureCpu = "pressure_cpu_some_percent";
    PressureMemorySome = "pressure_memory_some_percent";
    /// … in which everything did.
    PressureMemoryFull = "pressure_memory_full_percent";
    PressureIoSome = "pressure_io_some_percent";
    PressureIoFull = "pressure_io_full_percent";
}

/// The columns of a server's history, in the order in which they are on the disk: new ones go to the end, and only with a new
/// version of the file. (The kernel's "full" pressure of the processor is always nothing for a whole machine.)
pub const NODE_MEASURES: [Measure; 21] = [
    Measure::CpuUser,
    Measure::CpuSystem,
    Measure::CpuIoWait,
    Measure::CpuSteal,
    Measure::MemoryUsed,
    Measure::MemoryAvailable,
    Measure::MemoryCached,
    Measure::SwapUsed,
    Measure::DiskRead,
    Measure::DiskWritten,
    Measure::DiskReads,
    Measure::DiskWrites,
    Measure::DiskBusy,
    Measure::NetworkReceived,
    Measure::NetworkSent,
    Measure::NetworkDropped,
    Measure::PressureCpu,
    Measure::PressureMemorySome,
    Measure::PressureMemoryFull,
    Measure::PressureIoSome,
    Measure::PressureIoFull,
];

/// The columns of a VM's history, as above.
pub const VM_MEASURES: [Measure; 9] = [
    Measure::CpuBusy,
    Measure::MemoryTaken,
    Measure::DiskRead,
    Measure::DiskWritten,
    Measure::DiskReads,
    Measure::DiskWrites,
    Measure::NetworkReceived,
    Measure::NetworkSent,
    Measure::NetworkDropped,
];

impl UsageOf {
    pub const fn measures(self) -> &'static [Measure] {
        match self {
            Self::Node => &NODE_MEASURES,
            Self::Vm(_) => &VM_MEASURES,
        }
    }
}

/// A history, column by column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageHistory {
    pub span: Span,
    /// The end of the time that the first point is about, in seconds since 1970; the next is a step of the span later.
    pub first: i64,
    pub columns: Vec<Column>,
    /// Part of it could not be read and was set aside then.
    pub set_aside: Option<Timestamp>,
}

/// What was not measured is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub measure: Measure,
    pub mean: Vec<Option<f32>>,
    /// Empty where the span has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub most: Vec<Option<f32>>,
}

/// What a server and its VMs have used since they were started: it only grows until then. Rates are made of two of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    pub host: HostCounters,
    pub vms: Vec<(VmId, VmCounters)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCounters {
    pub cpu: CpuTimes,
    pub memory: MemoryNow,
    pub disks: Vec<DiskCounters>,
    pub interfaces: Vec<InterfaceCounters>,
    /// Absent where the kernel does not measure it.
    pub pressure: Option<PressureTimes>,
}

/// Milliseconds over all processors since the boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTimes {
    pub user: u64,
    pub system: u64,
    pub idle: u64,
    pub iowait: u64,
    pub steal: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryNow {
    pub total: ByteSize,
    pub available: ByteSize,
    pub cached: ByteSize,
    pub swap_total: ByteSize,
    pub swap_used: ByteSize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskCounters {
    /// As the kernel names it, such as `nvme0n1`.
    pub name: String,
    pub io: IoCounters,
    /// Milliseconds in which it had something to do.
    pub busy: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoCounters {
    pub read: ByteSize,
    pub written: ByteSize,
    pub reads: u64,
    pub writes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceCounters {
    pub name: String,
    pub traffic: TrafficCounters,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficCounters {
    pub received: ByteSize,
    pub sent: ByteSize,
    /// Packets, of both directions.
    pub dropped: u64,
}

/// Microseconds since the boot in which something (`some`) or everything (`full`) waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PressureTimes {
    pub cpu_some: u64,
    pub memory_some: u64,
    pub memory_full: u64,
    pub io_some: u64,
    pub io_full: u64,
}

/// Since its QEMU was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmCounters {
    /// Nanoseconds over all threads.
    pub cpu_ns: u64,
    pub memory: ByteSize,
    /// As the guest sees its disks.
    pub disks: Option<IoCounters>,
    /// Absent where nothing counts it: the private network of QEMU's user mode.
    pub network: Option<TrafficCounters>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_as_long_as_it_says() {
        let seconds = Span::ALL.map(|span| span.step() * span.points());
        assert_eq!(seconds, [1, 24, 31 * 24, 366 * 24].map(|hours| hours * 3600));
        assert!(Span::ALL.iter().all(|span| Span::from_word(span.as_str()) == Some(*span)));
        assert_eq!(Span::from_word("decade"), None);
    }
}
