//! Random requests, answers and accidents against a world that obeys the machine's effects.

use super::*;
use crate::request::Edge;
use cake_types::Epoch;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use uuid::Uuid;

fn failure(code: FailureCode) -> Failure {
    Failure { code, detail: "a test".into() }
}

fn desired(generation: u64, power: Power, restart: Restart) -> Desired {
    let stamp = Stamp { epoch: Epoch(1), generation: Generation(generation) };
    Desired { stamp, power, restart, removing: false }
}

/// Everything outside the machine: one process at most, and work under way.
struct World {
    machine: Machine,
    now: Instant,
    alive: bool,
    /// Answers that are owed.
    owed: VecDeque<Input>,
    outcomes: BTreeMap<OperationId, u32>,
    admitted: Vec<OperationId>,
    halts: u32,
    next_failure: bool,
    /// The guest does not run: told so, or because of its disk.
    stopped: bool,
    /// Resets that are written down as begun.
    begun: Vec<OperationId>,
}

impl World {
    fn new(power: Power, restart: Restart) -> Self {
        let now = Instant::now();
        let (machine, effects) = Machine::new(desired(1, power, restart), None, false, now);
        let mut world = Self {
            machine,
            now,
            alive: false,
            owed: VecDeque::new(),
            outcomes: BTreeMap::new(),
            admitted: Vec::new(),
            halts: 0,
            next_failure: false,
            stopped: false,
            begun: Vec::new(),
        };
        world.obey(effects);
        world
    }

    fn obey(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let fails = std::mem::take(&mut self.next_failure);
            let result = |code| if fails { Err(failure(code)) } else { Ok(()) };
            match effect {
                Effect::Make => self.owed.push_back(Input::Made(result(FailureCode::NoSpace))),
                Effect::CancelMake => {}
                Effect::Start { paused } => {
                    assert!(!self.alive, "a second QEMU");
                    (self.alive, self.stopped) = (!fails, paused);
                    let found = if paused { Found::Paused } else { Found::Running };
                    self.owed.push_back(Input::Started(result(FailureCode::QemuStart).map(|()| found)));
                }
                Effect::Adopt if self.alive => {
                    let found = if self.stopped { Found::Paused } else { Found::Running };
                    self.owed.push_back(Input::Started(Ok(found)));
                }
                Effect::Adopt => self.owed.push_back(Input::Started(Err(failure(FailureCode::QemuStart)))),
                Effect::Begin { operation } => self.begun.push(operation),
                Effect::Tell(command) => {
                    match command {
                        Command::Stop if !fails => self.stopped = true,
                        Command::Continue if !fails => self.stopped = false,
                        _ => {}
                    }
                    let result = result(FailureCode::QmpProtocol);
                    self.owed.push_back(Input::Answered { command, result });
                }
                Effect::Kill => {
                    if std::mem::take(&mut self.alive) {
                        self.owed.push_back(Input::Ended(ExitReason::Killed));
                    }
                }
                Effect::Finish { operation, .. } => *self.outcomes.entry(operation).or_default() += 1,
                Effect::Halt { .. } => self.halts += 1,
                Effect::Remove => {
                    assert!(!self.alive, "removed under a living QEMU");
                    self.owed.push_back(Input::Removed(result(FailureCode::Disk)));
                }
            }
        }
    }

    fn input(&mut self, input: Input) {
        let effects = self.machine.handle(input, self.now);
        self.obey(effects);
        if self.alive && self.owed.is_empty() && self.machine.state() == VmState::Running {
            assert!(!self.stopped, "QEMU has stopped it and nobody will continue it: {:?}", self.machine);
        }
    }

    fn operate(&mut self, number: u128, edge: Edge) {
        let operation = Operation { id: OperationId(Uuid::from_u128(number)), edge };
        if self.outcomes.contains_key(&operation.id) {
            // Whoever remembers outcomes does not ask again.
            return;
        }
        if let Ok(effects) = self.machine.operate(operation, self.now) {
            if !self.admitted.contains(&operation.id) {
                self.admitted.push(operation.id);
            }
            self.obey(effects);
        }
    }

    /// An answer is given; the starts' ends are told even when QEMU died meanwhile.
    fn answer(&mut self) -> bool {
        let Some(input) = self.owed.pop_front() else { return false };
        self.input(input);
        true
    }

    /// All answers are given and all timers run out, without new requests.
    fn drain(&mut self) {
        for _ in 0..1000 {
            if self.answer() {
                continue;
            }
            let Some(due) = self.machine.wake_at() else { return };
            self.now = self.now.max(due);
            self.input(Input::Tick);
        }
        panic!("it never comes to rest: {:?}", self.machine);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Desire(Power, Restart),
    Remove,
    Operate(u8, bool),
    Answer,
    Pass(u16),
    GuestOff,
    GuestCrashes,
    Dies,
    DiskFull,
    NextFails,
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    let power = prop_oneof![Just(Power::Running), Just(Power::Stopped), Just(Power::Paused)];
    let restart = prop_oneof![Just(Restart::Never), Just(Restart::OnCrash), Just(Restart::Always)];
    prop_oneof![
        4 => (power, restart).prop_map(|(power, restart)| Step::Desire(power, restart)),
        1 => Just(Step::Remove),
        4 => (0..24u8, any::<bool>()).prop_map(|(number, shutdown)| Step::Operate(number, shutdown)),
        12 => Just(Step::Answer),
        3 => any::<u16>().prop_map(Step::Pass),
        2 => Just(Step::GuestOff),
        1 => Just(Step::GuestCrashes),
        2 => Just(Step::Dies),
        1 => Just(Step::DiskFull),
        2 => Just(Step::NextFails),
        2 => Just(Step::Release),
    ]
}

fn run(world: &mut World, steps: Vec<Step>) {
    for (generation, step) in (2..).zip(steps) {
        match step {
            Step::Desire(power, restart) => world.input(Input::Desired(desired(generation, power, restart))),
            Step::Remove => {
                let now = *world.machine.desired();
                world.input(Input::Desired(Desired { removing: true, ..now }));
            }
            Step::Operate(number, true) => {
                world.operate(number.into(), Edge::Shutdown { within: Duration::from_secs(9) })
            }
            Step::Operate(number, false) if number % 4 == 3 => {
                let within = Duration::from_secs(u64::from(number) % 3);
                world.operate(number.into(), Edge::Halt { within });
            }
            Step::Operate(number, false) if number % 3 == 1 => world.operate(number.into(), Edge::ReplaceEngine),
            Step::Operate(number, false) => world.operate(number.into(), Edge::Reset),
            Step::Answer => {
                world.answer();
            }
            Step::Pass(millis) => {
                world.now += Duration::from_millis(millis.into());
                world.input(Input::Tick);
            }
            Step::GuestOff if world.alive => world.input(Input::GuestOff),
            Step::GuestCrashes if world.alive => world.input(Input::GuestCrashed),
            Step::DiskFull if world.alive => {
                world.stopped = true;
                // QEMU tells in order: first what it has answered already.
                world.owed.push_back(Input::DiskTrouble(failure(FailureCode::NoSpace)));
                if world.owed.len() == 1 {
                    world.answer();
                }
            }
            Step::Dies if world.alive && world.machine.state() != VmState::Starting => {
                world.alive = false;
                // What it would have answered is lost.
                world.owed.retain(|owed| !matches!(owed, Input::Answered { .. } | Input::DiskTrouble(_)));
                world.input(Input::Ended(ExitReason::Killed));
            }
            Step::NextFails => world.next_failure = true,
            Step::Release => {
                let generation = world.machine.desired().stamp.generation;
                world.input(Input::Released(generation));
            }
            _ => {}
        }
    }
    world.next_failure = false;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_always_comes_to_rest_where_it_should_be(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new(Power::Running, Restart::OnCrash);
        run(&mut world, steps);
        world.drain();
        let machine = &world.machine;
        let should = match machine.desired() {
            Desired { removing: true, .. } => VmState::Deleting,
            Desired { power: Power::Stopped, .. } => VmState::Stopped,
            _ if machine.is_halted() => VmState::Stopped,
            Desired { power: Power::Running, .. } => VmState::Running,
            Desired { power: Power::Paused, .. } => VmState::Paused,
        };
        // Only a failure that nobody may try again by itself stands in the way; a removal is always tried again.
        if machine.desired().removing || !(machine.state() == VmState::Failed && machine.failure().is_some()) {
            prop_assert_eq!(machine.state(), should, "{:?}", machine);
        }
        prop_assert_eq!(world.alive, machine.state().is_alive());
        for operation in &world.admitted {
            prop_assert_eq!(world.outcomes.get(operation), Some(&1), "{:?}", operation);
        }
        prop_assert_eq!(world.outcomes.len(), world.admitted.len());
    }

    #[test]
    fn a_removal_is_never_undone(steps in prop::collection::vec(step(), 0..60), after in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new(Power::Running, Restart::Always);
        run(&mut world, steps);
        let now = *world.machine.desired();
        world.input(Input::Desired(Desired { removing: true, ..now }));
        run(&mut world, after);
        world.drain();
        prop_assert!(world.machine.is_removed() && !world.alive);
    }
}

#[test]
fn a_guest_that_ignores_the_power_button_goes_on() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    world.drain();
    world.operate(1, Edge::Shutdown { within: Duration::from_secs(60) });
    world.answer();
    assert_eq!(world.machine.state(), VmState::ShuttingDown);
    world.now += Duration::from_secs(60);
    let effects = world.machine.handle(Input::Tick, world.now);
    let [Effect::Finish { outcome: Outcome::Failed(failure), .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(failure.code, FailureCode::GuestIgnoredShutdown);
    assert_eq!(world.machine.state(), VmState::Running);
}

#[test]
fn a_guest_that_shuts_itself_down_is_halted_and_stays_so() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    world.drain();
    world.operate(1, Edge::Shutdown { within: Duration::from_secs(60) });
    world.answer();
    world.input(Input::GuestOff);
    assert_eq!(world.outcomes.get(&OperationId(Uuid::from_u128(1))), Some(&1));
    world.drain();
    assert_eq!((world.machine.state(), world.machine.is_halted(), world.halts), (VmState::Stopped, true, 1));
    assert!(world.machine.is_idle());
    world.input(Input::Desired(desired(2, Power::Running, Restart::OnCrash)));
    world.drain();
    assert_eq!(world.machine.state(), VmState::Running);
}

#[test]
fn a_request_whose_qemu_is_killed_under_it_is_overtaken_and_has_not_failed() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    world.drain();
    let operation = Operation { id: OperationId(Uuid::from_u128(1)), edge: Edge::Reset };
    world.machine.operate(operation, world.now).expect("a running guest is reset");
    let off = Input::Desired(desired(2, Power::Stopped, Restart::OnCrash));
    assert_eq!(world.machine.handle(off, world.now), [Effect::Kill]);
    let closed = Input::Answered { command: Command::Reset, result: Err(failure(FailureCode::QmpProtocol)) };
    assert_eq!(world.machine.handle(closed, world.now), []);
    let effects = world.machine.handle(Input::Ended(ExitReason::Killed), world.now);
    let superseded = Effect::Finish { operation: operation.id, outcome: Outcome::Superseded };
    assert!(effects.contains(&superseded), "{effects:?}");
}

#[test]
fn a_request_behind_one_that_came_too_late_has_its_turn() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    world.drain();
    world.input(Input::Desired(desired(2, Power::Paused, Restart::OnCrash)));
    world.operate(1, Edge::Shutdown { within: Duration::from_secs(60) });
    world.operate(2, Edge::Reset);
    world.drain();
    assert_eq!((world.outcomes.len(), world.machine.state()), (2, VmState::Paused));
}

#[test]
fn who_ends_again_and_again_is_called_a_crash_loop() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        world.drain();
        world.alive = false;
        world.input(Input::Ended(ExitReason::Crash));
        let wait = world.machine.wake_at().unwrap() - world.now;
        assert_eq!(wait, Duration::from_secs(expected));
    }
    assert_eq!(world.machine.failure().unwrap().code, FailureCode::CrashLoop);
    assert_eq!((world.machine.state(), world.machine.restarts()), (VmState::Failed, 8));
}

#[test]
fn a_living_qemu_is_adopted_and_none_is_started() {
    let (machine, effects) = Machine::new(desired(3, Power::Running, Restart::OnCrash), None, true, Instant::now());
    assert_eq!((effects, machine.state()), (vec![Effect::Adopt], VmState::Starting));
    let (_, effects) = Machine::new(desired(3, Power::Stopped, Restart::OnCrash), None, true, Instant::now());
    assert_eq!(effects, [Effect::Adopt, Effect::Kill]);
}

#[test]
fn root_stops_a_guest_that_does_not_listen_and_it_stays_off() {
    let mut world = World::new(Power::Running, Restart::Always);
    world.drain();
    world.operate(1, Edge::Halt { within: Duration::from_secs(5) });
    world.answer();
    assert_eq!(world.machine.state(), VmState::ShuttingDown);
    world.drain();
    assert_eq!((world.machine.state(), world.halts, world.alive), (VmState::Stopped, 1, false));
    assert!(world.machine.is_halted() && world.machine.is_idle());
}

/// That it is halted is told before its QEMU is gone: whoever hears that may let it run again at once.
#[test]
fn who_is_released_before_its_qemu_is_gone_runs_again() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    world.drain();
    world.operate(1, Edge::Halt { within: Duration::from_secs(5) });
    world.answer();
    world.now += Duration::from_secs(5);
    world.input(Input::Tick);
    assert_eq!(world.outcomes.get(&OperationId(Uuid::from_u128(1))), Some(&1));
    assert!(world.machine.is_halted() && !world.machine.is_idle(), "{:?}", world.machine);
    world.input(Input::Released(Generation(1)));
    world.drain();
    assert_eq!((world.machine.state(), world.alive), (VmState::Running, true));
    // What was said of another generation says nothing of this one.
    world.input(Input::GuestOff);
    world.input(Input::Released(Generation(2)));
    world.drain();
    assert_eq!(world.machine.state(), VmState::Stopped);
    world.input(Input::Released(Generation(1)));
    world.drain();
    assert_eq!(world.machine.state(), VmState::Running);
}

#[test]
fn a_disk_that_fills_up_during_a_shutdown_stops_the_guest_and_it_goes_on() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    world.drain();
    world.operate(1, Edge::Shutdown { within: Duration::from_secs(60) });
    world.answer();
    assert_eq!(world.machine.state(), VmState::ShuttingDown);
    world.stopped = true;
    world.input(Input::DiskTrouble(failure(FailureCode::NoSpace)));
    assert_eq!(world.machine.state(), VmState::Paused);
    assert_eq!(world.outcomes.get(&OperationId(Uuid::from_u128(1))), Some(&1));
    world.drain();
    assert_eq!((world.machine.state(), world.stopped), (VmState::Running, false));
    // The event was lost: what QEMU says is as good.
    world.stopped = true;
    world.input(Input::FoundStopped);
    assert_eq!(world.machine.state(), VmState::Paused);
}

#[test]
fn a_qemu_that_cant_be_reached_is_tried_again_and_not_ended() {
    let now = Instant::now();
    let (mut machine, _) = Machine::new(desired(3, Power::Running, Restart::OnCrash), None, true, now);
    for (now, wait) in [(now, 1), (now + Duration::from_secs(1), 2), (now + Duration::from_secs(3), 4)] {
        assert_eq!(machine.handle(Input::Unreached(failure(FailureCode::QmpProtocol)), now), []);
        assert_eq!(machine.state(), VmState::Starting);
        assert_eq!(machine.wake_at(), Some(now + Duration::from_secs(wait)));
        assert_eq!(machine.handle(Input::Tick, now + Duration::from_secs(wait)), [Effect::Adopt]);
    }
    assert_eq!(machine.handle(Input::Started(Ok(Found::Running)), now), []);
    assert_eq!((machine.state(), machine.failure()), (VmState::Running, None));
    // Somebody who wants it off does not wait for the next try.
    let (mut machine, _) = Machine::new(desired(3, Power::Running, Restart::OnCrash), None, true, now);
    machine.handle(Input::Unreached(failure(FailureCode::QmpProtocol)), now);
    let effects = machine.handle(Input::Desired(desired(4, Power::Stopped, Restart::OnCrash)), now);
    assert_eq!(effects, [Effect::Kill, Effect::Adopt]);
    assert_eq!(machine.handle(Input::Started(Err(failure(FailureCode::QemuStart))), now), []);
    assert_eq!(machine.state(), VmState::Stopped);
}

/// Wherever it is: starting, waiting to be started again, being made.
#[test]
fn root_stops_what_has_no_guest_to_ask_and_it_stays_off() {
    let halt = Edge::Halt { within: Duration::from_secs(5) };
    for step in [Step::NextFails, Step::Answer, Step::Dies] {
        let mut world = World::new(Power::Running, Restart::Always);
        match step {
            // Being made.
            Step::Answer => {}
            // Starting, and it will not answer.
            Step::NextFails => {
                world.answer();
                world.owed.clear();
            }
            _ => {
                world.drain();
                world.alive = false;
                world.input(Input::Ended(ExitReason::Crash));
                assert!(world.machine.wake_at().is_some());
            }
        }
        world.operate(1, halt);
        if let Step::NextFails = step {
            world.now = world.machine.wake_at().expect("it is ended then");
            let effects = world.machine.handle(Input::Tick, world.now);
            assert_eq!(effects, [Effect::Kill]);
            world.alive = false;
            world.input(Input::Started(Err(failure(FailureCode::QemuStart))));
        }
        world.drain();
        assert_eq!(world.outcomes.get(&OperationId(Uuid::from_u128(1))), Some(&1), "{step:?}");
        assert_eq!((world.machine.state(), world.halts, world.alive), (VmState::Stopped, 1, false), "{step:?}");
        assert!(world.machine.is_halted() && world.machine.is_idle(), "{step:?}");
    }
}

#[test]
fn a_reset_is_written_down_before_it_happens() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    world.drain();
    let operation = Operation { id: OperationId(Uuid::from_u128(1)), edge: Edge::Reset };
    let effects = world.machine.operate(operation, world.now).unwrap();
    assert_eq!(effects, [Effect::Begin { operation: operation.id }, Effect::Tell(Command::Reset)]);
}

#[test]
fn what_is_asked_again_while_it_is_made_is_made_again() {
    let mut world = World::new(Power::Running, Restart::OnCrash);
    world.owed.clear();
    world.input(Input::Desired(desired(1, Power::Running, Restart::OnCrash)));
    world.input(Input::Made(Err(failure(FailureCode::PoolMissing))));
    world.drain();
    assert_eq!(world.machine.state(), VmState::Running);
}
