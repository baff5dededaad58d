//! Volumes, by id or by name.

use crate::core::{NO_BODY, escape};
use crate::vms::vm_path;
use crate::wire::{NewVolume, Task, Volume};
use crate::{Client, Download, Error, ItemsSeen, Seen};
use cake_types::ByteSize;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// How often, and how far apart, it is asked whether a volume is as it shall be.
const READY_TRIES: u32 = 120;
const READY_PAUSE: Duration = Duration::from_millis(250);

fn volume_path(volume: &str) -> String {
    format!("/v1/volumes/{}", escape(volume))
}

impl Seen<Volume> {
    fn etag(&self) -> &str {
        self.etag.as_deref().or(self.value.etag.as_deref()).unwrap_or("*")
    }
}

impl Client {
    pub async fn volumes(&self) -> Result<ItemsSeen<Volume>, Error> {
        self.list("/v1/volumes", None).await
    }

    pub async fn volume(&self, volume: &str) -> Result<Seen<Volume>, Error> {
        self.get(&volume_path(volume)).await
    }

    /// The same once its server has done what is asked, or said why it can't.
    pub async fn volume_settled(&self, id: Uuid) -> Result<Seen<Volume>, Error> {
        for _ in 0..READY_TRIES {
            let seen = self.volume(&id.to_string()).await?;
            if !matches!(seen.state.as_str(), "pending" | "leaving") {
                return Ok(seen);
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        self.volume(&id.to_string()).await
    }

    pub async fn create_volume(&self, new: &NewVolume) -> Result<Seen<Volume>, Error> {
        self.post("/v1/volumes", Some(new)).await
    }

    pub async fn rename_volume(&self, volume: &Seen<Volume>, name: &str) -> Result<Seen<Volume>, Error> {
        self.patch(&volume_path(&volume.id.to_string()), volume.etag(), &json!({ "name": name })).await
    }

    pub async fn grow_volume(&self, volume: &Seen<Volume>, size: ByteSize) -> Result<Seen<Volume>, Error> {
        self.patch(&volume_path(&volume.id.to_string()), volume.etag(), &json!({ "size": size })).await
    }

    pub async fn tag_volume(&self, volume: &Seen<Volume>, tags: &[String]) -> Result<Seen<Volume>, Error> {
        self.patch(&volume_path(&volume.id.to_string()), volume.etag(), &json!({ "tags": tags })).await
    }

    /// Gives the volume to a VM; the task ends when a guest that runs has it.
    pub async fn attach_volume(&self, volume: &str, vm: &str) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/attach", volume_path(volume)), Some(&json!({ "vm": vm }))).await
    }

    /// Takes a disk out of a VM and keeps it as a volume; the task ends when a guest that runs has let it go.
    pub async fn detach_disk(&self, vm: &str, number: u32, name: Option<&str>) -> Result<Seen<Task>, Error> {
        let body = name.map(|name| json!({ "name": name }));
        self.post(&format!("{}/disks/{number}/detach", vm_path(vm)), body.as_ref()).await
    }

    /// Into the bin, from where it can be brought back.
    pub async fn bin_volume(&self, volume: &str) -> Result<(), Error> {
        self.post::<Value>(&format!("{}/bin", volume_path(volume)), NO_BODY).await?;
        Ok(())
    }

    /// Back from the bin, by its id, under another name if one is given.
    pub async fn restore_volume(&self, id: Uuid, name: Option<&str>) -> Result<(), Error> {
        self.post::<Value>(&format!("/v1/volumes/{id}/restore"), Some(&json!({ "name": name }))).await?;
        Ok(())
    }

    /// Deletes the volume for good, with everything on it.
    pub async fn delete_volume(&self, volume: &Seen<Volume>) -> Result<(), Error> {
        self.delete::<Value>(&volume_path(&volume.id.to_string()), volume.etag()).await?;
        Ok(())
    }

    /// The volume's bytes from this one on.
    pub async fn download_volume(&self, volume: &str, from: u64) -> Result<Download, Error> {
        self.download(&format!("{}/content", volume_path(volume)), from).await
    }
}
