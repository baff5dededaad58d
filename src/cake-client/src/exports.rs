//! VMs that leave the rack as files.

use crate::core::escape;
use crate::images::Download;
use crate::vms::vm_path;
use crate::wire::Export;
use crate::{Client, Error, ItemsSeen, Seen};
use serde_json::{Value, json};
use uuid::Uuid;

impl Client {
    /// Begins to make a file of a VM that is off.
    pub async fn export_vm(&self, vm: &str, format: &str) -> Result<Seen<Export>, Error> {
        self.post(&format!("{}/exports", vm_path(vm)), Some(&json!({ "format": format }))).await
    }

    /// Oldest first; of one VM, or all.
    pub async fn exports(&self, vm: Option<Uuid>) -> Result<ItemsSeen<Export>, Error> {
        let query = vm.map(|vm| format!("?subject={vm}")).unwrap_or_default();
        self.list(&format!("/v1/exports{query}"), None).await
    }

    pub async fn export(&self, export: &str) -> Result<Seen<Export>, Error> {
        self.get(&format!("/v1/exports/{}", escape(export))).await
    }

    /// The export's file from this byte on.
    pub async fn download_export(&self, export: &str, from: u64) -> Result<Download, Error> {
        self.download(&format!("/v1/exports/{}/content", escape(export)), from).await
    }

    pub async fn delete_export(&self, export: &str) -> Result<(), Error> {
        self.delete::<Value>(&format!("/v1/exports/{}", escape(export)), "*").await?;
        Ok(())
    }
}
