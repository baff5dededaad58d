//! Power distribution units, by id or by name.

use crate::core::escape;
use crate::wire::Pdu;
use crate::{Client, Error, ItemsSeen, Seen};
use serde_json::Value;
use std::time::Duration;

/// How often, and how far apart, it is asked whether a new unit has been heard.
const HEARD_TRIES: u32 = 40;
const HEARD_PAUSE: Duration = Duration::from_millis(250);

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
        for _ in 0..HEARD_TRIES {
            let seen = self.pdu(pdu).await?;
            if seen.read_at.is_some() || seen.problem.is_some() {
                return Ok(seen);
            }
            tokio::time::sleep(HEARD_PAUSE).await;
        }
        self.pdu(pdu).await
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
