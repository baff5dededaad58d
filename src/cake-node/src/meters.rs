//! What the QEMUs that run have used since they were started.

use cake_host::process::LiveProcess;
use cake_host::usage::{ProcessMeter, Sampler, interfaces, taps_of};
use cake_types::{ByteSize, InterfaceCounters, TrafficCounters, VmCounters, VmId};
use cake_vm::Engine;
use futures_util::future::join_all;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Readings after which a process is asked again which taps it has: cards come and go while it runs.
const TAPS_EVERY: u32 = 6;

/// One meter for each QEMU, kept from reading to reading.
#[derive(Default)]
pub struct Meters {
    sampler: Sampler,
    meters: HashMap<VmId, Meter>,
}

struct Meter {
    pid: u32,
    process: ProcessMeter,
    taps: Vec<String>,
    readings: u32,
    last: VmCounters,
}

impl Meters {
    pub async fn read(&mut self, engine: &Engine) -> Vec<(VmId, VmCounters)> {
        let running = engine.running();
        self.meters.retain(|id, meter| running.iter().any(|(vm, process)| vm == id && process.pid() == meter.pid));
        let interfaces = if running.is_empty() { Vec::new() } else { interfaces().unwrap_or_default() };
        let mut found = Vec::with_capacity(running.len());
        for (id, process) in running {
            if let Some(read) = self.read_process(id, &process, &interfaces) {
                found.push(read);
            }
        }
        // A QEMU that has not used its processor has done nothing for its guest's disks: it is left in peace.
        let asked = found.iter().filter(|read| read.was_busy).map(|read| read.vm);
        let answers = join_all(asked.map(|vm| async move { (vm, engine.disk_counters(vm).await) })).await;
        for (vm, disks) in answers {
            if let Some(read) = found.iter_mut().find(|read| read.vm == vm) {
                read.counters.disks = disks;
            }
        }
        for read in &found {
            if let Some(meter) = self.meters.get_mut(&read.vm) {
                meter.last = read.counters;
            }
        }
        found.into_iter().map(|read| (read.vm, read.counters)).collect()
    }

    fn read_process(
        &mut self,
        vm: VmId,
        process: &Arc<LiveProcess>,
        interfaces: &[InterfaceCounters],
    ) -> Option<Reading> {
        let meter = match self.meters.entry(vm) {
            Entry::Occupied(meter) => meter.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(Meter::open(process)?),
        };
        if meter.readings.is_multiple_of(TAPS_EVERY) {
            meter.taps = taps_of(meter.pid).unwrap_or_default();
        }
        meter.readings = meter.readings.wrapping_add(1);
        let used = self.sampler.sample(&meter.process).ok().flatten()?;
        let disks = meter.last.disks;
        let counters = VmCounters {
            cpu_ns: used.cpu_ns,
            memory: ByteSize(used.resident),
            disks,
            network: traffic(&meter.taps, interfaces),
        };
        Some(Reading { vm, counters, was_busy: disks.is_none() || used.cpu_ns != meter.last.cpu_ns })
    }
}

struct Reading {
    vm: VmId,
    counters: VmCounters,
    was_busy: bool,
}

impl Meter {
    /// `None`: it has just ended.
    fn open(process: &Arc<LiveProcess>) -> Option<Self> {
        let (pid, process) = (process.pid(), ProcessMeter::open(process).ok()?);
        Some(Self { pid, process, taps: Vec::new(), readings: 0, last: VmCounters::default() })
    }
}

/// What a guest has received is what its taps have sent, and the other way round.
fn traffic(taps: &[String], interfaces: &[InterfaceCounters]) -> Option<TrafficCounters> {
    let own = interfaces.iter().filter(|interface| taps.contains(&interface.name)).map(|interface| interface.traffic);
    own.reduce(add).map(|TrafficCounters { received, sent, dropped }| TrafficCounters {
        received: sent,
        sent: received,
        dropped,
    })
}

fn add(a: TrafficCounters, b: TrafficCounters) -> TrafficCounters {
    TrafficCounters {
        received: ByteSize(a.received.bytes().saturating_add(b.received.bytes())),
        sent: ByteSize(a.sent.bytes().saturating_add(b.sent.bytes())),
        dropped: a.dropped.saturating_add(b.dropped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_traffic_is_its_taps_seen_from_the_other_end() {
        let interface = |name: &str, received, sent| InterfaceCounters {
            name: name.into(),
            traffic: TrafficCounters { received: ByteSize(received), sent: ByteSize(sent), dropped: 1 },
        };
        let all = [interface("tap1", 10, 20), interface("eth0", 500, 500), interface("tap2", 1, 2)];
        let guest = traffic(&["tap1".into(), "tap2".into()], &all).expect("it has taps");
        assert_eq!(guest, TrafficCounters { received: ByteSize(22), sent: ByteSize(11), dropped: 2 });
        assert_eq!(traffic(&[], &all), None, "nobody counts a private network");
    }
}
