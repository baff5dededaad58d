use super::*;
use cake_types::{CpuTimes, Measure};

const NODE: NodeId = NodeId(Uuid::from_u128(1));
const VM: VmId = VmId(Uuid::from_u128(2));

fn history() -> (tempfile::TempDir, History) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path().join("usage")).unwrap();
    (place, History::new(NODE, folder))
}

fn rows(of: &[UsageOf], number: f32) -> Rows {
    of.iter().map(|of| (*of, vec![number; of.measures().len()])).collect()
}

fn at(point: i64) -> Timestamp {
    Timestamp::from_millisecond(point * EVERY + 3).unwrap()
}

fn known(history: &UsageHistory) -> Vec<f32> {
    history.columns[0].mean.iter().flatten().copied().collect()
}

const POINT: i64 = 179_000_000;

#[test]
fn what_was_measured_is_told_and_what_is_newer() {
    let (_place, history) = history();
    for point in POINT..POINT + 100 {
        history.take(point, &rows(&[UsageOf::Node, UsageOf::Vm(VM)], (point - POINT) as f32));
    }
    let now = at(POINT + 99);
    let hour = history.read(UsageOf::Vm(VM), Span::Hour, None, now).unwrap();
    assert_eq!((hour.columns.len(), hour.columns[0].mean.len()), (9, 360));
    assert_eq!(hour.first, (POINT + 99 - 359) * 10);
    assert_eq!(known(&hour).len(), 100);
    assert!(hour.columns[0].most.is_empty());
    let newer = history.read(UsageOf::Vm(VM), Span::Hour, Some((POINT + 96) * 10), now).unwrap();
    assert_eq!((newer.first, known(&newer)), ((POINT + 97) * 10, vec![97.0, 98.0, 99.0]));
    let none = history.read(UsageOf::Vm(VM), Span::Hour, Some(i64::MAX), now).unwrap();
    assert!(none.columns[0].mean.is_empty());
    let day = history.read(UsageOf::Node, Span::Day, None, now).unwrap();
    assert_eq!((day.columns.len(), day.columns[0].most.len()), (21, 720));
    assert_eq!(day.columns[0].most.iter().flatten().last(), Some(&99.0));
}

#[test]
fn a_vm_that_is_off_keeps_its_history_and_a_node_that_ends_too() {
    let (place, history) = history();
    for point in POINT..POINT + 50 {
        history.take(point, &rows(&[UsageOf::Node, UsageOf::Vm(VM)], 1.0));
    }
    history.take(POINT + 50, &rows(&[UsageOf::Node], 1.0));
    assert_eq!(history.live().archives.len(), 1, "one that rests costs no memory");
    let now = at(POINT + 60);
    assert_eq!(known(&history.read(UsageOf::Vm(VM), Span::Hour, None, now).unwrap()).len(), 50);
    history.close();
    let again = History::new(NODE, Folder::open(place.path().join("usage")).unwrap());
    assert_eq!(known(&again.read(UsageOf::Node, Span::Hour, None, now).unwrap()).len(), 51);
    again.sweep(&HashSet::from([VM])).unwrap();
    assert_eq!(known(&again.read(UsageOf::Vm(VM), Span::Hour, None, now).unwrap()).len(), 50);
}

#[test]
fn a_removed_vms_history_is_gone_for_good() {
    let (place, history) = history();
    let both = [UsageOf::Node, UsageOf::Vm(VM)];
    history.take(POINT, &rows(&both, 1.0));
    history.forget(VM).unwrap();
    // A measurement that was under way.
    history.take(POINT + 1, &rows(&both, 1.0));
    history.close();
    let files = std::fs::read_dir(place.path().join("usage")).unwrap().count();
    assert_eq!(files, 1, "the server's own");
    let read = history.read(UsageOf::Vm(VM), Span::Hour, None, at(POINT + 1)).unwrap();
    assert!(known(&read).is_empty());
}

#[test]
fn a_page_that_is_torn_under_our_feet_is_set_aside_and_told_of() {
    let (place, history) = history();
    for point in POINT..POINT + 300 {
        history.take(point, &rows(&[UsageOf::Node], 1.0));
    }
    let file = place.path().join("usage").join(format!("{}.usage", NODE.0));
    let mut bytes = std::fs::read(&file).unwrap();
    let written = bytes.chunks(4096).position(|page| page[0] != 0).unwrap();
    bytes[written * 4096 + 2000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let read = history.read(UsageOf::Node, Span::Hour, None, at(POINT + 299)).unwrap();
    assert!(read.set_aside.is_some());
    assert!((200..300).contains(&known(&read).len()), "{}", known(&read).len());
    // It goes on as if nothing had been.
    history.take(POINT + 300, &rows(&[UsageOf::Node], 2.0));
    let read = history.read(UsageOf::Node, Span::Hour, None, at(POINT + 300)).unwrap();
    assert_eq!(known(&read).last(), Some(&2.0));
}

#[test]
fn rates_need_two_readings() {
    let mut before = Before::default();
    let host = |user| HostCounters { cpu: CpuTimes { user, idle: user, ..CpuTimes::default() }, ..Default::default() };
    let counters =
        |user, cpu_ns| Counters { host: host(user), vms: vec![(VM, VmCounters { cpu_ns, ..VmCounters::default() })] };
    let start = Instant::now();
    let first = before.rows(counters(100, 5), start);
    assert!(first[0].1[0].is_nan() && first[1].1[0].is_nan());
    let second = before.rows(counters(200, 5_000_000_005), start + Duration::from_secs(10));
    assert_eq!((second[0].1[0], second[1].1[0]), (50.0, 0.5));
    assert_eq!(UsageOf::Node.measures()[0], Measure::CpuUser);
}
