//! The firmware of the servers: where newer ones come from, and bringing them.

use crate::core::NO_BODY;
use crate::wire::{Task, Update};
use crate::{Client, Error, Seen};
use serde_json::json;

impl Client {
    pub async fn update(&self) -> Result<Seen<Update>, Error> {
        self.get("/v1/system/update").await
    }

    /// Updates come from an address, from a stick, or, with neither, from nowhere, if nobody else chose since `seen` was read.
    pub async fn set_update_source(
        &self,
        seen: &Seen<Update>,
        url: Option<&str>,
        stick: Option<&str>,
    ) -> Result<Seen<Update>, Error> {
        let change = json!({ "url": url, "stick": stick });
        self.put("/v1/system/update", seen.etag.as_deref().unwrap_or("*"), &change).await
    }

    pub async fn check_update(&self) -> Result<Seen<Task>, Error> {
        self.post("/v1/system/update/check", NO_BODY).await
    }

    pub async fn apply_update(&self, version: &str) -> Result<Seen<Task>, Error> {
        self.post("/v1/system/update/apply", Some(&json!({ "version": version }))).await
    }

    pub async fn go_back_update(&self) -> Result<Seen<Task>, Error> {
        self.post("/v1/system/update/go-back", NO_BODY).await
    }

    pub async fn remove_update(&self, version: &str) -> Result<Seen<Task>, Error> {
        self.post("/v1/system/update/remove", Some(&json!({ "version": version }))).await
    }
}
