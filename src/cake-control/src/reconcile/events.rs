//! Events: what a node's reports mean to a person, written to the Journal.
//!
//! transition → [`event::of_vm`] (pure) → Journal

use cake_planner::event;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::board::Transition;
use crate::ledger::{Ledger, subject_of};

pub struct EventReconciler {
    pub ledger: Arc<Ledger>,
}

impl EventReconciler {
    pub async fn run(&self, mut transitions: UnboundedReceiver<Transition>) {
        while let Some(Transition { vm, before, after }) = transitions.recv().await {
            if let Some(happened) = event::of_vm(before.as_ref(), &after) {
                self.ledger.event(happened, Some(subject_of(&vm))).await;
            }
        }
    }
}
