use super::*;
use crate::cause::group;
use cake_types::{
    BmcSpec, CauseKind, CauseVerdict, DiskHealth, DiskSpec, Entity, Grouping, Node, NodeStatus, Pool, PoolStatus,
    Sensor, SensorFact, SensorGroup, SensorState, SensorUnit, Server, ServerBus, ServerDisk, ServerSpec, ServerStatus,
    Stamp, UpsStatus, Vm, VmId, VmState, VmStatus,
};
use jiff::SignedDuration;
use serde_json::from_str;

/// What a rack of one server has, and the alerts that are open.
struct World {
    now: Timestamp,
    node: Node,
    status: NodeStatus,
    pool: Pool,
    vms: Vec<Vm>,
    disks: Vec<ServerDisk>,
    alerts: Vec<Alert>,
}

impl World {
    fn new(vms: u128) -> Self {
        let vm: Vm = from_str(include_str!("../../../cake-types/tests/golden/vm-direct.json")).unwrap();
        let pool: Pool = from_str(include_str!("../../../cake-types/tests/golden/pool.json")).unwrap();
        let numbered = |number: u128| {
            let mut vm = vm.clone();
            vm.meta.id = VmId(Uuid::from_u128(1000 + number));
            vm.spec.disks = vec![DiskSpec::own(cake_types::ByteSize::gib(1), pool.meta.id, None, None)];
            vm
        };
        let status = r#"{ "host_name": "a", "version": "1", "epoch": 1, "accelerator": { "kind": "kvm" }, "qemu": "10",
            "launcher": "systemd", "capacity": { "cpus": 1, "memory": 1, "memory_available": 1 },
            "started_at": "2026-11-20T16:30:00Z" }"#;
        Self {
            now: "2026-11-21T12:00:00Z".parse().unwrap(),
            node: from_str(include_str!("../../../cake-types/tests/golden/node.json")).unwrap(),
            status: from_str(status).unwrap(),
            vms: (0..vms).map(numbered).collect(),
            pool,
            disks: Vec::new(),
            alerts: Vec::new(),
        }
    }

    fn disk(&mut self, name: &str, serial: &str) {
        self.disks.push(ServerDisk {
            name: name.into(),
            model: None,
            serial: Some(serial.into()),
            size: cake_types::ByteSize::gib(100),
            bus: ServerBus::Nvme,
            rotational: false,
            removable: false,
            health: DiskHealth { read_at: Some(self.now), ..DiskHealth::default() },
        });
    }

    fn alert(&mut self, kind: AlertKind, subject: Subject, part: Option<&str>, ago: i64) {
        let id = AlertId::of(kind, &subject, part);
        let params = part.map(|part| ("code".to_owned(), part.to_owned())).into_iter().collect();
        let since = self.now - SignedDuration::from_secs(ago);
        self.alerts.push(Alert {
            id,
            kind,
            severity: Severity::Error,
            subject,
            params,
            since,
            acknowledged: None,
            silenced: None,
        });
    }

    fn of_node(&self) -> Subject {
        subject("node", self.node.meta.id.0, &self.node.meta.name)
    }

    fn of_pool(&self) -> Subject {
        subject("pool", self.pool.meta.id.0, &self.pool.meta.name)
    }

    fn of_vm(&self, at: usize) -> Subject {
        subject("vm", self.vms[at].meta.id.0, &self.vms[at].meta.name)
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::new(self.now);
        let disks = Some(self.disks.as_slice());
        facts.node(&NodeItem { node: &self.node, status: Some(&self.status), connected: true, disks });
        let pool = PoolStatus {
            path: "/srv".into(),
            file_system: "xfs".into(),
            size: cake_types::ByteSize::gib(100),
            free: cake_types::ByteSize::gib(1),
            reflink: true,
            available: !self.alerts.iter().any(|alert| alert.kind == AlertKind::PoolMissing),
            detail: None,
        };
        facts.pool(&PoolItem { pool: &self.pool, status: Some(&pool) });
        for vm in &self.vms {
            let status = VmStatus::at_rest(
                Stamp { epoch: cake_types::Epoch(1), generation: vm.meta.generation },
                VmState::Running,
            );
            facts.vm(&VmSeen { vm, status: Some(&status), state: VmState::Running, orphaned: false, binned: false });
        }
        self.alerts.iter().for_each(|alert| facts.alert(alert));
        facts
    }

    fn groups(&self) -> Vec<Grouping> {
        let groups = group(&self.facts());
        let mut told: Vec<&AlertId> = groups.iter().flat_map(|group| &group.beneath).collect();
        told.sort();
        let mut all: Vec<&AlertId> = self.alerts.iter().map(|alert| &alert.id).collect();
        all.sort();
        assert_eq!(told, all, "every alert is in one group");
        groups
    }
}

fn cause(group: &Grouping) -> Option<(CauseKind, ThingKind, &str)> {
    match &group.cause.as_ref()?.verdict {
        CauseVerdict::Known(guess) => Some((guess.cause, guess.thing.kind, &guess.thing.name)),
        CauseVerdict::NotKnown { .. } => None,
    }
}

#[test]
fn a_full_pool_and_the_guests_that_wait_for_it_are_one_message() {
    let mut world = World::new(4);
    // The pool has been nearly full for three days.
    world.alert(AlertKind::PoolSpace, world.of_pool(), None, 3 * 86_400);
    for vm in 0..3 {
        world.alert(AlertKind::VmNoSpace, world.of_vm(vm), None, 60);
    }
    let groups = world.groups();
    assert_eq!(groups.len(), 1);
    assert_eq!(cause(&groups[0]), Some((CauseKind::PoolFills, ThingKind::Pool, world.pool.meta.name.as_str())));
    assert!(groups[0].is_telling());
    let report = groups[0].cause.as_ref().unwrap();
    assert_eq!((report.vms, report.projects.len()), (3, 1));
}

#[test]
fn a_power_cut_is_the_buildings_and_not_the_servers() {
    let mut world = World::new(2);
    world.status.ups = Some(UpsStatus::default());
    world.alert(AlertKind::UpsOnBattery, world.of_node(), None, 1200);
    assert_eq!(cause(&world.groups()[0]), Some((CauseKind::FeedLost, ThingKind::Feed, "")));
    world.alert(AlertKind::UpsLowBattery, world.of_node(), None, 120);
    world.alert(AlertKind::UpsShutdown, world.of_node(), Some("guests"), 100);
    let groups = world.groups();
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(cause(&groups[0]), Some((CauseKind::FeedLost, ThingKind::Feed, "")));
    assert_eq!(groups[0].beneath.len(), 3);
}

#[test]
fn a_disk_dies_and_takes_its_pool_along() {
    let mut world = World::new(3);
    world.disk("nvme0n1", "S/1 A");
    world.disk("nvme1n1", "S2");
    world.alert(AlertKind::DiskSectors, world.of_node(), Some("S/1 A"), 7200);
    world.alert(AlertKind::DiskFailing, world.of_node(), Some("S/1 A"), 600);
    world.alert(AlertKind::PoolMissing, world.of_pool(), None, 500);
    world.alert(AlertKind::VmFailed, world.of_vm(1), Some("disk-missing"), 400);
    let groups = world.groups();
    assert_eq!(cause(&groups[0]), Some((CauseKind::DiskFails, ThingKind::Disk, "nvme0n1")), "{groups:?}");
    assert!(groups[0].beneath.len() >= 3, "{groups:?}");
}

#[test]
fn what_has_nothing_in_common_stays_apart() {
    let mut world = World::new(2);
    let certificate = Subject { kind: "certificate".into(), id: Uuid::nil(), name: "rack".into() };
    world.alert(AlertKind::CertificateEnds, certificate, None, 60);
    world.alert(AlertKind::VmCrashed, world.of_vm(0), None, 60);
    world.alert(AlertKind::PoolSpace, world.of_pool(), None, 86_400);
    let groups = world.groups();
    assert_eq!(groups.len(), 3, "{groups:?}");
    assert!(groups.iter().all(|group| !group.is_telling()));
    // A VM that fails for another reason has nothing to do with a pool that is nearly full.
    world.alert(AlertKind::VmFailed, world.of_vm(1), Some("image-missing"), 60);
    assert_eq!(world.groups().len(), 4, "{:?}", world.groups());
    // What is about something that nobody knows of is still told.
    let gone = Subject { kind: "vm".into(), id: Uuid::from_u128(7), name: "gone".into() };
    world.alert(AlertKind::VmCrashed, gone, None, 5);
    assert_eq!(world.groups().len(), 5);
}

#[test]
fn a_server_behind_a_bmc_has_parts_that_fail() {
    let world = World::new(1);
    let sensor = |id: &str, name: &str, group, state, entity: Option<(u8, u8)>, fact: Option<&str>| Sensor {
        id: id.into(),
        number: None,
        name: name.into(),
        group,
        unit: SensorUnit::None,
        value: None,
        state,
        facts: fact
            .map(|key| SensorFact { key: key.into(), severity: Severity::Error, text: None })
            .into_iter()
            .collect(),
        limits: Default::default(),
        entity: entity.map(|(id, instance)| Entity { id, instance }),
    };
    let mut facts = world.facts();
    let spec = BmcSpec {
        access: cake_types::BmcAccess::Ipmi,
        host: "192.0.2.1".into(),
        port: 623,
        user: String::new(),
        password: None,
        key: None,
        weak: None,
        next: None,
    };
    let server = Server {
        meta: from_str(&serde_json::to_string(&world.node.meta).unwrap()).unwrap(),
        spec: ServerSpec { bmc: Some(spec), node: Some(world.node.meta.id), ..ServerSpec::default() },
    };
    let mut status = ServerStatus::unheard(Stamp { epoch: cake_types::Epoch(1), generation: server.meta.generation });
    status.read_at = Some(world.now - SignedDuration::from_secs(30));
    status.sensors = vec![
        sensor("1", "PS1", SensorGroup::PowerSupply, SensorState::Critical, None, Some("ipmi-6f-08-01")),
        sensor("2", "PS2", SensorGroup::PowerSupply, SensorState::Ok, None, None),
        sensor("3", "FAN1", SensorGroup::Fan, SensorState::Ok, None, None),
        sensor("4", "FAN2", SensorGroup::Fan, SensorState::Ok, None, None),
        sensor("5", "CPU Temp", SensorGroup::Temperature, SensorState::Ok, Some((3, 1)), None),
        sensor("6", "VRM Temp", SensorGroup::Temperature, SensorState::UpperCritical, None, None),
    ];
    facts.server(&server, Some(&status), &[]);
    let causes = crate::cause::explain(facts.scene());
    assert_eq!(causes.len(), 1, "{causes:?}");
    let (cause, thing) = causes[0].known().expect("it says so itself");
    assert_eq!((cause, facts.scene().graph.thing(thing).name.as_str()), (CauseKind::PsuFails, "PS1"));
}
