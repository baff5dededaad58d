//! `/metrics`: what OpenMetrics readers (Prometheus and its kin) scrape.

use axum::extract::State;
use axum::response::Response;
use cake_control::board::{NodeEntry, VmEntry};
use cake_control::energy::EnergyOfServer;
use cake_types::{
    Counters, DiskCounters, HostCounters, IoCounters, NodeId, Severity, TrafficCounters, UpsFlag, UpsStatus, VmCounters,
};
use http::{HeaderValue, header};
use std::sync::Arc;

use crate::openmetrics::{CONTENT_TYPE, Exposition, Kind, seconds};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Usage of servers, VMs and pools in the text format of OpenMetrics 1.0.0. A token of an account with the role `viewer` is enough.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "metrics",
    responses((status = 200, content_type = "application/openmetrics-text"), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    let counters = api.usage.counters().await;
    // Of a node that does not answer nothing is told, as above.
    let energy = api.energy.since_start().await.unwrap_or_default();
    let mut response = Response::new(exposition(&api, counters.as_ref(), &energy).into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    Ok(response)
}

fn exposition(api: &Api, counters: Option<&(NodeId, Counters)>, energy: &[EnergyOfServer]) -> String {
    let mut out = Exposition::default();
    let version = env!("CARGO_PKG_VERSION");
    out.family(Kind::Info, "cake", "", "The version of cake that answers.").sample(&[("version", version)], 1);
    let nodes = api.board.nodes();
    connected(&mut out, &nodes);
    if let Some((id, Counters { host, vms })) = counters {
        let name = nodes.iter().find(|entry| entry.node.meta.id == *id).map(|entry| entry.node.meta.name.to_string());
        let name = name.unwrap_or_else(|| id.to_string());
        node(&mut out, &name, host);
        vm_families(&mut out, &measured(api, vms));
    }
    vm_states(&mut out, &api.board.vms());
    pools(&mut out, api);
    super::disk_metrics::families(&mut out, &nodes);
    super::server_metrics::families(&mut out, &api.board.servers());
    super::pdu_metrics::families(&mut out, &api.board.devices());
    super::server_metrics::energy(&mut out, energy);
    power_supplies(&mut out, &nodes);
    alerts(&mut out, api);
    out.finish()
}

fn alerts(out: &mut Exposition, api: &Api) {
    let open = api.alerts.open();
    let help = "Alerts that are open, by how bad they are and whether somebody has acknowledged them.";
    let mut family = out.family(Kind::Gauge, "cake_alerts", "", help);
    for (severity, word) in [(Severity::Warning, "warning"), (Severity::Error, "error")] {
        for (known, acknowledged) in [(false, "no"), (true, "yes")] {
            let is = |a: &&cake_types::Alert| a.severity == severity && a.acknowledged.is_some() == known;
            family.sample(&[("severity", word), ("acknowledged", acknowledged)], open.values().filter(is).count());
        }
    }
}

/// What each server hears of its power supply; nothing while it can't be heard.
fn power_supplies(out: &mut Exposition, nodes: &[Arc<NodeEntry>]) {
    let heard = |entry: &Arc<NodeEntry>| {
        let ups = entry.status.as_ref()?.ups.clone().filter(|ups| entry.connected && ups.is_heard())?;
        Some((entry.node.meta.name.to_string(), ups))
    };
    let all: Vec<(String, UpsStatus)> = nodes.iter().filter_map(heard).collect();
    if all.is_empty() {
        return;
    }
    let mut family =
        out.family(Kind::Gauge, "cake_ups_on_battery", "", "Whether a server runs on battery (1) or not (0).");
    for (node, ups) in &all {
        family.sample(&[("node", node)], u8::from(ups.is(UpsFlag::OnBattery)));
    }
    let help = "How much of the battery is left, from 0 to 1.";
    per_cent(out, "cake_ups_charge_ratio", help, &all, |ups| ups.charge);
    let help = "How much of what the UPS can feed is used; 1 is all of it.";
    per_cent(out, "cake_ups_load_ratio", help, &all, |ups| ups.load);
    let help = "How long the battery lasts.";
    let mut family = out.family(Kind::Gauge, "cake_ups_runtime_seconds", "seconds", help);
    for (node, ups) in &all {
        if let Some(runtime) = ups.runtime {
            family.sample(&[("node", node)], runtime);
        }
    }
}

fn per_cent(
    out: &mut Exposition,
    name: &'static str,
    help: &'static str,
    all: &[(String, UpsStatus)],
    of: fn(&UpsStatus) -> Option<u32>,
) {
    let mut family = out.family(Kind::Gauge, name, "ratio", help);
    for (node, ups) in all {
        if let Some(percent) = of(ups) {
            family.sample(&[("node", node)], format_args!("{}.{:02}", percent / 100, percent % 100));
        }
    }
}

fn connected(out: &mut Exposition, nodes: &[Arc<NodeEntry>]) {
    let mut family = out.family(Kind::Gauge, "cake_node_connected", "", "Whether the server answers (1) or not (0).");
    for entry in nodes {
        family.sample(&[("node", entry.node.meta.name.as_str())], u8::from(entry.connected));
    }
}

fn node(out: &mut Exposition, name: &str, host: &HostCounters) {
    let HostCounters { cpu, memory, disks, interfaces, pressure } = host;
    let node = ("node", name);
    let help = "Processor time over all processors, by what it was used for.";
    let mut family = out.family(Kind::Counter, "cake_node_cpu_seconds", "seconds", help);
    let modes = [("user", cpu.user), ("system", cpu.system), ("idle", cpu.idle), ("iowait", cpu.iowait)];
    for (mode, milliseconds) in modes.into_iter().chain([("steal", cpu.steal)]) {
        family.sample(&[node, ("mode", mode)], seconds(milliseconds, 1000));
    }
    let mut family = out.family(Kind::Gauge, "cake_node_memory_bytes", "bytes", "Memory, by kind.");
    for (kind, size) in [("total", memory.total), ("available", memory.available), ("cached", memory.cached)] {
        family.sample(&[node, ("kind", kind)], size.bytes());
    }
    let mut family = out.family(Kind::Gauge, "cake_node_swap_bytes", "bytes", "Swap, by kind.");
    for (kind, size) in [("total", memory.swap_total), ("used", memory.swap_used)] {
        family.sample(&[node, ("kind", kind)], size.bytes());
    }
    let disks: Vec<_> = disks.iter().map(|disk| (vec![node, ("device", disk.name.as_str())], disk.io)).collect();
    disk_families(out, &NODE_DISKS, &disks);
    busy(out, node, &host.disks);
    let traffic = interfaces.iter().map(|i| (vec![node, ("interface", i.name.as_str())], i.traffic));
    traffic_families(out, &NODE_NETWORK, &traffic.collect::<Vec<_>>());
    if let Some(pressure) = pressure {
        let help = "Time in which some or all of the programs waited for a resource.";
        let mut family = out.family(Kind::Counter, "cake_node_pressure_waiting_seconds", "seconds", help);
        for (resource, who, microseconds) in [
            ("cpu", "some", pressure.cpu_some),
            ("memory", "some", pressure.memory_some),
            ("memory", "full", pressure.memory_full),
            ("io", "some", pressure.io_some),
            ("io", "full", pressure.io_full),
        ] {
            family.sample(&[node, ("resource", resource), ("who", who)], seconds(microseconds, 1_000_000));
        }
    }
}

fn busy(out: &mut Exposition, node: (&str, &str), disks: &[DiskCounters]) {
    let help = "Time in which a disk had something to do.";
    let mut family = out.family(Kind::Counter, "cake_node_disk_busy_seconds", "seconds", help);
    for disk in disks {
        family.sample(&[node, ("device", &disk.name)], seconds(disk.busy, 1000));
    }
}

/// Names of the families that servers and VMs have alike.
struct DiskNames {
    read: &'static str,
    written: &'static str,
    reads: &'static str,
    writes: &'static str,
}

struct NetworkNames {
    received: &'static str,
    sent: &'static str,
    dropped: &'static str,
}

const NODE_DISKS: DiskNames = DiskNames {
    read: "cake_node_disk_read_bytes",
    written: "cake_node_disk_written_bytes",
    reads: "cake_node_disk_reads",
    writes: "cake_node_disk_writes",
};
const VM_DISKS: DiskNames = DiskNames {
    read: "cake_vm_disk_read_bytes",
    written: "cake_vm_disk_written_bytes",
    reads: "cake_vm_disk_reads",
    writes: "cake_vm_disk_writes",
};
const NODE_NETWORK: NetworkNames = NetworkNames {
    received: "cake_node_network_received_bytes",
    sent: "cake_node_network_sent_bytes",
    dropped: "cake_node_network_dropped_packets",
};
const VM_NETWORK: NetworkNames = NetworkNames {
    received: "cake_vm_network_received_bytes",
    sent: "cake_vm_network_sent_bytes",
    dropped: "cake_vm_network_dropped_packets",
};

/// A family of counters: name, unit, help, and what of `T` it counts.
type Counted<T> = (&'static str, &'static str, &'static str, fn(&T) -> u64);

type Labelled<'a, T> = (Vec<(&'a str, &'a str)>, T);

fn disk_families(out: &mut Exposition, names: &DiskNames, all: &[Labelled<'_, IoCounters>]) {
    let families: [Counted<IoCounters>; 4] = [
        (names.read, "bytes", "Bytes read from disks.", |io| io.read.bytes()),
        (names.written, "bytes", "Bytes written to disks.", |io| io.written.bytes()),
        (names.reads, "reads", "Reads of disks.", |io| io.reads),
        (names.writes, "writes", "Writes to disks.", |io| io.writes),
    ];
    for (name, unit, help, of) in families {
        let mut family = out.family(Kind::Counter, name, unit, help);
        all.iter().for_each(|(labels, io)| family.sample(labels, of(io)));
    }
}

fn traffic_families(out: &mut Exposition, names: &NetworkNames, all: &[Labelled<'_, TrafficCounters>]) {
    let families: [Counted<TrafficCounters>; 3] = [
        (names.received, "bytes", "Bytes received.", |traffic| traffic.received.bytes()),
        (names.sent, "bytes", "Bytes sent.", |traffic| traffic.sent.bytes()),
        (names.dropped, "packets", "Packets dropped in both directions.", |traffic| traffic.dropped),
    ];
    for (name, unit, help, of) in families {
        let mut family = out.family(Kind::Counter, name, unit, help);
        all.iter().for_each(|(labels, traffic)| family.sample(labels, of(traffic)));
    }
}

/// A VM that runs, with its names as texts.
struct Measured {
    names: [(&'static str, String); 3],
    counters: VmCounters,
    /// When its QEMU was started: its counters began then.
    created: Option<String>,
}

impl Measured {
    fn labels(&self) -> Vec<(&str, &str)> {
        self.names.iter().map(|(name, text)| (*name, text.as_str())).collect()
    }
}

fn names(entry: &VmEntry) -> [(&'static str, String); 3] {
    let meta = &entry.vm.meta;
    [("project", meta.project.to_string()), ("vm", meta.name.to_string()), ("id", meta.id.to_string())]
}

fn measured(api: &Api, vms: &[(cake_types::VmId, VmCounters)]) -> Vec<Measured> {
    let known = vms.iter().filter_map(|(id, counters)| Some((api.board.vm(*id)?, *counters)));
    let measured = known.map(|(entry, counters)| {
        let started = entry.status.as_ref().and_then(|status| status.started_at);
        let created = started.map(|at| seconds(at.as_millisecond().unsigned_abs(), 1000));
        Measured { names: names(&entry), counters, created }
    });
    measured.collect()
}

fn vm_families(out: &mut Exposition, vms: &[Measured]) {
    let help = "Processor time of a VM's QEMU since it was started.";
    let mut family = out.family(Kind::Counter, "cake_vm_cpu_seconds", "seconds", help);
    for vm in vms {
        family.sample(&vm.labels(), seconds(vm.counters.cpu_ns, 1_000_000_000));
        if let Some(created) = &vm.created {
            family.created(&vm.labels(), created);
        }
    }
    let help = "Resident memory of a VM's QEMU.";
    let mut family = out.family(Kind::Gauge, "cake_vm_memory_bytes", "bytes", help);
    vms.iter().for_each(|vm| family.sample(&vm.labels(), vm.counters.memory.bytes()));
    let disks = vms.iter().filter_map(|vm| Some((vm.labels(), vm.counters.disks?)));
    disk_families(out, &VM_DISKS, &disks.collect::<Vec<_>>());
    let traffic = vms.iter().filter_map(|vm| Some((vm.labels(), vm.counters.network?)));
    traffic_families(out, &VM_NETWORK, &traffic.collect::<Vec<_>>());
}

fn vm_states(out: &mut Exposition, vms: &[Arc<VmEntry>]) {
    let mut family = out.family(Kind::Gauge, "cake_vm_alive", "", "Whether a VM has a QEMU (1) or not (0).");
    for entry in vms {
        let names = names(entry);
        let state = entry.state();
        let labels: Vec<_> = names.iter().map(|(name, text)| (*name, text.as_str())).collect();
        family.sample(&[&labels[..], &[("state", state.as_str())]].concat(), u8::from(state.is_alive()));
    }
}

fn pools(out: &mut Exposition, api: &Api) {
    let known = api.board.pools();
    let known: Vec<_> = known.iter().filter_map(|p| Some((p.pool.meta.name.as_str(), p.status.as_ref()?))).collect();
    let mut family = out.family(Kind::Gauge, "cake_pool_size_bytes", "bytes", "The size of a pool's file system.");
    known.iter().for_each(|(name, status)| family.sample(&[("pool", name)], status.size.bytes()));
    let mut family = out.family(Kind::Gauge, "cake_pool_free_bytes", "bytes", "What is free of it.");
    known.iter().for_each(|(name, status)| family.sample(&[("pool", name)], status.free.bytes()));
}
