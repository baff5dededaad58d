//! What an installation does, decided before anything is touched: disks and answers in, steps or refusals out.

mod refusal;
mod step;

pub use refusal::{Refusal, Refusals, Why, against};
pub use step::Step;

use crate::answers::Install;
use crate::disks::{Candidate, part_name};
use crate::layout::{Division, Layout};
use cake_types::{InstallLayout, InstallWarning};
use serde::Serialize;
use uuid::Uuid;

/// Names of what there is one of.
pub const STATE: &str = "cake-state";
/// The pool on the rest of the system disks.
pub const LOCAL: &str = "local";
/// The pool on the other disks; with a number behind it where each has its own.
pub const DATA: &str = "data";

/// What the server has, beside disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    pub tpm: Tpm,
    /// Bytes of the firmware file that is installed.
    pub firmware: u64,
}

/// Whether a TPM can open the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tpm {
    /// There is no TPM 2.0.
    None,
    /// There is one, but the maker's key of measurements (PCR 11) is not known: nothing that survives an update could be bound to.
    NoMakersKey,
    Ready,
}

/// What opens the state when the server starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlock {
    Tpm,
    /// A key in each boot partition: it protects nothing against who has the disk.
    KeyFile,
}

/// All that will be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub disks: Vec<PlannedDisk>,
    pub state: Volume,
    pub pools: Vec<Volume>,
    pub unlock: Unlock,
    /// What the person should know before.
    pub warnings: Vec<InstallWarning>,
    #[serde(skip)]
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedDisk {
    /// The kernel's name, at the time of the plan.
    pub name: String,
    /// Its serial number, or its name where it has none.
    pub serial: String,
    pub size: u64,
    /// Bytes of a logical sector.
    pub sector: u32,
    pub system: bool,
    pub parts: Vec<PlannedPart>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedPart {
    pub number: u32,
    /// The kernel's name: `vda1`.
    pub device: String,
    /// GPT's name of it, once the installation is whole.
    pub name: String,
    pub r#type: Uuid,
    pub start_mib: u64,
    pub size_mib: u64,
}

/// An encrypted file system, on one partition or on an array of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Of array, mapping and LUKS label: `cake-state`, `cake-pool-local`.
    pub name: String,
    /// XFS takes 12 characters.
    pub label: String,
    /// Kernel's names of the partitions.
    pub members: Vec<String>,
    /// Absent: the partition alone, without an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
}

impl Volume {
    fn pool(pool: &str, members: Vec<String>, level: Option<u8>) -> Self {
        Self { name: format!("cake-pool-{pool}"), label: pool.to_owned(), members, level }
    }

    /// The pool's own name; `None` for the state.
    pub fn pool_name(&self) -> Option<&str> {
        self.name.strip_prefix("cake-pool-")
    }
}

impl Plan {
    /// Decides. Either everything can be done, or all reasons why not are told at once.
    pub fn new(disks: &[Candidate], install: &Install, machine: Machine) -> Result<Self, Refusals> {
        let layout = Layout::embedded();
        let system = refusal::chosen(disks, install, &install.disks, layout.least_system_disk(machine.firmware));
        let more = refusal::chosen(disks, install, &install.pool_disks, layout.least_pool_disk());
        let (system, more) = match (system, more) {
            (Ok(system), Ok(more)) => (system, more),
            (system, more) => return Err(Refusals(system.err().into_iter().chain(more.err()).flatten().collect())),
        };
        if let Some(refusal) = refusal::the_same_twice(&system, &more) {
            return Err(Refusals(vec![refusal]));
        }
        let alone = system.len() == 1;
        let mut planned: Vec<_> = system
            .iter()
            .map(|disk| system_disk(layout, disk, machine.firmware, alone))
            .collect::<Option<_>>()
            .ok_or_else(|| Refusals(Vec::new()))?;
        let (pools_of_more, arrays) = pools(&more, install.pool_layout, layout);
        planned.extend(arrays);
        let members = |number| system.iter().map(|disk| part_name(&disk.disk.name, number)).collect();
        let state = Volume { name: STATE.into(), label: STATE.into(), members: members(2), level: Some(1) };
        let mut pools = vec![Volume::pool(LOCAL, members(3), (!alone).then_some(1))];
        pools.extend(pools_of_more);
        let unlock = if machine.tpm == Tpm::Ready { Unlock::Tpm } else { Unlock::KeyFile };
        let warnings = warnings(machine.tpm, install, alone);
        let steps = step::all(&planned, &state, &pools, unlock, machine.firmware);
        Ok(Self { disks: planned, state, pools, unlock, warnings, steps })
    }

    /// System disks, in the order of the answers.
    pub fn system_disks(&self) -> impl Iterator<Item = &PlannedDisk> {
        self.disks.iter().filter(|disk| disk.system)
    }

    /// The plan as a person reads it before saying yes.
    pub fn words(&self) -> String {
        let mut text = String::new();
        for (number, step) in self.steps.iter().enumerate() {
            text.push_str(&format!("{:>3}. {}\n", number + 1, step.words()));
        }
        self.warnings.iter().for_each(|warning| text.push_str(&format!("Note: {}\n", warning_words(*warning))));
        text
    }
}

fn system_disk(layout: &Layout, disk: &Candidate, firmware: u64, alone: bool) -> Option<PlannedDisk> {
    let Division { esp_mib, state_mib, pool_mib } = layout.divide(disk.disk.size.bytes(), firmware)?;
    let pool_type = if alone { layout.pool.type_alone } else { layout.pool.r#type };
    let rows = [
        (&layout.esp.name, layout.esp.r#type, esp_mib),
        (&layout.state.name, layout.state.r#type, state_mib),
        (&layout.pool.name, pool_type, pool_mib),
    ];
    Some(planned(layout, disk, true, &rows))
}

fn planned(layout: &Layout, disk: &Candidate, system: bool, rows: &[(&String, Uuid, u64)]) -> PlannedDisk {
    let name = &disk.disk.name;
    let mut start_mib = layout.align_mib;
    let mut parts = Vec::new();
    for (number, (label, r#type, size_mib)) in (1..).zip(rows) {
        let (device, name) = (part_name(name, number), (*label).clone());
        parts.push(PlannedPart { number, device, name, r#type: *r#type, start_mib, size_mib: *size_mib });
        start_mib += size_mib;
    }
    PlannedDisk {
        name: name.clone(),
        serial: disk.disk.identity().to_owned(),
        size: disk.disk.size.bytes(),
        sector: disk.sector,
        system,
        parts,
    }
}

/// Pools of the disks that are no system disks, and how those are divided.
fn pools(more: &[&Candidate], wanted: InstallLayout, layout: &Layout) -> (Vec<Volume>, Vec<PlannedDisk>) {
    let members: Vec<String> = more.iter().map(|disk| part_name(&disk.disk.name, 1)).collect();
    let level = match (wanted, more.len()) {
        (_, 0 | 1) | (InstallLayout::Separate, _) => None,
        (InstallLayout::Striped, _) => Some(0),
        (InstallLayout::Mirrored, 2) => Some(1),
        // md's RAID 10 keeps everything twice on any number of disks, three as well.
        (InstallLayout::Mirrored, _) => Some(10),
    };
    let volumes = match (members.len(), level) {
        (0, _) => Vec::new(),
        (1, _) | (_, Some(_)) => vec![Volume::pool(DATA, members, level)],
        (_, None) => {
            let numbered = members.into_iter().zip(1..);
            numbered.map(|(member, number)| Volume::pool(&format!("{DATA}-{number}"), vec![member], None)).collect()
        }
    };
    let r#type = if level.is_some() { layout.pool.r#type } else { layout.pool.type_alone };
    let whole = |disk: &&Candidate| {
        let size = layout.usable_mib(disk.disk.size.bytes());
        planned(layout, disk, false, &[(&layout.pool.name, r#type, size)])
    };
    (volumes, more.iter().map(whole).collect())
}

fn warnings(tpm: Tpm, install: &Install, alone: bool) -> Vec<InstallWarning> {
    let striped = install.pool_layout == InstallLayout::Striped && install.pool_disks.len() > 1;
    let all = [
        (tpm == Tpm::None, InstallWarning::NoTpm),
        (tpm == Tpm::NoMakersKey, InstallWarning::NoMakersKey),
        (alone, InstallWarning::OneSystemDisk),
        (striped, InstallWarning::Striped),
    ];
    all.into_iter().filter_map(|(is_so, warning)| is_so.then_some(warning)).collect()
}

/// A warning, for a person.
pub const fn warning_words(warning: InstallWarning) -> &'static str {
    match warning {
        InstallWarning::NoTpm => {
            "This server has no TPM 2.0. The key of its disks lies in the boot partition, so that it starts by itself; that protects \
             nothing against who has the disk."
        }
        InstallWarning::NoMakersKey => {
            "This server has a TPM, but this firmware carries no key of its maker for it. The key of the disks lies in the boot \
             partition, so that the server starts by itself; that protects nothing against who has the disk."
        }
        InstallWarning::OneSystemDisk => "There is one system disk: when it fails, everything on it is lost.",
        InstallWarning::Striped => "The pool data is striped: when one of its disks fails, everything in it is lost.",
    }
}

#[cfg(test)]
mod tests;
