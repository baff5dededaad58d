//! What leaves the rack as a file: backups of the configuration, which come back into a cake that is not set up yet, and bundles
//! for whoever helps.

use crate::core::{NO_BODY, SETUP_TOKEN, escape};
use crate::images::Download;
use crate::wire::{Backup, ReceivedBackup, Restored, SupportBundle};
use crate::{Client, Error, ItemsSeen, Seen};
use reqwest::{Method, header};
use serde_json::{Value, json};

impl Client {
    /// Oldest first.
    pub async fn backups(&self) -> Result<ItemsSeen<Backup>, Error> {
        self.list("/v1/system/backups", None).await
    }

    /// `recovery_key` is needed once where set-up is older than backups.
    pub async fn create_backup(&self, recovery_key: Option<&str>) -> Result<Seen<Backup>, Error> {
        let body = recovery_key.map(|key| json!({ "recovery_key": key }));
        self.post("/v1/system/backups", body.as_ref()).await
    }

    /// The backup's file from this byte on.
    pub async fn download_backup(&self, backup: &str, from: u64) -> Result<Download, Error> {
        self.download(&format!("/v1/system/backups/{}/content", escape(backup)), from).await
    }

    pub async fn delete_backup(&self, backup: &str) -> Result<(), Error> {
        self.delete::<Value>(&format!("/v1/system/backups/{}", escape(backup)), "*").await?;
        Ok(())
    }

    /// Sends a backup's file, with the one-time token of the wizard. Nothing is opened yet.
    pub async fn send_backup(&self, token: &str, file: std::fs::File) -> Result<Seen<ReceivedBackup>, Error> {
        let (path, body) = ("/v1/setup/backup", reqwest::Body::from(tokio::fs::File::from_std(file)));
        let headers = [(SETUP_TOKEN, token)];
        let request = self.request(&Method::PUT, &self.url(path), None, &headers);
        let sent = request.header(header::CONTENT_TYPE, "application/octet-stream").body(body).send().await;
        let response = sent.map_err(|error| Error::from_reqwest(&self.url(path), error))?;
        if response.status().is_success() {
            return self.seen(path, response).await;
        }
        Err(self.problem(&self.url(path), response).await)
    }

    /// Makes the cloud of the backup that was sent that one. It begins anew with it.
    pub async fn restore_backup(&self, token: &str, recovery_key: &str) -> Result<Seen<Restored>, Error> {
        let body = json!({ "recovery_key": recovery_key });
        self.with_token(Method::POST, "/v1/setup/restore", token, Some(&body)).await
    }

    /// Makes a support bundle; the answer says what it holds.
    pub async fn create_support_bundle(&self) -> Result<Seen<SupportBundle>, Error> {
        self.post("/v1/system/support-bundles", NO_BODY).await
    }

    /// The bundle's file from this byte on.
    pub async fn download_support_bundle(&self, bundle: &str, from: u64) -> Result<Download, Error> {
        self.download(&format!("/v1/system/support-bundles/{}/content", escape(bundle)), from).await
    }

    pub async fn delete_support_bundle(&self, bundle: &str) -> Result<(), Error> {
        self.delete::<Value>(&format!("/v1/system/support-bundles/{}", escape(bundle)), "*").await?;
        Ok(())
    }

    /// A file from this byte on.
    pub(crate) async fn download(&self, path: &str, from: u64) -> Result<Download, Error> {
        let range = format!("bytes={from}-");
        let extra = if from > 0 { vec![("range", range.as_str())] } else { Vec::new() };
        let answer = self.send(Method::GET, path, NO_BODY, &extra).await?;
        Ok(Download { url: self.url(path), answer })
    }
}
