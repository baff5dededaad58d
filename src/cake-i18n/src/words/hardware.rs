//! What machines say of themselves.

use crate::Words;
use crate::format::duration;
use std::collections::BTreeMap;

impl Words {
    /// What a sensor or an event says: the words of its key and what the BMC adds to them, or what it calls it where there are none.
    pub fn sensor_fact(&self, key: &str, text: Option<&str>) -> String {
        match (self.has(key), text) {
            (true, Some(text)) => {
                self.text_with("sensor-fact-detail", &[("what", self.text_of(key)), ("detail", text)])
            }
            (true, None) => self.text_of(key).into(),
            (false, text) => text.unwrap_or(key).into(),
        }
    }

    /// `71.5 °C`. At most three digits after the point, and none that say nothing.
    pub fn measured(&self, value: f64, unit: &str) -> String {
        let text = format!("{value:.3}");
        let number = text.trim_end_matches('0').trim_end_matches('.');
        let sign = format!("sensor-unit-{unit}");
        // A number of times has no sign.
        match if self.has(&sign) { self.text_of(&sign) } else { "" } {
            "" => number.into(),
            sign => format!("{number} {sign}"),
        }
    }

    /// `12.3 kWh`: as many digits as can be read at a glance.
    pub fn kilowatt_hours(&self, value: f64) -> String {
        let digits = if value >= 100.0 {
            1.0
        } else if value >= 10.0 {
            10.0
        } else {
            100.0
        };
        self.measured((value * digits).round() / digits, "kilowatt-hour")
    }

    /// `TWD 1234`, `TWD 12.34`: hundredths of a currency, as exact as energy beside it is.
    pub fn money(&self, hundredths: u64, currency: &str) -> String {
        match hundredths {
            ..10_000 => format!("{currency} {}.{:02}", hundredths / 100, hundredths % 100),
            _ => format!("{currency} {}", hundredths.saturating_add(50) / 100),
        }
    }

    /// The facts of an alert or an event about hardware, in words.
    pub(super) fn hardware_facts(&self, facts: &mut BTreeMap<String, String>) {
        let known = |prefix: &str, word: &str| {
            let id = format!("{prefix}{word}");
            if self.has(&id) { self.text_of(&id).to_owned() } else { word.to_owned() }
        };
        if let Some(unit) = facts.get("unit").cloned() {
            for name in ["value", "limit", "per_day"] {
                if let Some(number) = facts.get(name).and_then(|text| text.parse().ok()) {
                    facts.insert(name.into(), self.measured(number, &unit));
                }
            }
        }
        if let Some(what) = facts.get("trend").map(|kind| self.trend(kind, facts)) {
            facts.insert("what".into(), what);
            return;
        }
        let what = match (facts.get("fact"), facts.get("fault"), facts.get("state")) {
            (Some(key), ..) => Some(self.sensor_fact(key, facts.get("text").map(String::as_str))),
            (_, Some(fault), _) => Some(known("chassis-fault-", fault)),
            (.., Some(state)) => Some(known("sensor-state-", state)),
            _ => None,
        };
        facts.extend(what.map(|what| ("what".into(), what)));
        if let Some(weak) = facts.get("weak").map(|weak| known("bmc-weak-", weak)) {
            facts.insert("what".into(), weak);
        }
        if let Some(problem) = facts.get("problem").map(|problem| known("bmc-problem-", problem)) {
            facts.insert("why".into(), problem);
        }
        if let Some(problem) = facts.get("snmp_problem").map(|problem| known("snmp-problem-", problem)) {
            facts.insert("why".into(), problem);
        }
    }
}

impl Words {
    /// `Fan 3 slows down by 600 rpm a day: at this pace it falls below its limit of 1500 rpm in about 5 days.`
    fn trend(&self, kind: &str, facts: &BTreeMap<String, String>) -> String {
        let of = |name: &str| facts.get(name).map_or("", String::as_str);
        let sensor = if of("sensor").is_empty() { self.text("sensor-memory-errors") } else { of("sensor") };
        let when = of("minutes").parse().map_or_else(|_| String::new(), |minutes: i64| duration(minutes * 60, self));
        // A fan that falls is another picture.
        let kind = if kind == "falls" && of("unit") == "rpm" { "slows" } else { kind };
        let id = format!("sensor-trend-{kind}");
        if !self.has(&id) {
            return sensor.to_owned();
        }
        let pace = of("per_day").trim_start_matches('-');
        let values =
            [("sensor", sensor), ("pace", pace), ("value", of("value")), ("limit", of("limit")), ("when", &when)];
        self.text_with(&id, &values)
    }
}

#[cfg(test)]
mod tests {
    use crate::Catalogue;
    use cake_types::Language;

    #[test]
    fn where_a_sensor_goes_is_a_sentence() {
        let facts = |all: &[(&str, &str)]| {
            let mut facts = all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
            Catalogue::get(Language::English).hardware_facts(&mut facts);
            facts["what"].clone()
        };
        let fan = [("sensor", "Fan 3"), ("trend", "falls"), ("unit", "rpm"), ("value", "4500"), ("per_day", "-600")];
        let said = facts(&[&fan[..], &[("limit", "1500"), ("minutes", "7200")]].concat());
        assert_eq!(
            said,
            "Fan 3 slows down, now 4500 rpm: at this pace it falls below its limit of 1500 rpm in about 5 days."
        );
        let memory = [("sensor", ""), ("trend", "counts"), ("unit", "count"), ("value", "40"), ("per_day", "6.5")];
        assert_eq!(facts(&memory), "Correctable memory errors become more: about 6.5 a day.");
        assert_eq!(facts(&[("trend", "of-tomorrow"), ("sensor", "CPU")]), "CPU");
    }

    #[test]
    fn a_number_says_no_more_than_it_knows() {
        let words = Catalogue::get(Language::English);
        for (value, text) in
            [(71.0, "71"), (3.3, "3.3"), (-0.5, "-0.5"), (1.0 / 3.0, "0.333"), (100.0, "100"), (0.0, "0")]
        {
            assert_eq!(words.measured(value, "none"), text);
            assert_eq!(words.measured(value, "count"), text);
            assert_eq!(words.measured(value, "volt"), format!("{text} V"));
        }
        assert_eq!(words.sensor_fact("no-such-key", Some("OEM 7")), "OEM 7");
        assert_eq!(words.sensor_fact("ipmi-6f-08-01", None), "power supply failed");
        assert_eq!(words.sensor_fact("ipmi-6f-0c-01", Some("#3")), "uncorrectable memory error (ECC), #3");
        assert_eq!([0.123, 45.67, 345.6].map(|value| words.kilowatt_hours(value)), ["0.12 kWh", "45.7 kWh", "346 kWh"]);
        assert_eq!(
            [7, 1999, 10_049, 10_050].map(|amount| words.money(amount, "TWD")),
            ["TWD 0.07", "TWD 19.99", "TWD 100", "TWD 101"]
        );
        let chinese = Catalogue::get(Language::ChineseTaiwan);
        assert_eq!(chinese.sensor_fact("ipmi-6f-0c-03", Some("#3")), "記憶體清檢失敗，#3");
    }
}
