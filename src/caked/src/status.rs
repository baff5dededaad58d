//! What others are told of the running daemon: a file in the state directory, without a secret.

use anyhow::{Context, Result};
use cake_control::certificate::{addresses, write_public};
use cake_control::setup::read_token;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

const FILE: &str = "instance.json";

/// Where the console answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// For a browser.
    pub url: String,
    /// For a program on this server.
    pub address: SocketAddr,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    pub version: String,
}

/// `caked status`
#[derive(Debug, Serialize)]
pub struct Status {
    pub url: String,
    pub fingerprint: String,
    /// The one-time token of the wizard, until set-up is done.
    pub setup_token: Option<String>,
    pub version: String,
    pub set_up: bool,
    /// Somebody answers at that address.
    pub running: bool,
}

pub fn write(state: &Path, instance: &Instance) -> Result<()> {
    Ok(write_public(&state.join(FILE), &serde_json::to_vec(instance)?)?)
}

pub fn read(state: &Path) -> Result<Instance> {
    let path = state.join(FILE);
    let text =
        std::fs::read(&path).with_context(|| format!("{} can't be read: was caked ever started?", path.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

pub fn status(state: &Path) -> Result<Status> {
    let instance = read(state)?;
    let token = read_token(state).ok().map(|token| token.to_string());
    let running = TcpStream::connect_timeout(&local(instance.address), Duration::from_secs(1)).is_ok();
    Ok(Status {
        url: instance.url,
        fingerprint: instance.fingerprint,
        set_up: token.is_none(),
        setup_token: token,
        version: instance.version,
        running,
    })
}

/// The address to ask from this server.
pub fn local(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()) } else { address }
}

/// What a person types into a browser: an address of this server's own when it listens on all of them.
pub fn url(address: SocketAddr) -> String {
    let mut ip = address.ip();
    if ip.is_unspecified() {
        let others = addresses().into_iter().filter(|ip| !ip.is_loopback());
        ip = others.min_by_key(|ip| ip.is_ipv6()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("https://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_can_be_typed() {
        assert_eq!(url("127.0.0.1:8443".parse().unwrap()), "https://127.0.0.1:8443");
        assert_eq!(url("[::1]:8443".parse().unwrap()), "https://[::1]:8443");
        assert!(!url("0.0.0.0:8443".parse().unwrap()).contains("0.0.0.0"));
    }
}
