//! Connections to BMCs over the sockets that the worker was given.

use super::watch::Connect;
use super::wire::Target;
use cake_bmc::lan::{Hub, Login, Pace};
use cake_bmc::rmcp::Secret;
use cake_bmc::sdr::SdrCache;
use cake_bmc::{Bmc, Ipmi};
use cake_types::{BmcAccess, BmcProblem};
use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;

pub struct Connector {
    hub: Hub,
}

impl Connector {
    /// Within a runtime.
    pub fn new(sockets: Vec<OwnedFd>) -> io::Result<Self> {
        Ok(Self { hub: Hub::new(sockets.into_iter().map(UdpSocket::from).collect())? })
    }
}

impl Connect for Connector {
    fn connect(&self, target: &Target, kept: Option<SdrCache>) -> Result<Box<dyn Bmc>, BmcProblem> {
        let Target { access, address, user, password, key } = target;
        match access {
            BmcAccess::Auto | BmcAccess::Ipmi => {
                let address = address.ok_or(BmcProblem::NoAddress)?;
                let login = login(user, password, key.as_ref().map(|key| key.as_str())).ok_or(BmcProblem::Refused)?;
                let session = self.hub.session(address, login, Pace::default()).map_err(|error| error.problem())?;
                Ok(Box::new(Ipmi::new(session, kept)))
            }
            BmcAccess::Redfish | BmcAccess::Local => Err(BmcProblem::NoDevice),
        }
    }
}

/// `None`: longer than IPMI 2.0 can hold, so that no BMC has them.
fn login(user: &str, password: &str, key: Option<&str>) -> Option<Login> {
    let key = match key {
        Some(hex) => Some(Secret::new(&bytes(hex)?)?),
        None => None,
    };
    Login::new(user.as_bytes(), Secret::new(password.as_bytes())?, key)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()
}
