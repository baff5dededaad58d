//! What running VMs use, once a second.

use crate::board::Board;
use cake_host::usage::{ProcessMeter, Sampler};
use cake_types::{ByteSize, Usage, VmId};
use cake_vm::Engine;
use std::collections::HashMap;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(1);

struct Meter {
    pid: u32,
    meter: ProcessMeter,
    last: Option<(Instant, u64)>,
}

/// Samples for as long as the node runs.
pub async fn run(engine: Engine, board: Board) {
    let (mut sampler, mut meters) = (Sampler::new(), HashMap::new());
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        timer.tick().await;
        board.set_usage(sample(&engine, &mut sampler, &mut meters));
    }
}

fn sample(engine: &Engine, sampler: &mut Sampler, meters: &mut HashMap<VmId, Meter>) -> Vec<(VmId, Usage)> {
    let running = engine.running();
    if running.is_empty() {
        *meters = HashMap::new();
        return Vec::new();
    }
    meters.retain(|id, meter| running.iter().any(|(vm, process)| vm == id && process.pid() == meter.pid));
    let mut samples = Vec::with_capacity(running.len());
    for (id, process) in running {
        let meter = match meters.entry(id) {
            std::collections::hash_map::Entry::Occupied(meter) => meter.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => match ProcessMeter::open(&process) {
                Ok(meter) => vacant.insert(Meter { pid: process.pid(), meter, last: None }),
                // It has just ended.
                Err(_) => continue,
            },
        };
        let Ok(Some(used)) = sampler.sample(&meter.meter) else { continue };
        let now = Instant::now();
        let share = meter.last.replace((now, used.cpu_ns)).map_or(0, |(then, cpu)| {
            let passed = now.duration_since(then).as_nanos().max(1);
            u128::from(used.cpu_ns.saturating_sub(cpu)) * 1000 / passed
        });
        let cpu_permille = u32::try_from(share).unwrap_or(u32::MAX);
        samples.push((id, Usage { cpu_ns: used.cpu_ns, cpu_permille, memory: ByteSize(used.resident) }));
    }
    samples
}
