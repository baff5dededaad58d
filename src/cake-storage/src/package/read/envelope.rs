//! The OVF descriptor (DMTF DSP0243, versions 1 and 2), as VMware, VirtualBox, cake and others write it.
//!
//! An XML document without a document type, so without entities of its own. Names are known by their namespaces, whatever the prefix.
//! What a product adds of its own is left aside, but for what decides whether the machine starts: the firmware, Secure Boot, a TPM.

mod system;
mod units;

use super::{DISKS_MAX, broken, names_files};
use crate::inspect::Refusal;
use crate::stick::misleads;
use cake_types::limits::NAME_MAX;
use cake_types::{ByteSize, Firmware, GuestOs, Name};
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::{BTreeMap, BTreeSet};
pub use system::CAKE;
use units::{bytes, number};

const OVF: [&str; 2] = ["http://schemas.dmtf.org/ovf/envelope/1", "http://schemas.dmtf.org/ovf/envelope/2"];
const NODES_MAX: u32 = 40_000;

/// Numbers of CIM_ResourceAllocationSettingData.ResourceType (DMTF DSP1041).
const OTHER: u64 = 1;
const PROCESSOR: u64 = 3;
const MEMORY: u64 = 4;
const CONTROLLERS: [u64; 3] = [5, 6, 20];
const ETHERNET: u64 = 10;
const DISK: u64 = 17;

/// What a descriptor says.
pub(super) struct Envelope {
    pub name: Option<Name>,
    pub cpus: u32,
    pub memory: ByteSize,
    pub firmware: Firmware,
    pub secure_boot: bool,
    pub tpm: bool,
    pub nics: u32,
    pub os: Option<GuestOs>,
    pub everyday: Option<bool>,
    pub disks: Vec<Disk>,
}

/// A disk of the machine.
pub(super) enum Disk {
    /// Of so many bytes.
    Empty(u64),
    /// In the file of this name.
    File(String),
}

type Element<'a> = Node<'a, 'a>;

pub(super) fn read(text: &str) -> Result<Envelope, Refusal> {
    let text = text.trim_start_matches('\u{feff}');
    let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => broken("its descriptor has a document type"),
        roxmltree::Error::NodesLimitReached => broken("its descriptor is too long"),
        _ => broken("its descriptor is no XML"),
    })?;
    let root = document.root_element();
    if !is(&root, "Envelope") {
        return Err(broken("its descriptor is none of OVF 1 or 2"));
    }
    if elements(root, "VirtualSystemCollection").next().is_some() {
        return Err(Refusal::SeveralVms);
    }
    let mut systems = elements(root, "VirtualSystem");
    let system = systems.next().ok_or_else(|| broken("its descriptor describes no VM"))?;
    if systems.next().is_some() {
        return Err(Refusal::SeveralVms);
    }
    envelope(root, system)
}

fn envelope(root: Element<'_>, system: Element<'_>) -> Result<Envelope, Refusal> {
    let hardware = elements(system, "VirtualHardwareSection").next();
    let hardware = hardware.ok_or_else(|| broken("its descriptor says nothing of the hardware"))?;
    let items = items(root, hardware);
    let last = |kind| items.iter().rev().find(|item| item.kind == kind);
    let cpus = last(PROCESSOR).and_then(|item| item.quantity).unwrap_or(1);
    let memory = last(MEMORY).and_then(|item| bytes(item.quantity?, item.units.as_deref().unwrap_or("byte * 2^20")));
    let nics = items.iter().filter(|item| item.kind == ETHERNET).count();
    let said = system::said(system, hardware);
    let vtpm = |item: &Item| item.kind == OTHER && item.sub.as_deref().is_some_and(|sub| sub.ends_with("vtpm"));
    let name = elements(system, "Name").find_map(|name| name.text()).or_else(|| attribute(&system, "id"));
    Ok(Envelope {
        name: name.and_then(name_of),
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX).max(1),
        memory: memory.map(ByteSize).ok_or_else(|| broken("its descriptor does not say how much memory there is"))?,
        firmware: if said.uefi { Firmware::Uefi } else { Firmware::Bios },
        secure_boot: said.uefi && said.secure_boot,
        tpm: said.tpm || items.iter().any(vtpm),
        nics: u32::try_from(nics).unwrap_or(u32::MAX),
        os: said.os,
        everyday: said.everyday.or(said.os.map(|os| os != GuestOs::Linux)),
        disks: disks(root, &items)?,
    })
}

/// What is left of a name when everything is taken out that a name here can't have.
fn name_of(text: &str) -> Option<Name> {
    let word = |c: char| c.is_alphanumeric() && !misleads(c);
    let kept: String = text.chars().map(|c| if word(c) || matches!(c, '-' | '_' | '.') { c } else { ' ' }).collect();
    let words: Vec<&str> =
        kept.split(' ').map(|part| part.trim_matches(|c| !word(c))).filter(|part| !part.is_empty()).collect();
    let text: String = words.join(" ").chars().take(NAME_MAX).collect();
    text.trim_end_matches(|c| !word(c)).parse().ok()
}

fn is(node: &Element<'_>, name: &str) -> bool {
    node.is_element()
        && node.tag_name().name() == name
        && node.tag_name().namespace().is_some_and(|uri| OVF.contains(&uri))
}

fn elements<'a>(parent: Element<'a>, name: &'static str) -> impl Iterator<Item = Element<'a>> {
    parent.children().filter(move |node| is(node, name))
}

/// An attribute of OVF, which some write without its prefix.
fn attribute<'a>(node: &Element<'a>, name: &str) -> Option<&'a str> {
    let own = |uri: Option<&str>| uri.is_none_or(|uri| OVF.contains(&uri));
    node.attributes()
        .find(|attribute| attribute.name() == name && own(attribute.namespace()))
        .map(|found| found.value())
}

/// One piece of hardware.
#[derive(Default)]
struct Item {
    id: String,
    kind: u64,
    sub: Option<String>,
    quantity: Option<u64>,
    units: Option<String>,
    parent: Option<String>,
    place: Option<u64>,
    /// What it is made of.
    resource: Option<String>,
}

/// The hardware of the configuration that a person gets who chooses none (DSP0243 §9.8). Of several that are one, the last counts.
fn items(root: Element<'_>, hardware: Element<'_>) -> Vec<Item> {
    let configurations =
        || elements(root, "DeploymentOptionSection").flat_map(|section| elements(section, "Configuration"));
    let chosen =
        configurations().find(|one| attribute(one, "default").is_some_and(|word| matches!(word, "true" | "1")));
    let chosen = chosen.or_else(|| configurations().next()).and_then(|one| attribute(&one, "id"));
    let meant = |node: &Element<'_>| match attribute(node, "configuration") {
        Some(names) => names.split_whitespace().any(|name| Some(name) == chosen),
        None => true,
    };
    let kinds = ["Item", "StorageItem", "EthernetPortItem"];
    let nodes = hardware.children().filter(|node| kinds.iter().any(|kind| is(node, kind)));
    // Bounds of what can be chosen are no hardware.
    let nodes = nodes.filter(|node| attribute(node, "bound").is_none() && meant(node));
    let mut items = Vec::<Item>::new();
    for item in nodes.map(item) {
        match items.iter_mut().find(|other| !item.id.is_empty() && other.id == item.id) {
            Some(other) => *other = item,
            None => items.push(item),
        }
    }
    items
}

fn item(node: Element<'_>) -> Item {
    let mut item = Item::default();
    for field in node.children().filter(Node::is_element) {
        let text = field.text().unwrap_or_default().trim().to_owned();
        match field.tag_name().name() {
            "InstanceID" | "InstanceId" => item.id = text,
            "ResourceType" => item.kind = number(&text).unwrap_or(0),
            "ResourceSubType" => item.sub = Some(text.to_ascii_lowercase()),
            "VirtualQuantity" => item.quantity = number(&text),
            "AllocationUnits" => item.units = Some(text),
            "Parent" => item.parent = Some(text),
            "AddressOnParent" => item.place = number(&text),
            "HostResource" => item.resource = Some(text),
            _ => {}
        }
    }
    item
}

/// The disks as a machine finds them: by their controllers, in the order in which those are written, and their places there.
fn disks(root: Element<'_>, items: &[Item]) -> Result<Vec<Disk>, Refusal> {
    let controllers: Vec<&str> =
        items.iter().filter(|item| CONTROLLERS.contains(&item.kind)).map(|item| item.id.as_str()).collect();
    let controller = |item: &Item| {
        let parent = item.parent.as_deref();
        controllers.iter().position(|id| Some(*id) == parent).unwrap_or(usize::MAX)
    };
    let mut drives: Vec<&Item> = items.iter().filter(|item| item.kind == DISK).collect();
    if drives.len() > DISKS_MAX {
        return Err(broken("it has too many disks"));
    }
    drives.sort_by_key(|item| (controller(item), item.place.unwrap_or(u64::MAX)));
    let shelf = Shelf::new(root);
    drives.into_iter().map(|item| shelf.disk(item.resource.as_deref().unwrap_or_default())).collect()
}

/// What disks and files the descriptor knows, by their ids.
struct Shelf<'a> {
    files: BTreeMap<&'a str, Element<'a>>,
    disks: BTreeMap<&'a str, Element<'a>>,
    twice: BTreeSet<&'a str>,
}

impl<'a> Shelf<'a> {
    fn new(root: Element<'a>) -> Self {
        let mut shelf = Self { files: BTreeMap::new(), disks: BTreeMap::new(), twice: BTreeSet::new() };
        let sections = [("References", "File", "id"), ("DiskSection", "Disk", "diskId")];
        for (section, kind, id) in sections {
            for node in elements(root, section).flat_map(|section| elements(section, kind)) {
                let Some(id) = attribute(&node, id) else { continue };
                let known = if kind == "File" { &mut shelf.files } else { &mut shelf.disks };
                if known.insert(id, node).is_some() {
                    shelf.twice.insert(id);
                }
            }
        }
        shelf
    }

    /// What `ovf:/disk/ID` or `ovf:/file/ID` means. Others write it without the scheme, or with two slashes.
    fn disk(&self, resource: &str) -> Result<Disk, Refusal> {
        let path = resource.strip_prefix("ovf:").unwrap_or(resource).trim_start_matches('/');
        let (kind, id) = path.split_once('/').ok_or_else(|| broken("one of its disks is made of nothing"))?;
        self.once(id)?;
        match kind {
            "file" => self.file(id),
            "disk" => {
                let disk = self.disks.get(id).ok_or_else(|| broken("one of its disks is not described"))?;
                if attribute(disk, "parentRef").is_some() {
                    return Err(names_files("a parent"));
                }
                match attribute(disk, "fileRef") {
                    Some(file) => self.file(file),
                    None => capacity(disk).map(Disk::Empty),
                }
            }
            _ => Err(names_files("a disk that is not in it")),
        }
    }

    fn once(&self, id: &str) -> Result<(), Refusal> {
        if self.twice.contains(id) { Err(broken("two things in it have one id")) } else { Ok(()) }
    }

    fn file(&self, id: &str) -> Result<Disk, Refusal> {
        self.once(id)?;
        let file = self.files.get(id).ok_or_else(|| broken("one of its files is not described"))?;
        let href = attribute(file, "href").ok_or_else(|| broken("one of its files has no name"))?;
        if attribute(file, "compression").is_some_and(|how| !matches!(how, "" | "identity")) {
            return Err(Refusal::Compressed(href.chars().filter(|c| !misleads(*c)).take(255).collect()));
        }
        if attribute(file, "chunkSize").is_some() {
            return Err(broken("a file of it is cut into pieces"));
        }
        Ok(Disk::File(href.to_owned()))
    }
}

fn capacity(disk: &Element<'_>) -> Result<u64, Refusal> {
    let units = attribute(disk, "capacityAllocationUnits").unwrap_or("byte");
    let capacity = attribute(disk, "capacity").and_then(number).and_then(|capacity| bytes(capacity, units));
    capacity.ok_or_else(|| broken("it does not say how large an empty disk is"))
}
