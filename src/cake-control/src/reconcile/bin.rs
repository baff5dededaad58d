//! The bin: what lies there for long enough is deleted.

use cake_types::Problem;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

use crate::board::VolumeEntry;
use crate::caller::Caller;
use crate::images::Images;
use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::vms::Vms;
use crate::volumes::Volumes;

const EVERY: Duration = Duration::from_secs(15 * 60);

pub struct BinSweeper {
    pub ledger: Arc<Ledger>,
    pub settings: Arc<Settings>,
    pub vms: Arc<Vms>,
    pub images: Arc<Images>,
    pub volumes: Arc<Volumes>,
}

impl BinSweeper {
    pub async fn run(&self) {
        let mut timer = tokio::time::interval(EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            if let Err(problem) = self.sweep().await {
                tracing::warn!(%problem, "something in the bin could not be deleted; it is tried again");
            }
        }
    }

    /// Deletes what has been there for longer than the settings say.
    pub async fn sweep(&self) -> Result<(), Problem> {
        let since = self.ledger.now() - SignedDuration::from_hours(24 * i64::from(self.settings.bin_days()));
        let over = |binned: Option<Timestamp>| binned.is_some_and(|at| at <= since);
        let caller = Caller::system("bin_sweep");
        for entry in self.ledger.board.vms().into_iter().filter(|e| e.binned() && over(e.vm.spec.binned)) {
            self.vms.delete(&caller, entry, |_| Ok(())).await?;
        }
        for entry in self.ledger.board.images().into_iter().filter(|entry| over(entry.image.binned)) {
            self.images.delete(&caller, entry, |_| Ok(())).await?;
        }
        let deleted = |entry: &VolumeEntry| entry.volume.spec.deleting;
        let old = self.ledger.board.volumes().into_iter();
        for entry in old.filter(|entry| over(entry.volume.spec.binned) && !deleted(entry)) {
            self.volumes.delete(&caller, entry.id(), |_| Ok(())).await?;
        }
        Ok(())
    }
}
