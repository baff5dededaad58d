//! Accounts, roles as data, API tokens.

use crate::{AccountId, Calendar, Generation, Meta, Name, QueryId, TokenId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub meta: Meta<AccountId>,
    pub spec: AccountSpec,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSpec {
    pub role: RoleName,
    /// argon2id in PHC string format.
    pub password_hash: String,
    /// BCP 47 tag that the account chose; the browser's otherwise.
    pub language: Option<String>,
    pub disabled: bool,
    /// Sessions that began before this are over (password changed, "log out everywhere").
    pub sessions_after: Timestamp,
    /// How years are counted on this account's pages; as its language does when nothing was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// Searches that were kept under a name. Records from before there were any have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<SavedQuery>,
}

/// A search that somebody wants again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedQuery {
    pub id: QueryId,
    /// Unique among those of the account.
    pub name: Name,
    /// In the filter language. It was understood when it was saved.
    pub text: String,
    pub generation: Generation,
    pub created_at: Timestamp,
}

/// The name of a role: `administrator`, `operator`, `viewer`, or one that a company made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleName(pub String);

/// A role is data: a set of permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub name: RoleName,
    pub permissions: Vec<Permission>,
}

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// See resources, tasks and events.
    View,
    /// Start, stop, reset, pause; open a console.
    Operate,
    /// Create, change and delete VMs.
    Manage,
    /// Read the audit records.
    Audit,
    /// Settings, accounts, roles.
    Administer,
}

/// The three roles that every rack has.
pub fn built_in_roles() -> Vec<Role> {
    use Permission::{Administer, Audit, Manage, Operate, View};
    let role = |name: &str, permissions: &[Permission]| Role {
        name: RoleName(name.into()),
        permissions: permissions.to_vec(),
    };
    vec![
        role("administrator", &[View, Operate, Manage, Audit, Administer]),
        role("operator", &[View, Operate, Manage]),
        role("viewer", &[View]),
    ]
}

impl Role {
    pub fn allows(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

/// An API token. Only its hash is kept; the token itself is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    pub id: TokenId,
    pub account: AccountId,
    pub name: Name,
    pub hash: TokenHash,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// SHA-256 of a token with 256 random bits, hexadecimal (no slow hash is needed for random secrets).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(pub String);
