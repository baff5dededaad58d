use super::*;
use proptest::prelude::*;

const LEFT: Duration = Duration::from_secs(300);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn battery(runtime: Option<u64>) -> Reading {
    Reading { on_battery: true, runtime: runtime.map(seconds), ..Reading::default() }
}

#[test]
fn when_the_end_begins() {
    let line = Reading { on_line: true, runtime: Some(seconds(10)), ..Reading::default() };
    for (reading, age, used, expected) in [
        // On the mains nothing does, whatever else is said.
        (line, 0, 0, None),
        (line, 86_400, 0, None),
        (Reading { low: true, ..line }, 0, 0, None),
        (Reading { forced: true, ..line }, 0, 0, Some(Because::Forced)),
        // On battery what is left does.
        (battery(Some(301)), 0, 60, None),
        (battery(Some(300)), 0, 60, Some(Because::TimeLeft)),
        (battery(Some(0)), 0, 60, Some(Because::TimeLeft)),
        (battery(Some(0)), 0, 2, None),
        (Reading { low: true, ..battery(Some(9000)) }, 0, 0, Some(Because::LowBattery)),
        (Reading { forced: true, ..battery(Some(9000)) }, 0, 0, Some(Because::Forced)),
        (battery(None), 0, 9000, None),
        // Nobody says anything any more: what was said runs out.
        (battery(Some(900)), 599, 600, None),
        (battery(Some(900)), 600, 600, Some(Because::TimeLeft)),
        (battery(None), 14, 100, None),
        (battery(None), 15, 100, Some(Because::Silent)),
        // A battery that is tried.
        (Reading { calibrating: true, low: true, ..battery(Some(1)) }, 900, 900, None),
    ] {
        let seen = Seen { reading, age: seconds(age), on_battery_for: seconds(used) };
        assert_eq!(due(LEFT, &seen), expected, "{seen:?}");
    }
    assert_eq!([0, 1, 2, 5, 60].map(|minutes| grace(seconds(minutes * 60))), [0, 30, 60, 60, 60]);
}

#[test]
fn what_follows() {
    let cut = Some(Because::LowBattery);
    for (stage, due, well, guests_left, expected) in [
        (Stage::Watching, None, true, false, Step::Nothing),
        (Stage::Watching, None, false, true, Step::Nothing),
        (Stage::Watching, cut, false, true, Step::EndGuests(Because::LowBattery)),
        (Stage::Guests, cut, false, true, Step::Nothing),
        (Stage::Guests, None, true, true, Step::Nothing),
        (Stage::Guests, cut, false, false, Step::PowerOff),
        (Stage::Guests, None, false, false, Step::PowerOff),
        (Stage::Guests, None, true, false, Step::Release),
        (Stage::Host, cut, false, false, Step::Nothing),
        (Stage::Host, None, true, false, Step::Nothing),
        (Stage::Stays, cut, false, false, Step::Nothing),
        (Stage::Stays, None, true, false, Step::Release),
    ] {
        assert_eq!(step(stage, due, well, guests_left), expected, "{stage:?} {due:?} {well} {guests_left}");
    }
}

#[test]
fn after_a_restart() {
    for stage in [Stage::Guests, Stage::Host, Stage::Stays] {
        assert_eq!(resumed(false, stage, false), Resumed::Release, "{stage:?}");
    }
    assert_eq!(resumed(true, Stage::Guests, false), Resumed::GoOn(Stage::Guests));
    assert_eq!(resumed(true, Stage::Host, true), Resumed::GoOn(Stage::Host), "it is asked for once");
    assert_eq!(resumed(true, Stage::Host, false), Resumed::GoOn(Stage::Guests));
    assert_eq!(resumed(true, Stage::Stays, false), Resumed::GoOn(Stage::Stays));
}

#[test]
fn what_a_ups_says_is_read() {
    let status = UpsStatus {
        flags: vec![UpsFlag::OnBattery, UpsFlag::Discharging, UpsFlag::LowBattery],
        runtime: Some(90),
        ..UpsStatus::default()
    };
    let reading = Reading::of(&status);
    assert_eq!(reading, Reading { low: true, ..battery(Some(90)) });
    assert!(!reading.is_well() && !Reading::default().is_well(), "who says nothing is not well");
    assert!(Reading { on_line: true, ..Reading::default() }.is_well());
}

fn readings() -> impl Strategy<Value = Reading> {
    let flags = (0..3, any::<bool>(), proptest::bool::weighted(0.1), proptest::bool::weighted(0.1));
    (flags, proptest::option::of(0u64..2000)).prop_map(|((power, low, forced, calibrating), runtime)| Reading {
        on_line: power == 0,
        on_battery: power == 1,
        low,
        forced,
        calibrating,
        runtime: runtime.map(seconds),
    })
}

proptest! {
    /// Whatever a UPS says and however long it is silent.
    #[test]
    fn the_end_begins_only_on_battery_and_then_for_good(reading in readings(), age in 0u64..4000, used in 0u64..4000) {
        let seen = Seen { reading, age: seconds(age), on_battery_for: seconds(used) };
        let now = due(LEFT, &seen);
        prop_assert!(now.is_none() || reading.on_battery || reading.forced);
        prop_assert!(now.is_none() || !reading.is_well(), "power that is well ends nothing");
        if now.is_some() {
            // Silence and more time in use make nothing better, nor does asking for more time to be left.
            let later = Seen { age: seen.age + seconds(7), on_battery_for: seen.on_battery_for + seconds(7), ..seen };
            prop_assert!(due(LEFT, &later).is_some());
            prop_assert!(due(LEFT * 2, &seen).is_some());
        }
        if reading.on_battery && !reading.calibrating && age >= 2000 && used >= 3 {
            prop_assert!(now.is_some(), "a battery that nobody hears of does not last for ever");
        }
    }

    /// Random histories against what must hold in each: guests are ended before the server, the server is powered off at most
    /// once, and nobody is released who was not ended.
    #[test]
    fn one_step_after_the_other(history in proptest::collection::vec((readings(), any::<bool>(), any::<bool>()), 1..80)) {
        let (mut stage, mut ended, mut offs) = (Stage::Watching, false, 0);
        for (reading, guests_left, can) in history {
            let seen = Seen { reading, age: Duration::ZERO, on_battery_for: seconds(60) };
            match step(stage, due(LEFT, &seen), reading.is_well(), guests_left) {
                Step::Nothing => {}
                Step::EndGuests(_) => {
                    prop_assert!(!ended && !reading.is_well());
                    (stage, ended) = (Stage::Guests, true);
                }
                Step::PowerOff => {
                    prop_assert!(ended && !guests_left && !reading.is_well());
                    if can { offs += 1; }
                    stage = if can { Stage::Host } else { Stage::Stays };
                }
                Step::Release => {
                    prop_assert!(ended && reading.is_well() && stage != Stage::Host);
                    (stage, ended) = (Stage::Watching, false);
                }
            }
            prop_assert!(offs <= 1);
        }
    }
}
