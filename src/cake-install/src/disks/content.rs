//! What is on a disk, without mounting any of it: its partition table by sfdisk, signatures by wipefs (libblkid).

use super::{DisksError, esp, usage};
use crate::apply::{MARK, MARK_AT, MARK_ROOM};
use crate::layout::Layout;
use crate::tool::Tools;
use cake_types::ServerDisk;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// So much of a disk's beginning and end is looked at for bytes that no signature explains.
const ENDS: u64 = 1 << 20;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    /// `gpt`, `dos`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    pub parts: Vec<Part>,
    /// On the disk itself, beside its table.
    pub signatures: Vec<Signature>,
    /// Something is at its beginning or end, and nobody knows what.
    pub unknown: bool,
    /// What of cake is on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cake: Option<Found>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The kernel's: `vda1`.
    pub name: String,
    /// GPT's GUID of this partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    pub r#type: String,
    /// GPT's name of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Bytes.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    pub signatures: Vec<Signature>,
}

/// What libblkid recognises: `ext4`, `crypto_LUKS`, `linux_raid_member`, `LVM2_member`, …
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signature {
    pub r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What of cake is on a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Found {
    /// An installation that was broken off: nothing of it is worth anything.
    Unfinished,
    /// A disk that cake starts from.
    System(esp::Installed),
    /// A disk of a pool.
    Pool,
}

impl Part {
    pub fn has_uuid(&self, uuid: &str) -> bool {
        self.uuid.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(uuid))
    }
}

impl Content {
    /// Nothing is on it at all.
    pub fn is_empty(&self) -> bool {
        self.table.is_none() && self.parts.is_empty() && self.signatures.is_empty() && !self.unknown
    }

    /// Nothing is on it that anybody could miss.
    pub fn is_free(&self) -> bool {
        self.is_empty() || self.cake == Some(Found::Unfinished)
    }

    /// In a few words, for the person who chooses.
    pub fn words(&self) -> String {
        match &self.cake {
            Some(Found::Unfinished) => return "an installation of cake that was broken off".into(),
            Some(Found::System(installed)) => return installed.words(),
            Some(Found::Pool) => return "a pool of cake".into(),
            None => {}
        }
        let all = self.signatures.iter().chain(self.parts.iter().flat_map(|part| &part.signatures));
        let mut kinds: Vec<&str> = all.map(|signature| signature.r#type.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        match (&self.table, self.parts.len(), kinds.is_empty()) {
            (None, _, true) if self.unknown => "data of an unknown kind".into(),
            (None, _, true) => "nothing".into(),
            (None, _, false) => kinds.join(", "),
            (Some(table), 0, _) => format!("an empty partition table ({table})"),
            (Some(_), count, true) => format!("{count} partitions with unknown content"),
            (Some(_), count, false) => format!("{count} partitions: {}", kinds.join(", ")),
        }
    }
}

/// What `sfdisk --json` says.
#[derive(Debug, Deserialize)]
struct Sfdisk {
    partitiontable: Table,
}

#[derive(Debug, Deserialize)]
struct Table {
    label: String,
    #[serde(default = "sector")]
    sectorsize: u64,
    #[serde(default)]
    partitions: Vec<Row>,
}

const fn sector() -> u64 {
    512
}

#[derive(Debug, Deserialize)]
struct Row {
    node: String,
    start: u64,
    size: u64,
    r#type: String,
    uuid: Option<String>,
    name: Option<String>,
}

/// What `wipefs --json` says.
#[derive(Debug, Deserialize)]
struct Wipefs {
    signatures: Vec<Magic>,
}

#[derive(Debug, Deserialize)]
struct Magic {
    r#type: String,
    label: Option<String>,
}

/// The table and its partitions as `sfdisk --json` tells of them; `None`: there is none.
pub fn table(said: &[u8]) -> Option<(String, Vec<Part>)> {
    let Sfdisk { partitiontable: Table { label, sectorsize, partitions } } = serde_json::from_slice(said).ok()?;
    let part = |row: Row| {
        let Row { node, start, size, r#type, uuid, name } = row;
        Some(Part {
            name: node.strip_prefix("/dev/")?.to_owned(),
            uuid: uuid.map(|uuid| uuid.to_ascii_lowercase()),
            r#type: r#type.to_ascii_lowercase(),
            label: name,
            start: start.checked_mul(sectorsize)?,
            size: size.checked_mul(sectorsize)?,
            signatures: Vec::new(),
        })
    };
    Some((label, partitions.into_iter().filter_map(part).collect()))
}

/// What `wipefs --json` says, without the partition table's own marks.
pub fn signatures(said: &[u8]) -> Vec<Signature> {
    let Ok(Wipefs { signatures }) = serde_json::from_slice(said) else { return Vec::new() };
    let mut found: Vec<Signature> = Vec::new();
    for Magic { r#type, label } in signatures {
        let of_table = ["gpt", "dos", "PMBR"].contains(&r#type.as_str());
        let signature = Signature { r#type, label };
        if !of_table && !found.contains(&signature) {
            found.push(signature);
        }
    }
    found
}

/// Looks at a disk.
pub fn look(tools: &Tools<'_>, sys: &Path, disk: &ServerDisk) -> Result<Content, DisksError> {
    let device = Path::new("/dev").join(&disk.name);
    // Without a table sfdisk fails; wipefs then says what else is there.
    let said = tools.said("sfdisk", [Path::new("--json"), &device])?;
    let (table, mut parts) =
        said.and_then(|said| table(&said)).map_or((None, Vec::new()), |(label, parts)| (Some(label), parts));
    let kernels = usage::parts_of(sys, &disk.name);
    for part in parts.iter_mut().filter(|part| kernels.contains(&part.name)) {
        part.signatures = of_device(tools, &Path::new("/dev").join(&part.name))?;
    }
    let signatures = of_device(tools, &device)?;
    let bare = table.is_none() && signatures.is_empty();
    let unfinished = (bare || is_half_written(table.as_deref(), &parts, &signatures)) && is_marked(&device);
    let unknown = bare && !unfinished && !is_blank(&device, disk.size.bytes());
    let mut content = Content { table, parts, signatures, unknown, cake: unfinished.then_some(Found::Unfinished) };
    if !unfinished {
        content.cake = cake(&content, |part| esp::installed(&Path::new("/dev").join(part)));
    }
    Ok(content)
}

/// The protective record of a GPT (UEFI 2.10 §5.2.3) whose own headers have not come.
fn is_half_written(table: Option<&str>, parts: &[Part], signatures: &[Signature]) -> bool {
    table == Some("dos") && signatures.is_empty() && matches!(parts, [part] if part.r#type == "ee")
}

/// Was its table being written when the power went? What can't be read was not.
fn is_marked(device: &Path) -> bool {
    let mut found = vec![0; MARK_ROOM as usize];
    let read = File::open(device).and_then(|file| file.read_exact_at(&mut found, MARK_AT));
    read.is_ok() && found.strip_prefix(MARK).is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

fn of_device(tools: &Tools<'_>, device: &Path) -> Result<Vec<Signature>, DisksError> {
    let columns = "--output=DEVICE,OFFSET,TYPE,UUID,LABEL";
    let said = tools.said("wipefs", [Path::new("--no-act"), Path::new("--json"), Path::new(columns), device])?;
    Ok(said.map_or_else(Vec::new, |said| signatures(&said)))
}

/// What of cake a disk with these partitions is. `installed` says what a boot partition tells of itself, if it has all to boot.
fn cake(content: &Content, installed: impl Fn(&str) -> Option<esp::Installed>) -> Option<Found> {
    let layout = Layout::embedded();
    let called = |part: &Part, name: &str| part.label.as_deref() == Some(name);
    let parts = &content.parts;
    if content.table.as_deref() != Some("gpt") || parts.is_empty() {
        return None;
    }
    let own = [&layout.unfinished, &layout.esp.name, &layout.state.name, &layout.pool.name];
    if !parts.iter().all(|part| own.iter().any(|name| called(part, name))) {
        return None;
    }
    let unfinished = parts.iter().any(|part| called(part, &layout.unfinished));
    let esp = parts.iter().find(|part| part.r#type == layout.esp.r#type.to_string());
    Some(match esp.map(|esp| installed(&esp.name)) {
        // The boot file is put in place before the names are given: with it, somebody may have used the installation since.
        Some(Some(installed)) => Found::System(installed),
        _ if unfinished => Found::Unfinished,
        // A boot partition that can't be read is no reason to take the rest for nothing.
        Some(None) => Found::System(esp::Installed::default()),
        None => Found::Pool,
    })
}

/// What looks unfinished on its own and belongs to an installation that can boot is a part of that one.
pub fn claim(contents: &mut [&mut Content]) {
    let whole: Vec<esp::Installed> = contents
        .iter()
        .filter_map(|content| match &content.cake {
            Some(Found::System(installed)) => Some(installed.clone()),
            _ => None,
        })
        .collect();
    for content in contents.iter_mut().filter(|content| content.cake == Some(Found::Unfinished)) {
        let claims =
            |one: &&esp::Installed| one.parts.iter().any(|uuid| content.parts.iter().any(|part| part.has_uuid(uuid)));
        if let Some(installed) = whole.iter().find(claims) {
            content.cake = Some(Found::System(installed.clone()));
        }
    }
}

/// Both ends of it are zeros. What can't be read is not.
fn is_blank(device: &Path, size: u64) -> bool {
    let blank = |at: u64| {
        let mut file = File::open(device)?;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        file.take(ENDS).read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes.iter().all(|byte| *byte == 0))
    };
    [0, size.saturating_sub(ENDS)].into_iter().all(|at| blank(at).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SFDISK: &str = r#"{"partitiontable": {"label":"gpt","id":"X","device":"/dev/vda","unit":"sectors","firstlba":2048,
        "lastlba":100,"sectorsize":512,"partitions":[
        {"node":"/dev/vda1","start":2048,"size":4096,"type":"C12A7328-F81F-11D2-BA4B-00A0C93EC93B","uuid":"AB","name":"cake-esp"},
        {"node":"/dev/vda2","start":6144,"size":8,"type":"A19D880F-05FC-4D3B-A006-743F0F84911E"}]}}"#;

    fn with_labels(labels: &[(&str, &str)]) -> Content {
        let part = |(index, (r#type, label)): (usize, &(&str, &str))| Part {
            name: format!("vda{}", index + 1),
            uuid: None,
            r#type: (*r#type).into(),
            label: Some((*label).into()),
            start: 0,
            size: 0,
            signatures: Vec::new(),
        };
        let parts = labels.iter().enumerate().map(part).collect();
        Content { table: Some("gpt".into()), parts, ..Content::default() }
    }

    #[test]
    fn what_sfdisk_and_wipefs_say() {
        let (label, parts) = table(SFDISK.as_bytes()).unwrap();
        assert_eq!((label.as_str(), parts.len(), parts[0].start, parts[0].size), ("gpt", 2, 1 << 20, 4096 * 512));
        assert!(parts[0].has_uuid("ab") && parts[1].label.is_none());
        assert_eq!(table(b"sfdisk: no"), None);
        let said = br#"{"signatures":[{"device":"vda","offset":"0x200","type":"gpt","uuid":null,"label":null},
            {"device":"vda","offset":"0x438","type":"ext4","uuid":"u","label":"data"},
            {"device":"vda","offset":"0x1fe","type":"PMBR","uuid":null,"label":null}]}"#;
        assert_eq!(signatures(said), [Signature { r#type: "ext4".into(), label: Some("data".into()) }]);
        assert_eq!(signatures(b""), []);
    }

    #[test]
    fn a_disk_whose_table_was_being_written_is_marked_and_no_longer_blank() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        let disk = File::create_new(&path).unwrap();
        assert!(!is_marked(&path), "shorter than that");
        disk.set_len(8 << 20).unwrap();
        assert!(!is_marked(&path) && is_blank(&path, 8 << 20));
        disk.write_all_at(MARK, MARK_AT).unwrap();
        assert!(is_marked(&path) && !is_blank(&path, 8 << 20));
        let protective = |kind: &str| Part {
            name: "vda1".into(),
            uuid: None,
            r#type: kind.into(),
            label: None,
            start: 512,
            size: 8 << 20,
            signatures: Vec::new(),
        };
        assert!(is_half_written(Some("dos"), &[protective("ee")], &[]));
        assert!(!is_half_written(Some("dos"), &[protective("83")], &[]) && !is_half_written(Some("gpt"), &[], &[]));
        // Somebody's, who happens to begin so.
        disk.write_all_at(b"x", MARK_AT + 100).unwrap();
        assert!(!is_marked(&path));
        // In a sector of its own, which comes as a whole or not at all; before the first partition, behind the longest table.
        const { assert!(MARK_AT.is_multiple_of(4096) && MARK_AT >= 6 * 4096) };
        assert!(MARK_AT + 4096 <= Layout::embedded().align_mib << 20);
    }

    #[test]
    fn an_installation_is_one_when_it_can_boot() {
        let esp = Layout::embedded().esp.r#type.to_string();
        let system = [(esp.as_str(), "cake-esp"), ("raid", "cake-state"), ("raid", "cake-pool")];
        let bootable = || Some(esp::Installed::default());
        // Its boot partition is damaged: the rest may be all that somebody has.
        assert_eq!(cake(&with_labels(&system), |_| None), Some(Found::System(esp::Installed::default())));
        assert_eq!(cake(&with_labels(&system), |_| bootable()), Some(Found::System(esp::Installed::default())));
        // It can boot, and was killed before the names were given: somebody may have used it since.
        let killed = [(esp.as_str(), "cake-unfinished"), ("raid", "cake-unfinished")];
        assert_eq!(cake(&with_labels(&killed), |_| bootable()), Some(Found::System(esp::Installed::default())));
        assert_eq!(cake(&with_labels(&killed), |_| None), Some(Found::Unfinished));
        assert_eq!(cake(&with_labels(&[("raid", "cake-pool")]), |_| None), Some(Found::Pool));
        assert_eq!(cake(&with_labels(&[("raid", "cake-unfinished")]), |_| None), Some(Found::Unfinished));
        let mut second = with_labels(&[("raid", "cake-unfinished")]);
        second.cake = Some(Found::Unfinished);
        second.parts[0].uuid = Some("ab".into());
        let installed = esp::Installed { parts: vec!["AB".into()], ..esp::Installed::default() };
        let mut first = with_labels(&system);
        first.cake = Some(Found::System(installed.clone()));
        claim(&mut [&mut first, &mut second]);
        assert_eq!(second.cake, Some(Found::System(installed)), "killed between the boot files of two disks");
        let mixed = [(esp.as_str(), "cake-esp"), ("linux", "home")];
        assert_eq!(cake(&with_labels(&mixed), |_| None), None, "somebody else's partition is on it");
    }
}
