use super::*;
use cake_types::VM_MEASURES;
use std::cell::Cell;
use std::collections::HashMap;
use uuid::Uuid;

const NOW: i64 = 1_790_000_000 / 10;

/// Pages in memory, counted.
#[derive(Debug, Default)]
struct Memory {
    pages: HashMap<u32, [u8; PAGE]>,
    written: u64,
    reads: Cell<u32>,
}

impl Pages for Memory {
    fn read(&self, number: u32, page: &mut [u8; PAGE]) -> io::Result<()> {
        self.reads.set(self.reads.get() + 1);
        *page = self.pages.get(&number).copied().unwrap_or([0; PAGE]);
        Ok(())
    }

    fn write(&mut self, number: u32, page: &[u8; PAGE]) -> io::Result<()> {
        self.written += page.len() as u64;
        self.pages.insert(number, *page);
        Ok(())
    }
}

fn archive(measures: u16) -> Archive<Memory> {
    let layout = Layout::of_usage(Uuid::from_u128(1), measures);
    Archive::open(Memory::default(), layout, NOW * 10).expect("memory is readable")
}

#[test]
fn points_come_back_as_they_are_as_means_and_as_the_most() {
    let mut archive = archive(2);
    // Three hours: the second number is missing in every other row.
    let value = |point: i64| (point - NOW) as f32;
    for point in NOW..NOW + 1080 {
        archive.add(point, &[value(point), if point % 2 == 0 { 1.0 } else { f32::NAN }]).unwrap();
    }
    let last = NOW + 1079;
    let hour = archive.read(Span::Hour, last - 359, last).unwrap();
    assert_eq!(hour.numbers.len(), 720);
    assert!(hour.numbers.chunks(2).zip(last - 359..).all(|(row, point)| row[0] == value(point)));
    assert_eq!(hour.numbers.chunks(2).filter(|row| row[1].is_nan()).count(), 180);
    // A point of the day is twelve of the hour, and named by the end of its time.
    let end = coarser(last - 50, Span::Hour, Span::Day);
    let day = archive.read(Span::Day, end, end).unwrap().numbers;
    let (first, most) = (end * 12 - 11, end * 12);
    let mean = (value(first) + value(most)) / 2.0;
    assert_eq!(day, [mean, 1.0, value(most), 1.0]);
    // What is being gathered is there too.
    let now = archive
        .read(Span::Month, coarser(last, Span::Hour, Span::Month), coarser(last, Span::Hour, Span::Month))
        .unwrap()
        .numbers;
    assert_eq!(now[2], value(last));
}

#[test]
fn what_was_flushed_is_found_again_and_gathering_goes_on() {
    let mut before = archive(1);
    for point in NOW..NOW + 500 {
        before.add(point, &[(point % 100) as f32]).unwrap();
    }
    before.flush().unwrap();
    let last = NOW + 499;
    let expected =
        Span::OF_USAGE.map(|span| before.read(span, 0, last.div_euclid(i64::from(span.step()) / 10) + 1).unwrap());
    let layout = before.layout();
    // After an hour of rest nothing is gathered any more: what was, is in the file.
    before.close().unwrap();
    let rested = Archive::open(before.pages, layout, last * 10 + 7200).unwrap();
    let month = coarser(last, Span::Hour, Span::Month);
    assert!(!rested.read(Span::Month, month, month).unwrap().numbers[0].is_nan());
    let mut after = Archive::open(rested.pages, layout, last * 10).unwrap();
    for (span, expected) in Span::OF_USAGE.into_iter().zip(expected) {
        let read = after.read(span, 0, last.div_euclid(i64::from(span.step()) / 10) + 1).unwrap();
        let equal = |a: &f32, b: &f32| a == b || (a.is_nan() && b.is_nan());
        assert!(read.numbers.iter().zip(&expected.numbers).all(|(a, b)| equal(a, b)), "{span:?}");
    }
    after.add(last + 1, &[7.0]).unwrap();
    assert_eq!(after.read(Span::Hour, last, last + 1).unwrap().numbers, [(last % 100) as f32, 7.0]);
}

#[test]
fn what_is_old_is_not_shown_as_new() {
    let mut archive = archive(1);
    archive.add(NOW, &[1.0]).unwrap();
    archive.flush().unwrap();
    // A month of silence, and a clock that was wrong by years.
    let later = NOW + 10 * 365 * 8640;
    archive.add(later, &[2.0]).unwrap();
    archive.add(NOW + 400, &[3.0]).unwrap();
    let hour = archive.read(Span::Hour, NOW + 41, NOW + 400).unwrap().numbers;
    assert_eq!(hour.iter().filter(|number| !number.is_nan()).count(), 1);
    assert_eq!(hour.last(), Some(&3.0));
    assert!(archive.read(Span::Hour, NOW + 400, NOW).unwrap().numbers.is_empty());
}

#[test]
fn a_torn_page_costs_its_own_points_only() {
    let mut archive = archive(9);
    for point in NOW..NOW + 360 {
        archive.add(point, &[1.0; 9]).unwrap();
    }
    archive.flush().unwrap();
    let slot = archive.layout.ring(Span::Hour).slot(archive.layout.ring(Span::Hour).place(NOW + 100).0);
    archive.pages.pages.get_mut(&slot).unwrap()[1000] ^= 4;
    let read = archive.read(Span::Hour, NOW, NOW + 359).unwrap();
    assert_eq!(read.damaged, [(slot, PageError::Checksum)]);
    let known = read.numbers.chunks(9).filter(|row| !row[0].is_nan()).count();
    assert!((248..360).contains(&known), "{known}");
}

/// The promise: at most 4 KiB a second for 100 VMs, counted in whole pages, as disks write them.
#[test]
fn a_hundred_vms_cost_at_most_four_kib_of_writes_a_second() {
    const EVERY: i64 = crate::history::folder::FLUSH_EVERY as i64;
    let hours = 6;
    let mut archives: Vec<_> = (0..100).map(|_| archive(VM_MEASURES.len() as u16)).collect();
    for point in NOW..NOW + hours * 360 {
        for (phase, archive) in (0..).zip(&mut archives) {
            archive.add(point, &[1.0; 9]).unwrap();
            if (point + phase) % EVERY == 0 {
                archive.flush().unwrap();
            }
        }
    }
    let written: u64 = archives.iter().map(|archive| archive.pages.written).sum();
    let each_second = written / (hours as u64 * 3600);
    assert!(each_second <= 4096, "{each_second} bytes a second");
    assert!(each_second > 1024, "nothing is written: {each_second}");
}

fn of_sensors(memory: Memory, measures: u16, now: i64) -> Archive<Memory> {
    Archive::open(memory, Layout::of_sensors(Uuid::from_u128(1), measures), now).expect("memory is readable")
}

/// The point of a span that `point` of the hour is part of, with mean, least, most and how much is known.
fn folded(archive: &Archive<Memory>, span: Span, point: i64) -> Vec<f32> {
    let at = coarser(point, Span::Hour, span);
    archive.read(span, at, at).unwrap().numbers
}

#[test]
fn of_sensors_a_year_is_kept_and_how_much_of_it_is_known() {
    // The beginning of four hours.
    let begin = NOW.div_euclid(1440) * 1440 + 1;
    let mut archive = of_sensors(Memory::default(), 1, begin * 10);
    // An hour of 10, an hour of nothing, an hour of 40.
    for point in (begin..begin + 360).chain(begin + 720..begin + 1080) {
        archive.add(point, &[if point < begin + 720 { 10.0 } else { 40.0 }]).unwrap();
    }
    assert_eq!(folded(&archive, Span::Month, begin), [10.0, 10.0, 10.0, 1.0]);
    assert!(folded(&archive, Span::Month, begin + 400).iter().all(|number| number.is_nan()), "nothing is invented");
    // Before it is over, and after.
    assert_eq!(folded(&archive, Span::Year, begin), [25.0, 10.0, 40.0, 0.5]);
    archive.add(begin + 1500, &[7.0]).unwrap();
    assert_eq!(folded(&archive, Span::Year, begin), [25.0, 10.0, 40.0, 0.5]);
    assert_eq!(folded(&archive, Span::Day, begin), [10.0, 10.0, 10.0, 1.0]);
}

#[test]
fn who_is_killed_loses_what_was_not_written_and_nothing_that_follows_from_it() {
    let begin = NOW.div_euclid(1440) * 1440 + 1;
    let mut before = of_sensors(Memory::default(), 1, begin * 10);
    for point in begin..begin + 530 {
        before.add(point, &[8.0]).unwrap();
    }
    before.flush().unwrap();
    for point in begin + 530..begin + 550 {
        before.add(point, &[9.0]).unwrap();
    }
    // Killed in the second hour; it comes again in the third.
    let again = begin + 720;
    let mut after = of_sensors(before.pages, 1, again * 10);
    let second = folded(&after, Span::Month, begin + 400);
    assert!(second[0] == 8.0 && (second[3] - 170.0 / 360.0).abs() < 0.005, "{second:?}");
    let year = folded(&after, Span::Year, begin);
    assert!(year[0] == 8.0 && (year[3] - 530.0 / 1440.0).abs() < 0.005, "{year:?}");
    // … and is killed again, far later: what was over meanwhile is there.
    for point in again..begin + 1440 {
        after.add(point, &[8.0]).unwrap();
    }
    after.flush().unwrap();
    let last = of_sensors(after.pages, 1, (begin + 9000) * 10);
    let year = folded(&last, Span::Year, begin);
    assert!(year[0] == 8.0 && year[3] > 0.6, "{year:?}");
}

/// The promise: at most 4 KiB a second for 50 BMCs with 60 sensors each, counted in whole pages, as disks write them.
#[test]
fn fifty_bmcs_cost_at_most_four_kib_of_writes_a_second() {
    const EVERY: i64 = crate::history::folder::FLUSH_EVERY as i64;
    // 60 sensors, what the server draws, and two places that are free.
    let row = [1.0; 63];
    let hours = 9;
    let mut archives: Vec<_> = (0..50).map(|_| of_sensors(Memory::default(), 63, NOW * 10)).collect();
    for point in NOW..NOW + hours * 360 {
        for (phase, archive) in (0..).zip(&mut archives) {
            archive.add(point, &row).unwrap();
            if (point + phase) % EVERY == 0 {
                archive.flush().unwrap();
            }
        }
    }
    let written: u64 = archives.iter().map(|archive| archive.pages.written).sum();
    let each_second = written / (hours as u64 * 3600);
    println!("50 BMCs x 60 sensors: {} bytes in an hour, {each_second} in a second", written / hours as u64);
    assert!(each_second <= 4096, "{each_second} bytes a second");
    assert!(each_second > 1024, "nothing is written: {each_second}");
}
