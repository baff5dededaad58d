//! What the engine is given, and what it needs around it.

use crate::cards::Card;
use crate::machine::{Desired, Outcome};
use crate::plan::Files;
use async_trait::async_trait;
use cake_types::{Failure, HaltedBy, ImageId, OperationId, ProvisionProgress, Stamp, Vm, VmId, VmStatus};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A VM as the node holds it: the desired state, and what only the node knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub vm: Vm,
    pub stamp: Stamp,
    /// The user that its QEMU runs as.
    pub uid: u32,
    pub halted: Option<HaltedBy>,
    /// A tombstone is written: take everything away.
    pub removing: bool,
}

impl Assignment {
    pub fn id(&self) -> VmId {
        self.vm.meta.id
    }

    /// Whether nothing but the generation differs: that is how the node hears that nobody waits any more for what was begun.
    pub(crate) fn repeats(&self, before: &Self) -> bool {
        let newer = self.stamp.generation > before.stamp.generation && self.removing == before.removing;
        newer && self.vm.spec == before.vm.spec && self.vm.meta.name == before.vm.meta.name
    }

    pub fn desired(&self) -> Desired {
        Desired { stamp: self.stamp, power: self.vm.spec.power, restart: self.vm.spec.restart, removing: self.removing }
    }
}

/// Says how far the disks are, and hears when they are wanted no more.
#[derive(Clone)]
pub struct Making {
    pub(crate) progress: Arc<dyn Fn(ProvisionProgress) + Send + Sync>,
    pub(crate) cancelled: Arc<AtomicBool>,
}

impl Making {
    /// For work that is over at once.
    pub fn silent() -> Self {
        Self { progress: Arc::new(|_| {}), cancelled: Arc::default() }
    }

    pub fn progress(&self, progress: ProvisionProgress) {
        (self.progress)(progress);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// The rest of the node, as the engine sees it.
#[async_trait]
pub trait Surroundings: Send + Sync + 'static {
    /// Makes what is missing of the VM's disks. Quick when nothing is.
    async fn make(&self, assignment: &Arc<Assignment>, making: Making) -> Result<(), Failure>;
    /// Whether there is memory for one more QEMU with the memory of this guest.
    fn has_memory(&self, assignment: &Assignment) -> Result<(), Failure>;
    /// Where the files are; called before each start, so the seed can be written anew.
    async fn files(&self, assignment: &Arc<Assignment>) -> Result<Files, Failure>;
    /// Makes what a network card needs on this machine: the tap of one that is bridged; for one behind NAT, that its ports are free
    /// and that it reaches nothing that it must not.
    async fn connect(&self, card: &Card) -> Result<Option<OwnedFd>, Failure>;
    /// Makes the same for a QEMU that takes the guest over, beside what the other one still has.
    async fn connect_beside(&self, card: &Card) -> Result<Option<OwnedFd>, Failure>;
    /// Where an image is that the guest may read.
    async fn image(&self, image: ImageId) -> Result<PathBuf, Failure>;
    /// Where a disk is, by its place in the spec: made if it never was, grown if it is too small.
    async fn disk(&self, assignment: &Arc<Assignment>, index: usize) -> Result<PathBuf, Failure>;
    /// Removes a disk that was taken away, if it is still there.
    async fn forget_disk(&self, id: VmId, number: u32) -> Result<(), Failure>;
    /// Takes everything of the VM away, its record last.
    async fn remove(&self, id: VmId) -> Result<(), Failure>;
    /// Durable when it returns, as it returns it: whoever takes up a VM again may not know what was asked of it before.
    async fn halted(&self, id: VmId, halted: HaltedBy) -> HaltedBy;
    /// The operation is about to happen: after a crash it must not happen again. Durable when it returns.
    async fn begun(&self, id: VmId, operation: OperationId);
    /// Durable when it returns.
    async fn finished(&self, id: VmId, operation: OperationId, outcome: Outcome);
    /// What is so. Never waits.
    fn status(&self, id: VmId, status: VmStatus);
}
