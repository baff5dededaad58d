//! The certificate: made anew before it ends, and when the settings say that the console is known by other names.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

use crate::board::{Change, What};
use crate::certificate::Certificates;
use crate::error;
use crate::ledger::Ledger;

/// How often the certificate's age is looked at.
const EVERY: Duration = Duration::from_secs(12 * 60 * 60);

pub struct CertificateReconciler {
    pub ledger: Arc<Ledger>,
    pub certificates: Arc<Certificates>,
}

impl CertificateReconciler {
    pub async fn run(&self) {
        let mut changes = self.ledger.board.changes.follow();
        loop {
            if let Err(failure) = self.certificates.refresh().await {
                tracing::error!(error = %error::chain(&failure), "the certificate could not be made anew");
            }
            let settings = async {
                loop {
                    match changes.recv().await {
                        Ok(Change { what: What::Settings, .. }) | Err(RecvError::Lagged(_)) => return,
                        Ok(_) => {}
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            let _ = tokio::time::timeout(EVERY, settings).await;
        }
    }
}
