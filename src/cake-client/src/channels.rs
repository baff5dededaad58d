//! Who is told of alerts, and what nobody wants to hear of for a while.

use crate::core::{NO_BODY, escape};
use crate::wire::{Alert, Channel, ChannelChange, ChannelTest};
use crate::{Client, Error, ItemsSeen, Seen};
use serde_json::{Value, json};

fn path(channel: &str) -> String {
    format!("/v1/channels/{}", escape(channel))
}

impl Seen<Channel> {
    fn etag(&self) -> &str {
        self.etag.as_deref().or(self.value.etag.as_deref()).unwrap_or("*")
    }
}

impl Client {
    pub async fn channels(&self) -> Result<ItemsSeen<Channel>, Error> {
        self.list("/v1/channels", None).await
    }

    /// By id or name.
    pub async fn channel(&self, channel: &str) -> Result<Seen<Channel>, Error> {
        self.get(&path(channel)).await
    }

    pub async fn create_channel(&self, new: &ChannelChange) -> Result<Seen<Channel>, Error> {
        self.post("/v1/channels", Some(new)).await
    }

    /// If nobody else changed it since `seen` was read.
    pub async fn change_channel(&self, seen: &Seen<Channel>, change: &ChannelChange) -> Result<Seen<Channel>, Error> {
        self.patch(&path(&seen.id.to_string()), seen.etag(), change).await
    }

    pub async fn remove_channel(&self, seen: &Seen<Channel>) -> Result<(), Error> {
        self.delete::<Value>(&path(&seen.id.to_string()), seen.etag()).await?;
        Ok(())
    }

    /// Sends a message that says that it is a test.
    pub async fn test_channel(&self, channel: &str) -> Result<Seen<ChannelTest>, Error> {
        self.post(&format!("{}/test", path(channel)), NO_BODY).await
    }

    /// Nobody is told of it for so many minutes.
    pub async fn silence_alert(&self, alert: &str, minutes: u32, note: Option<&str>) -> Result<Seen<Alert>, Error> {
        let body = json!({ "minutes": minutes, "note": note });
        self.post(&format!("/v1/alerts/{}/silence", escape(alert)), Some(&body)).await
    }

    pub async fn unsilence_alert(&self, alert: &str) -> Result<Seen<Alert>, Error> {
        self.post(&format!("/v1/alerts/{}/unsilence", escape(alert)), NO_BODY).await
    }
}
