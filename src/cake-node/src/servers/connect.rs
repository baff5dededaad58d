//! Connections to BMCs: sessions of RMCP+ over the sockets that the worker was given, and Redfish over connections that the node makes
//! for it.

use super::dial::{Dials, NodeDial};
use super::watch::{Connect, Remembered};
use super::wire::Target;
use async_trait::async_trait;
use cake_bmc::lan::{Hub, Login, Pace};
use cake_bmc::redfish::{self, Options, Patience, Redfish};
use cake_bmc::rmcp::Secret;
use cake_bmc::{Bmc, Ipmi};
use cake_types::{BmcAccess, BmcProblem, ServerId};
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

    fn ipmi(&self, target: &Target, remembered: &Remembered) -> Result<Box<dyn Bmc>, BmcProblem> {
        let address = target.address.ok_or(BmcProblem::NoAddress)?;
        let key = target.key.as_ref().map(|key| key.as_str());
        let login = login(&target.user, &target.password, key).ok_or(BmcProblem::Refused)?;
        let session = self.hub.session(address, login, Pace::default()).map_err(|error| error.problem())?;
        Ok(Box::new(Ipmi::new(session, remembered.records.clone())))
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
            BmcAccess::Local => Err(BmcProblem::NoDevice),
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
