use super::*;
use cake_types::{
    Actor, Epoch, FailureCode, HaltedBy, Leaving, LeavingStage, LeavingWay, NicStatus, ProjectName, Stamp, Subject,
    TaskId,
};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

fn task(kind: TaskKind, goal: TaskGoal) -> Task {
    Task {
        id: TaskId(Uuid::nil()),
        project: ProjectName::default(),
        kind,
        subject: Subject { kind: "vm".into(), id: Uuid::nil(), name: "web".into() },
        goal,
        created_at: Timestamp::UNIX_EPOCH,
        created_by: Actor::System,
        cancel_requested: false,
        progress: None,
        end: None,
    }
}

fn status(state: VmState, generation: u64) -> VmStatus {
    VmStatus::at_rest(Stamp { epoch: Epoch(1), generation: Generation(generation) }, state)
}

fn power(kind: TaskKind, generation: u64, power: Power) -> Task {
    task(kind, TaskGoal::Power { generation: Generation(generation), power })
}

fn no_space() -> Failure {
    Failure { code: FailureCode::NoSpace, detail: "pool full".into() }
}

fn word(progress: Progress) -> (&'static str, &'static str) {
    match progress {
        Progress::Running(_) => ("running", ""),
        Progress::End(end) => (end.state.as_str(), end.code),
    }
}

#[test]
fn power_tasks_end_when_the_node_reports_the_state() {
    use TaskKind::{VmCreate, VmPause, VmStart, VmStop};
    for (kind, asked, state, observed, expected) in [
        (VmStart, Power::Running, VmState::Running, 2, ("done", "done")),
        (VmStart, Power::Running, VmState::Running, 3, ("done", "done")),
        // The state is right, but it is the answer to an older question.
        (VmStart, Power::Running, VmState::Running, 1, ("running", "")),
        (VmStart, Power::Running, VmState::Starting, 2, ("running", "")),
        (VmStart, Power::Running, VmState::Stopped, 2, ("running", "")),
        (VmStart, Power::Running, VmState::Failed, 2, ("failed", "internal")),
        (VmCreate, Power::Stopped, VmState::Provisioning, 2, ("running", "")),
        (VmCreate, Power::Stopped, VmState::Stopped, 2, ("done", "done")),
        (VmCreate, Power::Stopped, VmState::Failed, 2, ("failed", "internal")),
        (VmStop, Power::Stopped, VmState::Stopping, 2, ("running", "")),
        (VmStop, Power::Stopped, VmState::Failed, 2, ("done", "done")),
        (VmPause, Power::Paused, VmState::Paused, 2, ("done", "done")),
        (VmPause, Power::Paused, VmState::Running, 2, ("running", "")),
        (VmPause, Power::Paused, VmState::Stopped, 2, ("failed", "not-running")),
    ] {
        let status = status(state, observed);
        let seen = Seen { status: Some(&status), asked: Some((Generation(2), asked)), ..Seen::default() };
        assert_eq!(word(progress(&power(kind, 2, asked), &seen)), expected, "{kind:?} {state:?} {observed}");
    }
}

#[test]
fn a_guest_that_ran_and_shut_itself_down_was_started() {
    for (reason, generation, expected) in [
        (ExitReason::Guest, 2, ("done", "done")),
        (ExitReason::Crash, 2, ("failed", "crashed")),
        (ExitReason::Killed, 2, ("failed", "killed")),
        // It halted before this start was asked.
        (ExitReason::Guest, 1, ("running", "")),
    ] {
        let mut status = status(VmState::Stopped, 2);
        status.halted_by =
            Some(HaltedBy { reason, generation: Generation(generation), at: Timestamp::UNIX_EPOCH, by_host: false });
        let seen = Seen { status: Some(&status), ..Seen::default() };
        assert_eq!(word(progress(&power(TaskKind::VmStart, 2, Power::Running), &seen)), expected, "{reason:?}");
    }
}

#[test]
fn a_later_request_supersedes_an_earlier_one() {
    let status = status(VmState::Stopped, 3);
    let seen = Seen { status: Some(&status), asked: Some((Generation(3), Power::Stopped)), ..Seen::default() };
    let start = power(TaskKind::VmStart, 2, Power::Running);
    assert_eq!(word(progress(&start, &seen)), ("cancelled", "superseded"));
    // The reconciler wrote `stopped` because the guest halted: that is no other request.
    let mut halted = status.clone();
    halted.halted_by = Some(HaltedBy {
        reason: ExitReason::Guest,
        generation: Generation(2),
        at: Timestamp::UNIX_EPOCH,
        by_host: false,
    });
    let seen = Seen { status: Some(&halted), ..seen };
    assert_eq!(word(progress(&start, &seen)), ("done", "done"));
}

#[test]
fn operations_end_with_their_outcome() {
    let goal = TaskGoal::Operation { operation: OperationId(Uuid::nil()) };
    let superseded = Outcome::Superseded;
    let failed = Outcome::Failed(Failure { code: FailureCode::GuestIgnoredShutdown, detail: String::new() });
    let (alive, off) = (status(VmState::Running, 1), status(VmState::Stopped, 1));
    for (kind, outcome, status, expected) in [
        (TaskKind::VmReset, Some(&Outcome::Done), &alive, ("done", "done")),
        (TaskKind::VmShutdown, Some(&failed), &alive, ("failed", "guest-ignored-shutdown")),
        (TaskKind::VmShutdown, Some(&superseded), &off, ("cancelled", "superseded")),
        (TaskKind::VmShutdown, None, &off, ("done", "done")),
        (TaskKind::VmReset, None, &off, ("failed", "not-running")),
        (TaskKind::VmShutdown, None, &alive, ("running", "")),
    ] {
        let seen = Seen { status: Some(status), outcome, ..Seen::default() };
        assert_eq!(word(progress(&task(kind, goal.clone()), &seen)), expected, "{kind:?} {outcome:?}");
    }
}

#[test]
fn removal_and_refusal_end_everything() {
    let delete = task(TaskKind::VmDelete, TaskGoal::Removed);
    let start = power(TaskKind::VmStart, 2, Power::Running);
    let removed = Seen { removed: true, ..Seen::default() };
    assert_eq!(word(progress(&delete, &removed)), ("done", "done"));
    assert_eq!(word(progress(&start, &removed)), ("cancelled", "removed"));
    let lost = Seen { lost: true, ..Seen::default() };
    assert_eq!(word(progress(&delete, &lost)), ("done", "done"));
    assert_eq!(word(progress(&start, &lost)), ("failed", "lost"));
    let refused = Seen { refused: Some((Generation(2), "no such pool")), ..Seen::default() };
    assert_eq!(word(progress(&start, &refused)), ("failed", "refused"));
    let older = Seen { refused: Some((Generation(1), "no such pool")), ..Seen::default() };
    assert_eq!(word(progress(&start, &older)), ("running", ""));
}

#[test]
fn a_cancelled_task_ends_when_its_work_is_undone() {
    let mut create = power(TaskKind::VmCreate, 1, Power::Running);
    create.cancel_requested = true;
    let provisioning = status(VmState::Provisioning, 1);
    let seen = Seen { status: Some(&provisioning), ..Seen::default() };
    assert_eq!(word(progress(&create, &seen)), ("running", ""));
    assert_eq!(word(progress(&create, &Seen { removed: true, ..seen })), ("cancelled", "cancelled"));
    let mut start = power(TaskKind::VmStart, 1, Power::Running);
    start.cancel_requested = true;
    let starting = status(VmState::Starting, 1);
    assert_eq!(word(progress(&start, &Seen { status: Some(&starting), ..Seen::default() })), ("running", ""));
    let off = status(VmState::Stopped, 1);
    assert_eq!(word(progress(&start, &Seen { status: Some(&off), ..Seen::default() })), ("cancelled", "cancelled"));
    let mut shutdown = task(TaskKind::VmShutdown, TaskGoal::Operation { operation: OperationId(Uuid::nil()) });
    shutdown.cancel_requested = true;
    assert_eq!(word(progress(&shutdown, &Seen::default())), ("cancelled", "cancelled"));
}

#[test]
fn a_failure_is_told_with_its_code_and_progress_is_shown() {
    let mut failed = status(VmState::Failed, 1);
    failed.failure = Some(no_space());
    let create = power(TaskKind::VmCreate, 1, Power::Running);
    let Progress::End(end) = progress(&create, &Seen { status: Some(&failed), ..Seen::default() }) else {
        panic!("a failed VM ends its creation");
    };
    assert_eq!((end.code, end.detail.as_deref()), ("no-space", Some("pool full")));
    let mut making = status(VmState::Provisioning, 1);
    making.progress = Some(ProvisionProgress { done: ByteSize(30), total: ByteSize(20) });
    let expected = TaskProgress { done: ByteSize(20), total: ByteSize(20) };
    assert_eq!(
        progress(&create, &Seen { status: Some(&making), ..Seen::default() }),
        Progress::Running(Some(expected))
    );
}

fn any_state() -> impl Strategy<Value = VmState> {
    prop_oneof![
        Just(VmState::Pending),
        Just(VmState::Provisioning),
        Just(VmState::Stopped),
        Just(VmState::Starting),
        Just(VmState::Running),
        Just(VmState::Paused),
        Just(VmState::ShuttingDown),
        Just(VmState::Stopping),
        Just(VmState::Failed),
        Just(VmState::Deleting),
    ]
}

proptest! {
    /// A power task is never done on the strength of an answer to an older question.
    #[test]
    fn an_old_answer_ends_nothing(state in any_state(), observed in 0u64..5, generation in 1u64..9) {
        prop_assume!(observed < generation);
        let status = status(state, observed);
        let seen = Seen { status: Some(&status), ..Seen::default() };
        for goal in [Power::Running, Power::Stopped, Power::Paused] {
            let running = matches!(progress(&power(TaskKind::VmStart, generation, goal), &seen), Progress::Running(_));
            prop_assert!(running);
        }
    }

    /// Whatever was seen, a removed subject leaves no task running.
    #[test]
    fn no_task_outlives_its_subject(state in any_state(), observed in 0u64..5, cancel: bool) {
        let status = status(state, observed);
        let seen = Seen { status: Some(&status), removed: true, ..Seen::default() };
        for kind in TaskKind::ALL {
            let mut task = power(kind, 3, Power::Running);
            task.cancel_requested = cancel && cancel_is_possible(kind);
            prop_assert!(matches!(progress(&task, &seen), Progress::End(_)));
        }
    }
}

fn cancel_is_possible(kind: TaskKind) -> bool {
    cancel(kind).is_some()
}

#[test]
fn every_end_has_its_own_sentence() {
    for language in cake_types::Language::ALL {
        let words = cake_i18n::Catalogue::get(language);
        for code in code::ALL {
            let has = |id: String| words.has(&id);
            assert!(has(format!("task-end-{code}")) || has(format!("failure-{code}")), "{code} in {}", language.tag());
        }
    }
}

#[test]
fn a_card_is_there_when_the_guest_has_it_and_gone_when_it_has_not() {
    let mac: MacAddress = "02:00:00:00:00:01".parse().unwrap();
    let nic = |leaving, failure: Option<Failure>| NicStatus { mac, addresses: Vec::new(), leaving, failure };
    let ignored = Failure { code: FailureCode::GuestIgnoredUnplug, detail: String::new() };
    for (plugged, state, observed, nics, expected) in [
        (true, VmState::Running, 1, vec![nic(false, None)], ("running", "")),
        (true, VmState::Running, 2, vec![], ("running", "")),
        (true, VmState::Running, 2, vec![nic(false, None)], ("done", "done")),
        (true, VmState::Running, 2, vec![nic(false, Some(no_space()))], ("failed", "no-space")),
        (true, VmState::Stopped, 2, vec![], ("done", "done")),
        (false, VmState::Running, 2, vec![nic(true, None)], ("running", "")),
        (false, VmState::Running, 2, vec![nic(false, Some(ignored))], ("failed", "guest-ignored-unplug")),
        (false, VmState::Running, 2, vec![], ("done", "done")),
        (false, VmState::Stopped, 2, vec![], ("done", "done")),
    ] {
        let task = task(TaskKind::VmNicAdd, TaskGoal::Nic { generation: Generation(2), mac, plugged });
        let status = VmStatus { nics: nics.clone(), ..status(state, observed) };
        let seen = Seen { status: Some(&status), ..Seen::default() };
        assert_eq!(word(progress(&task, &seen)), expected, "{plugged} {state:?} {nics:?}");
    }
}

#[test]
fn a_cd_is_there_when_a_guest_that_runs_has_it() {
    let (wanted, other) = (ImageId(Uuid::from_u128(1)), ImageId(Uuid::from_u128(2)));
    let locked = Failure { code: FailureCode::CdLocked, detail: String::new() };
    let drive = |image| CdStatus { image, ..CdStatus::default() };
    for (state, observed, cd, expected) in [
        (VmState::Running, 1, Some(drive(Some(wanted))), ("running", "")),
        (VmState::Running, 2, Some(drive(Some(other))), ("running", "")),
        (VmState::Running, 2, Some(drive(None)), ("running", "")),
        (VmState::Running, 2, Some(CdStatus { waiting: true, ..drive(Some(other)) }), ("running", "")),
        (VmState::Running, 2, Some(CdStatus { failure: Some(locked), ..drive(Some(other)) }), ("failed", "cd-locked")),
        (VmState::Running, 2, Some(drive(Some(wanted))), ("done", "done")),
        (VmState::Stopped, 2, None, ("done", "done")),
    ] {
        let task = task(TaskKind::VmCdInsert, TaskGoal::Cd { generation: Generation(2), image: Some(wanted) });
        let status = VmStatus { cd: cd.clone(), ..status(state, observed) };
        let seen = Seen { status: Some(&status), ..Seen::default() };
        assert_eq!(word(progress(&task, &seen)), expected, "{state:?} {observed} {cd:?}");
    }
}

#[test]
fn a_disk_is_there_when_the_guest_has_it_so_large_and_gone_when_it_has_not() {
    let (small, large) = (ByteSize::mib(1), ByteSize::mib(2));
    let disk = |size, failure: Option<Failure>| DiskStatus { number: 3, size, leaving: false, failure };
    for (wanted, state, observed, disks, expected) in [
        (Some(large), VmState::Running, 1, vec![disk(large, None)], ("running", "")),
        (Some(large), VmState::Running, 2, vec![], ("running", "")),
        (Some(large), VmState::Running, 2, vec![disk(small, None)], ("running", "")),
        (Some(large), VmState::Running, 2, vec![disk(large, None)], ("done", "done")),
        (Some(large), VmState::Running, 2, vec![disk(small, Some(no_space()))], ("failed", "no-space")),
        (Some(large), VmState::Provisioning, 2, vec![], ("running", "")),
        (Some(large), VmState::Stopped, 2, vec![], ("done", "done")),
        (None, VmState::Running, 2, vec![disk(small, None)], ("running", "")),
        (None, VmState::Running, 2, vec![], ("done", "done")),
        (None, VmState::Stopped, 2, vec![], ("done", "done")),
    ] {
        let goal = TaskGoal::Disk { generation: Generation(2), number: 3, size: wanted };
        let task = task(TaskKind::VmDiskAdd, goal);
        let status = VmStatus { disks: disks.clone(), ..status(state, observed) };
        let seen = Seen { status: Some(&status), ..Seen::default() };
        assert_eq!(word(progress(&task, &seen)), expected, "{wanted:?} {state:?} {disks:?}");
    }
}

#[test]
fn an_order_to_go_ends_as_its_server_tells() {
    let (operation, other) = (OperationId::now(), OperationId::now());
    let goal = TaskGoal::Left { operation, seconds: 30 };
    let order = |cancel_requested| Task { cancel_requested, ..task(TaskKind::NodeReboot, goal.clone()) };
    let left = |operation, end| HostStatus {
        left: Some(Departed { operation, end, detail: Some("why".into()) }),
        ..HostStatus::default()
    };
    let ends = |host: &HostStatus, cancel| {
        let seen = LeaveSeen { connected: true, host: Some(host), outcome: None };
        match leave_progress(&order(cancel), operation, &seen) {
            Progress::Running(_) => TaskState::Running,
            Progress::End(end) => end.state,
        }
    };
    assert_eq!(ends(&HostStatus::default(), false), TaskState::Running);
    assert_eq!(ends(&left(other, LeavingEnd::Done), false), TaskState::Running, "another order");
    assert_eq!(ends(&left(operation, LeavingEnd::Done), false), TaskState::Done);
    assert_eq!(ends(&left(operation, LeavingEnd::Done), true), TaskState::Done, "it was too late");
    assert_eq!(ends(&left(operation, LeavingEnd::Failed), false), TaskState::Failed);
    assert_eq!(ends(&left(operation, LeavingEnd::Cancelled), true), TaskState::Cancelled);
    let leaving = Leaving { operation, way: LeavingWay::Reboot, stage: LeavingStage::Back, guests: 2, left: 1 };
    let back = HostStatus { leaving: Some(leaving), ..HostStatus::default() };
    assert_eq!(ends(&back, true), TaskState::Running, "guests come back first");
    assert_eq!(ends(&HostStatus::default(), true), TaskState::Cancelled, "it never got there");
}

#[test]
fn a_scan_ends_as_the_node_tells_and_only_its_own() {
    let (operation, other) = (OperationId::now(), OperationId::now());
    let range = crate::scan::range("10.0.0.0/24", None, None).unwrap();
    let scan = |operation, end| ScanStatus {
        operation,
        range,
        total: 254,
        asked: 127,
        started_at: jiff::Timestamp::UNIX_EPOCH,
        end,
        found: Vec::new(),
        more: false,
    };
    let goal = TaskGoal::Scanned { operation, range };
    let is = |cancel_requested, scan: Option<ScanStatus>, outcome: Option<Outcome>| {
        let task = Task { cancel_requested, ..task(TaskKind::BmcScan, goal.clone()) };
        word(scan_progress(&task, operation, scan.as_ref(), outcome.as_ref()))
    };
    assert_eq!(is(false, None, None), ("running", ""));
    assert_eq!(is(false, Some(scan(other, Some(ScanEnd::Done))), None), ("running", ""), "an earlier one");
    assert_eq!(is(true, None, None), ("cancelled", "cancelled"), "it never got there");
    assert_eq!(is(true, Some(scan(operation, None)), None), ("running", ""), "until the node has stopped");
    for (end, expected) in [
        (ScanEnd::Done, ("done", "done")),
        (ScanEnd::Cancelled, ("cancelled", "cancelled")),
        (ScanEnd::Interrupted, ("failed", "interrupted")),
    ] {
        assert_eq!(is(false, Some(scan(operation, Some(end))), None), expected);
    }
    let refused = Outcome::Failed(Failure { code: FailureCode::Internal, detail: String::new() });
    assert_eq!(is(false, None, Some(refused)).0, "failed");
    let task = task(TaskKind::BmcScan, goal.clone());
    let Progress::Running(Some(progress)) = scan_progress(&task, operation, Some(&scan(operation, None)), None) else {
        panic!("it runs")
    };
    assert_eq!((progress.done.bytes(), progress.total.bytes()), (127, 254));
}
