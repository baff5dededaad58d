//! The stream of serial over LAN, with a clock of the test's own.

use cake_bmc::rmcp::sol::{Payload, Stream, status};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Delays in milliseconds of each copy of a packet that arrives.
type Fate = Vec<u64>;

struct Line {
    ends: [(Stream, Vec<u8>); 2],
    /// When, to whom, the how many-th packet.
    wire: Vec<(Instant, usize, usize, Payload)>,
    sent: usize,
    arrived: BTreeSet<usize>,
    fates: Vec<Fate>,
    now: Instant,
}

impl Line {
    fn send(&mut self, to: usize, payload: &Payload) {
        self.sent += 1;
        for delay in self.fates.pop().unwrap_or_else(|| vec![1]) {
            self.wire.push((self.now + Duration::from_millis(delay), to, self.sent, payload.clone()));
        }
    }

    /// One millisecond.
    fn step(&mut self) {
        self.now += Duration::from_millis(1);
        for from in 0..2 {
            if let Some(payload) = self.ends[from].0.poll(self.now) {
                self.send(1 - from, &payload);
            }
        }
        let (due, later) = self.wire.drain(..).partition(|(at, ..)| *at <= self.now);
        self.wire = later;
        let due: Vec<(Instant, usize, usize, Payload)> = due;
        for (_, to, packet, payload) in due {
            // The session takes each packet once.
            if !self.arrived.insert(packet) {
                continue;
            }
            // As it travels.
            let payload = Payload::parse(&payload.encode()).expect("a payload");
            let (stream, read) = &mut self.ends[to];
            let (characters, answer) = stream.receive(packet as u32, payload);
            read.extend(characters);
            if let Some(answer) = answer {
                self.send(1 - to, &answer);
            }
        }
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(vec![1]),
        2 => (1u64..300).prop_map(|delay| vec![delay]),
        1 => Just(vec![]),
        2 => (1u64..50, 1u64..900).prop_map(|(first, second)| vec![first, second]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn what_is_written_is_read_once_and_in_order(
        fates in prop::collection::vec(fate(), 0..60), sizes in (1usize..40, 1usize..300), lengths in (0usize..600, 0usize..600),
    ) {
        let text = |length: usize| (0..length).map(|index| index as u8).collect::<Vec<_>>();
        let end = |most| (Stream::new(most), Vec::new());
        let ends = [end(sizes.0), end(sizes.1)];
        let mut line = Line { ends, wire: Vec::new(), sent: 0, arrived: BTreeSet::new(), fates, now: Instant::now() };
        prop_assert_eq!(line.ends[0].0.write(&text(lengths.0)), lengths.0);
        prop_assert_eq!(line.ends[1].0.write(&text(lengths.1)), lengths.1);
        let mut steps = 0;
        while (line.ends[1].1.len() < lengths.0 || line.ends[0].1.len() < lengths.1) && steps < 60_000 {
            line.step();
            steps += 1;
        }
        (0..2000).for_each(|_| line.step());
        prop_assert_eq!(&line.ends[1].1, &text(lengths.0));
        prop_assert_eq!(&line.ends[0].1, &text(lengths.1));
    }
}

#[test]
fn what_was_not_taken_is_sent_again() {
    let now = Instant::now();
    let mut stream = Stream::new(8);
    assert_eq!(stream.write(b"abcdef"), 6);
    let first = stream.poll(now).expect("a packet");
    assert_eq!((first.number, &first.data[..]), (1, &b"abcdef"[..]));
    assert_eq!(stream.poll(now), None, "one at a time");
    let some = Payload { acknowledged: 1, accepted: 4, status: status::NACK, ..Payload::default() };
    stream.receive(1, some.clone());
    let second = stream.poll(now).expect("the rest");
    assert_eq!((second.number, &second.data[..]), (2, &b"ef"[..]));
    stream.receive(2, some);
    assert_eq!(stream.poll(now), None, "that was the first's");
    stream.receive(3, Payload { acknowledged: 2, accepted: 2, ..Payload::default() });
    stream.send_break();
    let third = stream.poll(now).expect("the break");
    assert_eq!((third.number, third.status, third.data.len()), (3, status::SEND_BREAK, 0));
}

#[test]
fn a_stream_ends_when_the_bmc_says_so_or_never_answers() {
    let mut now = Instant::now();
    let mut stream = Stream::new(8);
    stream.receive(1, Payload { status: status::DEACTIVATED, ..Payload::default() });
    assert!(stream.is_over());
    let mut stream = Stream::new(8);
    stream.write(b"x");
    let mut sent = 0;
    while !stream.is_over() {
        sent += usize::from(stream.poll(now).is_some());
        now = stream.deadline().expect("something is outstanding");
    }
    assert_eq!(sent, 10);
}

#[test]
fn who_writes_too_much_must_wait() {
    let mut stream = Stream::new(8);
    let taken: usize = (0..100).map(|_| stream.write(&[0; 1000])).sum();
    assert_eq!(taken, 16 * 1024);
}
