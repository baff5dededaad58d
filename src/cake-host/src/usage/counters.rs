//! What the kernel has counted since the boot, from /proc and /sys. (sysinfo gives percentages of its own making, sums what a
//! disk and its partitions do, and knows neither waiting, steal, drops nor pressure.)

use cake_types::{
    ByteSize, CpuTimes, DiskCounters, HostCounters, InterfaceCounters, IoCounters, MemoryNow, PressureTimes,
    TrafficCounters,
};
use std::path::Path;
use std::{fs, io};

use super::pressure::{Pressure, Resource};

/// /proc/diskstats counts in these, whatever the disk's own sectors are.
const SECTOR: u64 = 512;

/// Everything at once.
pub fn host_counters() -> io::Result<HostCounters> {
    let read = |what| fs::read_to_string(format!("/proc/{what}"));
    let tick = 1000 / super::process::ticks_per_second();
    Ok(HostCounters {
        cpu: parse_cpu_times(&read("stat")?, tick).ok_or_else(|| unreadable("stat"))?,
        memory: parse_memory(&read("meminfo")?).ok_or_else(|| unreadable("meminfo"))?,
        disks: whole_disks(parse_disks(&read("diskstats")?).ok_or_else(|| unreadable("diskstats"))?),
        interfaces: own_interfaces(interfaces()?),
        pressure: pressure()?,
    })
}

/// All interfaces of this machine but `lo`, guests' taps included.
pub fn interfaces() -> io::Result<Vec<InterfaceCounters>> {
    parse_interfaces(&fs::read_to_string("/proc/net/dev")?).ok_or_else(|| unreadable("net/dev"))
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("an unreadable /proc/{what}"))
}

/// The line of all processors. Interrupts count as the kernel's; guests' time is in user already.
pub fn parse_cpu_times(stat: &str, tick: u64) -> Option<CpuTimes> {
    let fields = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = fields.split_ascii_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let time = |of: &[usize]| of.iter().fold(0u64, |sum, at| sum.saturating_add(ticks.get(*at).copied().unwrap_or(0)));
    (ticks.len() >= 4).then(|| CpuTimes {
        user: time(&[0, 1]).saturating_mul(tick),
        system: time(&[2, 5, 6]).saturating_mul(tick),
        idle: time(&[3]).saturating_mul(tick),
        iowait: time(&[4]).saturating_mul(tick),
        steal: time(&[7]).saturating_mul(tick),
    })
}

pub fn parse_memory(meminfo: &str) -> Option<MemoryNow> {
    let field = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    let total = field("MemTotal")?;
    let (swap_total, swap_free) = (field("SwapTotal").unwrap_or(0), field("SwapFree").unwrap_or(0));
    Some(MemoryNow {
        total: ByteSize(total),
        available: ByteSize(field("MemAvailable")?.min(total)),
        cached: ByteSize(field("Cached")?.saturating_add(field("Buffers").unwrap_or(0)).min(total)),
        swap_total: ByteSize(swap_total),
        swap_used: ByteSize(swap_total.saturating_sub(swap_free)),
    })
}

/// Every block device, partitions included.
pub fn parse_disks(diskstats: &str) -> Option<Vec<DiskCounters>> {
    let disk = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let name = fields.next()?.to_owned();
        let numbers: Vec<u64> = fields.take(10).map_while(|field| field.parse().ok()).collect();
        let [reads, _, read, _, writes, _, written, _, _, busy] = numbers[..] else { return None };
        let bytes = |sectors: u64| ByteSize(sectors.saturating_mul(SECTOR));
        Some(DiskCounters { name, io: IoCounters { read: bytes(read), written: bytes(written), reads, writes }, busy })
    };
    diskstats.lines().map(disk).collect()
}

/// All but `lo`.
pub fn parse_interfaces(dev: &str) -> Option<Vec<InterfaceCounters>> {
    let interface = |line: &str| {
        let (name, numbers) = line.rsplit_once(':')?;
        let numbers: Vec<u64> = numbers.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
        let number = |at: usize| numbers.get(at).copied();
        let traffic = TrafficCounters {
            received: ByteSize(number(0)?),
            sent: ByteSize(number(8)?),
            dropped: number(3)?.saturating_add(number(11)?),
        };
        Some(InterfaceCounters { name: name.trim().to_owned(), traffic })
    };
    let all: Option<Vec<_>> = dev.lines().skip(2).map(interface).collect();
    Some(all?.into_iter().filter(|interface| interface.name != "lo").collect())
}

/// A partition, a mapping or an array does what its disk does already; a loop or memory disk is none. In a machine that shows
/// no hardware, all that have done something.
fn whole_disks(all: Vec<DiskCounters>) -> Vec<DiskCounters> {
    let block = Path::new("/sys/block");
    let real = |disk: &DiskCounters| block.join(&disk.name).join("device").exists();
    if all.iter().any(real) {
        return all.into_iter().filter(real).collect();
    }
    let unreal = |name: &str| ["loop", "ram", "zram", "dm-", "md"].iter().any(|kind| name.starts_with(kind));
    all.into_iter().filter(|disk| !unreal(&disk.name) && block.join(&disk.name).exists()).collect()
}

/// Network cards; in a machine that shows none, whatever leads out of it and is not a guest's.
fn own_interfaces(all: Vec<InterfaceCounters>) -> Vec<InterfaceCounters> {
    let net = Path::new("/sys/class/net");
    let has = |interface: &InterfaceCounters, what: &str| net.join(&interface.name).join(what).exists();
    if all.iter().any(|interface| has(interface, "device")) {
        return all.into_iter().filter(|interface| has(interface, "device")).collect();
    }
    let bridged = |interface: &InterfaceCounters| has(interface, "tun_flags") || has(interface, "bridge");
    all.into_iter().filter(|interface| !bridged(interface)).collect()
}

fn pressure() -> io::Result<Option<PressureTimes>> {
    let [cpu, memory, io] = [Resource::Cpu, Resource::Memory, Resource::Io].map(Pressure::read);
    Ok(match (cpu?, memory?, io?) {
        (Some(cpu), Some(memory), Some(io)) => Some(PressureTimes {
            cpu_some: cpu.some.total,
            memory_some: memory.some.total,
            memory_full: memory.full.total,
            io_some: io.some.total,
            io_full: io.full.total,
        }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine() {
        let counters = host_counters().expect("counters");
        assert!(counters.cpu.user > 0 && counters.cpu.idle > 0, "{counters:?}");
        assert!(counters.memory.available <= counters.memory.total && counters.memory.total.bytes() > 100_000_000);
        assert!(counters.interfaces.iter().all(|interface| interface.name != "lo"));
    }

    #[test]
    fn processors() {
        let stat = "cpu  10 1 5 80 4 1 2 3 7 0\ncpu0 1 2 3";
        let expected = CpuTimes { user: 110, system: 80, idle: 800, iowait: 40, steal: 30 };
        assert_eq!(parse_cpu_times(stat, 10), Some(expected));
        assert_eq!(parse_cpu_times("cpu  10 1", 10), None);
        assert_eq!(parse_cpu_times("", 10), None);
    }

    #[test]
    fn memory() {
        let text = "MemTotal: 8000 kB\nMemFree: 1 kB\nMemAvailable: 6000 kB\nBuffers: 10 kB\nCached: 90 kB\n\
                    SwapCached: 5 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\n";
        let memory = parse_memory(text).expect("readable");
        assert_eq!((memory.cached, memory.swap_used), (ByteSize(100 << 10), ByteSize(40 << 10)));
        assert_eq!(memory.available, ByteSize(6000 << 10));
        for text in ["", "MemTotal: x kB", "MemTotal: 18446744073709551615 kB\nMemAvailable: 1 kB\nCached: 1 kB"] {
            assert_eq!(parse_memory(text), None, "{text}");
        }
    }

    #[test]
    fn disks() {
        let text = " 259 0 nvme0n1 100 5 2000 70 50 6 1000 80 0 90 150 0 0 0 0 1 1\n 259 1 nvme0n1p1 1 2 3 4 5 6 7 8 9 10 11\n";
        let disks = parse_disks(text).expect("readable");
        let io = IoCounters { read: ByteSize(1_024_000), written: ByteSize(512_000), reads: 100, writes: 50 };
        assert_eq!(disks[0], DiskCounters { name: "nvme0n1".into(), io, busy: 90 });
        assert_eq!(disks.len(), 2);
        assert_eq!(parse_disks("8 0 sda 1 2 x"), None);
    }

    #[test]
    fn interfaces() {
        let text = "Inter-| Receive\n face |bytes\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n\
                    eth0.7:100 1 0 2 0 0 0 0 200 1 0 3 0 0 0 0\n";
        let interfaces = parse_interfaces(text).expect("readable");
        let traffic = TrafficCounters { received: ByteSize(100), sent: ByteSize(200), dropped: 5 };
        assert_eq!(interfaces, [InterfaceCounters { name: "eth0.7".into(), traffic }]);
        assert_eq!(parse_interfaces("a\nb\neth0 1 2"), None);
    }
}
