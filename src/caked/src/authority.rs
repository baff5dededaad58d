//! The rack's own certificate authority and the certificate of this server.
//!
//! The authority lives for ten years, so that a program that was told to trust it once goes on doing so; the server's certificate
//! for one, made anew before it ends and whenever the server has got another address.

use anyhow::{Context, Result};
use cake_control::setup::write_secret;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// What programs are told to trust.
pub const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca.key";
const SERVER_FILE: &str = "server.pem";
const SERVER_KEY_FILE: &str = "server.key";
const FACTS_FILE: &str = "server.json";

const CA_YEARS: i64 = 10;
const SERVER_DAYS: i64 = 397;
/// Made anew when it has less than so long to live.
const RENEW_DAYS: i64 = 30;

/// The certificate in use; replaced while connections go on.
pub struct Authority {
    state: PathBuf,
    names: Vec<String>,
    current: RwLock<Current>,
}

struct Current {
    key: Arc<CertifiedKey>,
    fingerprint: String,
}

/// What a certificate was made for, so that it need not be parsed.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    names: Vec<String>,
    not_after: Date,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Authority {
    /// Finds the certificates in `state`, or makes them.
    pub fn open(state: &Path, listen: SocketAddr) -> Result<Arc<Self>> {
        let names = names(listen);
        let current = Self::load(state, &names)?;
        Ok(Arc::new(Self { state: state.to_owned(), names, current: RwLock::new(current) }))
    }

    /// SHA-256 of the server's certificate, as browsers show it.
    pub fn fingerprint(&self) -> String {
        self.current.read().unwrap_or_else(PoisonError::into_inner).fingerprint.clone()
    }

    /// Makes a new certificate if the time has come. New connections get it.
    pub fn renew(&self) -> Result<()> {
        let current = Self::load(&self.state, &self.names)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(())
    }

    fn load(state: &Path, names: &[String]) -> Result<Current> {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let facts = std::fs::read(state.join(FACTS_FILE)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let fresh = facts.is_some_and(|facts: Facts| {
            facts.names == names && today.checked_add(RENEW_DAYS.days()).is_ok_and(|soon| soon < facts.not_after)
        });
        let there = [CA_FILE, SERVER_FILE, SERVER_KEY_FILE].iter().all(|file| state.join(file).exists());
        if !(fresh && there) {
            issue(state, names, today).context("a certificate could not be made")?;
        }
        read(state)
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).key.clone())
    }
}

/// Every name and address under which this server may be asked for.
fn names(listen: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    if let Ok(host) = nix::unistd::gethostname().map(|host| host.to_string_lossy().into_owned())
        && host.parse::<cake_types::HostName>().is_ok()
    {
        names.push(host);
    }
    if listen.ip().is_unspecified() {
        names.extend(addresses().iter().map(IpAddr::to_string));
    } else {
        names.push(listen.ip().to_string());
    }
    names.sort();
    names.dedup();
    names
}

/// The addresses of this server's links; link-local ones need a zone and so can't be in a URL.
pub(crate) fn addresses() -> Vec<IpAddr> {
    let Ok(links) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let found = links.filter_map(|link| {
        let address = link.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    found.filter(|address| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())).collect()
}

fn issue(state: &Path, names: &[String], today: Date) -> Result<()> {
    let (ca, ca_key) = match (std::fs::read_to_string(state.join(CA_FILE)), read_key(&state.join(CA_KEY_FILE))) {
        (Ok(pem), Ok(key)) => (pem, key),
        _ => make_ca(state, today)?,
    };
    let issuer = Issuer::from_ca_cert_pem(&ca, ca_key)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "cake");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let not_after = today.checked_add(SERVER_DAYS.days())?;
    let before = today.yesterday()?;
    params.not_before = date_time_ymd(before.year().into(), before.month() as u8, before.day() as u8);
    params.not_after = date_time_ymd(not_after.year().into(), not_after.month() as u8, not_after.day() as u8);
    let certificate = params.signed_by(&key, &issuer)?;
    write_secret(&state.join(SERVER_KEY_FILE), key.serialize_pem().as_bytes())?;
    write_public(&state.join(SERVER_FILE), certificate.pem().as_bytes())?;
    let facts = Facts { names: names.to_vec(), not_after };
    write_public(&state.join(FACTS_FILE), &serde_json::to_vec(&facts)?)
}

fn make_ca(state: &Path, today: Date) -> Result<(String, KeyPair)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("cake rack {}", &uuid::Uuid::new_v4().to_string()[..8]));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let (before, after) = (today.yesterday()?, today.checked_add(CA_YEARS.years())?);
    params.not_before = date_time_ymd(before.year().into(), before.month() as u8, before.day() as u8);
    params.not_after = date_time_ymd(after.year().into(), after.month() as u8, after.day() as u8);
    let pem = params.self_signed(&key)?.pem();
    write_secret(&state.join(CA_KEY_FILE), key.serialize_pem().as_bytes())?;
    write_public(&state.join(CA_FILE), pem.as_bytes())?;
    Ok((pem, key))
}

fn read_key(path: &Path) -> Result<KeyPair> {
    Ok(KeyPair::from_pem(&std::fs::read_to_string(path)?)?)
}

fn read(state: &Path) -> Result<Current> {
    let server = CertificateDer::from_pem_file(state.join(SERVER_FILE))?;
    let authority = CertificateDer::from_pem_file(state.join(CA_FILE))?;
    let key = PrivateKeyDer::from_pem_file(state.join(SERVER_KEY_FILE))?;
    let digest = Sha256::digest(&server);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let signing = rustls::crypto::ring::sign::any_supported_type(&key)?;
    let key = Arc::new(CertifiedKey::new(vec![server, authority], signing));
    Ok(Current { key, fingerprint: pairs.join(":") })
}

/// Readable by everybody, whole or not at all.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    write_secret(path, content)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once_and_again_for_another_address() {
        let dir = tempfile::tempdir().unwrap();
        let here = "127.0.0.1:0".parse().unwrap();
        let first = Authority::open(dir.path(), here).unwrap().fingerprint();
        assert_eq!(Authority::open(dir.path(), here).unwrap().fingerprint(), first);
        let ca = std::fs::read(dir.path().join(CA_FILE)).unwrap();
        let there = Authority::open(dir.path(), "192.0.2.7:0".parse().unwrap()).unwrap();
        assert_ne!(there.fingerprint(), first);
        assert_eq!(std::fs::read(dir.path().join(CA_FILE)).unwrap(), ca, "trust goes on");
        for file in [CA_KEY_FILE, SERVER_KEY_FILE] {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }
}
