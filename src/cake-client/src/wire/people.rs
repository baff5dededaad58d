//! Who may do what, and who did what.

use super::Subject;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

/// Who changed what, from where, with what result.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AuditRecord {
    pub at: Option<Timestamp>,
    pub actor: AuditActor,
    pub origin: AuditOrigin,
    /// The operation's id in the OpenAPI document.
    pub action: String,
    pub subject: Option<Subject>,
    pub result: AuditResult,
}

/// Who did it: `account`, `system`, `root`, `setup`, `unknown`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AuditActor {
    pub kind: String,
    pub id: Option<Uuid>,
    pub name: Option<String>,
    /// The API token used, if it was not a login.
    pub token: Option<Uuid>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AuditOrigin {
    pub address: Option<String>,
    pub request: Option<Uuid>,
}

/// `done`, or `refused` with the problem's code.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AuditResult {
    pub kind: String,
    pub code: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Account {
    pub id: Uuid,
    pub name: String,
    pub role: String,
    pub language: Option<String>,
    pub disabled: bool,
    pub created_at: Option<Timestamp>,
}

/// An API token. `token` is there once: in the answer to its creation.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ApiToken {
    pub id: Uuid,
    pub name: String,
    pub token: Option<String>,
    pub created_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

impl std::fmt::Debug for ApiToken {
    /// Never shows the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiToken").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a login gives besides its cookie.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Session {
    pub account: Option<Account>,
    pub csrf: Option<String>,
}
