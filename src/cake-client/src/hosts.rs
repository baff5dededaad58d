//! The servers' own machines: name, clock, power.

use crate::core::escape;
use crate::wire::{Host, Network, Task};
use crate::{Client, Error, Seen};
use jiff::Timestamp;
use serde_json::{Value, json};

impl Client {
    pub async fn host(&self, node: &str) -> Result<Seen<Host>, Error> {
        self.get(&path(node, "host")).await
    }

    /// Changes what `change` names, if nobody else did since `seen` was read.
    pub async fn change_host(&self, node: &str, seen: &Seen<Host>, change: &Value) -> Result<Seen<Host>, Error> {
        self.patch(&path(node, "host"), seen.etag.as_deref().unwrap_or("*"), change).await
    }

    pub async fn set_clock(&self, node: &str, time: Timestamp) -> Result<Seen<Value>, Error> {
        self.post(&path(node, "clock"), Some(&json!({ "time": time }))).await
    }

    /// The server's own network.
    pub async fn network(&self, node: &str) -> Result<Seen<Network>, Error> {
        self.get(&path(node, "network")).await
    }

    /// Tries another one, if nobody else changed it since `seen` was read. The one before returns by itself unless it is confirmed.
    pub async fn try_network(&self, node: &str, seen: &Seen<Network>, change: &Value) -> Result<Seen<Network>, Error> {
        self.put(&path(node, "network"), seen.etag.as_deref().unwrap_or("*"), change).await
    }

    /// Lets what is tried hold. Taken only over a connection to an address that it brought.
    pub async fn confirm_network(&self, node: &str) -> Result<Seen<Value>, Error> {
        self.post(&path(node, "network/confirm"), Some(&json!({}))).await
    }

    pub async fn cancel_network(&self, node: &str) -> Result<Seen<Value>, Error> {
        self.post(&path(node, "network/cancel"), Some(&json!({}))).await
    }

    /// `way`: `reboot` or `power-off`. VMs have so many seconds to shut down.
    pub async fn leave(&self, node: &str, way: &str, seconds: Option<u32>) -> Result<Seen<Task>, Error> {
        self.post(&path(node, way), Some(&json!({ "seconds": seconds }))).await
    }

    /// Starts the version that is next while VMs go on running.
    pub async fn soft_reboot(&self, node: &str) -> Result<Seen<Task>, Error> {
        self.post(&path(node, "soft-reboot"), Some(&json!({}))).await
    }
}

fn path(node: &str, what: &str) -> String {
    format!("/v1/nodes/{}/{what}", escape(node))
}
