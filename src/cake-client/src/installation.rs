//! cake onto the disks of a server that was started from a stick, with the one-time token of its wizard.

use crate::core::NO_BODY;
use crate::wire::{InstallationChoice, InstallationDisks, InstallationState, JudgedInstallation};
use crate::{Client, Error, Seen};
use reqwest::Method;
use serde::Serialize;
use serde_json::json;

impl Client {
    /// Every disk, and what is proposed.
    pub async fn setup_disks(&self, token: &str) -> Result<Seen<InstallationDisks>, Error> {
        self.with_token(Method::GET, "/v1/setup/disks", token, NO_BODY).await
    }

    /// What a choice would come to; nothing is touched.
    pub async fn plan_installation(
        &self,
        token: &str,
        choice: &InstallationChoice,
    ) -> Result<Seen<JudgedInstallation>, Error> {
        self.with_token(Method::POST, "/v1/setup/plan", token, Some(&json!({ "install": choice }))).await
    }

    /// Begins to install; `asked` is the wizard's answers with `install`. A second one is refused by the server, so it needs no key that
    /// outlives the call.
    pub async fn install(&self, token: &str, asked: &impl Serialize) -> Result<Seen<InstallationState>, Error> {
        self.with_token(Method::POST, "/v1/setup/installation", token, Some(asked)).await
    }

    pub async fn installation(&self, token: &str) -> Result<Seen<InstallationState>, Error> {
        self.with_token(Method::GET, "/v1/setup/installation", token, NO_BODY).await
    }

    pub async fn cancel_installation(&self, token: &str) -> Result<Seen<InstallationState>, Error> {
        self.with_token(Method::POST, "/v1/setup/installation/cancel", token, NO_BODY).await
    }

    /// Starts the server from the disks that cake is on now.
    pub async fn restart_installed(&self, token: &str) -> Result<Seen<InstallationState>, Error> {
        self.with_token(Method::POST, "/v1/setup/installation/restart", token, NO_BODY).await
    }
}
