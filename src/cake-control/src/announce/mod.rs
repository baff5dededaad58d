//! The console's name in the office: what it shall be, what it is, and that the certificate has it.
//!
//! ```text
//!   settings, where the console listens, what the server says of itself ─► wanted
//!   wanted ─► reconcile::announce ─► Station (sockets, links) ◄─► the network      (rules: cake_planner::mdns)
//!                 └─► Announcement (API, pages) · Store: the last name that was free ─► certificate
//! ```
//!
//! Bytes of the network are read here, in the program without rights, and not by root's.

mod links;
mod sockets;
mod station;

pub(crate) use station::Station;

use cake_planner::mdns::Reach;
use cake_store::{StoreError, Txn};
use cake_types::{AnnounceState, Announced, Announcement};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use crate::board::What;
use crate::keys;
use crate::ledger::Ledger;
use crate::record::{self, RecordError};
use crate::settings::Settings;

pub struct Announcer {
    ledger: Arc<Ledger>,
    settings: Arc<Settings>,
    /// Where the console listens.
    pub(crate) listen: SocketAddr,
    now: RwLock<Announcement>,
    /// As it lies in the Store.
    announced: RwLock<Option<Announced>>,
}

impl Announcer {
    pub async fn load(ledger: Arc<Ledger>, settings: Arc<Settings>, listen: SocketAddr) -> Result<Self, RecordError> {
        let announced = record::get(&*ledger.store, &keys::announced()).await?.map(|stored| stored.value);
        let now = RwLock::new(Announcement::nothing(AnnounceState::Nameless));
        let announcer = Self { ledger, settings, listen, now, announced: RwLock::new(announced) };
        if let Err(state) = announcer.wanted() {
            announcer.tell(Announcement::nothing(state));
        }
        Ok(announcer)
    }

    /// How it stands.
    pub fn get(&self) -> Announcement {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where a browser finds the console by its name.
    pub fn url(&self) -> Option<String> {
        self.get().url(self.listen.port())
    }

    /// Where whoever is told of something finds the console: by a name that somebody gave it, by the one in the office, or by
    /// an address. Nothing where it listens for this machine only.
    pub fn reachable(&self, names: &[String]) -> String {
        if Reach::of(self.listen.ip()) == Reach::OnlyThisMachine {
            return String::new();
        }
        let port = self.listen.port();
        let address = || crate::certificate::addresses().into_iter().find(|address| !address.is_loopback());
        let host = names.iter().find(|name| name.parse::<std::net::IpAddr>().is_err()).cloned();
        let bracketed = |address: std::net::IpAddr| match address {
            std::net::IpAddr::V4(v4) => v4.to_string(),
            std::net::IpAddr::V6(v6) => format!("[{v6}]"),
        };
        let end = if port == 443 { "/".to_owned() } else { format!(":{port}/") };
        match (host, self.url()) {
            (Some(host), _) => format!("https://{host}{end}"),
            (None, Some(url)) => url,
            (None, None) => {
                address().map_or_else(String::new, |address| format!("https://{}{end}", bracketed(address)))
            }
        }
    }

    /// The label that the console shall have, or why it has none.
    pub(crate) fn wanted(&self) -> Result<String, AnnounceState> {
        let settings = self.settings.get().map(|versioned| versioned.settings);
        if Reach::of(self.listen.ip()) == Reach::OnlyThisMachine {
            return Err(AnnounceState::ThisMachineOnly);
        }
        if settings.as_ref().is_some_and(|settings| settings.quiet) {
            return Err(AnnounceState::Off);
        }
        let of_server = || {
            let nodes = self.ledger.board.nodes();
            nodes.iter().find_map(|entry| entry.status.as_ref()?.host.as_ref()?.local_name.clone())
        };
        settings.and_then(|settings| settings.local_name).or_else(of_server).ok_or(AnnounceState::Nameless)
    }

    /// Names for the certificate. The one that was last free stays until another one is, so that a start changes nothing.
    pub fn names(&self) -> Vec<String> {
        if let Err(AnnounceState::Off | AnnounceState::ThisMachineOnly) = self.wanted() {
            return Vec::new();
        }
        let announced = self.announced.read().unwrap_or_else(PoisonError::into_inner);
        announced.iter().map(|announced| cake_types::local(&announced.label)).collect()
    }

    pub(crate) fn tell(&self, announcement: Announcement) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if *now == announcement {
            return;
        }
        tracing::info!(state = announcement.state.as_str(), label = announcement.label, "the name on the network");
        *now = announcement;
        drop(now);
        self.ledger.board.changes.tell(What::Settings);
    }

    /// Nobody else has this label.
    pub(crate) async fn settle(&self, label: &str) -> Result<(), StoreError> {
        let announced = Announced { label: label.to_owned() };
        if self.announced.read().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&announced) {
            return Ok(());
        }
        let txn = Txn::new().put(keys::announced(), record::encode(&announced));
        self.ledger.store.txn(txn).await?.committed()?;
        *self.announced.write().unwrap_or_else(PoisonError::into_inner) = Some(announced);
        self.ledger.board.changes.tell(What::Settings);
        Ok(())
    }
}
