//! Power distribution units, by id or by name.

use crate::core::escape;
use crate::wire::Pdu;
use crate::{Client, Error, ItemsSeen, Seen};
use serde_json::Value;

fn path(pdu: &str) -> String {
    format!("/v1/pdus/{}", escape(pdu))
}

impl Seen<Pdu> {
    fn etag(&self) -> &str {
        self.etag.as_deref().or(self.value.etag.as_deref()).unwrap_or("*")
    }
}

impl Client {
    pub async fn pdus(&self) -> Result<ItemsSeen<Pdu>, Error> {
        self.list("/v1/pdus", None).await
    }

    pub async fn pdu(&self, pdu: &str) -> Result<Seen<Pdu>, Error> {
        self.get(&path(pdu)).await
    }

    /// `new` as `/v1/pdus` takes it.
    pub async fn add_pdu(&self, new: &Value) -> Result<Seen<Pdu>, Error> {
        self.post("/v1/pdus", Some(new)).await
    }

    /// The same once it was heard, or has said why not; as it is then where that takes long.
    pub async fn pdu_heard(&self, pdu: &str) -> Result<Seen<Pdu>, Error> {
        self.once(&path(pdu), |seen: &Pdu| seen.read_at.is_some() || seen.problem.is_some()).await
    }

    /// Changes what `change` names, if nobody else did since `seen` was read.
    pub async fn change_pdu(&self, seen: &Seen<Pdu>, change: &Value) -> Result<Seen<Pdu>, Error> {
        self.patch(&path(&seen.id.to_string()), seen.etag(), change).await
    }

    pub async fn remove_pdu(&self, seen: &Seen<Pdu>) -> Result<(), Error> {
        self.delete::<Value>(&path(&seen.id.to_string()), seen.etag()).await?;
        Ok(())
    }
}
