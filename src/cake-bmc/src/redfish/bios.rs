//! BIOS settings: as they are, and as they will be after the next start.

use super::Redfish;
use super::lenient::Cell;
use super::link::Link;
use super::wire::Bios as Wire;
use crate::BmcError;
use serde_json::json;
use std::collections::BTreeMap;

/// Settings by the maker's own names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bios {
    pub current: BTreeMap<String, Cell>,
    /// What differs after the next start.
    pub pending: BTreeMap<String, Cell>,
}

impl Redfish {
    pub async fn bios(&mut self) -> Result<Bios, BmcError> {
        self.client.begin();
        let (_, current, settings) = self.bios_documents().await?;
        let pending: Wire = self.client.optional(settings).await?.unwrap_or_default();
        let (current, mut pending) = (current.attributes.0, pending.attributes.0);
        pending.retain(|name, value| current.get(name) != Some(value));
        Ok(Bios { current, pending })
    }

    /// Takes effect at the next start. A name that the BIOS does not have is refused before the BMC hears of it, and so is a value of
    /// another kind.
    pub async fn set_bios(&mut self, changes: &BTreeMap<String, Cell>) -> Result<(), BmcError> {
        self.client.begin();
        let (link, current, settings) = self.bios_documents().await?;
        let same_kind = |name: &String, value: &Cell| {
            current
                .attributes
                .0
                .get(name)
                .is_some_and(|now| std::mem::discriminant(now) == std::mem::discriminant(value))
        };
        if changes.is_empty() || !changes.iter().all(|(name, value)| same_kind(name, value)) {
            return Err(BmcError::Unsupported);
        }
        let place = settings.unwrap_or(link);
        let tag = self.client.get::<Wire>(&place).await?.tag;
        self.client.patch(&place, &json!({ "Attributes": changes }), tag).await
    }

    async fn bios_documents(&mut self) -> Result<(Link, Wire, Option<Link>), BmcError> {
        let (_, system, _) = self.system().await?;
        let link = system.bios.link().ok_or(BmcError::Unsupported)?;
        let current = self.client.get::<Wire>(&link).await?.value;
        let settings = current.settings.0.as_ref().and_then(|settings| settings.settings_object.link());
        Ok((link, current, settings))
    }
}
