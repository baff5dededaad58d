//! The text format of OpenMetrics 1.0.0: metric families in blocks, each announced by its type, unit and help, `# EOF` at the end.

use std::fmt::{Display, Write};

pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How a family's samples are named and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until what is counted begins anew. Its samples end in `_total`.
    Counter,
    Gauge,
    /// Facts as labels, with the value 1. Its samples end in `_info`.
    Info,
}

/// What is being written.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

/// A family that samples can be added to. Those of one family stand together, as the format wants.
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
    suffix: &'static str,
}

impl Exposition {
    /// Begins a family. A unit is the end of the name; an empty one is none.
    pub fn family(&mut self, kind: Kind, name: &'static str, unit: &'static str, help: &str) -> Family<'_> {
        debug_assert!(unit.is_empty() || name.ends_with(&format!("_{unit}")), "{name} does not end in {unit}");
        let (word, suffix) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Info => ("info", "_info"),
        };
        put(&mut self.text, format_args!("# TYPE {name} {word}\n"));
        if !unit.is_empty() {
            put(&mut self.text, format_args!("# UNIT {name} {unit}\n"));
        }
        put(&mut self.text, format_args!("# HELP {name} {}\n", escaped(help)));
        Family { text: &mut self.text, name, suffix }
    }

    pub fn finish(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }
}

impl Family<'_> {
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line(self.suffix, labels, value);
    }

    /// When a counter began to count, in seconds since 1970.
    pub fn created(&mut self, labels: &[(&str, &str)], at: impl Display) {
        self.line("_created", labels, at);
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        put(self.text, format_args!("{}{suffix}", self.name));
        for (index, (name, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            put(self.text, format_args!("{before}{name}=\"{}\"", escaped(text)));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        put(self.text, format_args!("{after} {value}\n"));
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = text.write_fmt(what);
}

/// For label values and help.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

/// A count of so many parts of a second, exact to the last of them.
pub fn seconds(count: u64, parts: u64) -> String {
    let digits = parts.ilog10() as usize;
    format!("{}.{:0digits$}", count / parts, count % parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_in_the_words_of_the_format() {
        let mut out = Exposition::default();
        let mut cpu = out.family(Kind::Counter, "cake_cpu_seconds", "seconds", "Time.");
        cpu.sample(&[("vm", "a\"b\\c\nd"), ("mode", "user")], seconds(1_500, 1000));
        cpu.created(&[("vm", "x")], "17.000");
        out.family(Kind::Info, "cake", "", "What answers.").sample(&[("version", "1")], 1);
        out.family(Kind::Gauge, "cake_up", "", "Whether.").sample(&[], 0);
        let expected = "# TYPE cake_cpu_seconds counter\n# UNIT cake_cpu_seconds seconds\n# HELP cake_cpu_seconds Time.\n\
            cake_cpu_seconds_total{vm=\"a\\\"b\\\\c\\nd\",mode=\"user\"} 1.500\n\
            cake_cpu_seconds_created{vm=\"x\"} 17.000\n\
            # TYPE cake info\n# HELP cake What answers.\ncake_info{version=\"1\"} 1\n\
            # TYPE cake_up gauge\n# HELP cake_up Whether.\ncake_up 0\n# EOF\n";
        assert_eq!(out.finish(), expected);
        assert_eq!(seconds(1_000_000_007, 1_000_000_000), "1.000000007");
    }
}
