//! What the variables of a UPS mean (NUT's developer guide, “NUT command and variable naming scheme”).

use cake_types::UpsFlag;

/// Longest text that is kept of what a UPS says of itself, in characters.
const TEXT_MAX: usize = 80;

/// What a UPS says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub model: Option<String>,
    pub flags: Vec<UpsFlag>,
    /// Per cent.
    pub charge: Option<u32>,
    /// Seconds.
    pub runtime: Option<u32>,
    /// Per cent.
    pub load: Option<u32>,
}

/// Reads variables. Without a word in `ups.status` nothing is said at all: a driver that has just begun knows nothing yet.
pub fn told<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Told> {
    let (mut told, mut status) = (Told::default(), None);
    let (mut maker, mut model, mut old_maker, mut old_model) = (None, None, None, None);
    for (name, value) in variables {
        match name {
            "ups.status" => status = Some(flags(value)),
            "battery.charge" => told.charge = number(value, 100),
            "battery.runtime" => told.runtime = number(value, 30 * 86_400),
            "ups.load" => told.load = number(value, 1000),
            "device.mfr" => maker = text(value),
            "device.model" => model = text(value),
            "ups.mfr" => old_maker = text(value),
            "ups.model" => old_model = text(value),
            _ => {}
        }
    }
    told.flags = status.filter(|flags: &Vec<UpsFlag>| !flags.is_empty())?;
    let words: Vec<String> = [maker.or(old_maker), model.or(old_model)].into_iter().flatten().collect();
    told.model = (!words.is_empty()).then(|| words.join(" "));
    Some(told)
}

/// Each once, in the order in which they are said; words of another version are left out.
fn flags(value: &str) -> Vec<UpsFlag> {
    let mut flags = Vec::new();
    for flag in value.split_whitespace().filter_map(flag) {
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    flags
}

fn flag(word: &str) -> Option<UpsFlag> {
    Some(match word {
        "OL" => UpsFlag::OnLine,
        "OB" => UpsFlag::OnBattery,
        "LB" => UpsFlag::LowBattery,
        "RB" => UpsFlag::ReplaceBattery,
        "CHRG" => UpsFlag::Charging,
        "DISCHRG" => UpsFlag::Discharging,
        "BYPASS" => UpsFlag::Bypass,
        "CAL" => UpsFlag::Calibrating,
        "OFF" => UpsFlag::Off,
        "OVER" => UpsFlag::Overload,
        "TRIM" => UpsFlag::Trimming,
        "BOOST" => UpsFlag::Boosting,
        "FSD" => UpsFlag::Forced,
        _ => return None,
    })
}

/// A whole number up to `most`; drivers write `95` and `95.3`. What is none is not said.
fn number(value: &str, most: u32) -> Option<u32> {
    let value: f64 = value.trim().parse().ok()?;
    (value.is_finite() && value >= 0.0).then(|| value.min(most.into()) as u32)
}

fn text(value: &str) -> Option<String> {
    let clean = value.chars().filter(|c| !c.is_control()).take(TEXT_MAX);
    let clean: String = clean.collect::<String>().trim().into();
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let told = told([
            ("device.mfr", "EATON"),
            ("device.model", " 5P 1150\u{7} "),
            ("ups.model", "other"),
            ("ups.status", "OB DISCHRG LB LB NEWER"),
            ("battery.charge", "17.9"),
            ("battery.runtime", "239"),
            ("ups.load", "44"),
            ("ups.beeper.status", "enabled"),
        ]);
        let told = told.expect("it has a status");
        assert_eq!(told.model.as_deref(), Some("EATON 5P 1150"));
        assert_eq!(told.flags, [UpsFlag::OnBattery, UpsFlag::Discharging, UpsFlag::LowBattery]);
        assert_eq!((told.charge, told.runtime, told.load), (Some(17), Some(239), Some(44)));
    }

    #[test]
    fn nonsense_is_not_said() {
        assert_eq!(told([("battery.charge", "100")]), None, "no status is no word");
        for status in ["", " ", "WAIT", "NEWER"] {
            assert_eq!(told([("ups.status", status), ("battery.charge", "100")]), None, "{status}");
        }
        let of = |name, value| told([("ups.status", "OL"), (name, value)]).expect("it has a status");
        for value in ["", "NaN", "inf", "-1", "many", "0x10"] {
            assert_eq!(of("battery.runtime", value).runtime, None, "{value}");
        }
        assert_eq!(of("battery.charge", "900").charge, Some(100));
        assert_eq!(of("battery.runtime", "1e300").runtime, Some(30 * 86_400));
        assert_eq!(of("ups.model", &"x".repeat(500)).model.map(|text| text.len()), Some(TEXT_MAX));
    }
}
