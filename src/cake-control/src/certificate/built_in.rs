//! The rack's own certificate authority and the certificate that it gives this server.
//!
//! The authority lives for ten years, so that a program that was told to trust it once goes on doing so; the server's certificate
//! for one, made anew before it ends and whenever the server has got another name or address.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use super::chain::Chain;
use super::{CertificateError, read_file, write_public};
use crate::setup::write_secret;
use cake_types::{CertificateInfo, CertificateSource};

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

/// What a certificate was made for.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    names: Vec<String>,
    not_after: Date,
}

/// Finds the certificates in `state`, or makes them; makes the server's anew when it is not for `names` or ends soon.
pub fn load(
    state: &Path,
    names: &[String],
    now: Timestamp,
) -> Result<(Arc<CertifiedKey>, CertificateInfo), CertificateError> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let facts = std::fs::read(state.join(FACTS_FILE)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let fresh = facts.is_some_and(|facts: Facts| {
        facts.names == names && today.checked_add(RENEW_DAYS.days()).is_ok_and(|soon| soon < facts.not_after)
    });
    if fresh && let Ok(there) = read(state) {
        return Ok(there);
    }
    issue(state, names, today)?;
    read(state)
}

fn read(state: &Path) -> Result<(Arc<CertifiedKey>, CertificateInfo), CertificateError> {
    let mut pem = read_file(&state.join(SERVER_FILE))?;
    pem.extend(read_file(&state.join(CA_FILE))?);
    let chain = Chain::read(&pem, CertificateSource::BuiltIn)?;
    let key = chain.with_key(&read_file(&state.join(SERVER_KEY_FILE))?)?;
    Ok((key, chain.info))
}

/// Every name and address under which this server may be asked for: its own, and those that the settings say.
pub fn names(listen: SocketAddr, more: &[String]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    names.extend(known(listen));
    names.extend(more.iter().cloned());
    names.sort();
    names.dedup();
    names
}

/// What others can know this server by without being told.
pub fn known(listen: SocketAddr) -> Vec<String> {
    let mut names = Vec::new();
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
    names
}

/// The addresses of this server's links; link-local ones need a zone and so can't be in a URL.
pub fn addresses() -> Vec<IpAddr> {
    let Ok(links) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let found = links.filter_map(|link| {
        let address = link.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    found.filter(|address| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())).collect()
}

fn issue(state: &Path, names: &[String], today: Date) -> Result<(), CertificateError> {
    let ca = read_file(&state.join(CA_FILE)).ok().and_then(|pem| String::from_utf8(pem).ok());
    let (ca, ca_key) = match (ca, read_key(&state.join(CA_KEY_FILE))) {
        (Some(pem), Ok(key)) => (pem, key),
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
    // What says that they belong together comes last: killed in between, the next start makes both anew.
    let _ = std::fs::remove_file(state.join(FACTS_FILE));
    write_secret(&state.join(SERVER_KEY_FILE), key.serialize_pem().as_bytes())?;
    write_public(&state.join(SERVER_FILE), certificate.pem().as_bytes())?;
    let facts = serde_json::to_vec(&Facts { names: names.to_vec(), not_after }).expect("facts are JSON");
    Ok(write_public(&state.join(FACTS_FILE), &facts)?)
}

fn make_ca(state: &Path, today: Date) -> Result<(String, KeyPair), CertificateError> {
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

fn read_key(path: &Path) -> Result<KeyPair, CertificateError> {
    let pem = String::from_utf8(read_file(path)?).map_err(|_| CertificateError::NotText { path: path.to_owned() })?;
    Ok(KeyPair::from_pem(&pem)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once_and_again_for_another_name_or_when_they_end() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let load = |names: &[&str], now| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            load(dir.path(), &names, now).unwrap().1
        };
        let first = load(&["a", "127.0.0.1"], now);
        assert_eq!(load(&["a", "127.0.0.1"], now), first);
        assert_eq!(first.names, ["a", "127.0.0.1"]);
        let ca = std::fs::read(dir.path().join(CA_FILE)).unwrap();
        let day = jiff::SignedDuration::from_hours(24);
        assert_eq!(load(&["a", "127.0.0.1"], now + day * 360), first);
        let renewed = load(&["a", "127.0.0.1"], now + day * 370);
        assert!(renewed.not_after > first.not_after + day * 360);
        assert_ne!(load(&["a", "192.0.2.7"], now).fingerprint, renewed.fingerprint);
        assert_eq!(std::fs::read(dir.path().join(CA_FILE)).unwrap(), ca, "trust goes on");
        for file in [CA_KEY_FILE, SERVER_KEY_FILE] {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        // Killed between the key and the certificate.
        std::fs::write(dir.path().join(SERVER_KEY_FILE), KeyPair::generate().unwrap().serialize_pem()).unwrap();
        let healed = load(&["a", "192.0.2.7"], now);
        assert_eq!(load(&["a", "192.0.2.7"], now), healed);
    }
}
