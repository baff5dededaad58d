//! What was used, as charts: a part of the overview and of a VM's page. The page has the frame and the words; the numbers are
//! fetched from `/v1` by `static/usage.js`, and again as they are measured.

use crate::frame::Frame;
use askama::Template;
use cake_types::{Measure, Meta, Node, VmId};

/// The charts of one server or VM.
#[derive(Template)]
#[template(path = "parts/usage.html")]
pub struct Charts<'a> {
    f: &'a Frame,
    title: String,
    address: String,
    /// IANA's name of the zone that times are shown in.
    zone: &'a str,
    spans: [&'static str; 3],
    /// The sentence about a curve, with `{what}` and so on left in it.
    says: String,
    most: String,
    charts: &'static [Chart],
}

/// One chart: measures of one unit.
pub struct Chart {
    /// Its title is `usage-KEY`.
    key: &'static str,
    measures: &'static [Measure],
    /// The parts of a whole, one upon the other.
    stacked: bool,
}

const NODE: [Chart; 5] = [
    Chart {
        key: "cpu",
        measures: &[Measure::CpuUser, Measure::CpuSystem, Measure::CpuIoWait, Measure::CpuSteal],
        stacked: true,
    },
    Chart { key: "memory", measures: &[Measure::MemoryUsed, Measure::MemoryCached], stacked: false },
    Chart { key: "disk", measures: &[Measure::DiskRead, Measure::DiskWritten], stacked: false },
    Chart { key: "network", measures: &[Measure::NetworkReceived, Measure::NetworkSent], stacked: false },
    Chart {
        key: "pressure",
        measures: &[Measure::PressureCpu, Measure::PressureMemorySome, Measure::PressureIoSome],
        stacked: false,
    },
];

const VM: [Chart; 4] = [
    Chart { key: "cpu", measures: &[Measure::CpuBusy], stacked: false },
    Chart { key: "memory", measures: &[Measure::MemoryTaken], stacked: false },
    Chart { key: "disk", measures: &[Measure::DiskRead, Measure::DiskWritten], stacked: false },
    Chart { key: "network", measures: &[Measure::NetworkReceived, Measure::NetworkSent], stacked: false },
];

impl Chart {
    fn title(&self, f: &Frame) -> &'static str {
        f.t(format!("usage-{}", self.key))
    }

    /// The end of every measure's name: `bytes_per_second`.
    fn unit(&self) -> &'static str {
        let name = self.measures.first().map_or("", |measure| measure.as_str());
        let units = ["percent", "processors", "bytes_per_second", "bits_per_second", "bytes"];
        units.into_iter().find(|unit| name.ends_with(unit)).unwrap_or_default()
    }

    fn series(&self, f: &Frame) -> Vec<(&'static str, &'static str)> {
        let series = |measure: &Measure| {
            let name = measure.as_str();
            (name, f.t(format!("usage-{}", name.replace('_', "-"))))
        };
        self.measures.iter().map(series).collect()
    }
}

impl<'a> Charts<'a> {
    pub fn of_node(f: &'a Frame, node: &Node) -> Self {
        let Meta { id, name, .. } = &node.meta;
        Self::new(f, f.tv("usage-title-node", "name", name), format!("/v1/nodes/{id}/usage"), &NODE)
    }

    pub fn of_vm(f: &'a Frame, vm: VmId) -> Self {
        Self::new(f, f.t("usage-title-vm").into(), format!("/v1/vms/{vm}/usage"), &VM)
    }

    fn new(f: &'a Frame, title: String, address: String, charts: &'static [Chart]) -> Self {
        let left = |name| (name, ["{", name, "}"].concat());
        let left = ["what", "now", "mean", "most"].map(left);
        let left: Vec<(&str, &str)> = left.iter().map(|(name, text)| (*name, text.as_str())).collect();
        Self {
            f,
            title,
            address,
            zone: f.zone.iana_name().unwrap_or("UTC"),
            spans: ["hour", "day", "month"],
            says: f.words.text_with("usage-says", &left),
            most: f.tv("usage-most", "what", "{what}"),
            charts,
        }
    }
}
