//! What the offsets of discrete sensors and of events mean: tables 42-2 and 42-3 of IPMI 2.0.
//!
//! The words are the catalogues' (`ipmi-CLASS-OFFSET`, `ipmi-6f-TYPE-OFFSET`). How bad each is, is our judgement, a letter for each
//! offset: `e` somebody must act, `w` somebody should know, `i` it is so, `-` the specification knows none.

use crate::sdr::SensorRecord;
use cake_types::{SensorFact, SensorGroup, SensorUnit, Severity};

/// Reading type 6Fh: the offsets are those of the sensor's type.
pub const SPECIFIC: u8 = 0x6f;

/// Table 42-2: class, offsets.
const GENERIC: &[(u8, &str)] = &[
    // Thresholds. A lower one that is passed upwards, and an upper one downwards, is on the way to be well again.
    (0x01, "wieieiiwieie"),
    // Usage: idle, active, busy.
    (0x02, "iii"),
    // State; predictive failure; limit; performance.
    (0x03, "ii"),
    (0x04, "iw"),
    (0x05, "iw"),
    (0x06, "iw"),
    // Severity.
    (0x07, "iweeweeii"),
    // Presence; enabled; availability.
    (0x08, "ii"),
    (0x09, "ii"),
    (0x0a, "iiiiiiwie"),
    // Redundancy.
    (0x0b, "iwwwwewe"),
    // ACPI device power states.
    (0x0c, "iiii"),
];

/// What the firmware says beside (table 42-3, type 0Fh, event data 2): of each offset how many steps or errors there are, and
/// those between that are kept for later.
const FIRMWARE: u8 = 0x0f;
const FIRMWARE_DETAILS: [u8; 3] = [0x0e, 0x1a, 0x1a];
const FIRMWARE_RESERVED: [(u8, u8); 2] = [(1, 0x15), (2, 0x15)];

/// Table 42-3: sensor type, offsets. Types without offsets of their own are not here.
const SPECIFICS: &[(u8, &str)] = &[
    // Physical security, platform security.
    (0x05, "wwwwwww"),
    (0x06, "wwwwww"),
    // Processor, power supply, power unit.
    (0x07, "eeeeeeeiiiwew"),
    (0x08, "iewewwei"),
    (0x09, "iieeweew"),
    // Memory, drive, firmware progress.
    (0x0c, "weeeewieiwe"),
    (0x0d, "iewiiweiw"),
    (0x0f, "eei"),
    // Event logging, watchdog 1, system event.
    (0x10, "wwiwewi"),
    (0x11, "wwwwwwww"),
    (0x12, "iieiii"),
    // Critical interrupt, button.
    (0x13, "eweweeeweeew"),
    (0x14, "iiiii"),
    // Chip set, cable, boot initiated, boot error, OS boot.
    (0x19, "ee"),
    (0x1b, "ie"),
    (0x1d, "iiiiiiii"),
    (0x1e, "eeeew"),
    (0x1f, "iiiiiiiiiwe"),
    // OS stop, slot, ACPI state, watchdog 2.
    (0x20, "eeiiiw"),
    (0x21, "eiiiiiiiii"),
    (0x22, "iiiiiiiiiiiii-i"),
    (0x23, "wwww----w"),
    // Platform alert, entity presence, LAN heartbeat, management health, battery.
    (0x24, "iiii"),
    (0x25, "iii"),
    (0x27, "wi"),
    (0x28, "wewewe"),
    (0x29, "wei"),
    // Session audit, version change, FRU state.
    (0x2a, "iiww"),
    (0x2b, "iieeeeii"),
    (0x2c, "iiiiiiie"),
];

/// One line of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Only with class 6Fh.
    pub kind: u8,
    pub class: u8,
    pub offset: u8,
    pub severity: Severity,
}

/// All that the specification names.
pub fn facts_of_the_specification() -> impl Iterator<Item = Fact> {
    let generic = GENERIC.iter().map(|(class, offsets)| (0, *class, *offsets));
    let specific = SPECIFICS.iter().map(|(kind, offsets)| (*kind, SPECIFIC, *offsets));
    generic.chain(specific).flat_map(|(kind, class, offsets)| {
        let offsets = (0..).zip(offsets.bytes());
        offsets.filter_map(move |(offset, letter)| Some(Fact { kind, class, offset, severity: severity(letter)? }))
    })
}

const fn severity(letter: u8) -> Option<Severity> {
    match letter {
        b'e' => Some(Severity::Error),
        b'w' => Some(Severity::Warning),
        b'i' => Some(Severity::Info),
        _ => None,
    }
}

/// The id of its words.
pub fn key(kind: u8, class: u8, offset: u8) -> String {
    if class == SPECIFIC {
        format!("ipmi-6f-{kind:02x}-{offset:02x}")
    } else {
        format!("ipmi-{class:02x}-{offset:02x}")
    }
}

/// What an offset says. What the specification does not know is told in its numbers, and is no trouble: nobody knows whether it is.
pub fn fact(kind: u8, class: u8, offset: u8) -> SensorFact {
    let key = key(kind, class, offset);
    let table = if class == SPECIFIC { (SPECIFICS, kind) } else { (GENERIC, class) };
    let known = table.0.iter().find(|(of, _)| *of == table.1);
    match known.and_then(|(_, offsets)| severity(*offsets.as_bytes().get(usize::from(offset))?)) {
        Some(severity) => SensorFact { key, severity: with_kind(severity, kind, class, offset), text: None },
        None => {
            SensorFact { key, severity: Severity::Info, text: Some(format!("{class:02x}h/{kind:02x}h/{offset:02x}h")) }
        }
    }
}

/// "Asserted" alone says nothing; of a temperature, voltage, fan, processor, power supply or memory it says that something is wrong.
fn with_kind(severity: Severity, kind: u8, class: u8, offset: u8) -> Severity {
    let measured = matches!(kind, 0x01..=0x04 | 0x07..=0x0a | 0x0c);
    if (class, offset) == (0x03, 1) && measured { Severity::Warning } else { severity }
}

/// What an event says, with the code that its sensor's type adds. Its words are `ipmi-6f-0f-OFFSET-CODE`.
pub fn detailed(kind: u8, class: u8, offset: u8, detail: u8) -> SensorFact {
    let mut fact = fact(kind, class, offset);
    let known = (class, kind) == (SPECIFIC, FIRMWARE) && firmware_details().any(|of| of == (offset, detail));
    if known {
        fact.key = format!("{}-{detail:02x}", fact.key);
    }
    fact
}

/// Offset and code.
pub fn firmware_details() -> impl Iterator<Item = (u8, u8)> {
    let all = (0..).zip(FIRMWARE_DETAILS).flat_map(|(offset, count)| (0..count).map(move |detail| (offset, detail)));
    all.filter(|of| !FIRMWARE_RESERVED.contains(of))
}

/// Where people look for it.
pub fn group(sensor: &SensorRecord) -> SensorGroup {
    match sensor.unit {
        SensorUnit::Watt | SensorUnit::KilowattHour | SensorUnit::Joule | SensorUnit::VoltAmpere => {
            return SensorGroup::Power;
        }
        SensorUnit::Celsius | SensorUnit::Fahrenheit | SensorUnit::Kelvin => return SensorGroup::Temperature,
        SensorUnit::Rpm | SensorUnit::Cfm => return SensorGroup::Fan,
        SensorUnit::Volt => return SensorGroup::Voltage,
        SensorUnit::Ampere => return SensorGroup::Current,
        _ => {}
    }
    match sensor.kind {
        0x01 => SensorGroup::Temperature,
        0x02 => SensorGroup::Voltage,
        0x03 => SensorGroup::Current,
        0x04 | 0x0a => SensorGroup::Fan,
        0x05 | 0x06 => SensorGroup::Security,
        0x07 => SensorGroup::Processor,
        0x08 | 0x09 => SensorGroup::PowerSupply,
        0x0c | 0x0e => SensorGroup::Memory,
        0x0d => SensorGroup::Drive,
        0x29 => SensorGroup::Battery,
        0x0f..=0x13 | 0x19 | 0x1d..=0x20 | 0x22..=0x24 | 0x26..=0x28 | 0x2a | 0x2b => SensorGroup::System,
        _ => SensorGroup::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{detailed, fact, facts_of_the_specification, key};
    use cake_types::Severity;
    use std::collections::BTreeSet;

    #[test]
    fn every_line_of_the_tables_is_found_by_its_key_once() {
        let mut keys = BTreeSet::new();
        for of in facts_of_the_specification() {
            let found = fact(of.kind, of.class, of.offset);
            assert_eq!((found.severity, found.text), (of.severity, None), "{}", found.key);
            assert!(keys.insert(found.key));
        }
        // Table 42-2 has 57 offsets in 12 classes; 42-3 has 30 types with offsets of their own.
        assert_eq!(keys.iter().filter(|key| !key.starts_with("ipmi-6f")).count(), 57);
        assert!(keys.len() > 200, "{}", keys.len());
    }

    #[test]
    fn a_threshold_is_as_bad_as_it_is() {
        let of = |offset| fact(0x01, 0x01, offset).severity;
        // Non-critical, critical, non-recoverable; each going low and going high.
        let lower =
            [Severity::Warning, Severity::Info, Severity::Error, Severity::Info, Severity::Error, Severity::Info];
        let upper =
            [Severity::Info, Severity::Warning, Severity::Info, Severity::Error, Severity::Info, Severity::Error];
        assert_eq!([0, 1, 2, 3, 4, 5].map(of), lower);
        assert_eq!([6, 7, 8, 9, 10, 11].map(of), upper);
    }

    #[test]
    fn what_people_must_act_on_is_an_error() {
        for (kind, offset) in [(0x08, 1), (0x08, 3), (0x0c, 1), (0x0d, 1), (0x07, 1), (0x29, 1)] {
            assert_eq!(fact(kind, 0x6f, offset).severity, Severity::Error, "{}", key(kind, 0x6f, offset));
        }
        for (kind, class, offset) in
            [(0x08, 0x6f, 2), (0x0c, 0x6f, 0), (0x08, 0x0b, 1), (0x05, 0x6f, 0), (0x04, 0x03, 1)]
        {
            assert_eq!(fact(kind, class, offset).severity, Severity::Warning, "{}", key(kind, class, offset));
        }
        for (kind, offset) in [(0x08, 0), (0x25, 0), (0x22, 5), (0x14, 0)] {
            assert_eq!(fact(kind, 0x6f, offset).severity, Severity::Info, "{}", key(kind, 0x6f, offset));
        }
    }

    #[test]
    fn the_firmware_says_at_which_step_it_is() {
        assert_eq!(detailed(0x0f, 0x6f, 0, 2).key, "ipmi-6f-0f-00-02");
        assert_eq!(detailed(0x0f, 0x6f, 2, 0x13).key, "ipmi-6f-0f-02-13");
        for (kind, class, offset, detail) in
            [(0x0f, 0x6f, 1, 0x15), (0x0f, 0x6f, 0, 0xff), (0x08, 0x6f, 6, 1), (0x0f, 0x03, 1, 1)]
        {
            assert_eq!(detailed(kind, class, offset, detail), fact(kind, class, offset));
        }
    }

    #[test]
    fn what_the_specification_does_not_know_is_told_in_its_numbers() {
        let oem = fact(0xc0, 0x70, 3);
        assert_eq!(
            (oem.key.as_str(), oem.severity, oem.text.as_deref()),
            ("ipmi-70-03", Severity::Info, Some("70h/c0h/03h"))
        );
        assert_eq!(fact(0x23, 0x6f, 4).text.as_deref(), Some("6fh/23h/04h"));
        assert_eq!(fact(0x16, 0x6f, 0).text.as_deref(), Some("6fh/16h/00h"));
    }
}
