//! Virtual media: a CD or stick that the machine sees and whose image the BMC fetches by itself.

use super::Redfish;
use super::link::Link;
use super::wire::{Manager, VirtualMedium};
use crate::BmcError;
use serde_json::{Value, json};

/// Bytes of the longest address of an image.
const IMAGE_MAX: usize = 2048;

/// A slot for virtual media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    pub id: String,
    pub name: String,
    /// `CD`, `DVD`, `Floppy`, `USBStick`.
    pub kinds: Vec<String>,
    /// Where its image is from, while there is one.
    pub image: Option<String>,
    pub write_protected: bool,
}

impl Redfish {
    pub async fn media(&mut self) -> Result<Vec<Medium>, BmcError> {
        self.client.begin();
        Ok(self.slots().await?.iter().map(|(link, wire)| medium(link, wire)).collect())
    }

    /// Puts in what the BMC fetches from `image`, read-only.
    pub async fn insert_medium(&mut self, id: &str, image: &str) -> Result<(), BmcError> {
        if !fetchable(image) {
            return Err(BmcError::Unsupported);
        }
        self.client.begin();
        let (link, slot) = self.slot(id).await?;
        let change = json!({ "Image": image, "Inserted": true, "WriteProtected": true });
        self.tell(&link, slot.actions.0.and_then(|actions| actions.insert.target()), change).await
    }

    pub async fn eject_medium(&mut self, id: &str) -> Result<(), BmcError> {
        self.client.begin();
        let (link, slot) = self.slot(id).await?;
        match slot.actions.0.and_then(|actions| actions.eject.target()) {
            Some(eject) => self.client.act(&eject, &json!({})).await.map(drop),
            None => self.tell(&link, None, json!({ "Image": null, "Inserted": false })).await,
        }
    }

    /// By its action, or by writing into it where it has none (before VirtualMedia 1.2).
    async fn tell(&mut self, link: &Link, action: Option<Link>, change: Value) -> Result<(), BmcError> {
        match action {
            Some(action) => self.client.act(&action, &change).await.map(drop),
            None => {
                let tag = self.client.get::<VirtualMedium>(link).await?.tag;
                self.client.patch(link, &change, tag).await
            }
        }
    }

    async fn slot(&mut self, id: &str) -> Result<(Link, VirtualMedium), BmcError> {
        let slots = self.slots().await?;
        slots.into_iter().find(|(link, _)| link.trimmed() == id).ok_or(BmcError::Unsupported)
    }

    /// The machine's own, or its BMC's, where they were before 2021.
    async fn slots(&mut self) -> Result<Vec<(Link, VirtualMedium)>, BmcError> {
        let (_, system, _) = self.system().await?;
        let mut slots = self.client.members(system.virtual_media.link()).await?;
        if slots.is_empty() {
            for manager in self.tree().await?.managers.clone() {
                let manager: Manager = self.client.optional(Some(manager)).await?.unwrap_or_default();
                slots.extend(self.client.members(manager.virtual_media.link()).await?);
            }
        }
        Ok(slots)
    }
}

fn medium(link: &Link, wire: &VirtualMedium) -> Medium {
    let inside = wire.inserted.0 != Some(false);
    Medium {
        id: link.trimmed().to_owned(),
        name: wire.name.string(),
        kinds: wire.media_types.0.clone(),
        image: wire.image.get().filter(|_| inside).map(str::to_owned),
        write_protected: wire.write_protected.0 == Some(true),
    }
}

/// An address that a BMC can fetch from, and nothing that it could take for something else.
pub fn fetchable(image: &str) -> bool {
    let schemes = ["https://", "http://", "nfs://", "cifs://", "smb://", "tftp://"];
    let rest = schemes.into_iter().find_map(|scheme| image.strip_prefix(scheme));
    image.len() <= IMAGE_MAX
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && image.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::fetchable;

    #[test]
    fn images_come_from_an_address() {
        assert!(fetchable("https://10.0.0.1:8080/cake.iso"));
        for bad in
            ["", "https://", "https:///cake.iso", "file:///etc/passwd", "/cake.iso", "http://a/b c", "http://a/\r\nb"]
        {
            assert!(!fetchable(bad), "{bad:?}");
        }
    }
}
