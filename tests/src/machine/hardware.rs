//! What a machine is made of.

use super::Machine;
use super::disk::Disk;
use super::lan::Lan;
use anyhow::Result;
use cake_types::ByteSize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A machine as it is asked for. [`Hardware::assemble`] builds it, switched off.
#[derive(Clone, Debug)]
pub struct Hardware {
    pub(super) name: String,
    pub(super) memory: ByteSize,
    pub(super) cpus: u32,
    pub(super) signer: Option<PathBuf>,
    pub(super) tpm: bool,
    pub(super) bmc: Option<Management>,
    pub(super) shell: bool,
    pub(super) network: Network,
    pub(super) http_boot: bool,
    pub(super) spare_card: bool,
    pub(super) disks: Vec<Disk>,
    pub(super) board: Option<PathBuf>,
}

/// What manages the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Management {
    Within,
    OnNetwork,
}

/// What the machine's network card is connected to.
#[derive(Clone, Debug)]
pub enum Network {
    /// Nothing.
    Unplugged,
    /// QEMU's own, which leads nowhere; a port of this machine's loopback leads to that port of the guest.
    User { https: u16 },
    /// A wire with others on it.
    Lan(Arc<Lan>),
}

impl Hardware {
    /// Two processors, 2 GiB, no disk. The name is the evidence's.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            memory: ByteSize::gib(2),
            cpus: 2,
            signer: None,
            tpm: false,
            bmc: None,
            shell: false,
            network: Network::Unplugged,
            http_boot: false,
            spare_card: false,
            disks: Vec::new(),
            board: None,
        }
    }

    #[must_use]
    pub fn memory(mut self, memory: ByteSize) -> Self {
        self.memory = memory;
        self
    }

    #[must_use]
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.cpus = cpus;
        self
    }

    /// Secure Boot, with this certificate (PEM) as owner, authority and signer.
    #[must_use]
    pub fn secure_boot(mut self, signer: &Path) -> Self {
        self.signer = Some(signer.into());
        self
    }

    #[must_use]
    pub fn tpm(mut self) -> Self {
        self.tpm = true;
        self
    }

    /// A BMC within, which the system speaks to through KCS. Nobody speaks to it from outside.
    #[must_use]
    pub fn bmc(mut self) -> Self {
        self.bmc = Some(Management::Within);
        self
    }

    /// A BMC that is reached over the network, and switches the machine: see [`Machine::obey_bmc`].
    #[must_use]
    pub fn bmc_on_network(mut self) -> Self {
        self.bmc = Some(Management::OnNetwork);
        self
    }

    /// A second serial port; see [`Machine::shell`].
    #[must_use]
    pub fn second_serial(mut self) -> Self {
        self.shell = true;
        self
    }

    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// The firmware asks the network by HTTP before it looks at the disks. PXE is off in its setup: it would wait a minute for that
    /// first.
    #[must_use]
    pub fn http_boot(mut self) -> Self {
        self.http_boot = true;
        self
    }

    /// A second network card, whose cable leads nowhere: see [`Machine::set_cable`].
    #[must_use]
    pub fn spare_card(mut self) -> Self {
        self.spare_card = true;
        self
    }

    /// One more. The firmware tries them in this order.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// The mainboard of another machine, as [`Machine::keep_board`] kept it in this folder.
    #[must_use]
    pub fn board(mut self, kept: &Path) -> Self {
        self.board = Some(kept.into());
        self
    }

    pub fn assemble(self) -> Result<Machine> {
        Machine::assemble(self)
    }
}
