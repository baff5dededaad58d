//! Settings of the whole system and the answers that set it up, from the wizard or from a file.

use crate::{EnergyPrice, Name, PublicKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A language of the console and of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "zh-Hant-TW")]
    ChineseTaiwan,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::ChineseTaiwan];

    /// BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::ChineseTaiwan => "zh-Hant-TW",
        }
    }

    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(tag))
    }

    /// The best of ours for an Accept-Language header (RFC 9110 §12.5.4): any Chinese is better served by ours than by English.
    pub fn negotiate(header: &str) -> Self {
        let mut best = (Self::default(), 0.0f32);
        for item in header.split(',') {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or("").trim().to_ascii_lowercase();
            let quality = parts.find_map(|p| p.trim().strip_prefix("q=").and_then(|q| q.parse().ok())).unwrap_or(1.0);
            let language = match tag.split('-').next() {
                Some("zh") => Self::ChineseTaiwan,
                Some("en") => Self::English,
                _ => continue,
            };
            if quality > best.1 {
                best = (language, quality);
            }
        }
        best.0
    }
}

/// How years are counted on pages. The API always speaks RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calendar {
    #[default]
    Gregorian,
    /// 民國: years of the Republic of China; 2026 is 115.
    Minguo,
}

impl Calendar {
    pub const ALL: [Self; 2] = [Self::Gregorian, Self::Minguo];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gregorian => "gregorian",
            Self::Minguo => "minguo",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|calendar| calendar.as_str() == word)
    }
}

/// What holds for the whole rack. Exists from the moment that set-up is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemSettings {
    /// What this cloud calls itself.
    pub name: Name,
    pub language: Language,
    /// IANA time zone, for example `Asia/Taipei`.
    pub time_zone: String,
    pub set_up_at: Timestamp,
    /// Every secret is sealed to this key too; its private half was shown once.
    pub recovery_key: PublicKey,
    /// How long what was deleted lies in the bin.
    #[serde(default = "bin_days")]
    pub bin_days: u32,
    /// Names and addresses by which the console is known, beside those that the server finds itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Nobody on the network is told where the console is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// What the console is called there, without `.local`, in place of the name from the server's serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_name: Option<String>,
    /// What a kilowatt-hour costs, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_price: Option<EnergyPrice>,
    /// What all servers of the rack together may draw, in watts; absent: as much as they like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_budget: Option<u32>,
}

/// The lowest and the highest power budget of a rack that is taken, in watts.
pub const BUDGET_LEAST: u32 = 50;
pub const BUDGET_MOST: u32 = 1_000_000;

/// A week, also for settings from before there was a bin.
pub const fn bin_days() -> u32 {
    7
}

/// The wizard's answers, and the answer file's fields: the same ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupAnswers {
    #[serde(default)]
    pub language: Language,
    /// What this cloud calls itself.
    pub name: Name,
    pub time_zone: String,
    pub administrator: SetupAdministrator,
    #[serde(default)]
    pub pool: SetupPool,
    /// Further pools: disks for VMs that the installer prepared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_pools: Vec<SetupPool>,
    /// Servers to begin with; their BMCs are asked once set-up is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<SetupServer>,
}

/// A server to begin with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupServer {
    pub name: Name,
    /// Name or address of its BMC, with the port of IPMI where that is not 623: `10.0.0.5`, `10.0.0.5:6230`, `[fd00::5]:6230`.
    pub bmc: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub password: String,
}

impl std::fmt::Debug for SetupServer {
    /// Never shows the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetupServer").field("name", &self.name).field("bmc", &self.bmc).finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupAdministrator {
    pub name: Name,
    /// Either this …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// … or this: argon2id in PHC string format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_argon2id: Option<String>,
}

impl std::fmt::Debug for SetupAdministrator {
    /// Never shows the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetupAdministrator").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where VMs live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupPool {
    pub name: Name,
    /// A directory on the server; the node's own state directory when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Default for SetupPool {
    fn default() -> Self {
        Self { name: "local".parse().expect("a valid name"), path: None }
    }
}

/// What is wrong with the answers. Each has a sentence in every language.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("the time zone {0:?} is not known")]
    TimeZone(String),
    #[error("the password has fewer than {min} characters")]
    PasswordTooShort { min: usize },
    #[error("give the password or its argon2id hash, not both")]
    PasswordTwice,
    #[error("the password, or its argon2id hash, is missing")]
    PasswordMissing,
    #[error("the password hash is not argon2id in PHC format")]
    PasswordHash,
    #[error("the path of a pool is absolute and has no '..'")]
    PoolPath,
}

impl SetupAnswers {
    /// Least length of a password, in characters (NIST SP 800-63B §5.1.1.1).
    pub const PASSWORD_MIN: usize = 8;

    /// Checks what the types can't.
    pub fn check(&self) -> Result<(), SetupError> {
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(SetupError::TimeZone(self.time_zone.clone()));
        }
        match (&self.administrator.password, &self.administrator.password_argon2id) {
            (Some(_), Some(_)) => return Err(SetupError::PasswordTwice),
            (None, None) => return Err(SetupError::PasswordMissing),
            (Some(p), None) if p.chars().count() < Self::PASSWORD_MIN => {
                return Err(SetupError::PasswordTooShort { min: Self::PASSWORD_MIN });
            }
            (None, Some(hash)) if !hash.starts_with("$argon2id$") => return Err(SetupError::PasswordHash),
            _ => {}
        }
        let mut paths = [&self.pool].into_iter().chain(&self.more_pools).filter_map(|pool| pool.path.as_deref());
        let wrong = |path: &str| !path.starts_with('/') || path.split('/').any(|p| p == "..") || path.contains('\0');
        if paths.any(wrong) { Err(SetupError::PoolPath) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_readers_get_chinese() {
        assert_eq!(Language::negotiate("zh-TW,zh;q=0.9,en;q=0.8"), Language::ChineseTaiwan);
        assert_eq!(Language::negotiate("en-GB,en;q=0.9,zh;q=0.1"), Language::English);
        assert_eq!(Language::negotiate("fr,de;q=0.5"), Language::English);
        assert_eq!(Language::negotiate(""), Language::English);
        assert_eq!(Language::negotiate("fr;q=1.0, zh-Hant;q=0.3"), Language::ChineseTaiwan);
    }
}
