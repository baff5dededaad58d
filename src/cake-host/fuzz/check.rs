//! What must hold for all bytes that can stand in a history's file, and for all texts that a kernel may show or a NUT server say.
//! Shared by the fuzz targets and by the replay on stable Rust.
#![allow(dead_code, reason = "each target takes the one it needs")]

use cake_host::disks::health;
use cake_host::history::{Archive, Layout, PAGE, PageHead, Pages};
use cake_host::ups::{Answer, LINE_MAX, Told, parse, quoted, told};
use cake_host::usage::{parse_cpu_times, parse_disks, parse_interfaces, parse_memory, parse_pressure};
use cake_types::{DiskHealth, Span, UpsFlag};
use std::io;
use uuid::Uuid;

const LAYOUT: Layout = Layout::of_usage(Uuid::from_u128(7), 3);
pub const HEAD: PageHead = PageHead { subject: LAYOUT.subject, step: Span::Hour.step(), columns: LAYOUT.measures };
const NOW: i64 = 1_790_000_000;

/// The same page everywhere.
struct Same([u8; PAGE]);

impl Pages for Same {
    fn read(&self, _: u32, page: &mut [u8; PAGE]) -> io::Result<()> {
        *page = self.0;
        Ok(())
    }

    fn write(&mut self, _: u32, page: &[u8; PAGE]) -> io::Result<()> {
        self.0 = *page;
        Ok(())
    }
}

/// Panics when an invariant does not hold. The checksum is set right, or no byte but its own would ever be looked at.
pub fn page(bytes: &[u8]) {
    let mut page = [0; PAGE];
    let length = bytes.len().min(PAGE);
    page[..length].copy_from_slice(&bytes[..length]);
    for right in [false, true] {
        if right {
            page[40..44].fill(0);
            let sum = crc32fast::hash(&page);
            page[40..44].copy_from_slice(&sum.to_le_bytes());
        }
        if let Ok(Some(found)) = HEAD.decode(&page) {
            assert!(found.numbers.len() <= HEAD.capacity() * usize::from(HEAD.columns));
            let again = HEAD.decode(&HEAD.encode(&found)).expect("what was read is written").expect("and is a page");
            assert!(again.number == found.number && again.numbers.len() == found.numbers.len());
        }
        let Ok(mut archive) = Archive::open(Same(page), LAYOUT, NOW) else { return };
        for span in Span::ALL {
            for last in [i64::MIN, -1, NOW / 10, i64::MAX] {
                let read = archive.read(span, last.saturating_sub(10), last).expect("memory is readable");
                assert!(read.numbers.len() <= span.points() as usize * 6, "never more than is kept");
            }
        }
        archive.add(NOW / 10 + 1, &[1.0, 2.0, 3.0]).expect("memory is writable");
        archive.close().expect("memory is writable");
    }
}

/// Panics when an invariant does not hold.
pub fn kernel(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(memory) = parse_memory(&text) {
        assert!(
            memory.available <= memory.total && memory.cached <= memory.total && memory.swap_used <= memory.swap_total
        );
    }
    let _ = (parse_cpu_times(&text, 10), parse_disks(&text), parse_pressure(&text));
    let interfaces = parse_interfaces(&text).unwrap_or_default();
    assert!(interfaces.len() <= text.lines().count());
}

/// Panics when an invariant does not hold.
pub fn nut(bytes: &[u8]) {
    let mut variables = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(Answer::Variable { name, value }) = parse(line) {
            let line = format!("VAR {} {} {}", quoted("rack"), quoted(&name), quoted(&value));
            let clean = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
            let same = Answer::Variable { name: clean(&name), value: clean(&value) };
            assert!(parse(line.as_bytes()).is_ok_and(|again| again == same) || line.len() > LINE_MAX);
            variables.push((name, value));
        }
    }
    let said = told(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    if let Some(Told { model, flags, charge, .. }) = said {
        assert!(charge.is_none_or(|charge| charge <= 100) && flags.len() <= UpsFlag::ALL.len());
        assert!(model.is_none_or(|model| model.chars().count() <= 161 && !model.chars().any(char::is_control)));
    }
}

/// Panics when an invariant does not hold.
pub fn smart(bytes: &[u8]) {
    let found = health(bytes);
    if found.silence.is_some() {
        assert_eq!(found, DiskHealth { silence: found.silence, ..DiskHealth::default() }, "who is silent says nothing");
        return;
    }
    assert_ne!(found, DiskHealth::default(), "who is not silent says something");
    assert!(found.temperature.is_none_or(|degrees| (-60..=150).contains(&degrees)));
    let percents = [found.percent_used, found.spare, found.spare_threshold];
    assert!(percents.into_iter().flatten().all(|percent| percent <= 255) && found.warnings.len() <= 6);
    let _ = (found.is_failing(), found.is_short_of_spare(), found.bad_sectors(), found.wear());
}
