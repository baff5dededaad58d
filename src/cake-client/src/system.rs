//! The rack itself: set-up, settings, nodes, pools, what happened.

use crate::core::{NO_BODY, escape};
use crate::vms::vm_path;
use crate::wire::{
    Alert, Announcement, AuditRecord, Cause, Certificate, Event, Node, Pool, ServerDisks, SetupDone, SetupState,
    SigningRequest, Sticks, Ups, UsageHistory, Version, Week,
};
use crate::{Client, Error, ItemsSeen, Seen};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

impl Client {
    pub async fn version(&self) -> Result<Seen<Version>, Error> {
        self.get("/v1/version").await
    }

    pub async fn setup_state(&self) -> Result<Seen<SetupState>, Error> {
        self.get("/v1/setup").await
    }

    /// Answers the wizard with its one-time token. A repeat is refused by the server, so it needs no key that outlives the call.
    pub async fn set_up(&self, token: &str, answers: &impl Serialize) -> Result<Seen<SetupDone>, Error> {
        self.with_token(Method::POST, "/v1/setup", token, Some(answers)).await
    }

    pub async fn settings(&self) -> Result<Seen<Value>, Error> {
        self.get("/v1/settings").await
    }

    /// Changes the settings named in `change`, if nobody else did since they were read.
    pub async fn change_settings(&self, etag: &str, change: &Value) -> Result<Seen<Value>, Error> {
        self.patch("/v1/settings", etag, change).await
    }

    pub async fn pools(&self) -> Result<ItemsSeen<Pool>, Error> {
        self.list("/v1/pools", None).await
    }

    pub async fn nodes(&self) -> Result<ItemsSeen<Node>, Error> {
        self.list("/v1/nodes", None).await
    }

    /// The disks of a server; with `now` it asks them, instead of telling what they last said.
    pub async fn node_disks(&self, node: &str, now: bool) -> Result<Seen<ServerDisks>, Error> {
        let path = format!("/v1/nodes/{}/disks", escape(node));
        if now { self.post(&format!("{path}/read"), NO_BODY).await } else { self.get(&path).await }
    }

    /// What is plugged into a server, and the images on it.
    pub async fn node_sticks(&self, node: &str) -> Result<Seen<Sticks>, Error> {
        self.get(&format!("/v1/nodes/{}/sticks", escape(node))).await
    }

    pub async fn node(&self, node: &str) -> Result<Seen<Node>, Error> {
        self.get(&format!("/v1/nodes/{}", escape(node))).await
    }

    /// `span`: `hour`, `day` or `month`.
    pub async fn node_usage(&self, node: &str, span: &str) -> Result<Seen<UsageHistory>, Error> {
        self.get(&format!("/v1/nodes/{}/usage?span={}", escape(node), escape(span))).await
    }

    /// As above.
    pub async fn vm_usage(&self, vm: &str, span: &str) -> Result<Seen<UsageHistory>, Error> {
        self.get(&format!("{}/usage?span={}", vm_path(vm), escape(span))).await
    }

    pub async fn ups(&self) -> Result<Seen<Ups>, Error> {
        self.get("/v1/ups").await
    }

    /// Watches another power supply, if nobody else chose one since `seen` was read.
    pub async fn set_ups(&self, seen: &Seen<Ups>, change: &Value) -> Result<Seen<Ups>, Error> {
        self.put("/v1/ups", seen.etag.as_deref().unwrap_or("*"), change).await
    }

    pub async fn remove_ups(&self, seen: &Seen<Ups>) -> Result<Seen<Ups>, Error> {
        self.delete("/v1/ups", seen.etag.as_deref().unwrap_or("*")).await
    }

    /// What machines on the network are told of the console.
    pub async fn announcement(&self) -> Result<Seen<Announcement>, Error> {
        self.get("/v1/announcement").await
    }

    pub async fn certificate(&self) -> Result<Seen<Certificate>, Error> {
        self.get("/v1/certificate").await
    }

    /// Shows another certificate, if nobody else chose one since `seen` was read.
    pub async fn upload_certificate(
        &self,
        seen: &Seen<Certificate>,
        chain: &str,
        key: Option<&str>,
    ) -> Result<Seen<Certificate>, Error> {
        let body = json!({ "chain": chain, "key": key });
        self.put("/v1/certificate", seen.etag.as_deref().unwrap_or("*"), &body).await
    }

    pub async fn reset_certificate(&self, seen: &Seen<Certificate>) -> Result<Seen<Certificate>, Error> {
        self.delete("/v1/certificate", seen.etag.as_deref().unwrap_or("*")).await
    }

    pub async fn request_certificate(
        &self,
        names: &[String],
        organization: Option<&str>,
    ) -> Result<Seen<SigningRequest>, Error> {
        let body = json!({ "names": names, "organization": organization });
        self.post("/v1/certificate/request", Some(&body)).await
    }

    /// The rack's own authority in PEM.
    pub async fn authority(&self) -> Result<bytes::Bytes, Error> {
        self.bytes("/v1/certificate/authority").await
    }

    /// Those that are open, the worst first.
    pub async fn alerts(&self) -> Result<ItemsSeen<Alert>, Error> {
        self.list("/v1/alerts", None).await
    }

    /// What lies beneath the alerts that are open, the weightiest first.
    pub async fn causes(&self) -> Result<ItemsSeen<Cause>, Error> {
        self.list("/v1/causes", None).await
    }

    /// The last seven days.
    pub async fn week(&self) -> Result<Seen<Week>, Error> {
        self.get("/v1/week").await
    }

    pub async fn acknowledge_alert(&self, alert: &str, note: Option<&str>) -> Result<Seen<Alert>, Error> {
        self.post(&format!("/v1/alerts/{}/acknowledge", escape(alert)), Some(&json!({ "note": note }))).await
    }

    pub async fn unacknowledge_alert(&self, alert: &str) -> Result<Seen<Alert>, Error> {
        self.post(&format!("/v1/alerts/{}/unacknowledge", escape(alert)), NO_BODY).await
    }

    /// Newest first.
    pub async fn events(&self, limit: Option<usize>) -> Result<ItemsSeen<Event>, Error> {
        self.list("/v1/events", limit).await
    }

    /// Newest first.
    pub async fn audit(&self, limit: Option<usize>) -> Result<ItemsSeen<AuditRecord>, Error> {
        self.list("/v1/audit", limit).await
    }

    /// What the filter language finds, up to `limit` things.
    pub async fn query(&self, text: &str, limit: Option<usize>) -> Result<ItemsSeen<Value>, Error> {
        self.list(&format!("/v1/query?q={}", escape(text)), limit).await
    }

    /// What the filter language finds, as CSV.
    pub async fn query_csv(&self, text: &str) -> Result<bytes::Bytes, Error> {
        self.bytes(&format!("/v1/query?format=csv&q={}", escape(text))).await
    }
}
