//! What BMCs do that the specification does not know, each played by one that does otherwise as it should.

#[path = "support/fake.rs"]
mod fake;

use cake_bmc::{Bmc, BmcError, EventLog, Ipmi, Request};
use cake_types::{PartFact, PartTrouble, SensorState};
use fake::{Fake, Machine, no, ok};

const SDR: (u8, u8) = (0x0a, 0x23);
const SEL: (u8, u8) = (0x0a, 0x43);

/// A temperature with this number and name, in whole degrees.
fn temperature(number: u8, name: &str) -> Vec<u8> {
    let mut body = vec![0x20, 0, number, 3, 1, 0x7f, 0x68, 1, 1, 0, 0, 0, 0, 0x3f, 0x3f, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0];
    body.extend([0; 17]);
    body.push(0xc0 | name.len() as u8);
    body.extend(name.bytes());
    [&[number, 1, 0x51, 1, body.len() as u8], &body[..]].concat()
}

fn machine() -> Machine {
    let sdr = (1..=3).map(|number| temperature(number, &format!("Temp {number}"))).collect();
    let readings = (1..=3).map(|number| (number, vec![20 + number, 0xc0, 0, 0])).collect();
    let thresholds = (1..=3).map(|number| (number, [0x38, 0, 0, 0, 80, 90, 95])).collect();
    Machine { sdr, readings, thresholds, sel: (1..=5).map(event).collect(), ..Machine::default() }
}

/// A power supply failed, at second `number`.
fn event(number: u8) -> [u8; 16] {
    [number, 0, 2, number, 0, 0, 0x68, 0x20, 0, 4, 8, 9, 0x6f, 1, 0xff, 0xff]
}

async fn values(ipmi: &mut Ipmi<Fake>) -> Vec<Option<f64>> {
    ipmi.read().await.expect("a reading").sensors.iter().map(|sensor| sensor.value).collect()
}

const WELL: [Option<f64>; 3] = [Some(21.0), Some(22.0), Some(23.0)];

fn numbers(log: &EventLog) -> Vec<u16> {
    log.events.iter().map(|event| cake_bmc::sel::Record::number(&event.id).expect("an id of ours")).collect()
}

#[tokio::test]
async fn one_that_does_as_it_should_is_read_with_few_questions() {
    let mut ipmi = Ipmi::new(Fake::new(machine()), None);
    assert_eq!(values(&mut ipmi).await, WELL);
    let bmc = ipmi.transport();
    assert_eq!((bmc.count(SDR.0, SDR.1), bmc.count(0x0a, 0x22), bmc.count(0x04, 0x27)), (3, 0, 3));
    let reading = ipmi.read().await.expect("a reading");
    assert_eq!(reading.sensors[0].limits.upper_critical, Some(90.0));
    assert_eq!(reading.sensors[0].limits.lower_critical, None);
    assert!(reading.chassis.is_some_and(|chassis| chassis.on));
    // Nothing is asked twice that can't have changed: not the records, not the thresholds, not DCMI.
    let bmc = ipmi.transport();
    assert_eq!(
        (bmc.count(SDR.0, SDR.1), bmc.count(0x04, 0x27), bmc.count(0x0a, 0x20), bmc.count(0x2c, 0x02)),
        (0, 0, 1, 1)
    );
}

#[tokio::test]
async fn what_was_kept_is_used_until_the_records_change() {
    let mut first = Ipmi::new(Fake::new(machine()), None);
    values(&mut first).await;
    let kept = serde_json::to_vec(first.cache().expect("it was read")).expect("it can be kept");
    let kept = serde_json::from_slice(&kept).expect("and read again");
    let mut second = Ipmi::new(Fake::new(machine()), Some(kept));
    assert_eq!(values(&mut second).await, WELL);
    assert_eq!((second.transport().count(SDR.0, SDR.1), second.transport().count(0x04, 0x27)), (0, 0));
    let changed = Machine { sdr_times: (7, 0), ..machine() };
    let mut third = Ipmi::new(Fake::new(changed), second.cache().cloned());
    assert_eq!(values(&mut third).await, WELL);
    assert_eq!(third.transport().count(SDR.0, SDR.1), 3);
}

/// The most that one answers at a time; what it says to more.
fn answers_at_most(most: u8, refusal: u8) -> impl FnMut(&mut Machine, &Request) -> Option<cake_bmc::Response> + Send {
    move |_, request| {
        let asks = matches!((request.net_fn, request.command), SDR | SEL) && request.data[5] > most
            || (request.net_fn, request.command) == (0x0a, 0x11) && request.data[3] > most;
        asks.then(|| no(refusal))
    }
}

#[tokio::test]
async fn one_that_hands_out_few_bytes_at_a_time_is_read_in_parts() {
    for (most, refusal) in [(32, 0xca), (22, 0xca), (16, 0xc8), (8, 0xff), (5, 0xca), (8, 0xc7), (32, 0xcc)] {
        let mut machine = machine();
        machine.fru.insert(0, plate());
        let mut ipmi = Ipmi::new(Fake::with(machine, answers_at_most(most, refusal)), None);
        assert_eq!(values(&mut ipmi).await, WELL, "{most}");
        assert_eq!(numbers(&ipmi.events(None).await.expect("events")), [1, 2, 3, 4, 5], "{most}");
        assert_eq!(ipmi.parts().await.expect("parts")[0].fields.len(), 1, "{most}");
    }
}

#[tokio::test]
async fn one_that_refuses_to_be_asked_for_more_than_there_is_is_read_all_the_same() {
    let strict = |machine: &mut Machine, request: &Request| {
        if (request.net_fn, request.command) != SDR {
            return None;
        }
        let length = machine.sdr.iter().find(|of| of[..2] == request.data[2..4]).unwrap_or(&machine.sdr[0]).len();
        (usize::from(request.data[4]) + usize::from(request.data[5]) > length).then(|| no(0xc9))
    };
    let mut short = machine();
    for record in &mut short.sdr {
        // The name goes: the record is then shorter than one usual question.
        record.truncate(47);
        record[4] = 42;
    }
    short.sdr.push([&[9, 1, 0x51, 0xc0, 4][..], b"oem!"].concat());
    let mut ipmi = Ipmi::new(Fake::with(short, strict), None);
    assert_eq!(values(&mut ipmi).await, WELL);
}

#[tokio::test]
async fn a_busy_one_is_waited_for() {
    let mut busy = 3;
    let trick = move |_: &mut Machine, request: &Request| {
        let now = (request.net_fn, request.command) == (0x04, 0x2d) && busy > 0;
        busy -= i32::from(now);
        now.then(|| no(0xc0))
    };
    assert_eq!(values(&mut Ipmi::new(Fake::with(machine(), trick), None)).await, WELL);
}

#[tokio::test]
async fn a_reservation_that_somebody_took_is_made_again() {
    let mut taken = 3;
    let trick = move |machine: &mut Machine, request: &Request| {
        if matches!((request.net_fn, request.command), SDR | SEL) {
            if request.data[5] > 16 {
                return Some(no(0xca));
            }
            if request.data[4] != 0 && taken > 0 {
                (taken, machine.reservation) = (taken - 1, machine.reservation + 1);
            }
        }
        None
    };
    let mut ipmi = Ipmi::new(Fake::with(machine(), trick), None);
    assert_eq!(values(&mut ipmi).await, WELL);
    assert_eq!(numbers(&ipmi.events(None).await.expect("events")).len(), 5);
    let always = |_: &mut Machine, request: &Request| match (request.net_fn, request.command) {
        SDR if request.data[5] > 16 => Some(no(0xca)),
        SDR if request.data[4] != 0 => Some(no(0xc5)),
        _ => None,
    };
    let refused = Ipmi::new(Fake::with(machine(), always), None).read().await;
    assert!(matches!(refused, Err(BmcError::Completion(_))), "{refused:?}");
}

#[tokio::test]
async fn a_record_of_a_wrong_length_takes_no_other_with_it() {
    for length in [0, 10, 200, 255] {
        let mut machine = machine();
        machine.sdr[1][4] = length;
        let mut ipmi = Ipmi::new(Fake::new(machine), None);
        assert_eq!(values(&mut ipmi).await, [Some(21.0), Some(23.0)], "{length}");
    }
}

#[tokio::test]
async fn records_that_go_round_in_circles_end() {
    // The third is followed by the first.
    let round = |machine: &mut Machine, request: &Request| {
        let last = (request.net_fn, request.command) == SDR && request.data[2..4] == [3, 1];
        last.then(|| ok(&[&[1, 1], &machine.sdr[2][..]].concat()))
    };
    assert_eq!(
        values(&mut Ipmi::new(Fake::with(machine(), round), None)).await.len(),
        4,
        "the first is there by id 0 and 1"
    );
}

#[tokio::test]
async fn what_has_no_reading_is_told_apart_from_zero() {
    let mut machine = machine();
    machine.sdr.extend([temperature(4, "gone"), temperature(5, "zero")]);
    machine.readings =
        [(1, vec![0, 0xe0, 0, 0]), (2, vec![0, 0x80, 0, 0]), (3, vec![0]), (5, vec![0, 0xc0, 0x02])].into();
    let reading = Ipmi::new(Fake::new(machine), None).read().await.expect("a reading");
    let told: Vec<_> = reading.sensors.iter().map(|of| (of.value, of.state)).collect();
    let none = |state| (None, state);
    let zero = (Some(0.0), SensorState::LowerCritical);
    let all = [SensorState::Unavailable, SensorState::ScanningDisabled, SensorState::Unavailable, SensorState::Absent];
    assert_eq!(told, [&all.map(none)[..], &[zero]].concat());
}

#[tokio::test]
async fn only_what_is_newer_is_told() {
    let mut ipmi = Ipmi::new(Fake::new(machine()), None);
    let all = ipmi.events(None).await.expect("events");
    assert_eq!((numbers(&all), all.anew), (vec![1, 2, 3, 4, 5], false));
    let third = all.events[2].id.clone();
    let newer = ipmi.events(Some(&third)).await.expect("events");
    assert_eq!((numbers(&newer), newer.anew), (vec![4, 5], false));
    ipmi.transport().count(SEL.0, SEL.1);
    let none = ipmi.events(Some(&all.events[4].id)).await.expect("events");
    assert_eq!((none.events.len(), none.anew, ipmi.transport().count(SEL.0, SEL.1)), (0, false, 1));
}

#[tokio::test]
async fn a_log_that_was_cleared_or_went_round_is_told_anew() {
    let mut ipmi = Ipmi::new(Fake::new(machine()), None);
    let last = ipmi.events(None).await.expect("events").events[4].id.clone();
    // Another event has the number now.
    ipmi.transport().change(|machine| machine.sel[4][3] = 77);
    let log = ipmi.events(Some(&last)).await.expect("events");
    assert_eq!((log.anew, log.events.len()), (true, 5));
    ipmi.transport().change(|machine| machine.sel.truncate(2));
    let log = ipmi.events(Some(&last)).await.expect("events");
    assert_eq!((log.anew, numbers(&log)), (true, vec![1, 2]));
    ipmi.clear_events().await.expect("cleared");
    let log = ipmi.events(Some(&last)).await.expect("events");
    assert_eq!((log.anew, log.events.len(), log.full), (true, 0, Some(0)));
    for strange in ["", "0005", "/redfish/v1/1"] {
        assert!(ipmi.events(Some(strange)).await.expect("events").anew, "{strange}");
    }
}

#[tokio::test]
async fn a_log_that_grows_while_it_is_read_is_read_to_its_end() {
    let grows = |machine: &mut Machine, request: &Request| {
        if (request.net_fn, request.command) == SEL && machine.sel.len() < 40 {
            machine.sel.push(event(machine.sel.len() as u8 + 1));
        }
        None
    };
    let log = Ipmi::new(Fake::with(machine(), grows), None).events(None).await.expect("events");
    assert_eq!(numbers(&log), (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_log_that_is_cleared_while_it_is_read_is_begun_anew() {
    let mut cleared = false;
    let clears = move |machine: &mut Machine, request: &Request| {
        if (request.net_fn, request.command) == SEL && request.data[2] == 4 && !cleared {
            cleared = true;
            machine.sel = vec![event(8), event(9)];
        }
        None
    };
    let log = Ipmi::new(Fake::with(machine(), clears), None).events(None).await.expect("events");
    assert_eq!(numbers(&log), [8, 9]);
    let never = |machine: &mut Machine, request: &Request| {
        let entry = (request.net_fn, request.command) == SEL && request.data[2] != 0;
        entry.then(|| no(0xcb)).inspect(|_| machine.sel.truncate(5))
    };
    assert!(matches!(Ipmi::new(Fake::with(machine(), never), None).events(None).await, Err(BmcError::Answer(_))));
}

#[tokio::test]
async fn a_log_that_goes_round_in_circles_ends() {
    for next in [3, 1, 5] {
        let round = move |machine: &mut Machine, request: &Request| {
            let last = (request.net_fn, request.command) == SEL && request.data[2] == 5;
            last.then(|| ok(&[&[next, 0], &machine.sel[4][..]].concat()))
        };
        let log = Ipmi::new(Fake::with(machine(), round), None).events(None).await.expect("events");
        assert_eq!(numbers(&log), [1, 2, 3, 4, 5], "{next}");
    }
    // Always the same record, whatever is asked, and always another one next.
    let same = |machine: &mut Machine, request: &Request| {
        let asks = (request.net_fn, request.command) == SEL;
        asks.then(|| ok(&[&[request.data[2].wrapping_add(1), 0], &machine.sel[2][..]].concat()))
    };
    let log = Ipmi::new(Fake::with(machine(), same), None).events(None).await.expect("events");
    assert_eq!(numbers(&log), [3]);
}

#[tokio::test]
async fn a_clear_waits_until_it_is_done_and_begins_again_when_an_event_comes_between() {
    let mut turn = 0;
    let slow = move |machine: &mut Machine, request: &Request| {
        if (request.net_fn, request.command) != (0x0a, 0x47) {
            return None;
        }
        turn += 1;
        match (turn, request.data[5]) {
            (1, 0xaa) => {
                machine.reservation += 1;
                None
            }
            (2, 0xaa) | (3, 0) => Some(ok(&[0])),
            (4, 0) => None,
            other => panic!("{other:?}"),
        }
    };
    let mut ipmi = Ipmi::new(Fake::with(machine(), slow), None);
    ipmi.clear_events().await.expect("cleared");
    assert_eq!(ipmi.transport().count(0x0a, 0x47), 4);
    assert_eq!(ipmi.events(None).await.expect("events").events.len(), 0);
}

/// A board area with a maker, in a device that is larger than it needs to be.
fn plate() -> Vec<u8> {
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    let mut bytes = vec![1, 0, 0, 2, 0, 0, 0];
    bytes.push(sum(&bytes));
    bytes.resize(16, 0xff);
    let mut board = vec![1, 2, 25, 0, 0, 0, 0xc6];
    board.extend(b"Quanta\xc1\0");
    board.push(sum(&board));
    bytes.extend(board);
    bytes.resize(512, 0xff);
    bytes
}

#[tokio::test]
async fn of_a_name_plate_only_what_is_written_is_read() {
    let mut machine = machine();
    machine.fru.insert(0, plate());
    let mut ipmi = Ipmi::new(Fake::new(machine), None);
    let parts = ipmi.parts().await.expect("parts");
    assert_eq!((parts.len(), parts[0].id.as_str(), parts[0].trouble), (1, "0", None));
    assert_eq!((parts[0].fields[0].what, parts[0].fields[0].text.as_str()), (PartFact::BoardMaker, "Quanta"));
    assert_eq!(ipmi.transport().count(0x0a, 0x11), 3, "of 512 bytes");
}

#[tokio::test]
async fn name_plates_that_are_not_there_broken_or_slow_are_told_as_what_they_are() {
    let locator = |device: u8, name: &[u8]| {
        let body = [&[0x20, device, 0x80, 0, 0, 0x10, 0, 10, device, 0, 0xc0 | name.len() as u8], name].concat();
        [&[device, 2, 0x51, 0x11, body.len() as u8], &body[..]].concat()
    };
    let mut machine = machine();
    machine.sdr.extend([locator(1, b"PS1"), locator(2, b"PS2"), locator(3, b"PS3"), locator(4, b"PS4")]);
    let mut broken = plate();
    broken[24] ^= 1;
    machine.fru = [(1, broken), (2, vec![0xff; 64]), (3, plate())].into();
    let mut busy = 2;
    let trick = move |_: &mut Machine, request: &Request| {
        let third = (request.net_fn, request.command) == (0x0a, 0x11) && request.data[0] == 3 && busy > 0;
        busy -= i32::from(third);
        third.then(|| no(0x81))
    };
    let parts = Ipmi::new(Fake::with(machine, trick), None).parts().await.expect("parts");
    let told: Vec<_> = parts.iter().map(|part| (part.name.as_str(), part.fields.len(), part.trouble)).collect();
    // Number 0 and 4 are not there.
    let told_as = [("PS1", 1, Some(PartTrouble::Checksum)), ("PS2", 0, Some(PartTrouble::Empty)), ("PS3", 1, None)];
    assert_eq!(told, told_as);
}

#[tokio::test]
async fn one_without_sensor_records_still_has_a_log() {
    let without =
        |_: &mut Machine, request: &Request| (request.net_fn == 0x0a && request.command == 0x20).then(|| no(0xc1));
    let mut ipmi = Ipmi::new(Fake::with(machine(), without), None);
    assert!(matches!(ipmi.read().await, Err(BmcError::Unsupported)));
    assert_eq!(ipmi.events(None).await.expect("events").events.len(), 5);
}

#[tokio::test]
async fn a_user_who_may_not_is_told_so() {
    let forbids = |_: &mut Machine, request: &Request| (request.command == 0x2d).then(|| no(0xd4));
    match Ipmi::new(Fake::with(machine(), forbids), None).read().await {
        Err(BmcError::Transport(error)) => assert_eq!(error.problem(), cake_types::BmcProblem::Forbidden),
        other => panic!("{other:?}"),
    }
}
