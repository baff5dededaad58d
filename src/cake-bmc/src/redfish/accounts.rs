//! Users of the BMC, and their passwords.

use super::Redfish;
use super::client::Login;
use super::link::Link;
use super::wire::{Account as Wire, AccountService};
use crate::BmcError;
use ::http::HeaderValue;
use serde_json::json;

/// A user of the BMC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: String,
    /// `Administrator`, `Operator`, `ReadOnly`, or the maker's own.
    pub role: String,
    pub enabled: bool,
}

impl Redfish {
    pub async fn accounts(&mut self) -> Result<Vec<Account>, BmcError> {
        self.client.begin();
        let found = self.account_documents().await?;
        // BMCs with a fixed number of slots list the empty ones too.
        let used = found.into_iter().filter(|(_, wire)| wire.user_name.get().is_some());
        Ok(used
            .map(|(_, wire)| Account {
                user: wire.user_name.string(),
                role: wire.role_id.string(),
                enabled: wire.enabled.0 == Some(true),
            })
            .collect())
    }

    /// Changes a user's password. When it is our own, what follows logs in with the new one.
    pub async fn set_password(&mut self, user: &str, password: &str) -> Result<(), BmcError> {
        self.client.begin();
        let found = self.account_documents().await?;
        let account = found.into_iter().find(|(_, wire)| wire.user_name.get() == Some(user));
        let (link, _) = account.ok_or(BmcError::Unsupported)?;
        let tag: Option<HeaderValue> = self.client.get::<Wire>(&link).await?.tag;
        self.client.patch(&link, &json!({ "Password": password }), tag).await?;
        if self.client.user() == Some(user) {
            self.client.close().await;
            self.client.set_login(Login::new(user, password));
        }
        Ok(())
    }

    async fn account_documents(&mut self) -> Result<Vec<(Link, Wire)>, BmcError> {
        let service = self.tree().await?.root.account_service.link().ok_or(BmcError::Unsupported)?;
        let service = self.client.get::<AccountService>(&service).await?.value;
        self.client.members(service.accounts.link()).await
    }
}
