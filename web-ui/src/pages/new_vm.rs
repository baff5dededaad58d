//! `GET /vms/new`: four questions with good defaults; the rest under "more", each with the reason for its default.

use crate::data::{ConsoleData, ImageView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::pages::{drives, images, nics};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_planner::admission;
use cake_types::{ByteSize, Code, Firmware, HostName, ImageFormat, Name, Problem, limits};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "new_vm.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    images: Vec<Choice>,
    sizes: [Size; 4],
    cpus_max: u32,
    memory_have: Option<ByteSize>,
    disk_have: Option<ByteSize>,
    user_data_max: ByteSize,
    /// Names that are taken, so that a suggestion is free.
    name: String,
    host_name: String,
    disk: ByteSize,
    firmwares: Vec<(&'static str, &'static str)>,
    networks: Vec<nics::Choice>,
    /// CDs that may hold drivers: id and name.
    cds: Vec<(String, String)>,
}

struct Choice {
    name: String,
    title: String,
    os: &'static str,
    min_memory: ByteSize,
    disk: ByteSize,
    /// Words of the API, best first.
    firmware: String,
    available: bool,
    checked: bool,
    suggestion: String,
    /// The machine that it came with.
    own: Option<Own>,
    /// What is said of the disks behind the first.
    more: Option<String>,
}

struct Own {
    cpus: u32,
    memory: ByteSize,
    nics: u32,
    text: String,
    /// Why it would be refused here.
    refused: Option<String>,
}

struct Size {
    id: &'static str,
    title: &'static str,
    cpus: u32,
    memory: ByteSize,
    disk: ByteSize,
    /// Why it would be refused here.
    refused: Option<String>,
    checked: bool,
}

/// What the server has to give; `None` while it is not known, and then nothing is ruled out.
struct Room {
    cpus: Option<u32>,
    memory: Option<ByteSize>,
    disk: Option<ByteSize>,
}

impl Room {
    /// The same rules that the API refuses by, asked beforehand.
    fn refuses(&self, f: &Frame, cpus: u32, memory: ByteSize, disk: ByteSize) -> Option<String> {
        if let Some(have) = self.cpus
            && admission::cpus(cpus, have).is_err()
        {
            return Some(f.tv("size-needs-cpus", "count", have));
        }
        if let Some(have) = self.memory
            && admission::memory(memory, ByteSize(0), have).is_err()
        {
            return Some(f.tv("size-needs-memory", "have", have));
        }
        self.disk.filter(|have| disk > *have).map(|have| f.tv("size-needs-disk", "have", have))
    }
}

/// Sizes that most guests are happy with. The first is for trying things out.
fn sizes(f: &Frame, room: &Room) -> [Size; 4] {
    let size = |id: &'static str, cpus, memory, disk| Size {
        id,
        title: f.t(format!("size-{id}")),
        cpus,
        memory,
        disk,
        refused: room.refuses(f, cpus, memory, disk),
        checked: false,
    };
    let mut sizes = [
        size("tiny", 1, ByteSize::mib(512), ByteSize::gib(2)),
        size("small", 2, ByteSize::gib(2), ByteSize::gib(20)),
        size("medium", 4, ByteSize::gib(8), ByteSize::gib(60)),
        size("large", 8, ByteSize::gib(16), ByteSize::gib(120)),
    ];
    if let Some(first) = sizes.iter_mut().find(|size| size.refused.is_none()) {
        first.checked = true;
    }
    sizes
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    if !f.may_manage() {
        return super::error::problem(&data, &f, Problem::new(Code::NotAllowed).with("permission", "manage")).await;
    }
    let taken: BTreeSet<String> = data.vms().await.iter().map(|view| view.vm.meta.name.to_string()).collect();
    let nodes = data.nodes().await;
    let capacity = nodes.iter().filter_map(|node| node.status.as_ref()).map(|status| status.capacity).next();
    let pools = data.pools().await;
    let disk_have = pools.iter().filter_map(|pool| pool.status.as_ref()).map(|status| status.free).max();
    let room = Room {
        cpus: capacity.map(|capacity| capacity.cpus),
        memory: capacity.map(|capacity| capacity.memory),
        disk: disk_have,
    };
    let images = choices(&f, &data.images().await, &taken, &room);
    let chosen = images.iter().find(|choice| choice.checked);
    let name = chosen.map_or_else(|| suggestion("vm", &taken), |choice| choice.suggestion.clone());
    let host_name = name.parse::<Name>().map_or_else(|_| String::new(), |name| HostName::from_name(&name).to_string());
    let disk = chosen.map_or(ByteSize::gib(2), |choice| choice.disk.max(ByteSize::gib(2)));
    let firmwares = [Firmware::Uefi, Firmware::Bios, Firmware::Direct]
        .map(|firmware| (firmware_word(firmware), f.words.firmware(firmware)))
        .to_vec();
    let sizes = sizes(&f, &room);
    let r = super::regions(&data, &f, "/vms/new").await;
    f.page(&Page {
        f: &f,
        r,
        images,
        sizes,
        cpus_max: capacity.map_or(limits::VCPUS_MAX, |capacity| capacity.cpus),
        memory_have: capacity.map(|capacity| capacity.memory_available),
        disk_have,
        user_data_max: ByteSize(limits::USER_DATA_MAX as u64),
        name,
        host_name,
        disk,
        firmwares,
        networks: nics::choices(&data, &f).await,
        cds: drives::choices(&data).await,
    })
}

/// Those that boot from a disk first; the first that is there is chosen.
fn choices(f: &Frame, images: &[Arc<ImageView>], taken: &BTreeSet<String>, room: &Room) -> Vec<Choice> {
    let mut choices: Vec<_> = images.iter().map(|view| choice(f, view, taken, room)).collect();
    choices.sort_by_key(|choice| (choice.disk.bytes() == 0, choice.name.clone()));
    if let Some(first) = choices.iter_mut().find(|choice| choice.available) {
        first.checked = true;
    }
    choices
}

fn choice(f: &Frame, view: &ImageView, taken: &BTreeSet<String>, room: &Room) -> Choice {
    let (meta, spec) = (&view.image.meta, &view.image.spec);
    let own = spec.machine.as_ref().map(|machine| Own {
        cpus: machine.cpus,
        memory: machine.memory,
        nics: machine.nics,
        text: images::machine(f, spec, machine),
        refused: room.refuses(f, machine.cpus, machine.memory, spec.all_disks()),
    });
    let more = || {
        let (count, size) = (spec.more_disks.len(), spec.all_disks().bytes() - spec.virtual_size.bytes());
        f.tvv("new-more-disks", "count", count, "size", ByteSize(size))
    };
    let called = spec.machine.as_ref().and_then(|machine| machine.name.as_ref()).map(Name::to_string);
    Choice {
        name: meta.name.to_string(),
        title: images::title(f, view),
        os: f.words.guest_os(spec.os),
        min_memory: spec.min_memory,
        // What is installed from a CD begins with an empty disk.
        disk: if spec.format == ImageFormat::Iso { admission::CD_DISK } else { spec.virtual_size },
        firmware: spec.firmware.iter().map(|&firmware| firmware_word(firmware)).collect::<Vec<_>>().join(" "),
        available: view.status.as_ref().is_some_and(|status| status.available),
        checked: false,
        suggestion: match called {
            Some(name) if !taken.contains(&name) => name,
            Some(name) => suggestion(&name, taken),
            None => suggestion(meta.name.as_str(), taken),
        },
        own,
        more: (!spec.more_disks.is_empty()).then(more),
    }
}

const fn firmware_word(firmware: Firmware) -> &'static str {
    match firmware {
        Firmware::Bios => "bios",
        Firmware::Uefi => "uefi",
        Firmware::Direct => "direct",
    }
}

/// The first of `stem-1`, `stem-2`, … that is free.
fn suggestion(stem: &str, taken: &BTreeSet<String>) -> String {
    let mut number = 1;
    loop {
        let name = format!("{stem}-{number}");
        if !taken.contains(&name) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggested_name_is_free() {
        let taken = ["web-1", "web-2", "web-4"].map(str::to_owned).into();
        assert_eq!(suggestion("web", &taken), "web-3");
        assert_eq!(suggestion("db", &taken), "db-1");
    }
}
