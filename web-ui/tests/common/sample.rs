//! Sample racks: fresh from the box, empty, busy, unreachable, and one whose every free text is hostile.

use super::{Rack, pdus, servers};
use cake_types::{
    Account, AccountId, Actor, ApiToken, AuditRecord, AuditResult, ByteSize, Calendar, Event, EventKind, Image,
    Language, Node, NodeStatus, Origin, Pool, PoolStatus, ProjectName, RoleName, SavedQuery, ServerDisk, SessionId,
    Severity, Stick, Subject, SystemSettings, Task, Vm, VmId, VmStatus, Volume, VolumeState, built_in_roles,
};
use cake_web::{
    About, AccountView, BackupView, BinView, ExportView, ImageView, ImportView, NodeView, PoolView, SettingsView,
    SetupView, Viewer, VmView, VolumeView,
};
use jiff::{Timestamp, ToSpan};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;
use uuid::Uuid;

pub(super) fn made<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

/// An id that is the same in every run.
pub(super) fn id(kind: u8, number: u32) -> Uuid {
    Uuid::from_u128(0x0192_a000_0000_7000_8000_0000_0000_0000 | u128::from(kind) << 40 | u128::from(number))
}

pub(super) fn ago(minutes: i64) -> Timestamp {
    Timestamp::now() - minutes.minutes()
}

pub(super) fn meta(id: Uuid, name: &str, minutes: i64) -> Value {
    json!({
        "id": id, "project": "default", "name": name, "generation": 3,
        "created_at": ago(minutes), "updated_at": ago(minutes / 2),
    })
}

/// Somebody with one of the built-in roles.
pub fn viewer(role: &str) -> Viewer {
    let role = built_in_roles().into_iter().find(|known| known.name.0 == role).expect("a built-in role");
    Viewer {
        account: AccountId(id(5, 1)),
        name: "mei".parse().expect("a name"),
        role: role.name,
        permissions: role.permissions,
        language: None,
        calendar: Calendar::Gregorian,
        session: SessionId(id(6, 1)),
        csrf: "a-token-of-the-session".into(),
    }
}

const GIB: u64 = 1 << 30;

fn pool_status(free: u64) -> PoolStatus {
    made(json!({
        "path": "/var/lib/cake/pool", "file_system": "xfs", "size": 931 * GIB, "free": free,
        "reflink": true, "available": true, "detail": null,
    }))
}

/// Out of the box: the wizard has not been answered.
pub fn fresh() -> Rack {
    Rack {
        about: About {
            version: "0.1.0".into(),
            tls_fingerprint: Some(
                "7B:1E:4F:90:A2:33:C8:5D:61:0E:97:BB:24:D0:8A:F6:13:5C:E2:79:48:AD:06:B1:9F:72:3E:C4:85:5A:D7:20"
                    .into(),
            ),
            started_at: ago(3 * 24 * 60),
            pseudo_language: true,
        },
        setup: SetupView {
            done: false,
            installer: false,
            host_name: Some("cake-1".into()),
            default_pool: Some(pool_status(640 * GIB)),
        },
        settings: None,
        vms: Mutex::default(),
        images: Vec::new(),
        volumes: Vec::new(),
        imports: Vec::new(),
        bin: Vec::new(),
        backups: Vec::new(),
        exports: Vec::new(),
        pools: Vec::new(),
        nodes: Vec::new(),
        servers: Mutex::default(),
        devices: Default::default(),
        server_logs: Default::default(),
        server_parts: Default::default(),
        server_drives: Default::default(),
        tasks: Vec::new(),
        events: Vec::new(),
        audit: Mutex::default(),
        accounts: Mutex::default(),
        roles: built_in_roles(),
        tokens: Vec::new(),
        queries: Vec::new(),
        update: Default::default(),
        changed: broadcast::channel(64).0,
    }
}

/// Started from a stick that installs cake.
pub fn stick() -> Rack {
    let fresh = fresh();
    Rack { setup: SetupView { installer: true, ..fresh.setup.clone() }, ..fresh }
}

/// Just set up: everything is there but VMs.
pub fn empty() -> Rack {
    let fresh = fresh();
    let settings: SystemSettings = made(json!({
        "name": "Lin 林家行", "language": Language::ChineseTaiwan, "time_zone": "Asia/Taipei",
        "set_up_at": ago(3 * 24 * 60), "recovery_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    }));
    Rack {
        setup: SetupView { done: true, ..fresh.setup.clone() },
        settings: Some(SettingsView { settings, etag: "\"s-1\"".into() }),
        images: images(),
        volumes: volumes(),
        imports: imports(),
        bin: bin(),
        backups: backups(),
        pools: vec![pool("local", pool_status(640 * GIB))],
        nodes: vec![node(true)],
        servers: Mutex::default(),
        devices: Default::default(),
        server_logs: Default::default(),
        server_parts: Default::default(),
        server_drives: Default::default(),
        events: vec![event(EventKind::SetupDone, Severity::Info, Some(subject("settings", 1, "Lin 林家行")), 3, &[])],
        accounts: Mutex::new(accounts()),
        ..fresh
    }
}

fn pool(name: &str, status: PoolStatus) -> Arc<PoolView> {
    let pool: Pool = made(json!({ "meta": meta(id(2, 1), name, 4320), "spec": { "path": null } }));
    Arc::new(PoolView { pool, status: Some(status) })
}

fn node(connected: bool) -> Arc<NodeView> {
    let node: Node = made(json!({
        "meta": meta(id(3, 1), "cake-1", 4320), "key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    }));
    let status: NodeStatus = made(json!({
        "host_name": "cake-1", "version": "0.1.0", "epoch": 4,
        "accelerator": { "kind": "tcg", "because": "no-device" }, "qemu": "10.0.7", "launcher": "systemd",
        "capacity": { "cpus": 16, "memory": 64 * GIB, "memory_available": 41 * GIB }, "started_at": ago(3 * 24 * 60),
        "bridges": [
            { "name": "br-office", "up": true, "addresses": ["192.0.2.10"], "members": ["enp1s0"] },
            { "name": "br-lab", "up": false, "addresses": [], "members": [] },
        ],
        "host": { "time_zone": "Asia/Taipei", "ntp": true, "synchronized": true, "uplink": uplink(), "update": super::updates::idle() },
    }));
    let disks: Vec<ServerDisk> = made(json!([
        { "name": "sda", "model": "WDC WD4003FFBX", "serial": "V1JW3ABC", "size": 4000u64 << 30, "bus": "ata",
          "rotational": true, "removable": false, "health": { "read_at": ago(40), "passed": true, "temperature": 34,
          "power_on_hours": 21_430, "reallocated_sectors": 8, "pending_sectors": 2, "uncorrectable_sectors": 0 } },
        { "name": "sdb", "size": 16 * GIB, "bus": "usb", "rotational": false, "removable": true, "model": "Acme Stick",
          "health": { "silence": "unsupported" } },
        { "name": "nvme0n1", "model": "Samsung MZQL21T9HCJR", "serial": "S64GNE0R", "size": 1788 * GIB, "bus": "nvme",
          "rotational": false, "removable": false, "health": { "read_at": ago(40), "passed": false, "silence": "asleep",
          "warnings": ["spare"], "temperature": 41, "power_on_hours": 8766, "percent_used": 91, "spare": 4,
          "spare_threshold": 10, "media_errors": 3 } },
        { "name": "nvme1n1", "model": "KIOXIA KXG60ZNV512G", "serial": "Y9AF7021", "size": 477 * GIB, "bus": "nvme",
          "rotational": false, "removable": false, "health": { "read_at": ago(40), "passed": true, "temperature": 38,
          "power_on_hours": 9_120, "percent_used": 62, "worn_out_at": ago(-41 * 24 * 60), "spare": 100,
          "spare_threshold": 10, "media_errors": 0 } },
    ]));
    let sticks: Vec<Stick> = made(json!([
        { "id": "a1b2", "device": "sdb", "model": "SanDisk Ultra", "serial": "4C53", "partition": 1, "size": 29 * GIB,
          "label": "INSTALL", "format": "exfat", "incomplete": false, "files": [
            { "path": "Win11_24H2_繁體中文_x64.iso", "size": 5_819_484_160u64, "modified": ago(90_000) },
            { "path": "Linux/debian-13.1.0-amd64-netinst.iso", "size": 821_035_008, "modified": ago(150_000) },
            { "path": "Linux/cloud/debian-13-genericcloud-amd64.qcow2", "size": 334_233_600 } ] },
        { "id": "sdc", "device": "sdc", "model": "Acme Stick", "partition": 0, "size": 16 * GIB, "format": "xfs",
          "trouble": "unsupported", "files": [] },
        { "id": "c3d4", "device": "sdd", "partition": 1, "size": 8 * GIB, "label": "照片", "format": "fat", "files": [] },
    ]));
    let (disks, sticks) = (Some(disks.into()), Some(sticks.into()));
    Arc::new(NodeView { node, status: Some(status), connected, disks, sticks })
}

/// Four ports, one of them without a cable; another address is being tried.
fn uplink() -> serde_json::Value {
    let port = |name: &str, last: u8, speed: Option<u32>, bonded: bool, active: bool| {
        json!({ "name": name, "mac": format!("52:54:00:12:34:{last:02x}"), "driver": "ixgbe", "carrier": speed.is_some(),
                "speed": speed, "bonded": bonded, "active": active })
    };
    let mut ports = vec![
        port("eno1", 1, Some(1000), true, true),
        port("eno2", 2, Some(1000), true, false),
        port("ens1f0", 3, Some(10_000), false, false),
        port("ens1f1", 4, None, false, false),
    ];
    ports[0]["neighbor"] = json!({ "system": "core-switch", "port": "Gi1/0/7" });
    let tried = json!({ "method": "static", "address": ["192.0.2.40/24", "2001:db8::40/64"], "gateway": ["192.0.2.1"],
                        "links": ["eno1", "eno2"] });
    json!({ "spec": { "links": ["eno1", "eno2"] }, "generation": 3, "ports": ports,
            "trial": { "operation": id(90, 1), "spec": tried, "seconds": 90, "applied": true, "until": ago(-1), "before": ["192.0.2.10"] },
            "ended": { "operation": id(90, 2), "end": "expired", "at": ago(30) },
            "addresses": [{ "value": "192.0.2.10/24", "source": "dhcp" },
                          { "value": "fe80::5054:ff:fe12:3401/64", "source": "link-local" }],
            "gateways": [{ "value": "192.0.2.1", "source": "dhcp" }], "dns": [{ "value": "192.0.2.53", "source": "dhcp" }] })
}

/// Of the first VM: one that is there, one that is made.
fn exports() -> Vec<ExportView> {
    let one = |number: u32, format: &str, stage: &str, done: u64, size: u64| ExportView {
        export: made(json!({
            "meta": meta(id(17, number), "web-1", i64::from(number) * 100),
            "spec": { "vm": id(1, 1), "format": format, "pool": id(2, 1), "task": id(8, number) },
        })),
        status: Some(made(json!({
            "observed": { "epoch": 1, "generation": 1 }, "stage": stage, "done": done, "total": 4 * done, "size": size,
            "failure": null,
        }))),
        etag: "\"g1\"".into(),
    };
    vec![one(1, "qcow2", "converting", GIB, 0), one(2, "ova", "done", 0, 3 * GIB)]
}

fn backups() -> Vec<BackupView> {
    let one = |number: u32, hours: i64| BackupView {
        id: id(16, number),
        made_at: ago(hours * 60),
        size: ByteSize(u64::from(number) * 1_234_567),
        etag: "\"g1\"".into(),
    };
    vec![one(2, 3), one(1, 24 * 8)]
}

fn bin() -> Vec<BinView> {
    let item = |number: u32, kind: &'static str, name: &str, size: u64| BinView {
        kind,
        id: id(15, number),
        name: name.parse().expect("a name"),
        binned_at: ago(i64::from(number) * 1500),
        size: ByteSize(size),
        etag: "\"g1\"".into(),
    };
    vec![item(2, "image", "debian-11", 2 * GIB), item(1, "vm", "old-web", 20 * GIB), item(3, "volume", "old-data", GIB)]
}

fn imports() -> Vec<Arc<ImportView>> {
    let import = |number: u32, name: &str, stage: &str, done: u64| {
        let import = made(json!({
            "meta": meta(id(14, number), name, 12),
            "spec": {
                "source": { "kind": "upload" }, "size": 6 * GIB, "sha256": null, "pool": id(5, 1), "os": "windows",
            },
        }));
        let status = made(json!({
            "observed": { "epoch": 1, "generation": 1 }, "stage": stage, "done": done, "total": 6 * GIB, "failure": null,
        }));
        Arc::new(ImportView { import, status: Some(status), etag: "\"g1\"".into() })
    };
    vec![import(1, "windows-11", "receiving", 2 * GIB), import(2, "old-server", "converting", 5 * GIB)]
}

fn volumes() -> Vec<Arc<VolumeView>> {
    let volume = |number: u32, name: &str, state: VolumeState, vm: Option<(u32, &str)>| {
        let own = id(17, number);
        let volume: Volume = made(json!({
            "meta": meta(own, name, 600),
            "spec": {
                "pool": id(2, 1), "size": 20 * GIB, "made": 20 * GIB, "file": [own, 0],
                "tags": if number == 1 { vec!["production"] } else { vec![] },
            },
        }));
        let failed = || made(json!({ "code": "no-space", "detail": "20 GiB do not fit" }));
        let size = volume.spec.size;
        let vm = vm.map(|(number, name)| (VmId(id(1, number)), name.parse().expect("a name"), 4));
        let failure = (state == VolumeState::Failed).then(failed);
        Arc::new(VolumeView { volume, state, size, vm, failure, etag: format!("\"g{number}\"") })
    };
    vec![
        volume(1, "photos", VolumeState::Free, None),
        volume(2, "books", VolumeState::Attached, Some((1, "web-1"))),
        volume(3, "mail", VolumeState::Leaving, Some((2, "web-2"))),
        volume(4, "too-large", VolumeState::Failed, None),
    ]
}

fn images() -> Vec<Arc<ImageView>> {
    let image = |number: u32, name: &str, title: Value, format: &str, firmware: Value, disk: u64, ok: bool| {
        let image: Image = made(json!({
            "meta": meta(id(4, number), name, 4320),
            "spec": {
                "title": title, "format": format, "os": "linux", "firmware": firmware, "min_memory": 64 << 20,
                "virtual_size": disk, "built_in": number < 3,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            },
        }));
        let status = made(json!({
            "stored": 38 << 20, "available": ok, "detail": if ok { None } else { Some("no such file: debian-13.qcow2") },
        }));
        Arc::new(ImageView { image, status: Some(status), etag: format!("\"i-{number}\"") })
    };
    vec![
        image(
            1,
            "cake-tiny",
            json!({"en": "cake tiny", "zh-Hant-TW": "cake 小試"}),
            "qcow2",
            json!(["uefi", "bios"]),
            256 << 20,
            true,
        ),
        image(
            2,
            "cake-pvh",
            json!({"en": "One line (PVH)", "zh-Hant-TW": "一行字（PVH）"}),
            "kernel",
            json!(["direct"]),
            0,
            true,
        ),
        image(3, "debian-13", json!({"en": "Debian 13"}), "iso", json!(["uefi", "bios"]), 3 * GIB, false),
        with_machine(image(4, "wiki", json!({"en": "wiki"}), "raw", json!(["uefi", "bios"]), 10 * GIB, true)),
    ]
}

/// As an OVA becomes one.
fn with_machine(view: Arc<ImageView>) -> Arc<ImageView> {
    let mut view = Arc::unwrap_or_clone(view);
    view.image.spec.more_disks = vec![ByteSize(8 * GIB), ByteSize::mib(512)];
    view.image.spec.machine = Some(made(json!({
        "name": "公司 wiki", "cpus": 2, "memory": 3000u64 << 20, "firmware": "uefi", "secure_boot": true, "nics": 1,
    })));
    Arc::new(view)
}

fn accounts() -> Vec<AccountView> {
    [("mei", "administrator", false), ("jun-hao", "operator", false), ("舊帳號", "viewer", true)]
        .into_iter()
        .zip(1..)
        .map(|((name, role, disabled), number)| {
            let account: Account = made(json!({
                "meta": meta(id(5, number), name, 4000),
                "spec": {
                    "role": role, "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
                    "language": null, "disabled": disabled, "sessions_after": ago(4000),
                },
            }));
            AccountView {
                id: account.meta.id,
                name: account.meta.name,
                role: RoleName(account.spec.role.0),
                language: None,
                disabled,
                created_at: account.meta.created_at,
                etag: format!("\"a-{number}\""),
            }
        })
        .collect()
}

fn subject(kind: &str, number: u32, name: &str) -> Subject {
    let place = match kind {
        "vm" => 1,
        "node" => 3,
        _ => 10,
    };
    Subject { kind: kind.into(), id: id(place, number), name: name.into() }
}

fn event(kind: EventKind, severity: Severity, subject: Option<Subject>, minutes: i64, facts: &[(&str, &str)]) -> Event {
    let params = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Event { at: ago(minutes), project: ProjectName::default(), severity, kind, subject, params }
}

struct Sample {
    name: &'static str,
    state: &'static str,
    cpus: u32,
    memory: u64,
    disk: u64,
    minutes: i64,
}

const VMS: [Sample; 14] = [
    Sample { name: "web-1", state: "running", cpus: 2, memory: 2 * GIB, disk: 20 * GIB, minutes: 4200 },
    Sample { name: "web-2", state: "running", cpus: 2, memory: 2 * GIB, disk: 20 * GIB, minutes: 4100 },
    Sample { name: "web-10", state: "provisioning", cpus: 2, memory: 2 * GIB, disk: 20 * GIB, minutes: 1 },
    Sample { name: "會計主機", state: "running", cpus: 4, memory: 8 * GIB, disk: 120 * GIB, minutes: 4000 },
    Sample { name: "mail", state: "shutting-down", cpus: 2, memory: 4 * GIB, disk: 60 * GIB, minutes: 3900 },
    Sample { name: "build.runner-a", state: "failed", cpus: 8, memory: 16 * GIB, disk: 200 * GIB, minutes: 2000 },
    Sample { name: "test-1", state: "stopped", cpus: 1, memory: 512 << 20, disk: 2 * GIB, minutes: 1900 },
    Sample { name: "test-2", state: "stopped", cpus: 1, memory: 512 << 20, disk: 2 * GIB, minutes: 1800 },
    Sample { name: "demo for customers", state: "paused", cpus: 2, memory: GIB, disk: 10 * GIB, minutes: 900 },
    Sample { name: "db", state: "running", cpus: 8, memory: 16 * GIB, disk: 400 * GIB, minutes: 4300 },
    Sample { name: "gateway", state: "running", cpus: 1, memory: 512 << 20, disk: 2 * GIB, minutes: 4310 },
    Sample { name: "from-the-backup", state: "orphaned", cpus: 1, memory: GIB, disk: 8 * GIB, minutes: 600 },
    Sample { name: "old-intranet", state: "lost", cpus: 1, memory: GIB, disk: 8 * GIB, minutes: 4290 },
    Sample {
        name: "a-name-that-is-as-long-as-a-name-may-be-with-sixty-three-letters",
        state: "running",
        cpus: 1,
        memory: 512 << 20,
        disk: 2 * GIB,
        minutes: 30,
    },
];

/// One card behind NAT with a forward, one on a bridge.
fn nics(number: u32) -> Value {
    json!([{ "kind": "nat", "forwards": [format!("tcp:{}:80", 8080 + number)] }, { "kind": "bridged", "bridge": "br-office" }])
}

fn nics_so(number: u32) -> Value {
    json!([
        { "mac": format!("52:54:00:1f:0a:{number:02x}") },
        { "mac": format!("52:54:00:1f:0b:{number:02x}"), "addresses": [format!("192.0.2.{}", 100 + number), "2001:db8::7"] },
    ])
}

fn vm(sample: &Sample, number: u32) -> Arc<VmView> {
    let vm_id = id(1, number);
    let vm: Vm = made(json!({
        "meta": meta(vm_id, &sample.name.chars().take(62).collect::<String>(), sample.minutes),
        "spec": {
            "power": if matches!(sample.state, "stopped" | "failed") { "stopped" } else { "running" },
            "restart": "on-crash", "authority": "local", "cpus": sample.cpus, "memory": sample.memory,
            "firmware": "uefi", "kernel": null, "network": "none", "nics": nics(number), "made_from": "cake-tiny", "deleting": false,
            "tags": if sample.name.starts_with("web") { vec!["production", "web"] } else { vec![] },
            "detached_disks": [4], "disks": [
                { "size": sample.disk, "pool": id(2, 1), "image": id(4, 1) },
                { "size": 8 * GIB, "pool": id(2, 1), "image": null, "number": 3 },
            ],
            "removed_disks": [1, 2], "cd": number.is_multiple_of(2).then(|| id(4, 1)),
            "cloud_init": { "hostname": "web-1", "users": [], "user_data": null },
            "hardware": {
                "version": 1, "machine": "pc-q35-10.0", "cpu": "Nehalem-v1", "uuid": vm_id, "firmware": "uefi",
                "disks": [
                    { "bus": "virtio-blk", "address": "10.0", "serial": format!("c0ffee{number:06}-000") },
                    { "bus": "virtio-blk", "address": "6.1", "serial": format!("c0ffee{number:06}-003") },
                ],
                "cd": (number != 1).then(|| json!({ "bus": "sata", "address": "1f.2", "serial": "cd" })),
                "tpm": !matches!(number, 1 | 9..=11), "secure_boot": true,
                "nics": [
                    { "address": "8.0", "mac": format!("52:54:00:1f:0a:{number:02x}") },
                    { "address": "6.0", "mac": format!("52:54:00:1f:0b:{number:02x}") },
                ],
                "seed": null, "display": "1.0", "usb": (number != 6).then_some("7.0"), "rng": "2.0", "balloon": "3.0",
                "spare": { "root_ports": ["6.0", "6.1"], "virtio_mem": null }, "shared_memory": true,
            },
        },
    }));
    let orphaned = sample.state == "orphaned";
    let alive = matches!(sample.state, "running" | "paused" | "shutting-down" | "orphaned");
    let status: VmStatus = made(json!({
        "observed": { "epoch": 4, "generation": 3 },
        "state": if orphaned { "running" } else { sample.state },
        "pid": alive.then_some(4200 + number),
        "accelerator": alive.then(|| json!({ "kind": "tcg", "because": "no-device" })),
        "started_at": alive.then(|| ago(sample.minutes)),
        "progress": (sample.state == "provisioning").then(|| json!({ "done": 9 * GIB, "total": 20 * GIB })),
        "failure": (sample.state == "failed").then(|| json!({
            "code": "no-space", "detail": "fallocate /var/lib/cake/pool/0192a000.raw: No space left on device (os error 28)",
        })),
        "halted_by": (sample.name == "test-2").then(|| json!({ "reason": "guest", "generation": 3, "at": ago(95) })),
        "usage": alive.then(|| json!({ "cpu_ns": 1u64 << 40, "cpu_permille": 70 * number, "memory": sample.memory / 3 * 2 })),
        "restarts": u32::from(sample.name == "mail") * 2,
        "start_commands": 9,
        "engine": alive.then(|| json!({
            "root": "root-1", "qemu": "10.0.13", "outdated": matches!(number, 1 | 4 | 9..=11),
            "replaced": (number == 2).then(|| json!({ "operation": uuid::Uuid::nil(), "at": ago(30), "pause_us": 17_591, "way": "transfer" })),
            // The big one is copied just now.
            "work": (number == 10).then(|| json!({ "operation": uuid::Uuid::nil(), "step": "copy", "done": 6 * GIB, "total": 16 * GIB })),
        })),
        "nics": if alive { nics_so(number) } else { json!([]) },
        "disks": if alive { json!([
            { "number": 0, "size": sample.disk }, { "number": 3, "size": 8 * GIB, "leaving": sample.name == "gateway" },
        ]) } else { json!([]) },
        "cd": (alive && number != 1).then(|| match sample.name {
            "db" => json!({ "failure": { "code": "cd-locked", "detail": "the guest holds its CD drive shut" } }),
            "會計主機" => json!({ "image": id(4, 1), "open": true }),
            _ => json!({ "image": number.is_multiple_of(2).then(|| id(4, 1)) }),
        }),
    }));
    Arc::new(VmView { vm, status: Some(status), orphaned, lost: false, etag: format!("\"v-{number}\"") })
}

fn task(number: u32, kind: &str, on: (&str, u32), minutes: i64, end: Option<(&str, &str)>) -> Arc<Task> {
    Arc::new(made(json!({
        "id": id(7, number), "project": "default", "kind": kind,
        "subject": subject("vm", on.1, on.0), "goal": { "kind": "applied", "generation": 3 },
        "created_at": ago(minutes), "created_by": { "kind": "account", "id": id(5, 1), "name": "mei", "token": null },
        "cancel_requested": false,
        "progress": end.is_none().then(|| json!({ "done": 9 * GIB, "total": 20 * GIB })),
        "end": end.map(|(state, code)| json!({
            "state": state, "at": ago(minutes - 1), "code": code,
            "detail": (state == "failed").then_some("fallocate: No space left on device (os error 28)"),
        })),
    })))
}

fn events() -> Vec<Event> {
    let vm = |number, name| Some(subject("vm", number, name));
    vec![
        event(EventKind::VmCreated, Severity::Info, vm(3, "web-10"), 1, &[]),
        event(EventKind::VmFailed, Severity::Error, vm(6, "build.runner-a"), 12, &[("code", "no-space")]),
        event(EventKind::VmHaltedByGuest, Severity::Info, vm(8, "test-2"), 95, &[]),
        event(EventKind::LoginFailed, Severity::Warning, None, 140, &[("claimed", "root"), ("address", "192.0.2.77")]),
        event(EventKind::VmPaused, Severity::Info, vm(9, "demo for customers"), 300, &[]),
        event(EventKind::VmCrashed, Severity::Error, vm(5, "mail"), 700, &[]),
        event(EventKind::VmRestarted, Severity::Warning, vm(5, "mail"), 700, &[]),
        event(EventKind::NodeConnected, Severity::Info, Some(subject("node", 1, "cake-1")), 1500, &[]),
        event(EventKind::VmOrphaned, Severity::Warning, vm(12, "from-the-backup"), 1500, &[]),
        event(EventKind::ControlStarted, Severity::Info, None, 1501, &[("version", "0.1.0")]),
    ]
}

fn audit() -> Vec<AuditRecord> {
    let record = |action: &str, on: Option<Subject>, minutes, actor, result| AuditRecord {
        at: ago(minutes),
        project: ProjectName::default(),
        actor,
        origin: Origin { address: Some([192, 0, 2, 20].into()), request: Some(made(json!(id(8, minutes as u32)))) },
        action: action.into(),
        subject: on,
        result,
    };
    let mei = || Actor::Account { id: AccountId(id(5, 1)), name: "mei".parse().expect("a name"), token: None };
    let refused = |code: &str| AuditResult::Refused { code: code.into() };
    vec![
        record("vm_create", Some(subject("vm", 3, "web-10")), 1, mei(), AuditResult::Done),
        record("vm_create", Some(subject("vm", 6, "build.runner-a")), 20, mei(), refused("disk-does-not-fit")),
        record("vm_pause", Some(subject("vm", 9, "demo for customers")), 300, mei(), AuditResult::Done),
        record("session_begin", None, 140, Actor::Unknown { claimed: "root".into() }, refused("wrong-password")),
        record("setup", Some(subject("settings", 1, "Lin 林家行")), 4320, Actor::Setup, AuditResult::Done),
    ]
}

/// Three days later.
pub fn busy() -> Rack {
    let empty = empty();
    Rack {
        update: super::updates::source(),
        vms: Mutex::new(VMS.iter().zip(1..).map(|(sample, number)| vm(sample, number)).collect()),
        pools: vec![pool("local", pool_status(61 * GIB))],
        tasks: vec![
            task(1, "vm-create", ("web-10", 3), 1, None),
            task(2, "vm-shutdown", ("mail", 5), 2, None),
            task(3, "vm-start", ("build.runner-a", 6), 12, Some(("failed", "no-space"))),
            task(4, "vm-pause", ("demo for customers", 9), 300, Some(("done", "done"))),
            task(5, "vm-create", ("web-2", 2), 4100, Some(("done", "done"))),
            task(6, "vm-create", ("web-1", 1), 4200, Some(("done", "done"))),
            task(7, "vm-start", ("web-1", 1), 4201, Some(("cancelled", "superseded"))),
        ],
        events: events(),
        audit: Mutex::new(audit()),
        exports: exports(),
        servers: Mutex::new(servers::rack()),
        devices: pdus::rack(),
        server_logs: servers::logs(),
        server_parts: servers::parts(),
        server_drives: servers::drives(""),
        tokens: vec![
            token(1, "nightly report", Some(Timestamp::now() + (80 * 24).hours())),
            token(2, "old laptop", Some(ago(6000))),
            token(3, "監控", None),
        ],
        queries: vec![query(1, "Our web servers", "kind:vm tag:web"), query(2, "昨天的錯誤", "severity:error age<2d")],
        ..empty
    }
}

fn token(number: u32, name: &str, expires: Option<Timestamp>) -> ApiToken {
    made(json!({
        "id": id(9, number), "account": id(5, 1), "name": name, "hash": "00".repeat(32),
        "created_at": ago(8000), "expires_at": expires,
    }))
}

fn query(number: u32, name: &str, text: &str) -> SavedQuery {
    made(json!({ "id": id(11, number), "name": name, "text": text, "generation": 1, "created_at": ago(500) }))
}

/// The agent on the server is gone.
pub fn unreachable() -> Rack {
    Rack { nodes: vec![node(false)], ..busy() }
}

/// As many servers as a rack holds, and more.
pub fn crowded() -> Rack {
    let busy = busy();
    let nodes = busy.nodes.iter().map(|node| super::updates::with(node, super::updates::given_up())).collect();
    Rack { servers: Mutex::new(servers::crowd(50)), nodes, ..busy }
}

/// What an attacker would write wherever text is free.
pub const ATTACK: &str = "<img src=x onerror=alert(1)>\"'&</script>\u{202e}";

pub fn hostile() -> Rack {
    let busy = busy();
    let mut vms: Vec<Arc<VmView>> = busy.vms.lock().expect("no panic held it").clone();
    for view in &mut vms {
        let view = Arc::make_mut(view);
        if let Some(failure) = view.status.as_mut().and_then(|status| status.failure.as_mut()) {
            failure.detail = ATTACK.into();
        }
        view.etag = ATTACK.into();
        view.vm.spec.hardware.machine.0 = ATTACK.into();
        view.vm.spec.hardware.disks[0].serial = ATTACK.into();
    }
    let images = busy.images.iter().map(|view| {
        let mut view = ImageView::clone(view);
        view.image.spec.title = [("en".to_owned(), ATTACK.to_owned())].into();
        view.image.spec.sha256 = ATTACK.into();
        if let Some(status) = &mut view.status {
            status.detail = Some(ATTACK.into());
        }
        Arc::new(view)
    });
    let tasks = busy.tasks.iter().map(|task| {
        let mut task = Task::clone(task);
        task.subject.name = ATTACK.into();
        if let Some(end) = &mut task.end {
            end.detail = Some(ATTACK.into());
            end.code = ATTACK.into();
        }
        Arc::new(task)
    });
    let mut events = busy.events.clone();
    for event in &mut events {
        event.params.values_mut().for_each(|value| *value = ATTACK.into());
        if let Some(subject) = &mut event.subject {
            subject.name = ATTACK.into();
        }
    }
    let mut audit = busy.audit.lock().expect("no panic held it").clone();
    for record in &mut audit {
        record.action = ATTACK.into();
        record.result = AuditResult::Refused { code: ATTACK.into() };
        record.actor = Actor::Unknown { claimed: ATTACK.into() };
    }
    let servers =
        busy.servers.lock().expect("no panic held it").iter().map(|view| servers::hostile(view, ATTACK)).collect();
    let mut status = pool_status(GIB);
    status.path = ATTACK.into();
    status.file_system = ATTACK.into();
    Rack {
        vms: Mutex::new(vms),
        images: images.collect(),
        volumes: busy.volumes.clone(),
        imports: busy.imports.clone(),
        bin: busy.bin.clone(),
        backups: busy.backups.clone(),
        tasks: tasks.collect(),
        events,
        audit: Mutex::new(audit),
        servers: Mutex::new(servers),
        devices: pdus::hostile(ATTACK),
        server_logs: servers::hostile_logs(ATTACK),
        server_parts: servers::hostile_parts(ATTACK),
        server_drives: servers::drives(ATTACK),
        pools: vec![pool("local", status)],
        ..busy
    }
}
