//! From two readings of counters to a row of measures. A counter that went backwards was begun anew: nothing is known of that
//! time. What is not known is not a number.

use cake_types::{
    CpuTimes, HostCounters, IoCounters, Measure, NODE_MEASURES, TrafficCounters, VM_MEASURES, VmCounters,
};

/// The row of a server, in the order of [`NODE_MEASURES`].
pub fn host_row(before: &HostCounters, now: &HostCounters, seconds: f64) -> Vec<f32> {
    let rate = Rate { seconds };
    NODE_MEASURES.iter().map(|measure| host_measure(*measure, before, now, rate)).collect()
}

/// The row of a VM, in the order of [`VM_MEASURES`].
pub fn vm_row(before: &VmCounters, now: &VmCounters, seconds: f64) -> Vec<f32> {
    let rate = Rate { seconds };
    VM_MEASURES.iter().map(|measure| vm_measure(*measure, before, now, rate)).collect()
}

#[derive(Clone, Copy)]
struct Rate {
    seconds: f64,
}

impl Rate {
    /// How much more in each second.
    fn of(self, before: u64, now: u64) -> f32 {
        match now.checked_sub(before) {
            Some(more) if self.seconds > 0.0 => (more as f64 / self.seconds) as f32,
            _ => f32::NAN,
        }
    }

    /// The percentage of the time, of a counter of which so many are a second.
    fn percent(self, before: u64, now: u64, per_second: f32) -> f32 {
        // A reading is never as exact as its clock.
        (self.of(before, now) / per_second * 100.0).clamp(0.0, 100.0)
    }
}

fn host_measure(measure: Measure, before: &HostCounters, now: &HostCounters, rate: Rate) -> f32 {
    match measure {
        Measure::CpuUser => share(before, now, |cpu| cpu.user),
        Measure::CpuSystem => share(before, now, |cpu| cpu.system),
        Measure::CpuIoWait => share(before, now, |cpu| cpu.iowait),
        Measure::CpuSteal => share(before, now, |cpu| cpu.steal),
        Measure::MemoryUsed => now.memory.total.bytes().saturating_sub(now.memory.available.bytes()) as f32,
        Measure::MemoryAvailable => now.memory.available.bytes() as f32,
        Measure::MemoryCached => now.memory.cached.bytes() as f32,
        Measure::SwapUsed => now.memory.swap_used.bytes() as f32,
        Measure::DiskRead | Measure::DiskWritten | Measure::DiskReads | Measure::DiskWrites => {
            sum(disks(before, now).map(|(before, now)| disk_rate(measure, &before.io, &now.io, rate)))
        }
        Measure::DiskBusy => {
            disks(before, now).map(|(before, now)| rate.percent(before.busy, now.busy, 1000.0)).fold(f32::NAN, f32::max)
        }
        Measure::NetworkReceived | Measure::NetworkSent | Measure::NetworkDropped => {
            let same = |name: &str| before.interfaces.iter().find(|before| before.name == name);
            let both = now.interfaces.iter().filter_map(|now| Some((same(&now.name)?, now)));
            sum(both.map(|(before, now)| traffic_rate(measure, &before.traffic, &now.traffic, rate)))
        }
        _ => pressure_measure(measure, before, now, rate),
    }
}

fn pressure_measure(measure: Measure, before: &HostCounters, now: &HostCounters, rate: Rate) -> f32 {
    let (Some(before), Some(now)) = (before.pressure, now.pressure) else { return f32::NAN };
    let waited = |before, now| rate.percent(before, now, 1e6);
    match measure {
        Measure::PressureCpu => waited(before.cpu_some, now.cpu_some),
        Measure::PressureMemorySome => waited(before.memory_some, now.memory_some),
        Measure::PressureMemoryFull => waited(before.memory_full, now.memory_full),
        Measure::PressureIoSome => waited(before.io_some, now.io_some),
        Measure::PressureIoFull => waited(before.io_full, now.io_full),
        _ => f32::NAN,
    }
}

fn vm_measure(measure: Measure, before: &VmCounters, now: &VmCounters, rate: Rate) -> f32 {
    match measure {
        Measure::CpuBusy => rate.of(before.cpu_ns, now.cpu_ns) / 1e9,
        Measure::MemoryTaken => now.memory.bytes() as f32,
        _ => {
            let disk = before.disks.zip(now.disks).map(|(before, now)| disk_rate(measure, &before, &now, rate));
            let net = before.network.zip(now.network).map(|(before, now)| traffic_rate(measure, &before, &now, rate));
            [disk, net].into_iter().flatten().find(|number| !number.is_nan()).unwrap_or(f32::NAN)
        }
    }
}

fn disk_rate(measure: Measure, before: &IoCounters, now: &IoCounters, rate: Rate) -> f32 {
    match measure {
        Measure::DiskRead => rate.of(before.read.bytes(), now.read.bytes()),
        Measure::DiskWritten => rate.of(before.written.bytes(), now.written.bytes()),
        Measure::DiskReads => rate.of(before.reads, now.reads),
        Measure::DiskWrites => rate.of(before.writes, now.writes),
        _ => f32::NAN,
    }
}

fn traffic_rate(measure: Measure, before: &TrafficCounters, now: &TrafficCounters, rate: Rate) -> f32 {
    match measure {
        Measure::NetworkReceived => rate.of(before.received.bytes(), now.received.bytes()) * 8.0,
        Measure::NetworkSent => rate.of(before.sent.bytes(), now.sent.bytes()) * 8.0,
        Measure::NetworkDropped => rate.of(before.dropped, now.dropped),
        _ => f32::NAN,
    }
}

/// Disks that were there both times.
fn disks<'a>(
    before: &'a HostCounters,
    now: &'a HostCounters,
) -> impl Iterator<Item = (&'a cake_types::DiskCounters, &'a cake_types::DiskCounters)> {
    let same = |name: &str| before.disks.iter().find(|before| before.name == name);
    now.disks.iter().filter_map(move |now| Some((same(&now.name)?, now)))
}

/// Nothing at all is not zero.
fn sum(numbers: impl Iterator<Item = f32>) -> f32 {
    numbers.filter(|number| !number.is_nan()).reduce(|sum, number| sum + number).unwrap_or(f32::NAN)
}

/// A share of all processor time, which the kernel counts itself: no clock is involved.
fn share(before: &HostCounters, now: &HostCounters, of: fn(&CpuTimes) -> u64) -> f32 {
    let more = |of: fn(&CpuTimes) -> u64| of(&now.cpu).saturating_sub(of(&before.cpu));
    let all: u64 = [more(|cpu| cpu.user), more(|cpu| cpu.system), more(|cpu| cpu.idle)].iter().sum();
    let all = all + more(|cpu| cpu.iowait) + more(|cpu| cpu.steal);
    if all == 0 { f32::NAN } else { (more(of) as f64 / all as f64 * 100.0) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{ByteSize, DiskCounters, InterfaceCounters, MemoryNow, PressureTimes};

    fn host() -> HostCounters {
        let memory = MemoryNow { total: ByteSize(1000), available: ByteSize(600), ..MemoryNow::default() };
        let disk = |name: &str, busy| DiskCounters { name: name.into(), io: IoCounters::default(), busy };
        let interfaces = vec![InterfaceCounters { name: "eth0".into(), ..InterfaceCounters::default() }];
        let pressure = Some(PressureTimes::default());
        HostCounters { memory, disks: vec![disk("sda", 0), disk("sdb", 0)], interfaces, pressure, ..Default::default() }
    }

    fn at(row: &[f32], measure: Measure) -> f32 {
        row[NODE_MEASURES.iter().position(|known| *known == measure).expect("a measure of a server")]
    }

    #[test]
    fn a_server() {
        let (before, mut now) = (host(), host());
        now.cpu = CpuTimes { user: 5000, system: 2000, idle: 12_000, iowait: 500, steal: 500 };
        now.disks[0].io = IoCounters { read: ByteSize(10_240), written: ByteSize(0), reads: 20, writes: 0 };
        (now.disks[0].busy, now.disks[1].busy) = (2000, 7500);
        now.disks[1].io.read = ByteSize(10_240);
        now.interfaces[0].traffic = TrafficCounters { received: ByteSize(1000), sent: ByteSize(0), dropped: 5 };
        now.pressure = Some(PressureTimes { io_some: 1_000_000, ..PressureTimes::default() });
        let row = host_row(&before, &now, 10.0);
        for (measure, expected) in [
            (Measure::CpuUser, 25.0),
            (Measure::CpuSteal, 2.5),
            (Measure::MemoryUsed, 400.0),
            (Measure::DiskRead, 2048.0),
            (Measure::DiskReads, 2.0),
            (Measure::DiskBusy, 75.0),
            (Measure::NetworkReceived, 800.0),
            (Measure::NetworkDropped, 0.5),
            (Measure::PressureIoSome, 10.0),
            (Measure::PressureCpu, 0.0),
        ] {
            assert_eq!(at(&row, measure), expected, "{measure:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_no_number() {
        let none = HostCounters::default();
        let row = host_row(&none, &none, 10.0);
        for measure in
            [Measure::CpuUser, Measure::DiskRead, Measure::DiskBusy, Measure::NetworkSent, Measure::PressureCpu]
        {
            assert!(at(&row, measure).is_nan(), "{measure:?}");
        }
        let more = VmCounters { cpu_ns: 5, ..VmCounters::default() };
        assert!(vm_row(&more, &VmCounters::default(), 10.0)[0].is_nan(), "begun anew");
        assert!(vm_row(&more, &more, 0.0)[0].is_nan(), "no time has passed");
    }

    #[test]
    fn a_vm() {
        let io = |read, writes| IoCounters { read: ByteSize(read), writes, ..IoCounters::default() };
        let before = VmCounters { disks: Some(io(0, 0)), ..VmCounters::default() };
        let now = VmCounters { cpu_ns: 15_000_000_000, memory: ByteSize(7), disks: Some(io(100, 30)), network: None };
        let row = vm_row(&before, &now, 10.0);
        assert_eq!((row[0], row[1], row[2], row[5]), (1.5, 7.0, 10.0, 3.0));
        assert!(row[6].is_nan() && row[8].is_nan());
    }
}
