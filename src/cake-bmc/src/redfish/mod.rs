//! Redfish (DMTF DSP0266): what a BMC says of its machine over HTTPS, and the machine's power.
//!
//! ```text
//!   bytes ─► [`wire`] documents ─► sensors · events · parts     plain functions, fuzzed
//!              ▲
//!   [`Redfish`] ─► client (log-in, links, bounds) ─► http ─► tls ─► [`Dial`]
//! ```
//!
//! Whoever answers may be hostile: an answer is bounded in size and time, a link out of the BMC's own tree is none, redirects are
//! refused, a collection's pages are followed once each. What can't be read is left out; the rest is shown.
//!
//! This opens no socket: it is handed connections. Its certificate is taken the first time and known again ([`Fingerprint`]).

mod accounts;
mod bios;
mod boot;
mod client;
mod control;
mod events;
mod firmware;
mod http;
mod lenient;
mod light;
mod link;
mod media;
mod parts;
mod power;
mod read;
mod sensors;
mod tls;
mod tree;
pub mod wire;

pub use accounts::Account;
pub use bios::Bios;
pub use client::{INLINE_MAX, Login, MEMBERS_MAX, Patience};
pub use firmware::{Firmware, Task};
pub use http::{DOCUMENT_MAX, Dial, Stream};
pub use lenient::Cell;
pub use media::Medium;
pub use power::PowerLimit;
pub use tls::Fingerprint;
pub use tree::Choice;

use crate::{BmcError, EventLog};
use cake_types::{Part, Sensor, ServerEvent};
use client::Client;
use std::collections::HashMap;
use std::time::Instant;
use uuid::Uuid;

/// How a BMC is spoken to.
pub struct Options {
    /// What it is called, for HTTP's `Host`; with its port where that is not 443.
    pub host: String,
    pub login: Option<Login>,
    /// The certificate that it showed before. Without one the first is taken; [`Redfish::fingerprint`] tells which that was.
    pub known: Option<Fingerprint>,
    /// Of several machines behind one BMC: the path or the UUID of the one that is meant. Without it the first.
    pub system: Option<String>,
    pub patience: Patience,
}

impl Options {
    pub fn new(host: &str, login: Login) -> Self {
        Self { host: host.to_owned(), login: Some(login), known: None, system: None, patience: Patience::default() }
    }
}

/// A machine behind a Redfish service.
pub struct Redfish {
    client: Client,
    wanted: Option<String>,
    tree: Option<tree::Tree>,
    /// The last reading: a sensor that can't be read for once is shown without a value, not left out.
    last: Vec<Sensor>,
    slow: Option<read::Slow>,
    /// Entries of the event log that were asked for one by one: they never change.
    entries: HashMap<String, ServerEvent>,
    /// Which log is read.
    log: Option<link::Link>,
    /// When the identify light goes off again: Redfish has no time for it.
    dark_at: Option<Instant>,
}

impl Redfish {
    /// Nothing is sent before the first call.
    pub fn new(dial: Box<dyn Dial>, options: Options) -> Self {
        let Options { host, login, known, system: wanted, patience } = options;
        let client = Client::new(dial, &host, known, login, patience);
        Self {
            client,
            wanted,
            tree: None,
            last: Vec::new(),
            slow: None,
            entries: HashMap::new(),
            log: None,
            dark_at: None,
        }
    }

    /// Of the certificate that answers, once one has: to be kept, and given the next time.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.client.fingerprint()
    }

    /// The last call had to leave something out.
    pub const fn partial(&self) -> bool {
        self.client.partial
    }
}

/// What says that it is a Redfish service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    pub uuid: Option<Uuid>,
    pub product: String,
    pub vendor: String,
    /// Of Redfish.
    pub version: String,
    pub fingerprint: Option<Fingerprint>,
}

/// Whether there is a Redfish service: its root is open to everybody (DSP0266 §6.3), so nobody logs in.
pub async fn discover(dial: Box<dyn Dial>, host: &str, patience: Patience) -> Result<Discovered, BmcError> {
    let mut client = Client::new(dial, host, None, None, patience);
    client.begin();
    let root = client.root().await?;
    let version = root.redfish_version.string();
    if version.is_empty() {
        return Err(BmcError::Answer("the service root"));
    }
    Ok(Discovered {
        uuid: root.uuid.get().and_then(|uuid| uuid.parse().ok()),
        product: root.product.string(),
        vendor: root.vendor.string(),
        version,
        fingerprint: client.fingerprint(),
    })
}

/// All that cake makes of a document's bytes, whichever it is: for the fuzzer, and for whoever has documents and no BMC.
pub fn understand(path: &str, bytes: &[u8]) -> Understood {
    fn parsed<T: serde::de::DeserializeOwned + Default>(bytes: &[u8]) -> T {
        wire::parse(bytes, "a document").unwrap_or_default()
    }
    let component: wire::Component = parsed(bytes);
    let sensors = [
        vec![sensors::sensor(path, &parsed(bytes))],
        sensors::thermal(path, &parsed(bytes)),
        sensors::power(path, &parsed(bytes)),
        vec![sensors::component(path, &component, cake_types::SensorGroup::Drive)],
    ];
    let parts = [
        parts::system(path, &parsed(bytes)),
        parts::chassis(path, &parsed(bytes)),
        parts::manager(path, &parsed(bytes)),
    ];
    Understood {
        sensors: sensors.concat(),
        parts: parts.into_iter().chain(parts::component(path, &component)).collect(),
        log: events::log(vec![events::event(path, &parsed(bytes))], None, false),
        links: client::links(bytes),
        complaint: client::complaint(bytes),
    }
}

/// See [`understand`].
#[derive(Debug)]
pub struct Understood {
    pub sensors: Vec<Sensor>,
    pub parts: Vec<Part>,
    pub log: EventLog,
    /// Where a collection leads.
    pub links: Vec<String>,
    pub complaint: String,
}
