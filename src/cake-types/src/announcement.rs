//! The console's name in the office, `NAME.local`, and how it stands with it.

use crate::words::words;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

words! {
    /// How it stands. Its sentence is `announce-STATE`.
    AnnounceState {
        /// The machines on the network were told, and whoever asks is answered.
        Announced = "announced",
        /// They are asked whether one of them has the name.
        Asking = "asking",
        /// Somebody switched it off.
        Off = "off",
        /// The console listens only on this machine.
        ThisMachineOnly = "this-machine-only",
        /// No link has a cable and an address by which the console is reached.
        NoLink = "no-link",
        /// The server has not said what tells it from others.
        Nameless = "nameless",
        /// Nobody can be told.
        Failed = "failed",
    }
}

/// The name that a label means.
pub fn local(label: &str) -> String {
    format!("{label}.local")
}

/// What is told on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub state: AnnounceState,
    /// The label that is told or asked for, without `.local`.
    pub label: Option<String>,
    /// The label that was wished for: another one where somebody else has it.
    pub wanted: Option<String>,
    pub addresses: Vec<IpAddr>,
    /// Why it failed, in English.
    pub because: Option<String>,
}

impl Announcement {
    /// Nothing is told.
    pub const fn nothing(state: AnnounceState) -> Self {
        Self { state, label: None, wanted: None, addresses: Vec::new(), because: None }
    }

    /// As others type it.
    pub fn name(&self) -> Option<String> {
        self.label.as_deref().map(local)
    }

    /// Where a browser finds a console of this port by its name.
    pub fn url(&self, port: u16) -> Option<String> {
        let name = self.name()?;
        Some(if port == 443 { format!("https://{name}/") } else { format!("https://{name}:{port}/") })
    }

    /// Somebody else has the name.
    pub fn is_renamed(&self) -> bool {
        self.label.is_some() && self.label != self.wanted
    }
}

/// The last label that nobody else had. It stands in the certificate until there is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    pub label: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_that_browsers_know_is_left_out() {
        let label = Some("cake-7-2".to_owned());
        let now = Announcement { label, wanted: Some("cake-7".into()), ..Announcement::nothing(AnnounceState::Asking) };
        assert_eq!(now.url(443).as_deref(), Some("https://cake-7-2.local/"));
        assert_eq!(now.url(8443).as_deref(), Some("https://cake-7-2.local:8443/"));
        assert!(now.is_renamed());
        let nothing = Announcement::nothing(AnnounceState::Off);
        assert_eq!((nothing.url(443), nothing.is_renamed()), (None, false));
    }
}
