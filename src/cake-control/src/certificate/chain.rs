//! Certificates and keys that somebody brought, read. Plain functions over bytes: nothing they are given brings them down.

use cake_planner::certificate::{self, CHAIN_MAX, Link};
use cake_types::{CertificateInfo, CertificateSource, Problem};
use jiff::Timestamp;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A chain that was read, with what its first certificate says.
pub struct Chain {
    pub certificates: Vec<CertificateDer<'static>>,
    links: Vec<Link>,
    pub info: CertificateInfo,
}

fn wrong(reason: &str) -> Problem {
    Problem::invalid("chain", reason).at("/chain")
}

fn wrong_key(reason: &str) -> Problem {
    Problem::invalid("key", reason).at("/key")
}

impl Chain {
    /// From PEM: the console's own certificate first, then those that lead to its authority.
    pub fn read(pem: &[u8], source: CertificateSource) -> Result<Self, Problem> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).take(CHAIN_MAX + 1).collect();
        let certificates = certificates.map_err(|_| wrong("certificate-garbage"))?;
        let read: Result<Vec<_>, _> = certificates.iter().map(|der| whole(der)).collect();
        let read = read.ok_or_garbage()?;
        let Some(first) = read.first() else { return Err(wrong("certificate-none")) };
        let mut links = Vec::new();
        for (at, link) in read.iter().enumerate() {
            let issuer = read.get(at + 1).unwrap_or(link);
            links.push(Link {
                names: names(link),
                not_before: time(link.validity().not_before.timestamp()),
                not_after: time(link.validity().not_after.timestamp()),
                is_authority: link.is_ca(),
                signed_by_next: link.issuer() == issuer.subject()
                    && link.verify_signature(Some(issuer.public_key())).is_ok(),
            });
        }
        let info = CertificateInfo {
            source,
            subject: shown(&first.subject().to_string()),
            issuer: shown(&first.issuer().to_string()),
            names: links[0].names.clone(),
            not_before: links[0].not_before,
            not_after: links[0].not_after,
            fingerprint: fingerprint(&certificates[0]),
        };
        Ok(Self { certificates, links, info })
    }

    pub fn check(&self, now: Timestamp) -> Result<(), Problem> {
        certificate::check(&self.links, now)
    }

    /// With the key that belongs to it.
    pub fn with_key(&self, pem: &[u8]) -> Result<Arc<CertifiedKey>, Problem> {
        let key = read_key(pem)?;
        let signing = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| wrong_key("key-kind"))?;
        let certified = CertifiedKey::new(self.certificates.clone(), signing);
        certified.keys_match().map_err(|_| wrong_key("key-differs"))?;
        Ok(Arc::new(certified))
    }
}

trait OrGarbage<T> {
    fn ok_or_garbage(self) -> Result<T, Problem>;
}

impl<T> OrGarbage<T> for Result<T, ()> {
    fn ok_or_garbage(self) -> Result<T, Problem> {
        self.map_err(|()| wrong("certificate-garbage"))
    }
}

/// A certificate and nothing behind it.
fn whole(der: &[u8]) -> Result<X509Certificate<'_>, ()> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(()),
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// What a subject says of itself is anybody's text: no more of it than fits a line.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(256).collect()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(shown(name)),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    };
    alternative.value.general_names.iter().filter_map(name).take(1000).collect()
}

/// SHA-256 as browsers show it.
pub fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// A private key from PEM. One that is encrypted would have to be decrypted with a password at every start.
pub fn read_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Problem> {
    let says = |text: &[u8]| pem.windows(text.len()).any(|window| window == text);
    if says(b"BEGIN ENCRYPTED PRIVATE KEY") || says(b"Proc-Type: 4,ENCRYPTED") {
        return Err(wrong_key("key-encrypted"));
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        PemError::NoItemsFound => wrong_key("key-none"),
        _ => wrong_key("key-garbage"),
    })
}
