//! The answer file of an installation: which disks, and everything that the setup wizard asks.
//!
//! ```toml
//! name = "Rack 1"                     # the wizard's answers: all of them, or none and the wizard asks at the first start
//! time_zone = "Asia/Taipei"
//! administrator = { name = "admin", password = "…" }
//!
//! [install]
//! disks = ["S4EVNX0R"]                # serial numbers of one or two system disks
//! erase = ["S4EVNX0R"]                # a disk with anything on it is touched only if it stands here
//! ```

mod place;
mod words;

use cake_planner::{setup_servers, uplink};
use cake_types::{
    InstallChoice, InstallLayout, Language, Name, SetupAdministrator, SetupAnswers, SetupError, SetupPool, SetupServer,
    UplinkSpec,
};
use serde::{Deserialize, Serialize};

/// Longest answer file that is read, in bytes.
pub const FILE_MAX: usize = 1 << 20;

/// An answer file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// What the first start answers the wizard with; absent: the wizard asks.
    pub setup: Option<SetupAnswers>,
    pub install: Install,
}

/// The table `[install]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// Serial numbers of one or two system disks; two are a mirror. A disk without a serial number is named as the kernel names it.
    pub disks: Vec<String>,
    /// Serial numbers of further disks, which become the pool `data`.
    #[serde(default)]
    pub pool_disks: Vec<String>,
    #[serde(default)]
    pub pool_layout: InstallLayout,
    /// Serial numbers of disks whose content may be lost.
    #[serde(default)]
    pub erase: Vec<String>,
    /// Writes the recovery key into a file beside the answer file.
    #[serde(default)]
    pub save_recovery_key: bool,
    /// How the server's network is to be; handed on as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<UplinkSpec>,
    #[serde(default)]
    pub then: Then,
}

impl Install {
    /// A choice that was made in the wizard, as an answer file says it.
    pub fn of(choice: &InstallChoice) -> Self {
        let InstallChoice { disks, pool_disks, pool_layout, erase } = choice.clone();
        Self { disks, pool_disks, pool_layout, erase, save_recovery_key: false, network: None, then: Then::Reboot }
    }
}

/// What happens once cake is on the disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    #[default]
    Reboot,
    Poweroff,
}

/// What is wrong with an answer file, and where: both count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}{}: {message}", .field.as_deref().map(|field| format!(", {field}")).unwrap_or_default())]
pub struct AnswerError {
    pub line: usize,
    pub column: usize,
    /// The field as a path: `install.disks[0]`. Absent where the file is not TOML.
    pub field: Option<String>,
    pub message: String,
}

/// Every field of the wizard's, none of them needed, and `[install]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    language: Option<Language>,
    name: Option<Name>,
    time_zone: Option<String>,
    administrator: Option<SetupAdministrator>,
    pool: Option<SetupPool>,
    more_pools: Option<Vec<SetupPool>>,
    servers: Option<Vec<SetupServer>>,
    install: Install,
}

/// A mistake that TOML and types don't see: a path such as `install.disks.0`, and words.
struct Mistake {
    path: String,
    message: String,
}

impl Mistake {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Writes an answer file that [`parse`] reads the same.
///
/// # Errors
/// None that answers could cause: every field has a form in TOML.
pub fn write(setup: &SetupAnswers, install: &Install) -> Result<String, toml::ser::Error> {
    #[derive(Serialize)]
    struct Table<'a> {
        install: &'a Install,
    }
    // A table's header ends whatever stands before it, so both halves are whole.
    Ok(format!("{}\n{}", toml::to_string(setup)?, toml::to_string(&Table { install })?))
}

/// Reads an answer file.
pub fn parse(text: &str) -> Result<Answers, AnswerError> {
    if text.len() > FILE_MAX {
        let message = format!("the file is larger than {} KiB", FILE_MAX >> 10);
        return Err(AnswerError { line: 1, column: 1, field: None, message });
    }
    let file: File = toml::from_str(text).map_err(|error| words::of_toml(text, &error))?;
    let located = |mistake: Mistake| place::error_at(text, &mistake.path, mistake.message);
    let File { language, name, time_zone, administrator, pool, more_pools, servers, install } = file;
    check_install(&install).map_err(located)?;
    let nothing_said = language.is_none()
        && name.is_none()
        && time_zone.is_none()
        && administrator.is_none()
        && pool.is_none()
        && more_pools.is_none()
        && servers.is_none();
    if nothing_said {
        return Ok(Answers { setup: None, install });
    }
    let missing = |field: &str| {
        located(Mistake::new(
            field,
            "is missing: give all answers of the setup wizard, or none and it asks at the first start",
        ))
    };
    let setup = SetupAnswers {
        language: language.unwrap_or_default(),
        name: name.ok_or_else(|| missing("name"))?,
        time_zone: time_zone.ok_or_else(|| missing("time_zone"))?,
        administrator: administrator.ok_or_else(|| missing("administrator"))?,
        pool: pool.unwrap_or_default(),
        more_pools: more_pools.unwrap_or_default(),
        servers: servers.unwrap_or_default(),
    };
    setup.check().map_err(|error| located(Mistake::new(setup_path(&error), error.to_string())))?;
    setup_servers::check(&setup.servers).map_err(|problem| {
        let path = problem.pointer.as_deref().unwrap_or("/servers").trim_start_matches('/').replace('/', ".");
        located(Mistake::new(path, setup_servers::english(&problem)))
    })?;
    Ok(Answers { setup: Some(setup), install })
}

fn setup_path(error: &SetupError) -> &'static str {
    match error {
        SetupError::TimeZone(_) => "time_zone",
        SetupError::PasswordTooShort { .. } | SetupError::PasswordTwice => "administrator.password",
        SetupError::PasswordMissing => "administrator",
        SetupError::PasswordHash => "administrator.password_argon2id",
        SetupError::PoolPath => "pool.path",
    }
}

fn check_install(install: &Install) -> Result<(), Mistake> {
    let Install { disks, pool_disks, pool_layout: _, erase, save_recovery_key: _, network, then: _ } = install;
    if !(1..=2).contains(&disks.len()) {
        return Err(Mistake::new("install.disks", "names one system disk or two by their serial numbers"));
    }
    let lists = [("disks", disks), ("pool_disks", pool_disks), ("erase", erase)];
    for (list, serials) in lists {
        for (index, serial) in serials.iter().enumerate() {
            let at = || format!("install.{list}.{index}");
            if serial.trim().is_empty() || serial.chars().any(char::is_control) {
                return Err(Mistake::new(at(), "is no serial number"));
            }
            if serials[..index].contains(serial) {
                return Err(Mistake::new(at(), format!("{serial} stands here twice")));
            }
        }
    }
    if let Some(index) = pool_disks.iter().position(|serial| disks.contains(serial)) {
        let message = format!("{} is a system disk already: the rest of it becomes a pool anyway", pool_disks[index]);
        return Err(Mistake::new(format!("install.pool_disks.{index}"), message));
    }
    let used = |serial: &&String| disks.contains(serial) || pool_disks.contains(serial);
    if let Some(index) = erase.iter().position(|serial| !used(&serial)) {
        let message = format!("{} is neither a system disk nor a pool disk: nothing would erase it", erase[index]);
        return Err(Mistake::new(format!("install.erase.{index}"), message));
    }
    network.as_ref().map_or(Ok(()), check_network)
}

fn check_network(network: &UplinkSpec) -> Result<(), Mistake> {
    uplink::check(network, None).map_err(|problem| {
        let pointer = problem.pointer.as_deref().unwrap_or_default().trim_start_matches('/');
        let (list, index) = pointer.split_once('/').unwrap_or((pointer, ""));
        let (field, alone) = match list {
            "addresses" => ("address", network.addresses.len() == 1),
            "gateways" => ("gateway", network.gateways.len() == 1),
            other => (other, false),
        };
        let index = if index.is_empty() || alone { String::new() } else { format!(".{index}") };
        Mistake::new(format!("install.network.{field}{index}"), uplink::english(&problem))
    })
}

#[cfg(test)]
mod tests;
