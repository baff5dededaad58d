//! Version 1 of the contract. One module for each resource: its wire types, how they are made from the domain's (taking every
//! field apart by name, so that a new field breaks the build and not a customer), and its handlers.

pub mod accounts;
pub mod alerts;
pub mod announcement;
pub mod audit;
pub mod backups;
pub mod bin;
pub mod bmc_scan;
pub mod bulk;
pub mod causes;
pub mod cd;
pub mod certificate;
pub mod channels;
pub mod console;
mod disk_metrics;
pub mod disks;
pub mod events;
pub mod exports;
pub mod hosts;
pub mod images;
pub mod imports;
pub mod installation;
pub mod installation_wire;
pub mod meta;
pub mod metrics;
pub mod network;
pub mod nics;
pub mod nodes;
mod pdu_metrics;
pub mod pdus;
pub mod pools;
pub mod power_budget;
pub mod queries;
pub mod query;
mod query_csv;
pub mod screen;
pub mod server_cap;
pub mod server_console;
pub mod server_disks;
pub mod server_drives;
pub mod server_history;
mod server_metrics;
pub mod server_orders;
pub mod server_redfish;
pub mod server_wire;
pub mod servers;
pub mod session;
pub mod settings;
pub mod setup;
pub mod setup_network;
pub mod sticks;
pub mod support;
pub mod switches;
pub mod tasks;
pub mod tokens;
pub mod updates;
pub mod ups;
pub mod usage;
pub mod vm_wire;
pub mod vms;
pub mod volumes;
pub mod watch;
pub mod week;

use cake_types::{ByteSize, Problem, TagError, Tags, tags as domain_tags};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What something is about. The name is as it was then.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Subject {
    /// `vm`, `image`, `volume`, `pool`, `node`, `account`, `token`, `query`, `settings`, `certificate`, `backup`,
    /// `support-bundle`, `ups`, `server`, `channel`, `pdu`, `switch`, `update`.
    pub kind: String,
    pub id: uuid::Uuid,
    pub name: String,
}

impl From<&cake_types::Subject> for Subject {
    fn from(subject: &cake_types::Subject) -> Self {
        let cake_types::Subject { kind, id, name } = subject;
        Self { kind: kind.clone(), id: *id, name: name.clone() }
    }
}

/// A body with nothing in it: `{}`, or none at all.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A size: bytes as a number, or text with an IEC unit (`"512MiB"`).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Size {
    Bytes(u64),
    Text(String),
}

impl Size {
    pub fn read(&self, field: &str) -> Result<ByteSize, Problem> {
        match self {
            Self::Bytes(bytes) => Ok(ByteSize(*bytes)),
            Self::Text(text) => text.parse().map_err(|error| Problem::invalid(field, error).at(&format!("/{field}"))),
        }
    }
}

/// Texts of a request as the tags of one resource; which one is wrong is said by its pointer.
pub(crate) fn tags(texts: &[String]) -> Result<Tags, Problem> {
    domain_tags(texts.iter().map(String::as_str)).map_err(|(at, error)| {
        let pointer = match error {
            TagError::TooMany => "/tags".into(),
            _ => format!("/tags/{at}"),
        };
        Problem::invalid("tags", error.reason()).at(&pointer)
    })
}

/// A word of the vocabulary, as serde writes it.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
