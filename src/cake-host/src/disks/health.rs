//! What smartctl (smartmontools) says of one disk, as its JSON.
//!
//! smartctl, and not ioctls of our own: what the numbers of ATA mean differs from maker to maker and from controller to controller,
//! and smartmontools' data base of them has grown for twenty years. Its words are another's all the same, with a disk's own texts
//! among them: what is not as it should be is left out, and what is not JSON is no answer.

use cake_types::{DiskHealth, DiskSilence, DiskWarning};
use serde_json::Value;

/// Longest answer that is read, in bytes. A disk's is 5 to 60 KiB.
pub const ANSWER_MAX: usize = 256 << 10;
/// What smartctl is told to end with where a disk sleeps. Its own marks for what went wrong never come together like that.
pub const ASLEEP: u64 = 3;
/// Bits of its status: it was called wrongly, or knows of no way to ask; the device could not be opened.
const NO_WAY: u64 = 1;
const NOT_OPENED: u64 = 2;

/// Numbers of attributes of ATA (de facto; INCITS leaves them to the makers).
const REALLOCATED: u64 = 5;
const PENDING: u64 = 197;
const UNCORRECTABLE: u64 = 198;
/// What smartmontools calls attributes whose normalised value falls from 100 to 0 while a disk wears.
const LIFE_LEFT: [&str; 8] = [
    "Media_Wearout_Indicator",
    "Wear_Leveling_Count",
    "SSD_Life_Left",
    "Percent_Lifetime_Remain",
    "Percent_Life_Remaining",
    "Remaining_Lifetime_Perc",
    "Perc_Rated_Life_Remain",
    "Life_Left",
];
/// Page and name in the statistics that ATA has had for this since ACS-2.
const WEAR_PAGE: u64 = 7;
const WEAR_NAME: &str = "Percentage Used Endurance Indicator";

/// Bits of NVMe's critical warning, from the lowest.
const WARNINGS: [DiskWarning; 6] = [
    DiskWarning::Spare,
    DiskWarning::Temperature,
    DiskWarning::Reliability,
    DiskWarning::ReadOnly,
    DiskWarning::Backup,
    DiskWarning::Memory,
];

/// How a disk is, from what smartctl said; when that was is for the caller to add.
pub fn health(answer: &[u8]) -> DiskHealth {
    let Ok(said) = serde_json::from_slice::<Value>(answer) else { return DiskHealth::silent(DiskSilence::NoAnswer) };
    match count(&said, "/smartctl/exit_status") {
        Some(ASLEEP) => return DiskHealth::silent(DiskSilence::Asleep),
        Some(status) if status & NO_WAY != 0 => return DiskHealth::silent(DiskSilence::Unsupported),
        Some(status) if status & NOT_OPENED != 0 => return DiskHealth::silent(DiskSilence::NoAnswer),
        Some(_) => {}
        None => return DiskHealth::silent(DiskSilence::NoAnswer),
    }
    let told = told(&said);
    let nothing = told == DiskHealth::default();
    if nothing || flag(&said, "/smart_support/available") == Some(false) {
        return DiskHealth::silent(DiskSilence::Unsupported);
    }
    told
}

fn told(said: &Value) -> DiskHealth {
    const NVME: &str = "/nvme_smart_health_information_log";
    let nvme = |name: &str| count(said, &format!("{NVME}/{name}"));
    let warnings = nvme("critical_warning").unwrap_or(0);
    let set = WARNINGS.iter().enumerate().filter(|(bit, _)| warnings >> bit & 1 == 1);
    let scsi_errors = ["read", "write", "verify"]
        .iter()
        .filter_map(|what| count(said, &format!("/scsi_error_counter_log/{what}/total_uncorrected_errors")))
        .reduce(u64::saturating_add);
    DiskHealth {
        silence: None,
        read_at: None,
        passed: flag(said, "/smart_status/passed"),
        warnings: set.map(|(_, warning)| *warning).collect(),
        temperature: temperature(said),
        power_on_hours: count(said, "/power_on_time/hours"),
        reallocated_sectors: attribute(said, REALLOCATED).or_else(|| count(said, "/scsi_grown_defect_list")),
        pending_sectors: attribute(said, PENDING),
        uncorrectable_sectors: attribute(said, UNCORRECTABLE),
        media_errors: nvme("media_errors").or(scsi_errors),
        percent_used: percent(nvme("percentage_used").or_else(|| wear(said))),
        // A disk knows its wear, not when it ends.
        worn_out_at: None,
        spare: percent(nvme("available_spare")),
        spare_threshold: percent(nvme("available_spare_threshold")),
    }
}

fn flag(said: &Value, at: &str) -> Option<bool> {
    said.pointer(at)?.as_bool()
}

/// A count that does not fit (NVMe's have 128 bits) is as large as can be.
fn count(said: &Value, at: &str) -> Option<u64> {
    number(said.pointer(at)?)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

/// What a field of one byte holds.
fn percent(value: Option<u64>) -> Option<u32> {
    value.filter(|percent| *percent <= 255).map(|percent| percent as u32)
}

/// Of a disk that measures none, zero or nonsense is told.
fn temperature(said: &Value) -> Option<i32> {
    let degrees = said.pointer("/temperature/current")?.as_i64()?;
    (-60..=150).contains(&degrees).then_some(degrees as i32)
}

fn attributes(said: &Value) -> impl Iterator<Item = &Value> {
    said.pointer("/ata_smart_attributes/table").and_then(Value::as_array).into_iter().flatten()
}

/// As smartmontools reads it for this disk: the number that its text begins with. The 48 bits beneath can hold more than one.
fn attribute(said: &Value, id: u64) -> Option<u64> {
    let found = attributes(said).find(|one| one.get("id").and_then(Value::as_u64) == Some(id))?;
    let text = found.pointer("/raw/string")?.as_str()?.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// Per cent of its life, as ATA's statistics say it, or else what an attribute leaves of it, or SCSI's indicator.
fn wear(said: &Value) -> Option<u64> {
    let pages = said.pointer("/ata_device_statistics/pages").and_then(Value::as_array).into_iter().flatten();
    let page = pages.filter(|page| page.get("number").and_then(Value::as_u64) == Some(WEAR_PAGE));
    let entries = page.filter_map(|page| page.get("table")?.as_array()).flatten();
    let valid = |entry: &&Value| {
        entry.get("name").and_then(Value::as_str) == Some(WEAR_NAME) && flag(entry, "/flags/valid") != Some(false)
    };
    let statistic = entries.filter(valid).find_map(|entry| number(entry.get("value")?));
    let is_life = |one: &&Value| one.get("name").and_then(Value::as_str).is_some_and(|name| LIFE_LEFT.contains(&name));
    let left = || attributes(said).filter(is_life).find_map(|one| number(one.get("value")?));
    let used = || left().and_then(|left| 100u64.checked_sub(left));
    statistic.or_else(used).or_else(|| count(said, "/scsi_percentage_used_endurance_indicator"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(said: &Value) -> DiskHealth {
        health(said.to_string().as_bytes())
    }

    fn silence(said: &Value) -> Option<DiskSilence> {
        of(said).silence
    }

    #[test]
    fn an_nvme_disk() {
        let log = json!({ "critical_warning": 9, "available_spare": 8, "available_spare_threshold": 10,
                          "percentage_used": 91, "media_errors": 1e30, "temperature": 41 });
        let read = of(&json!({ "smartctl": { "exit_status": 8 }, "smart_status": { "passed": false },
            "nvme_smart_health_information_log": log, "temperature": { "current": 41 }, "power_on_time": { "hours": 7 } }));
        assert_eq!(read.warnings, [DiskWarning::Spare, DiskWarning::ReadOnly]);
        assert_eq!((read.spare, read.spare_threshold, read.percent_used), (Some(8), Some(10), Some(91)));
        assert_eq!((read.media_errors, read.temperature, read.power_on_hours), (Some(u64::MAX), Some(41), Some(7)));
        assert!(read.is_failing() && read.is_short_of_spare() && read.pending_sectors.is_none());
    }

    #[test]
    fn an_ata_disk() {
        let attribute = |id: u64, name: &str, value: u64, raw: &str| {
            json!({ "id": id, "name": name, "value": value,
            "raw": { "value": 1u64 << 40, "string": raw } })
        };
        let mut said = json!({ "smartctl": { "exit_status": 4 }, "smart_status": { "passed": true },
            "temperature": { "current": 31 }, "ata_smart_attributes": { "table": [
                attribute(5, "Reallocated_Sector_Ct", 100, "24 (0 8)"), attribute(197, "Current_Pending_Sector", 100, "2"),
                attribute(198, "Offline_Uncorrectable", 100, "x"), attribute(177, "Wear_Leveling_Count", 88, "120"),
            ] } });
        let read = of(&said);
        assert_eq!((read.reallocated_sectors, read.pending_sectors), (Some(24), Some(2)));
        assert_eq!((read.uncorrectable_sectors, read.percent_used, read.bad_sectors()), (None, Some(12), 2));
        let statistic = |valid: bool| {
            json!({ "pages": [{ "number": 7, "table": [
            { "name": "Percentage Used Endurance Indicator", "value": 3, "flags": { "valid": valid } }] }] })
        };
        said["ata_device_statistics"] = statistic(false);
        assert_eq!(of(&said).percent_used, Some(12));
        said["ata_device_statistics"] = statistic(true);
        assert_eq!(of(&said).percent_used, Some(3), "the standard's own figure comes first");
    }

    #[test]
    fn a_sas_disk() {
        let read = of(&json!({ "smartctl": { "exit_status": 0 }, "smart_status": { "passed": true },
            "scsi_grown_defect_list": 3, "scsi_percentage_used_endurance_indicator": 5,
            "scsi_error_counter_log": { "read": { "total_uncorrected_errors": 1 }, "write": { "total_uncorrected_errors": 2 } } }));
        assert_eq!((read.reallocated_sectors, read.media_errors, read.percent_used), (Some(3), Some(3), Some(5)));
    }

    #[test]
    fn a_disk_that_says_nothing_is_not_well_but_silent() {
        let exit = |status: u64| json!({ "smartctl": { "exit_status": status } });
        assert_eq!(silence(&exit(ASLEEP)), Some(DiskSilence::Asleep));
        assert_eq!(silence(&exit(1)), Some(DiskSilence::Unsupported));
        assert_eq!(silence(&exit(2)), Some(DiskSilence::NoAnswer));
        assert_eq!(silence(&exit(0)), Some(DiskSilence::Unsupported));
        assert_eq!(
            silence(&json!({ "smartctl": { "exit_status": 4 }, "smart_support": { "available": false },
            "temperature": { "current": 20 } })),
            Some(DiskSilence::Unsupported)
        );
        for other in [&b""[..], b"{", b"[]", b"null", b"smartctl 7.4\n", &[0xFF; 9]] {
            assert_eq!(health(other), DiskHealth::silent(DiskSilence::NoAnswer));
        }
    }

    #[test]
    fn nonsense_is_left_out() {
        let read = of(&json!({ "smartctl": { "exit_status": 0 }, "smart_status": { "passed": "yes" },
            "temperature": { "current": 255 }, "power_on_time": { "hours": -1 },
            "nvme_smart_health_information_log": { "percentage_used": 256, "available_spare": [], "media_errors": 0 } }));
        assert_eq!(read, DiskHealth { media_errors: Some(0), ..DiskHealth::default() });
    }
}
