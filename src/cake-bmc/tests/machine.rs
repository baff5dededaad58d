//! The machine of a session, with a clock of the test's own: no test here waits for anything.

#[path = "support/bmc.rs"]
mod bmc;

use bmc::{Bmc, Nature, PASSWORD, USER, echo, password};
use cake_bmc::lan::{Login, Machine, Outcome, Output, Pace, Privilege, Ticket};
use cake_bmc::rmcp::{CipherSuite, Secret};
use cake_bmc::{Response, TransportError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(1);

/// What the network does to the next datagram.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives(u64),
    Lost,
    Doubled(u64, u64),
}

/// A machine, a BMC, and what is on its way between them.
struct Lab {
    machine: Machine,
    bmc: Bmc,
    now: Instant,
    /// When, and whether to the BMC.
    wire: Vec<(Instant, bool, Vec<u8>)>,
    fates: Vec<Fate>,
    answers: BTreeMap<Ticket, Result<Response, TransportError>>,
    ended: u32,
    /// When the machine sent something.
    sent: Vec<Instant>,
    /// All that the BMC ever sent.
    heard: Vec<Vec<u8>>,
}

fn login(user: &str, password: &str, key: Option<Secret>) -> Login {
    Login::new(user.as_bytes(), Secret::new(password.as_bytes()).expect("short"), key).expect("short")
}

impl Lab {
    fn new(nature: Nature) -> Self {
        Self::with(nature, login(USER, PASSWORD, None), Pace::default())
    }

    fn with(nature: Nature, login: Login, pace: Pace) -> Self {
        Self {
            machine: Machine::new(login, pace, 7, [3; 32]),
            bmc: Bmc::new(nature),
            now: Instant::now(),
            wire: Vec::new(),
            fates: Vec::new(),
            answers: BTreeMap::new(),
            ended: 0,
            sent: Vec::new(),
            heard: Vec::new(),
        }
    }

    fn act<T>(&mut self, action: impl FnOnce(&mut Machine, Instant, &mut Output) -> T) -> T {
        let mut output = Output::default();
        let result = action(&mut self.machine, self.now, &mut output);
        output.datagrams.into_iter().for_each(|datagram| self.carry(true, datagram));
        for outcome in output.outcomes {
            match outcome {
                Outcome::Response(ticket, answer) => {
                    assert!(self.answers.insert(ticket, answer).is_none(), "two outcomes of one request");
                }
                Outcome::Sol(..) => panic!("nobody asked for serial over LAN"),
                Outcome::Ended => self.ended += 1,
            }
        }
        result
    }

    fn carry(&mut self, to_bmc: bool, datagram: Vec<u8>) {
        self.sent.extend(to_bmc.then_some(self.now));
        let fate = self.fates.pop().unwrap_or(Fate::Arrives(1));
        let delays = match fate {
            Fate::Arrives(delay) => vec![delay],
            Fate::Lost => vec![],
            Fate::Doubled(first, second) => vec![first, second],
        };
        for delay in delays {
            self.wire.push((self.now + Duration::from_millis(delay), to_bmc, datagram.clone()));
        }
    }

    fn send(&mut self, data: &[u8]) -> Ticket {
        self.act(|machine, now, output| machine.send(&echo(data), now, output))
    }

    /// Lets time pass until nothing is on its way and nothing is due before `until`.
    fn run(&mut self, until: Instant) {
        while self.now < until {
            let arrival = self.wire.iter().map(|(at, ..)| *at).min();
            let next = arrival.into_iter().chain(self.machine.deadline()).min().unwrap_or(until);
            self.now = next.max(self.now).min(until);
            let (due, later) = self.wire.drain(..).partition(|(at, ..)| *at <= self.now);
            self.wire = later;
            for (_, to_bmc, datagram) in due {
                self.deliver(to_bmc, &datagram);
            }
            if self.machine.deadline().is_some_and(|deadline| deadline <= self.now) {
                self.act(Machine::tick);
                let still_due = self.machine.deadline().is_some_and(|deadline| deadline <= self.now);
                assert!(!still_due, "a deadline that a tick does not move");
            }
        }
    }

    fn deliver(&mut self, to_bmc: bool, datagram: &[u8]) {
        if to_bmc {
            if let Some(answer) = self.bmc.receive(datagram) {
                self.heard.push(answer.clone());
                self.carry(false, answer);
            }
        } else {
            self.act(|machine, now, output| machine.receive(datagram, now, output));
        }
    }

    fn ask(&mut self, data: &[u8]) -> Result<Vec<u8>, TransportError> {
        let ticket = self.send(data);
        let until = self.now + Pace::default().total + TICK;
        while self.now < until && !self.answers.contains_key(&ticket) {
            self.run((self.now + TICK).min(until));
        }
        self.answers.remove(&ticket).expect("an outcome in time").map(|response| response.data)
    }
}

#[test]
fn the_best_offered_suite_is_used_and_no_weak_one() {
    use CipherSuite::{Seventeen, Three};
    let record = |suites: &[CipherSuite]| Some(suites.iter().flat_map(|suite| suite.record()).collect::<Vec<_>>());
    let long: Vec<u8> = std::iter::repeat_n([0xc0, 1, 1, 0x40, 0x80], 7).flatten().chain(Seventeen.record()).collect();
    for (suites, list, expected) in [
        (vec![Three, Seventeen], record(&[Three, Seventeen]), Some(Seventeen)),
        (vec![Three], record(&[Three]), Some(Three)),
        (vec![Seventeen], Some(long), Some(Seventeen)),
        // Lists what it can't do.
        (vec![Three], record(&[Seventeen, Three]), Some(Three)),
        // Lists nothing.
        (vec![Three, Seventeen], None, Some(Three)),
        (vec![Seventeen], None, Some(Seventeen)),
        (vec![Three, Seventeen], Some(vec![0xc0, 1, 1, 0x40, 0x80]), None),
        (vec![], None, None),
    ] {
        let mut lab = Lab::new(Nature { suites, list: list.clone(), ..Nature::default() });
        match (lab.ask(b"x"), expected) {
            (Ok(data), Some(_)) => assert_eq!(data, b"x"),
            (Err(TransportError::Cipher), None) => {}
            (other, _) => panic!("{list:x?}: {other:?}"),
        }
        assert_eq!(lab.bmc.suite(), expected, "{list:x?}");
    }
    let mut lab = Lab::new(Nature { speaks_2_0: false, ..Nature::default() });
    assert!(matches!(lab.ask(b"x"), Err(TransportError::Cipher)));
}

#[test]
fn less_privilege_is_taken_and_remembered() {
    for (privilege, expected) in [(4, Privilege::Administrator), (3, Privilege::Operator), (2, Privilege::User)] {
        for strict in [false, true] {
            let mut lab = Lab::new(Nature { privilege, strict, ..Nature::default() });
            lab.ask(b"x").expect("an answer");
            assert_eq!(lab.machine.privilege(), expected, "strict: {strict}");
            let asked = lab.bmc.commands.len();
            lab.bmc.forget();
            lab.ask(b"y").expect("an answer after a new login");
            assert!(lab.bmc.commands.len() <= asked + 1, "asked for what it was refused before");
        }
    }
    let mut lab = Lab::new(Nature { privilege: 1, strict: true, ..Nature::default() });
    assert!(matches!(lab.ask(b"x"), Err(TransportError::Forbidden)));
}

#[test]
fn what_is_refused_is_not_asked_again() {
    for (user, word) in [(USER, "wrong"), ("nobody", PASSWORD)] {
        let mut lab = Lab::with(Nature::default(), login(user, word, None), Pace::default());
        assert!(matches!(lab.ask(b"x"), Err(TransportError::Refused)));
        lab.run(lab.now + TICK * 10);
        assert_eq!(lab.bmc.sessions(), 0, "the BMC was left with half a session");
        let heard = lab.heard.len();
        assert!(matches!(lab.ask(b"x"), Err(TransportError::Refused)));
        lab.run(lab.now + Duration::from_secs(100));
        assert_eq!(lab.heard.len(), heard, "asked again");
    }
    let key = Some(password());
    let mut lab = Lab::with(Nature { key, ..Nature::default() }, login(USER, PASSWORD, None), Pace::default());
    // This K_g is the password, so that nothing is wrong.
    lab.ask(b"x").expect("an answer");
    let key = Secret::new(b"another");
    let mut lab = Lab::with(Nature { key, ..Nature::default() }, login(USER, PASSWORD, None), Pace::default());
    assert!(matches!(lab.ask(b"x"), Err(TransportError::Refused)));
}

#[test]
fn a_bmc_without_a_free_session_is_busy_and_asked_again_next_time() {
    let mut lab = Lab::new(Nature { slots: 0, ..Nature::default() });
    assert!(matches!(lab.ask(b"x"), Err(TransportError::Busy)));
    let nature = Nature::default();
    lab.bmc = Bmc::new(nature);
    lab.ask(b"x").expect("an answer");
}

#[test]
fn a_session_that_is_not_used_is_kept_awake_and_closed_at_the_end() {
    let mut lab = Lab::new(Nature::default());
    lab.ask(b"x").expect("an answer");
    lab.run(lab.now + Duration::from_secs(300));
    // Get Device ID, each 25 s.
    assert_eq!(lab.bmc.commands.iter().filter(|command| **command == 0x01).count(), 11);
    assert_eq!((lab.machine.counters.logins, lab.bmc.sessions()), (1, 1));
    lab.act(|machine, now, output| machine.close(now, output));
    lab.run(lab.now + TICK * 10);
    assert_eq!((lab.ended, lab.bmc.sessions()), (1, 0));
    assert_eq!(lab.machine.deadline(), None, "nothing is left to do");
}

#[test]
fn a_lost_session_is_found_out_and_made_anew_within_the_request() {
    let mut lab = Lab::new(Nature::default());
    lab.ask(b"x").expect("an answer");
    lab.bmc.forget();
    assert_eq!(lab.ask(b"y").expect("an answer"), b"y");
    assert_eq!((lab.machine.counters.logins, lab.ended), (2, 1));
    // And when nobody asks: it is noticed by what keeps it awake, and nothing is done until it is used.
    lab.bmc.forget();
    let heard = lab.heard.len();
    lab.run(lab.now + Duration::from_secs(300));
    assert_eq!((lab.heard.len(), lab.ended), (heard, 2));
    assert_eq!(lab.ask(b"z").expect("an answer"), b"z");
}

#[test]
fn a_silent_bmc_is_asked_ever_more_rarely_and_not_for_ever() {
    let mut lab = Lab::new(Nature::default());
    lab.ask(b"x").expect("an answer");
    lab.fates = vec![Fate::Lost; 1000];
    let (start, ticket) = (lab.now, lab.send(b"y"));
    let before = lab.sent.len();
    while !lab.answers.contains_key(&ticket) {
        lab.run(lab.now + TICK);
    }
    assert!(matches!(lab.answers[&ticket], Err(TransportError::Silent)));
    assert_eq!((lab.now - start).as_secs(), Pace::default().total.as_secs());
    let waits: Vec<_> = lab.sent[before..].windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.len() < 12 && waits.iter().all(|wait| *wait <= Pace::default().most), "{waits:?}");
    assert!(waits.is_sorted_by_key(|wait| *wait) || waits.len() > 3, "{waits:?}");
    lab.fates.clear();
    assert_eq!(lab.ask(b"z").expect("an answer"), b"z");
}

#[test]
fn a_request_that_nobody_waits_for_has_no_outcome() {
    let mut lab = Lab::new(Nature::default());
    for steps in 0..20 {
        let ticket = lab.send(&[steps]);
        lab.run(lab.now + TICK * steps.into());
        lab.machine.cancel(ticket);
        lab.answers.remove(&ticket);
        assert_eq!(lab.ask(&[steps, 1]).expect("an answer"), [steps, 1]);
        assert!(!lab.answers.contains_key(&ticket));
    }
    assert_eq!(lab.machine.counters.logins, 1);
}

#[test]
fn a_lost_session_is_found_out_by_who_never_waits_long() {
    let mut lab = Lab::new(Nature::default());
    lab.ask(b"x").expect("an answer");
    lab.bmc.forget();
    for round in 0..8 {
        let ticket = lab.send(b"y");
        lab.run(lab.now + Duration::from_secs(1));
        if lab.answers.contains_key(&ticket) {
            assert_eq!((lab.machine.counters.logins, lab.ended), (2, 1), "round {round}");
            return;
        }
        lab.machine.cancel(ticket);
    }
    panic!("nobody noticed that the BMC does not know the session any more");
}

#[test]
fn a_login_that_begins_anew_leaves_no_session_behind() {
    let mut lab = Lab::new(Nature::default());
    // Capabilities, suites, open session and RAKP 1 go well; then RAKP 4 is lost each time that it is sent.
    lab.fates =
        (0..14).map(|index| if index >= 9 && index % 2 == 1 { Fate::Lost } else { Fate::Arrives(1) }).rev().collect();
    lab.ask(b"x").expect("an answer");
    assert_eq!(lab.machine.counters.repeated, 3);
    assert_eq!(lab.bmc.sessions(), 1);
    // Nor does one that nobody waits for any more.
    let mut lab = Lab::new(Nature::default());
    lab.fates = (0..100).map(|index| if index >= 9 { Fate::Lost } else { Fate::Arrives(1) }).rev().collect();
    let ticket = lab.send(b"x");
    lab.run(lab.now + TICK * 50);
    assert_eq!(lab.bmc.sessions(), 1);
    lab.machine.cancel(ticket);
    lab.fates.clear();
    lab.run(lab.now + Duration::from_secs(1));
    assert_eq!(lab.bmc.sessions(), 0);
}

#[test]
fn requests_are_done_one_after_the_other_unless_the_bmc_bears_more() {
    let mut lab = Lab::new(Nature::default());
    lab.ask(b"x").expect("an answer");
    let pending = |lab: &mut Lab| (0..8).map(|index| lab.send(&[index])).count() - (8 - lab.wire.len());
    assert_eq!(pending(&mut lab), 1);
    let pace = Pace { outstanding: 4, ..Pace::default() };
    let mut lab = Lab::with(Nature::default(), login(USER, PASSWORD, None), pace);
    lab.ask(b"x").expect("an answer");
    assert_eq!(pending(&mut lab), 4);
    lab.run(lab.now + TICK * 100);
    assert_eq!(lab.answers.values().filter(|answer| answer.is_ok()).count(), 8);
    // Never after a loss.
    lab.fates = vec![Fate::Lost];
    lab.ask(b"y").expect("an answer");
    assert_eq!(pending(&mut lab), 1);
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => (1u64..400).prop_map(Fate::Arrives),
        4 => Just(Fate::Arrives(1)),
        2 => Just(Fate::Lost),
        2 => (1u64..50, 1u64..800).prop_map(|(first, second)| Fate::Doubled(first, second)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever the network does, each request has one outcome, and an answer is the answer to it.
    #[test]
    fn every_request_has_its_own_answer(fates in prop::collection::vec(fate(), 0..120), requests in 1u8..12, forget in prop::option::of(0u8..12), outstanding in 1usize..4) {
        let pace = Pace { outstanding, ..Pace::default() };
        let mut lab = Lab::with(Nature { slots: 100, ..Nature::default() }, login(USER, PASSWORD, None), pace);
        lab.fates = fates;
        let mut tickets = Vec::new();
        for index in 0..requests {
            if forget == Some(index) {
                lab.bmc.forget();
            }
            tickets.push((lab.send(&[index; 9]), [index; 9]));
            lab.run(lab.now + TICK * u32::from(index % 3) * 40);
        }
        lab.run(lab.now + Duration::from_secs(20));
        for (ticket, data) in tickets {
            match lab.answers.remove(&ticket) {
                Some(Ok(response)) => {
                    prop_assert_eq!(response.data, data);
                    prop_assert!(lab.bmc.echoed.iter().any(|echoed| *echoed == data));
                }
                Some(Err(TransportError::Silent)) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert!(lab.answers.is_empty());
        lab.fates.clear();
        prop_assert_eq!(lab.ask(b"last").expect("an answer"), b"last");
    }

    /// Whoever has no keys changes nothing, whenever he speaks and whatever he repeats.
    #[test]
    fn strangers_and_repetitions_change_nothing(
        noise in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..80), 0usize..3), 1..60),
    ) {
        let mut lab = Lab::new(Nature::default());
        for (index, (which, bytes, kind)) in noise.into_iter().enumerate() {
            let datagram = match kind {
                // What the BMC sent at any time before; in the same session, or an older one.
                0 if !lab.heard.is_empty() => lab.heard[which.index(lab.heard.len())].clone(),
                1 if !lab.heard.is_empty() => {
                    let mut datagram = lab.heard[which.index(lab.heard.len())].clone();
                    // Not in the handshake, which nothing protects but its codes.
                    if datagram[5] & 0x40 == 0 { continue }
                    let at = which.index(datagram.len());
                    datagram[at] ^= bytes.first().copied().unwrap_or(1) | 1;
                    datagram
                }
                _ => bytes,
            };
            let ticket = lab.send(&[index as u8]);
            lab.deliver(false, &datagram);
            lab.run(lab.now + TICK * (index as u32 % 5));
            lab.deliver(false, &datagram);
            lab.run(lab.now + Duration::from_secs(1));
            let answer = lab.answers.remove(&ticket).expect("an outcome").expect("an answer");
            prop_assert_eq!(answer.data, [index as u8]);
            if index % 7 == 6 {
                lab.act(|machine, now, output| machine.close(now, output));
                lab.run(lab.now + TICK * 20);
            }
        }
        prop_assert!(lab.answers.is_empty());
    }
}
