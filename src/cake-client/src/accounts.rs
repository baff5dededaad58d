//! Login, tokens, accounts.

use crate::core::{NO_BODY, escape};
use crate::wire::{Account, ApiToken, SavedQuery, Session};
use crate::{Client, Credential, Error, ItemsSeen, Seen};
use reqwest::{Method, header};
use serde_json::json;
use uuid::Uuid;

impl Client {
    /// Logs in by name and password: this client with the session's cookie.
    pub async fn log_in(&self, name: &str, password: &str) -> Result<(Self, Seen<Session>), Error> {
        let path = "/v1/session";
        let key = Uuid::new_v4().to_string();
        let body = json!({ "name": name, "password": password });
        let response = self.send(Method::POST, path, Some(&body), &[("idempotency-key", &key)]).await?;
        let cookie = (response.headers().get_all(header::SET_COOKIE).iter())
            .filter_map(|value| value.to_str().ok()?.split(';').next())
            .collect::<Vec<_>>()
            .join("; ");
        let session: Seen<Session> = self.seen(path, response).await?;
        let csrf = session.csrf.clone().unwrap_or_default();
        Ok((self.clone().with(Credential::Session { cookie, csrf }), session))
    }

    /// Sets an administrator's password by the word that the server's screen shows. Nobody needs to be logged in.
    pub async fn let_in(&self, word: &str, name: &str, password: &str) -> Result<(), Error> {
        let (path, key) = ("/v1/session/let-in", Uuid::new_v4().to_string());
        let body = json!({ "word": word, "name": name, "password": password });
        self.send(Method::POST, path, Some(&body), &[("idempotency-key", &key)]).await?;
        Ok(())
    }

    /// Ends the session of this client.
    pub async fn log_out(&self) -> Result<(), Error> {
        let session = self.session().await?;
        self.delete::<serde_json::Value>("/v1/session", session.etag.as_deref().unwrap_or("*")).await?;
        Ok(())
    }

    /// Who asks, as the server sees it.
    pub async fn session(&self) -> Result<Seen<Session>, Error> {
        self.get("/v1/session").await
    }

    pub async fn tokens(&self) -> Result<ItemsSeen<ApiToken>, Error> {
        self.list("/v1/tokens", None).await
    }

    /// A token without an end.
    pub async fn create_token(&self, name: &str) -> Result<Seen<ApiToken>, Error> {
        self.create_token_for(name, None).await
    }

    /// `days`: how long it is good; for ever without.
    pub async fn create_token_for(&self, name: &str, days: Option<u32>) -> Result<Seen<ApiToken>, Error> {
        self.post("/v1/tokens", Some(&json!({ "name": name, "expires_in_days": days }))).await
    }

    pub async fn delete_token(&self, id: Uuid) -> Result<Seen<serde_json::Value>, Error> {
        self.delete(&format!("/v1/tokens/{id}"), "*").await
    }

    /// One's own saved searches, by name.
    pub async fn saved_queries(&self) -> Result<ItemsSeen<SavedQuery>, Error> {
        self.list("/v1/queries", None).await
    }

    pub async fn save_query(&self, name: &str, text: &str) -> Result<Seen<SavedQuery>, Error> {
        self.post("/v1/queries", Some(&json!({ "name": name, "text": text }))).await
    }

    pub async fn rename_query(&self, query: &SavedQuery, name: &str) -> Result<Seen<SavedQuery>, Error> {
        let etag = query.etag.as_deref().unwrap_or("*");
        self.patch(&format!("/v1/queries/{}", query.id), etag, &json!({ "name": name })).await
    }

    pub async fn delete_query(&self, query: &SavedQuery) -> Result<Seen<serde_json::Value>, Error> {
        self.delete(&format!("/v1/queries/{}", query.id), query.etag.as_deref().unwrap_or("*")).await
    }

    /// How years are counted on one's own pages: `gregorian` or `minguo`.
    pub async fn set_calendar(&self, calendar: &str) -> Result<Seen<Account>, Error> {
        let account: Seen<Account> = self.get("/v1/account").await?;
        self.patch("/v1/account", account.etag.as_deref().unwrap_or("*"), &json!({ "calendar": calendar })).await
    }

    pub async fn accounts(&self) -> Result<ItemsSeen<Account>, Error> {
        self.list("/v1/accounts", None).await
    }

    pub async fn create_account(&self, name: &str, role: &str, password: &str) -> Result<Seen<Account>, Error> {
        let body = json!({ "name": name, "role": role, "password": password });
        self.post("/v1/accounts", Some(&body)).await
    }

    /// Sets a new password; every session of that account ends.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<Seen<serde_json::Value>, Error> {
        let path = account_path(name);
        let account: Seen<Account> = self.get(&path).await?;
        self.patch(&path, account.etag.as_deref().unwrap_or("*"), &json!({ "password": password })).await
    }

    /// Sets one's own password, which needs the one before; the other sessions end.
    pub async fn set_own_password(&self, current: &str, password: &str) -> Result<Seen<Account>, Error> {
        let account: Seen<Account> = self.get("/v1/account").await?;
        let body = json!({ "current_password": current, "password": password });
        self.patch("/v1/account", account.etag.as_deref().unwrap_or("*"), &body).await
    }

    pub async fn delete_account(&self, name: &str) -> Result<Seen<serde_json::Value>, Error> {
        let path = account_path(name);
        let account: Seen<Account> = self.get(&path).await?;
        self.delete(&path, account.etag.as_deref().unwrap_or("*")).await
    }

    /// A POST without a body, for what has no method of its own.
    pub async fn poke(&self, path: &str) -> Result<Seen<serde_json::Value>, Error> {
        self.post(path, NO_BODY).await
    }
}

fn account_path(name: &str) -> String {
    format!("/v1/accounts/{}", escape(name))
}
