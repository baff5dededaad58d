//! Times, ages and lengths of time as people of a language write them.

use crate::Words;
use cake_types::{Calendar, Language};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How somebody writes dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    pub language: Language,
    pub calendar: Calendar,
}

impl From<Language> for Manner {
    fn from(language: Language) -> Self {
        Self { language, calendar: Calendar::default() }
    }
}

/// A day and a time: `23 Nov 2026, 16:15`; `2026年11月23日 下午4:15`.
pub fn time(at: Timestamp, zone: &TimeZone, manner: impl Into<Manner>) -> String {
    let manner = manner.into();
    format!("{}{}{}", date(at, zone, manner), separator(manner.language), clock(at, zone, manner.language))
}

/// A day and a time to the second, for records: `23 Nov 2026, 16:15:08`.
pub fn time_exact(at: Timestamp, zone: &TimeZone, manner: impl Into<Manner>) -> String {
    format!("{}:{:02}", time(at, zone, manner), at.to_zoned(zone.clone()).second())
}

/// A day: `23 Nov 2026`; `2026年11月23日`; `民國115年11月23日`.
pub fn date(at: Timestamp, zone: &TimeZone, manner: impl Into<Manner>) -> String {
    let Manner { language, calendar } = manner.into();
    let day = at.to_zoned(zone.clone());
    match (language, calendar) {
        (Language::English, Calendar::Gregorian) => day.strftime("%-d %b %Y").to_string(),
        (Language::English, Calendar::Minguo) => {
            format!("{} {}", day.strftime("%-d %b"), minguo_in_english(day.year()))
        }
        (Language::ChineseTaiwan, Calendar::Gregorian) => {
            format!("{}年{}月{}日", day.year(), day.month(), day.day())
        }
        (Language::ChineseTaiwan, Calendar::Minguo) => {
            format!("{}年{}月{}日", minguo_in_chinese(day.year()), day.month(), day.day())
        }
    }
}

/// The first year of the Republic is 1912. There is no year 0: 1911 is the first before it.
const BEFORE_MINGUO: i16 = 1911;

fn minguo_in_chinese(year: i16) -> String {
    match year - BEFORE_MINGUO {
        1 => "民國元".into(),
        year @ 2.. => format!("民國{year}"),
        before => format!("民國前{}", 1 - before),
    }
}

fn minguo_in_english(year: i16) -> String {
    match year - BEFORE_MINGUO {
        year @ 1.. => format!("ROC {year}"),
        before => format!("{} before ROC", 1 - before),
    }
}

/// The time of day: `16:15`; `下午4:15`.
pub fn clock(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let day = at.to_zoned(zone.clone());
    match language {
        Language::English => format!("{:02}:{:02}", day.hour(), day.minute()),
        Language::ChineseTaiwan => {
            let half = if day.hour() < 12 { "上午" } else { "下午" };
            let hour = (day.hour() + 11) % 12 + 1;
            format!("{half}{hour}:{:02}", day.minute())
        }
    }
}

fn separator(language: Language) -> &'static str {
    match language {
        Language::English => ", ",
        Language::ChineseTaiwan => " ",
    }
}

/// How long ago: `5 minutes ago`. What is to come is `just now`: clocks differ a little.
pub fn age(at: Timestamp, now: Timestamp, words: &Words) -> String {
    let seconds = now.as_second() - at.as_second();
    if seconds < 45 {
        return words.text("age-now").to_owned();
    }
    let (id, count) = largest_unit(seconds, ["age-minutes", "age-hours", "age-days"]);
    words.text_with(id, &[("count", &count.to_string())])
}

/// A length of time in its largest unit: `3 days`.
pub fn duration(seconds: i64, words: &Words) -> String {
    if seconds < 1 {
        return words.text("duration-moment").to_owned();
    }
    if seconds < 60 {
        return words.text_with("duration-seconds", &[("count", &seconds.to_string())]);
    }
    let (id, count) = largest_unit(seconds, ["duration-minutes", "duration-hours", "duration-days"]);
    words.text_with(id, &[("count", &count.to_string())])
}

/// How busy a VM is: of all its processors together, so that 100 % is everywhere as much as it can do.
pub fn cpu_use(permille_of_one: u32, vcpus: u32) -> String {
    let of = vcpus.max(1) * 10;
    format!("{} %", (permille_of_one + of / 2) / of)
}

/// A measure, whose name ends in its unit, in the unit that is read best: `3.4 MiB/s` of `disk_read_bytes_per_second`.
pub fn measured(name: &str, value: f64) -> String {
    if name.ends_with("_percent") {
        format!("{} %", short(value))
    } else if name.ends_with("_bytes") {
        scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
    } else if name.ends_with("_bytes_per_second") {
        scaled(value, 1024.0, &["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"])
    } else if name.ends_with("_bits_per_second") {
        scaled(value, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
    } else if name.ends_with("_per_second") {
        format!("{}/s", short(value))
    } else {
        short(value)
    }
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let (mut value, mut units) = (value, units.iter().peekable());
    while let Some(unit) = units.next() {
        // What would be written as a thousand is one of the next.
        if value < step - 0.5 || units.peek().is_none() {
            return format!("{} {unit}", short(value));
        }
        value /= step;
    }
    String::new()
}

/// As many digits as can be read at a glance.
fn short(value: f64) -> String {
    let nearly_whole = value >= 0.95 && (value - value.round()).abs() < 0.05;
    let digits = match value {
        10.0.. => 0,
        _ if nearly_whole || value == 0.0 => 0,
        0.95.. => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

fn largest_unit(seconds: i64, [minutes, hours, days]: [&'static str; 3]) -> (&'static str, i64) {
    match seconds {
        ..=3_569 => (minutes, ((seconds + 30) / 60).max(1)),
        3_570..=84_599 => (hours, (seconds + 1_800) / 3_600),
        _ => (days, (seconds + 43_200) / 86_400),
    }
}

/// Microseconds as milliseconds: `2.1`, from ten on without a fraction.
pub fn milliseconds(us: u64) -> String {
    match us {
        0..10_000 => format!("{}.{}", us / 1000, us / 100 % 10),
        _ => (us / 1000).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    #[test]
    fn measures_are_written_with_their_units() {
        for (name, value, expected) in [
            ("cpu_user_percent", 12.4, "12 %"),
            ("cpu_user_percent", 0.0, "0 %"),
            ("cpu_busy_processors", 0.377, "0.38"),
            ("cpu_busy_processors", 1.5, "1.5"),
            ("memory_used_bytes", 1_610_612_736.0, "1.5 GiB"),
            ("disk_read_bytes_per_second", 1023.9, "1 KiB/s"),
            ("disk_reads_per_second", 3.0, "3/s"),
            ("network_sent_bits_per_second", 999_900.0, "1 Mbit/s"),
            ("network_dropped_packets_per_second", 0.1, "0.10/s"),
        ] {
            assert_eq!(measured(name, value), expected, "{name}");
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        let taipei = TimeZone::get("Asia/Taipei").expect("the system's time zones");
        let afternoon = at("2026-11-23T08:15:08Z");
        assert_eq!(time(afternoon, &taipei, Language::ChineseTaiwan), "2026年11月23日 下午4:15");
        assert_eq!(time(afternoon, &taipei, Language::English), "23 Nov 2026, 16:15");
        assert_eq!(time_exact(afternoon, &taipei, Language::English), "23 Nov 2026, 16:15:08");
        assert_eq!(clock(at("2026-11-22T16:05:00Z"), &taipei, Language::ChineseTaiwan), "上午12:05");
        assert_eq!(clock(at("2026-11-23T04:05:00Z"), &taipei, Language::ChineseTaiwan), "下午12:05");
    }

    #[test]
    fn years_are_counted_as_was_asked() {
        let taipei = TimeZone::get("Asia/Taipei").expect("the system's time zones");
        let minguo = |language| Manner { language, calendar: Calendar::Minguo };
        for (then, chinese, english) in [
            // New year's eve in Greenwich is new year's day in Taipei.
            ("2026-12-31T16:00:00Z", "民國116年1月1日", "1 Jan ROC 116"),
            ("2026-12-31T15:59:59Z", "民國115年12月31日", "31 Dec ROC 115"),
            ("1912-06-01T00:00:00Z", "民國元年6月1日", "1 Jun ROC 1"),
            ("1911-06-01T00:00:00Z", "民國前1年6月1日", "1 Jun 1 before ROC"),
        ] {
            assert_eq!(date(at(then), &taipei, minguo(Language::ChineseTaiwan)), chinese);
            assert_eq!(date(at(then), &taipei, minguo(Language::English)), english);
        }
        let time = time(at("2026-11-23T08:15:08Z"), &taipei, minguo(Language::ChineseTaiwan));
        assert_eq!(time, "民國115年11月23日 下午4:15");
    }

    #[test]
    fn ages_have_one_unit() {
        let now = at("2026-11-23T08:00:00Z");
        let english = Catalogue::get(Language::English);
        for (then, age_in_words) in [
            ("2026-11-23T08:00:20Z", "just now"),
            ("2026-11-23T07:59:30Z", "just now"),
            ("2026-11-23T07:59:00Z", "1 minute ago"),
            ("2026-11-23T07:30:00Z", "30 minutes ago"),
            ("2026-11-23T07:00:00Z", "1 hour ago"),
            ("2026-11-22T08:00:00Z", "1 day ago"),
            ("2026-11-13T08:00:00Z", "10 days ago"),
        ] {
            assert_eq!(age(at(then), now, english), age_in_words, "{then}");
        }
        assert_eq!(duration(7_200, Catalogue::get(Language::ChineseTaiwan)), "2小時");
        assert_eq!(duration(5, english), "5 seconds");
        assert_eq!(duration(0, english), "less than a second");
        assert_eq!(duration(-3, english), "less than a second");
    }

    #[test]
    fn a_busy_vm_is_at_a_hundred_however_many_processors_it_has() {
        assert_eq!(cpu_use(1000, 1), "100 %");
        assert_eq!(cpu_use(4000, 4), "100 %");
        assert_eq!(cpu_use(1000, 4), "25 %");
        assert_eq!(cpu_use(126, 1), "13 %");
        assert_eq!(cpu_use(0, 0), "0 %");
    }
}
