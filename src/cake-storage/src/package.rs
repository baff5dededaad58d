//! A VM as one file that can be taken away: a tar that begins with its definition, then the checksums, then its disks.
//!
//! ```text
//!   OVA     NAME.ovf  NAME.mf  NAME-disk0.vmdk …     Open Virtualization Format 1.1 (DMTF DSP0243 §5.3, first order)
//!   qcow2   NAME.json NAME.mf  NAME-disk0.qcow2 …    cake's own definition ([`definition`])
//! ```
//!
//! What other products write as OVA is read back by [`read`].
//!
//! The checksums come before what they are of, so their place is kept free and written last: every byte is read once.
//!
//! What is not in it: user-data of cloud-init, which may hold passwords; what a TPM remembers; the variables of UEFI.

pub mod definition;
pub mod ovf;
pub mod read;
mod writer;

pub use writer::{Disk, Writer, room};

use cake_types::{ByteSize, ExportFormat, Firmware, Restart};

/// A machine as a package describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// What people call it.
    pub name: String,
    pub cpus: u32,
    pub memory: ByteSize,
    pub firmware: Firmware,
    pub secure_boot: bool,
    pub tpm: bool,
    /// Made for Windows.
    pub windows: bool,
    /// Everything that any installer can see, instead of virtio.
    pub everyday: bool,
    pub restart: Restart,
    pub tags: Vec<String>,
    pub nics: Vec<Nic>,
    pub disks: Vec<PackedDisk>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// `nat`, or `bridge:` and its name.
    pub network: String,
    /// Written with colons.
    pub mac: String,
    /// `tcp:8080:80`.
    pub forwards: Vec<String>,
}

/// A disk, and its file in the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedDisk {
    pub file: String,
    /// Length of the file.
    pub length: u64,
    /// What the guest sees.
    pub capacity: ByteSize,
}

impl Machine {
    /// The text that describes it in a package of this format.
    pub fn describe(&self, format: ExportFormat) -> Result<String, serde_json::Error> {
        match format {
            ExportFormat::Ova => Ok(ovf::text(self)),
            ExportFormat::Qcow2 => definition::text(self),
        }
    }
}

/// The formats of a package's disks: what qemu-img calls them is how their files end.
pub const fn disk_format(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Ova => "vmdk",
        ExportFormat::Qcow2 => "qcow2",
    }
}

/// The name of a disk's file. `base` is of letters, digits and `-`, as host names are: every system can keep such a file.
pub fn disk_file(base: &str, number: u32, format: ExportFormat) -> String {
    format!("{base}-disk{number}.{}", disk_format(format))
}

/// The name of the description.
pub fn description_file(base: &str, format: ExportFormat) -> String {
    match format {
        ExportFormat::Ova => format!("{base}.ovf"),
        ExportFormat::Qcow2 => format!("{base}.json"),
    }
}

/// The most bytes that a disk's file may have: it holds all `stored` bytes, none of which can be made smaller, and its tables.
pub const fn most(stored: u64) -> u64 {
    stored.saturating_add(stored / 64).saturating_add(1 << 20)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn machine() -> Machine {
        Machine {
            name: "mail & <files> \"台北\"".into(),
            cpus: 2,
            memory: ByteSize::mib(1536),
            firmware: Firmware::Uefi,
            secure_boot: true,
            tpm: true,
            windows: true,
            everyday: true,
            restart: Restart::Always,
            tags: vec!["accounts".into()],
            nics: vec![
                Nic { network: "nat".into(), mac: "02:00:00:00:00:01".into(), forwards: vec!["tcp:8080:80".into()] },
                Nic { network: "bridge:br0".into(), mac: "02:00:00:00:00:02".into(), forwards: Vec::new() },
            ],
            disks: vec![
                PackedDisk { file: "mail-disk0.vmdk".into(), length: 4096, capacity: ByteSize::gib(2) },
                PackedDisk { file: "mail-disk3.vmdk".into(), length: 512, capacity: ByteSize::mib(8) },
            ],
        }
    }
}
