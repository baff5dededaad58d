use super::*;
use crate::power_budget::Plan;
use cake_types::{
    Acknowledgement, Actor, DiskHealth, DiskSilence, DiskWarning, Epoch, Generation, HaltedBy, NodeStatus, ServerDisk,
    Stamp,
};
use proptest::prelude::*;
use serde_json::from_str;

/// What there is, to be changed by a test and looked at.
struct World {
    now: Timestamp,
    node: Node,
    node_status: Option<NodeStatus>,
    connected: bool,
    pool: Pool,
    pool_status: PoolStatus,
    vm: Vm,
    status: VmStatus,
    state: Option<VmState>,
    orphaned: bool,
    binned: bool,
    certificate: Option<CertificateInfo>,
    disks: Option<Vec<ServerDisk>>,
    channel: Option<(Channel, ChannelState)>,
    budget: Option<(Name, u32, Plan)>,
    open: Alerts,
    waiting: BTreeMap<AlertId, Timestamp>,
}

impl World {
    fn new() -> Self {
        let vm: Vm = from_str(include_str!("../../cake-types/tests/golden/vm-direct.json")).unwrap();
        let status = VmStatus::at_rest(Stamp { epoch: Epoch(1), generation: vm.meta.generation }, VmState::Running);
        Self {
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            node: from_str(include_str!("../../cake-types/tests/golden/node.json")).unwrap(),
            node_status: Some(node_status()),
            connected: true,
            pool: from_str(include_str!("../../cake-types/tests/golden/pool.json")).unwrap(),
            pool_status: PoolStatus {
                path: "/srv".into(),
                file_system: "xfs".into(),
                size: ByteSize::gib(100),
                free: ByteSize::gib(100),
                reflink: true,
                available: true,
                detail: None,
            },
            vm,
            status,
            state: None,
            orphaned: false,
            binned: false,
            certificate: None,
            disks: Some(Vec::new()),
            channel: None,
            budget: None,
            open: Alerts::new(),
            waiting: BTreeMap::new(),
        }
    }

    fn look(&mut self) -> Vec<(&'static str, &'static str, Severity)> {
        let facts = Facts {
            servers: Vec::new(),
            devices: Vec::new(),
            now: self.now,
            nodes: vec![NodeItem {
                node: &self.node,
                status: self.node_status.as_ref(),
                connected: self.connected,
                disks: self.disks.as_deref(),
            }],
            pools: vec![PoolItem { pool: &self.pool, status: Some(&self.pool_status) }],
            vms: vec![VmSeen {
                vm: &self.vm,
                status: Some(&self.status),
                state: self.state.unwrap_or(self.status.state),
                orphaned: self.orphaned,
                binned: self.binned,
            }],
            certificate: self.certificate.as_ref(),
            channels: self.channel.iter().map(|(channel, state)| ChannelSeen { channel, state }).collect(),
            budget: self.budget.as_ref().map(|(name, budget, plan)| BudgetSeen { name, budget: *budget, plan }),
        };
        let found = find(&facts, &self.open);
        let next = next(self.now, found, &self.open, &self.waiting);
        (self.open, self.waiting) = (next.open, next.waiting);
        let told = next.turns.iter().map(|turn| match turn {
            Turn::Began(alert) => ("began", alert.kind.as_str(), alert.severity),
            Turn::Ended(alert) => ("ended", alert.kind.as_str(), alert.severity),
        });
        told.collect()
    }

    fn used(&mut self, percent: u64) -> Vec<(&'static str, &'static str, Severity)> {
        self.pool_status.free = ByteSize(self.pool_status.size.bytes() / 100 * (100 - percent));
        self.look()
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self
    }

    fn fails(&mut self, code: FailureCode, state: VmState) {
        self.status.failure = Some(Failure { code, detail: String::new() });
        self.status.state = state;
    }

    fn acknowledge(&mut self) {
        for alert in self.open.values_mut() {
            alert.acknowledged = Some(Acknowledgement { at: self.now, by: Actor::System, note: None });
        }
    }
}

fn node_status() -> NodeStatus {
    from_str(
        r#"{ "host_name": "a", "version": "1", "epoch": 1, "accelerator": { "kind": "kvm" }, "qemu": "10",
             "launcher": "systemd", "capacity": { "cpus": 1, "memory": 1, "memory_available": 1 },
             "started_at": "2026-11-20T16:30:00Z" }"#,
    )
    .unwrap()
}

const WARNING: Severity = Severity::Warning;
const ERROR: Severity = Severity::Error;

#[test]
fn a_pool_warns_once_however_often_it_passes_its_threshold() {
    let mut world = World::new();
    for (percent, told) in [
        (79, vec![]),
        (80, vec![("began", "pool-space", WARNING)]),
        (79, vec![]),
        (80, vec![]),
        (76, vec![]),
        (89, vec![]),
        (90, vec![("began", "pool-space", ERROR)]),
        (89, vec![]),
        (90, vec![]),
        (85, vec![]),
        // Better is no news; worse again is.
        (84, vec![]),
        (89, vec![]),
        (91, vec![("began", "pool-space", ERROR)]),
        (84, vec![]),
        (75, vec![]),
        (74, vec![("ended", "pool-space", WARNING)]),
        (79, vec![]),
        (100, vec![("began", "pool-space", ERROR)]),
        (0, vec![("ended", "pool-space", ERROR)]),
    ] {
        assert_eq!(world.used(percent), told, "at {percent} %");
    }
}

#[test]
fn who_knows_of_a_warning_does_not_know_of_worse() {
    let mut world = World::new();
    world.used(85);
    world.acknowledge();
    world.used(88);
    let is_known = |world: &World| world.open.values().all(|alert| alert.acknowledged.is_some());
    assert!(is_known(&world));
    assert_eq!(world.open.values().next().unwrap().params["percent"], "88", "what is so now");
    let since = world.now;
    world.later(60).used(95);
    assert!(!is_known(&world));
    assert_eq!(world.open.values().next().unwrap().since, since);
    world.acknowledge();
    world.used(86);
    world.used(84);
    assert!(is_known(&world), "better is nothing to be told of again");
    world.used(10);
    world.used(85);
    assert!(!is_known(&world), "it went with the alert");
}

#[test]
fn a_node_that_is_back_at_once_is_no_alert() {
    let mut world = World::new();
    world.connected = false;
    assert_eq!(world.look(), []);
    assert_eq!(world.later(9).look(), []);
    world.connected = true;
    assert_eq!(world.look(), []);
    world.connected = false;
    assert_eq!(world.later(60).look(), []);
    assert_eq!(world.later(10).look(), [("began", "node-away", ERROR)]);
    assert_eq!(world.open.values().next().unwrap().since, world.now - SignedDuration::from_secs(10));
    assert_eq!(world.later(3600).look(), []);
    world.connected = true;
    assert_eq!(world.look(), [("ended", "node-away", ERROR)]);
}

#[test]
fn nothing_ends_because_nothing_is_known() {
    let mut world = World::new();
    world.fails(FailureCode::CrashLoop, VmState::Failed);
    world.used(95);
    world.acknowledge();
    let open = world.open.clone();
    assert_eq!(open.len(), 2);
    // caked starts again: the node has not spoken.
    (world.node_status, world.connected) = (None, false);
    assert_eq!(world.look(), []);
    assert_eq!(world.open, open, "to the last word");
    (world.node_status, world.connected) = (Some(node_status()), true);
    assert_eq!(world.look(), []);
    assert_eq!(world.open, open);
}

#[test]
fn what_a_vm_can_need_somebody_for() {
    let halted =
        |reason| Some(HaltedBy { reason, generation: Generation(u64::MAX), at: Timestamp::UNIX_EPOCH, by_host: false });
    type Change = fn(&mut World);
    let cases: [(Change, Option<(&str, Severity)>); 12] = [
        (|_| {}, None),
        (|w| w.fails(FailureCode::NoSpace, VmState::Paused), Some(("vm-no-space", ERROR))),
        (|w| w.fails(FailureCode::NoSpace, VmState::Failed), Some(("vm-failed", ERROR))),
        (|w| w.fails(FailureCode::Disk, VmState::Paused), Some(("vm-failed", ERROR))),
        (|w| w.fails(FailureCode::GuestIgnoredShutdown, VmState::Running), Some(("vm-failed", WARNING))),
        (|w| w.orphaned = true, Some(("vm-orphaned", WARNING))),
        (|w| w.state = Some(VmState::Lost), Some(("vm-lost", ERROR))),
        (|w| w.status.state = VmState::Stopped, None),
        (|w| (w.orphaned, w.state) = (true, Some(VmState::Deleting)), None),
        (
            |w| {
                w.fails(FailureCode::Disk, VmState::Failed);
                w.binned = true;
            },
            None,
        ),
        (|w| w.pool_status.available = false, Some(("pool-missing", ERROR))),
        (|w| w.pool_status.size = ByteSize(0), None),
    ];
    for (at, (change, told)) in cases.into_iter().enumerate() {
        let mut world = World::new();
        change(&mut world);
        let expected: Vec<_> = told.into_iter().map(|(kind, severity)| ("began", kind, severity)).collect();
        assert_eq!(world.look(), expected, "case {at}");
    }
    for (reason, power, told) in [
        (ExitReason::Crash, Power::Running, true),
        (ExitReason::Killed, Power::Running, true),
        (ExitReason::Guest, Power::Running, false),
        (ExitReason::Crash, Power::Stopped, false),
    ] {
        let mut world = World::new();
        (world.status.state, world.status.halted_by) = (VmState::Stopped, halted(reason));
        world.vm.spec.power = power;
        assert_eq!(!world.look().is_empty(), told, "{reason:?} {power:?}");
    }
}

#[test]
fn a_guest_that_goes_on_for_a_moment_is_not_well() {
    let mut world = World::new();
    let pool = world.pool.meta.id;
    world.vm.spec.disks = vec![cake_types::DiskSpec::own(ByteSize::gib(1), pool, None, None)];
    world.fails(FailureCode::NoSpace, VmState::Paused);
    assert_eq!(world.used(100).len(), 2);
    // QEMU goes on, to see; nothing was made free.
    (world.status.failure, world.status.state) = (None, VmState::Running);
    assert_eq!(world.look(), []);
    assert_eq!(world.used(99), [("ended", "vm-no-space", ERROR)]);

    let mut world = World::new();
    world.fails(FailureCode::CrashLoop, VmState::Failed);
    world.look();
    (world.status.failure, world.status.state) = (None, VmState::Running);
    world.status.started_at = Some(world.now);
    let steady = STEADY.as_secs() as i64;
    assert_eq!(world.later(steady - 1).look(), []);
    assert_eq!(world.later(1).look(), [("ended", "vm-failed", ERROR)]);
    // Who stops it has seen to it.
    world.fails(FailureCode::CrashLoop, VmState::Failed);
    world.look();
    (world.status.failure, world.status.state) = (None, VmState::Stopped);
    assert_eq!(world.look(), [("ended", "vm-failed", ERROR)]);
}

#[test]
fn a_certificate_is_told_of_before_it_ends() {
    let mut world = World::new();
    let day = SignedDuration::from_hours(24);
    let ends = world.now + day * 100;
    let info = |source| {
        let (subject, issuer, fingerprint) = (String::new(), String::new(), String::new());
        let names = vec!["console.example.com".into()];
        CertificateInfo { source, subject, issuer, names, not_before: world.now, not_after: ends, fingerprint }
    };
    let (own, built_in) = (info(CertificateSource::Own), info(CertificateSource::BuiltIn));
    world.certificate = Some(own);
    for (days, told) in [
        (69, vec![]),
        (2, vec![("began", "certificate-ends", WARNING)]),
        (20, vec![]),
        (3, vec![("began", "certificate-ends", ERROR)]),
        (10, vec![]),
    ] {
        assert_eq!(world.later(days * 86_400).look(), told, "{days} days later");
    }
    assert_eq!(world.open.values().next().unwrap().params["days"], "0");
    let renewed = CertificateInfo { not_after: world.now + day * 16, ..built_in };
    world.certificate = Some(renewed);
    assert_eq!(world.look(), [("ended", "certificate-ends", ERROR)]);
    // The node's absence says nothing about it.
    (world.node_status, world.connected) = (None, false);
    assert_eq!(world.later(2 * 86_400).look(), [("began", "certificate-ends", WARNING)]);
}

#[test]
fn a_power_supply_is_told_of_while_it_matters() {
    use cake_types::{UpsProblem, UpsShutdown, UpsStatus};
    let mut world = World::new();
    let mut says = |flags: &[UpsFlag], problem, shutdown| {
        let (flags, runtime, charge) = (flags.to_vec(), Some(659), None);
        let ups = UpsStatus { flags, runtime, charge, problem, shutdown, ..UpsStatus::default() };
        world.node_status.as_mut().unwrap().ups = Some(ups);
        let told = world.look();
        world.later(60);
        (told, world.open.values().map(|alert| alert.params.clone()).collect::<Vec<_>>())
    };
    let began = |kind, severity| ("began", kind, severity);
    let ended = |kind, severity| ("ended", kind, severity);
    use UpsFlag::{Calibrating, Forced, LowBattery, OnBattery, OnLine, ReplaceBattery};
    assert_eq!(says(&[OnLine], None, None).0, []);
    assert_eq!(says(&[OnBattery, Calibrating, LowBattery], None, None).0, [], "it tries its battery");
    let (told, params) = says(&[OnBattery], None, None);
    assert_eq!(told, [began("ups-on-battery", WARNING)]);
    assert_eq!((params[0]["minutes"].as_str(), params[0]["charge"].as_str()), ("10", "?"));
    // It can't be heard any more: it is not over for that, and that is told only if it lasts.
    assert_eq!(says(&[OnBattery], Some(UpsProblem::Unreachable), None).0, []);
    assert_eq!(says(&[OnBattery], Some(UpsProblem::Unreachable), None).0, [began("ups-away", WARNING)]);
    assert_eq!(
        says(&[OnBattery, LowBattery], None, None).0,
        [began("ups-low-battery", ERROR), ended("ups-away", WARNING)]
    );
    assert_eq!(says(&[OnBattery, LowBattery], None, Some(UpsShutdown::Guests)).0, [began("ups-shutdown", ERROR)]);
    let told = says(&[OnLine, LowBattery, ReplaceBattery], Some(UpsProblem::Login), None).0;
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.contains(&began("ups-replace-battery", WARNING)), "a login that is refused hides nothing");
    let told = says(&[OnLine, Forced], None, None).0;
    assert_eq!(told, [began("ups-low-battery", ERROR), ended("ups-replace-battery", WARNING)]);
}

proptest! {
    /// Whatever a pool's use does: what began and what ended is what is open, and nothing is told twice.
    #[test]
    fn turns_and_alerts_agree(steps in proptest::collection::vec((0u64..=100, any::<bool>(), any::<bool>()), 1..60)) {
        let mut world = World::new();
        let mut open: BTreeMap<String, Severity> = BTreeMap::new();
        for (percent, connected, available) in steps {
            (world.connected, world.pool_status.available) = (connected, available);
            for (turn, kind, severity) in world.later(7).used(percent) {
                let was = if turn == "began" { open.insert(kind.into(), severity) } else { open.remove(kind) };
                let sound = if turn == "began" { was != Some(ERROR) || kind == "pool-space" } else { was.is_some() };
                prop_assert!(sound, "{} {}", turn, kind);
            }
            let now: Vec<String> = world.open.values().map(|alert| alert.kind.as_str().into()).collect();
            prop_assert_eq!(open.keys().cloned().collect::<std::collections::BTreeSet<_>>(), now.into_iter().collect());
            prop_assert!(world.open.len() + world.waiting.len() <= 2);
        }
    }
}

fn disk(name: &str) -> ServerDisk {
    from_str(&format!(
        r#"{{ "name": "{name}", "model": "Fast One", "serial": "S/{name}", "size": 4096, "bus": "nvme",
              "rotational": false, "removable": false, "health": {{ "read_at": "2026-11-20T16:30:00Z" }} }}"#
    ))
    .unwrap()
}

#[test]
fn a_disk_is_told_of_for_each_reason_and_by_its_name() {
    let mut world = World::new();
    let says = |world: &mut World, change: fn(&mut DiskHealth)| {
        let mut one = disk("nvme0n1");
        change(&mut one.health);
        world.disks = Some(vec![disk("nvme1n1"), one]);
        world.look()
    };
    assert_eq!(says(&mut world, |_| {}), []);
    assert_eq!(says(&mut world, |h| h.percent_used = Some(80)), [("began", "disk-worn", WARNING)]);
    assert_eq!(says(&mut world, |h| h.percent_used = Some(90)), [("began", "disk-worn", ERROR)]);
    let alert = world.open.values().next().unwrap();
    assert_eq!(
        (alert.params["disk"].as_str(), alert.params["percent"].as_str()),
        ("nvme0n1 (Fast One, S/nvme0n1)", "90")
    );
    assert!(alert.id.as_str().ends_with(".Snvme0n1"), "{}", alert.id);
    let told = says(&mut world, |h| (h.passed, h.pending_sectors) = (Some(false), Some(2)));
    let expected =
        [("began", "disk-failing", ERROR), ("began", "disk-sectors", WARNING), ("ended", "disk-worn", ERROR)];
    assert_eq!(told, expected);
    let told = says(&mut world, |h| h.warnings = vec![DiskWarning::Spare, DiskWarning::Temperature]);
    let [spare, hot, .., failing, sectors] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!([spare, hot], [&("began", "disk-spare", ERROR), &("began", "disk-hot", WARNING)]);
    assert_eq!([failing, sectors], [&("ended", "disk-failing", ERROR), &("ended", "disk-sectors", WARNING)]);
    world.disks = Some(Vec::new());
    assert_eq!(world.look().len(), 2, "a disk that was taken out is nobody's trouble");
}

/// One thing, one message: a date until the disk has to be replaced at any rate, and then that.
#[test]
fn a_disk_that_wears_out_soon_is_told_of_once() {
    let mut world = World::new();
    let says = |world: &mut World, percent: u32, days: Option<i64>| {
        let mut one = disk("nvme0n1");
        one.health.percent_used = Some(percent);
        one.health.worn_out_at = days.map(|days| world.now + SignedDuration::from_hours(days * 24 + 1));
        world.disks = Some(vec![one]);
        world.look()
    };
    assert_eq!(says(&mut world, 60, None), []);
    assert_eq!(says(&mut world, 60, Some(43)), [("began", "disk-wearing", WARNING)]);
    let alert = world.open.values().next().unwrap();
    assert_eq!((alert.params["percent"].as_str(), alert.params["days"].as_str()), ("60", "43"));
    world.acknowledge();
    assert_eq!(says(&mut world, 80, Some(21)), [], "its date says more than that it is worn to 80 %");
    assert_eq!(says(&mut world, 81, Some(14)), [("began", "disk-wearing", ERROR)], "now it has to be replaced");
    assert_eq!(says(&mut world, 81, Some(20)), []);
    assert_eq!(world.open.values().next().unwrap().severity, ERROR, "until it is half as far again");
    assert_eq!(says(&mut world, 82, Some(30)), []);
    assert_eq!(world.open.values().next().unwrap().severity, WARNING);
    assert_eq!(says(&mut world, 83, None), [("began", "disk-worn", WARNING), ("ended", "disk-wearing", WARNING)]);
    assert_eq!(says(&mut world, 84, Some(40)), [], "who knows that it is worn needs no second message");
    assert_eq!(says(&mut world, 85, Some(9)), [("began", "disk-wearing", ERROR), ("ended", "disk-worn", WARNING)]);
    assert_eq!(says(&mut world, 90, Some(5)), [("began", "disk-worn", ERROR), ("ended", "disk-wearing", ERROR)]);
    assert_eq!(says(&mut world, 90, Some(-5)), []);
    assert_eq!(says(&mut world, 10, None), [("ended", "disk-worn", ERROR)]);
    // The server is away, and the moment passes.
    assert_eq!(says(&mut world, 70, Some(-400)), [("began", "disk-wearing", ERROR)]);
    assert_eq!(world.open.values().next().unwrap().params["days"], "1");
    let mut asleep = disk("nvme0n1");
    asleep.health = DiskHealth::silent(DiskSilence::Asleep);
    world.disks = Some(vec![asleep]);
    assert_eq!(world.look(), [], "a disk that says nothing now is as it was");
}

/// A server that has just been started has not looked at its disks yet, and some of them may sleep.
#[test]
fn what_nothing_new_is_known_of_stays_as_it_was() {
    let mut world = World::new();
    let mut failing = disk("sda");
    failing.health.passed = Some(false);
    world.disks = Some(vec![failing.clone()]);
    assert_eq!(world.look(), [("began", "disk-failing", ERROR)]);
    world.acknowledge();
    world.disks = None;
    assert_eq!(world.look(), []);
    let mut other = disk("sdb");
    failing.health = DiskHealth::silent(DiskSilence::Asleep);
    other.health = DiskHealth::silent(DiskSilence::Unsupported);
    world.disks = Some(vec![failing.clone(), other]);
    assert_eq!(world.look(), []);
    assert!(world.open.values().next().unwrap().acknowledged.is_some());
    failing.health = disk("sda").health;
    world.disks = Some(vec![failing]);
    assert_eq!(world.look(), [("ended", "disk-failing", ERROR)]);
}

#[test]
fn a_channel_on_which_nothing_gets_through_is_an_alert_after_a_while() {
    use cake_types::{Failing, SendTrouble};
    let channel = from_str(include_str!("../../cake-types/tests/golden/channel-mail.json")).unwrap();
    let mut world = World::new();
    let failing = |at: Timestamp| Failing { since: at, at, trouble: SendTrouble::Login, detail: "535".into() };
    let state = ChannelState { failing: Some(failing(world.now)), ..ChannelState::default() };
    world.channel = Some((channel, state));
    assert_eq!(world.look(), []);
    world.now += SignedDuration::from_mins(15);
    assert_eq!(world.look(), [("began", "channel-fails", Severity::Warning)]);
    world.channel.as_mut().unwrap().1.failing = None;
    assert_eq!(world.look(), [("ended", "channel-fails", Severity::Warning)]);
    // Who is switched off is not expected to get through.
    let (channel, state) = world.channel.as_mut().unwrap();
    (channel.spec.on, state.failing) = (false, Some(failing(world.now)));
    world.look();
    world.now += SignedDuration::from_mins(15);
    assert_eq!(world.look(), []);
}

#[test]
fn a_rack_over_its_budget_is_an_alert_when_nothing_more_can_be_done() {
    let mut world = World::new();
    let plan = |drawn, may_draw| {
        let wanted = [(cake_types::ServerId(uuid::Uuid::nil()), None)].into_iter().collect();
        Plan { wanted, drawn, may_draw, silent: 0 }
    };
    let mut says = |seconds, plan| {
        world.budget = Some(("taipei".parse().unwrap(), 1_000, plan));
        world.later(seconds).look()
    };
    assert_eq!(says(0, plan(1_100, 900)), [], "what was just held back goes on for a moment");
    assert_eq!(says(600, plan(1_100, 1_050)), []);
    assert_eq!(says(59, plan(1_100, 1_050)), []);
    assert_eq!(says(1, plan(1_120, 1_050)), [("began", "power-budget", Severity::Error)]);
    assert_eq!(says(1, plan(990, 990)), [], "it wavers");
    assert_eq!(says(1, Plan { silent: 1, ..plan(0, 0) }), [], "nothing is known");
    assert_eq!(says(1, plan(970, 970)), [("ended", "power-budget", Severity::Error)]);
    says(0, plan(1_100, 1_050));
    says(60, plan(1_100, 1_050));
    world.budget = None;
    assert_eq!(world.look(), [("ended", "power-budget", Severity::Error)], "without a budget there is nothing to keep");
}
