//! Connections to BMCs: sessions of RMCP+ over the sockets that the worker was given, Redfish over connections that the node makes for
//! it, and messages to this machine's own BMC that the node passes on.

use super::dial::{Dials, NodeDial};
use super::watch::{self, Connect, Remembered};
use super::wire::{NoConsole, Target};
use async_trait::async_trait;
use cake_bmc::lan::{Console, Hub, Login, Pace, Session, free_console};
use cake_bmc::local::relay::Relayed;
use cake_bmc::redfish::{self, Options, Patience, Redfish};
use cake_bmc::rmcp::Secret;
use cake_bmc::{Bmc, BmcError, Completion, Ipmi, TransportError};
use cake_types::{BmcAccess, BmcProblem, ConsoleTrouble, ServerId};
use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// Whether there is Redfish at all is asked no longer: IPMI may be there.
const PROBE: Patience = Patience { request: Duration::from_secs(4), call: Duration::from_secs(5) };

pub struct Connector {
    hub: Hub,
    dials: Arc<Dials>,
}

impl Connector {
    /// Within a runtime.
    pub fn new(sockets: Vec<OwnedFd>, dials: Arc<Dials>) -> io::Result<Self> {
        Ok(Self { hub: Hub::new(sockets.into_iter().map(UdpSocket::from).collect())?, dials })
    }

    fn session(&self, target: &Target) -> Result<Session, BmcProblem> {
        let address = target.address.ok_or(BmcProblem::NoAddress)?;
        let key = target.key.as_ref().map(|key| key.as_str());
        let login = login(&target.user, &target.password, key).ok_or(BmcProblem::Refused)?;
        self.hub.session(address, login, Pace::default()).map_err(|error| error.problem())
    }

    fn ipmi(&self, target: &Target, remembered: &Remembered) -> Result<Box<dyn Bmc>, BmcProblem> {
        Ok(Box::new(Ipmi::new(self.session(target)?, remembered.records.clone())))
    }

    /// The serial console, over a session of its own. `take`: whoever has it loses it.
    pub async fn console(&self, id: ServerId, target: &Target, take: bool) -> Result<Console, NoConsole> {
        let no = |trouble| Err(NoConsole::Trouble { trouble });
        match target.access {
            BmcAccess::Redfish => return no(ConsoleTrouble::RedfishOnly),
            BmcAccess::Local => return no(ConsoleTrouble::Local),
            BmcAccess::Ipmi | BmcAccess::Auto => {}
        }
        let unheard = |problem| NoConsole::Bmc { problem };
        let mut opened = opened(self.session(target).map_err(unheard)?, take).await;
        if let (Err(BmcError::Transport(TransportError::Refused)), Some(next)) = (&opened, &target.next) {
            // It may have taken the other one already.
            let other = Target { password: next.clone(), ..target.clone() };
            opened = self::opened(self.session(&other).map_err(unheard)?, take).await;
        }
        match opened {
            Ok(console) => Ok(console),
            Err(BmcError::Transport(TransportError::Silent))
                if target.access == BmcAccess::Auto && self.has_redfish(id, target).await =>
            {
                no(ConsoleTrouble::RedfishOnly)
            }
            Err(error) => Err(no_console(&error)),
        }
    }

    fn redfish(&self, id: ServerId, target: &Target, remembered: &Remembered) -> Box<dyn Bmc> {
        let login = redfish::Login { user: target.user.clone(), password: target.password.clone() };
        let options =
            Options { login: Some(login), known: remembered.certificate(), ..Options::new(&target.host, no_login()) };
        Box::new(Redfish::new(self.dial(id), options))
    }

    fn dial(&self, id: ServerId) -> Box<NodeDial> {
        Box::new(NodeDial { id, dials: self.dials.clone() })
    }

    async fn has_redfish(&self, id: ServerId, target: &Target) -> bool {
        redfish::discover(self.dial(id), &target.host, PROBE).await.is_ok()
    }
}

async fn opened(session: Session, take: bool) -> Result<Console, BmcError> {
    let session = Arc::new(session);
    if take {
        free_console(&session).await?;
    }
    Console::open(session).await
}

/// Completion codes of Activate Payload (IPMI 2.0 table 24-2).
fn no_console(error: &BmcError) -> NoConsole {
    let trouble = match error {
        BmcError::Completion(Completion(0x80 | 0x82)) => ConsoleTrouble::Held,
        BmcError::Completion(Completion(0x81)) => ConsoleTrouble::Off,
        BmcError::Completion(Completion(0x83)) => ConsoleTrouble::Unencrypted,
        BmcError::Completion(Completion::INSUFFICIENT_PRIVILEGE) => ConsoleTrouble::Forbidden,
        BmcError::Completion(Completion::INVALID_COMMAND | Completion::INVALID_FIELD) | BmcError::Unsupported => {
            ConsoleTrouble::Unsupported
        }
        other => return NoConsole::Bmc { problem: watch::problem(other) },
    };
    NoConsole::Trouble { trouble }
}

fn no_login() -> redfish::Login {
    redfish::Login::new("", "")
}

#[async_trait(?Send)]
impl Connect for Connector {
    async fn connect(
        &self,
        id: ServerId,
        target: &Target,
        remembered: &Remembered,
    ) -> Result<Box<dyn Bmc>, BmcProblem> {
        match target.access {
            BmcAccess::Ipmi => self.ipmi(target, remembered),
            BmcAccess::Redfish => Ok(self.redfish(id, target, remembered)),
            // One that was known by its certificate is not taken for one without.
            BmcAccess::Auto if remembered.certificate.is_some() || self.has_redfish(id, target).await => {
                Ok(self.redfish(id, target, remembered))
            }
            BmcAccess::Auto => self.ipmi(target, remembered),
            BmcAccess::Local => {
                let stream = self.dials.local(id).await.map_err(|_| BmcProblem::NoDevice)?;
                Ok(Box::new(Ipmi::new(Relayed::over(stream), remembered.records.clone())))
            }
        }
    }
}

/// `None`: longer than IPMI 2.0 can hold, so that no BMC has them.
fn login(user: &str, password: &str, key: Option<&str>) -> Option<Login> {
    let key = match key {
        Some(hex) => Some(Secret::new(&data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?)?),
        None => None,
    };
    Login::new(user.as_bytes(), Secret::new(password.as_bytes())?, key)
}
