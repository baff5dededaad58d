use super::*;
use crate::disks::{Content, Found, Installed};
use cake_types::{ByteSize, DiskHealth, ServerBus, ServerDisk};

const MACHINE: Machine = Machine { tpm: Tpm::Ready, firmware: 280 << 20 };

fn disk(name: &str, serial: &str, gib: u64) -> Candidate {
    let disk = ServerDisk {
        name: name.into(),
        model: None,
        serial: (!serial.is_empty()).then(|| serial.into()),
        size: ByteSize::gib(gib),
        bus: ServerBus::Nvme,
        rotational: false,
        removable: false,
        health: DiskHealth::default(),
    };
    let content = Content::default();
    Candidate { disk, sector: 512, read_only: false, boot_medium: false, used_as: Vec::new(), content }
}

fn with(disk: Candidate, content: Content) -> Candidate {
    Candidate { content, ..disk }
}

fn install(lines: &str) -> Install {
    crate::answers::parse(&format!("[install]\n{lines}")).unwrap().install
}

fn refused(disks: &[Candidate], lines: &str) -> String {
    Plan::new(disks, &install(lines), MACHINE).unwrap_err().to_string()
}
