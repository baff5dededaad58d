//! Switches, by id or by name.

use crate::core::{NO_BODY, escape};
use crate::wire::Switch;
use crate::{Client, Error, ItemsSeen, Seen};
use serde_json::Value;

fn path(switch: &str) -> String {
    format!("/v1/switches/{}", escape(switch))
}

impl Seen<Switch> {
    fn etag(&self) -> &str {
        self.etag.as_deref().or(self.value.etag.as_deref()).unwrap_or("*")
    }
}

impl Client {
    pub async fn switches(&self) -> Result<ItemsSeen<Switch>, Error> {
        self.list("/v1/switches", None).await
    }

    pub async fn switch(&self, switch: &str) -> Result<Seen<Switch>, Error> {
        self.get(&path(switch)).await
    }

    /// `new` as `/v1/switches` takes it.
    pub async fn add_switch(&self, new: &Value) -> Result<Seen<Switch>, Error> {
        self.post("/v1/switches", Some(new)).await
    }

    /// The same once it was heard, or has said why not; as it is then where that takes long.
    pub async fn switch_heard(&self, switch: &str) -> Result<Seen<Switch>, Error> {
        self.once(&path(switch), |seen: &Switch| seen.read_at.is_some() || seen.problem.is_some()).await
    }

    /// Changes what `change` names, if nobody else did since `seen` was read.
    pub async fn change_switch(&self, seen: &Seen<Switch>, change: &Value) -> Result<Seen<Switch>, Error> {
        self.patch(&path(&seen.id.to_string()), seen.etag(), change).await
    }

    pub async fn remove_switch(&self, seen: &Seen<Switch>) -> Result<(), Error> {
        self.delete::<Value>(&path(&seen.id.to_string()), seen.etag()).await?;
        Ok(())
    }

    /// The cables are right as they are now.
    pub async fn accept_cabling(&self, switch: &str) -> Result<Seen<Switch>, Error> {
        self.post(&format!("{}/cabling/accept", path(switch)), NO_BODY).await
    }
}
