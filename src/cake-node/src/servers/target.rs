//! How a BMC is reached, made ready for the worker: it can look up no name and open no seal.

use super::wire::Target;
use cake_types::{BmcAccess, BmcProblem, BmcSpec, REDFISH_PORT, Sealed, SecretKey, bracketed};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use zeroize::Zeroizing;

/// A name that means nothing by then means nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether it is called by a name, which may mean another address tomorrow.
pub fn is_named(bmc: &BmcSpec) -> bool {
    bmc.access != BmcAccess::Local && is_name(&bmc.host)
}

pub fn is_name(host: &str) -> bool {
    host.parse::<IpAddr>().is_err()
}

pub async fn open(bmc: &BmcSpec, key: &SecretKey) -> Result<Target, BmcProblem> {
    let BmcSpec { access, host, port, user, password, key: kg, weak: _, next } = bmc;
    let opened = |sealed: &Sealed<String>| {
        sealed.open(key).map(Zeroizing::new).map_err(|error| {
            tracing::warn!(%error, "the seal of a BMC's password can't be opened");
            BmcProblem::Refused
        })
    };
    Ok(Target {
        access: *access,
        address: if *access == BmcAccess::Local { None } else { Some(address(host, *port).await?) },
        host: bracketed(host),
        user: user.clone(),
        password: password.as_ref().map(opened).transpose()?.unwrap_or_default(),
        key: kg.as_ref().map(opened).transpose()?,
        next: next.as_ref().map(opened).transpose()?,
    })
}

/// The address of its Redfish service.
pub async fn redfish(bmc: &BmcSpec) -> Result<SocketAddr, BmcProblem> {
    let port = if bmc.access == BmcAccess::Redfish { bmc.port } else { REDFISH_PORT };
    address(&bmc.host, port).await
}

pub async fn address(host: &str, port: u16) -> Result<SocketAddr, BmcProblem> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok((address, port).into());
    }
    match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(mut found)) => found.next().ok_or(BmcProblem::NoAddress),
        Ok(Err(_)) | Err(_) => Err(BmcProblem::NoAddress),
    }
}
