//! The console's identity: an authority of this appliance and a server certificate that it signs.
//!
//! ```text
//!   authority.pem   key + certificate, 0600, ten years    ─signs─►  server.pem   key + certificate, 0600, a year
//!   ca.pem          the authority's certificate, for clients
//! ```
//!
//! Key and certificate lie in one file, so that no crash can leave them apart. The server's certificate is made anew before it
//! ends and whenever the names it has to answer to have changed; the authority, and so what clients trust, stays.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const AUTHORITY_LIFETIME: Duration = Duration::days(3650);
/// Browsers refuse longer ones (CA/Browser Forum Baseline Requirements §6.3.2).
const SERVER_LIFETIME: Duration = Duration::days(397);
const RENEW_BEFORE_END: Duration = Duration::days(30);
/// For clocks that differ.
const BACKDATE: Duration = Duration::days(1);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}")]
    File { path: PathBuf, #[source] source: std::io::Error },
    #[error("{path} does not hold a key and a certificate")]
    Damaged { path: PathBuf },
    #[error("a certificate can't be made")]
    Make(#[source] rcgen::Error),
    #[error("the certificate can't be used")]
    Use(#[source] rustls::Error),
}

/// What the server shows.
pub struct Identity {
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the server's certificate, upper-case hexadecimal with colons, as browsers show it.
    pub fingerprint: String,
    /// The authority's certificate, for clients.
    pub ca: PathBuf,
}

/// Reads the identity in `directory`, making what is missing or about to end. `names` are DNS names and addresses.
pub fn load_or_make(directory: &Path, names: &[String], now: OffsetDateTime) -> Result<Identity, TlsError> {
    let authority = directory.join("authority.pem");
    let (authority_key, authority_der) = match read(&authority)? {
        Some(pair) => pair,
        None => make_authority(&authority, now)?,
    };
    let ca = directory.join("ca.pem");
    if !ca.exists() {
        write(&ca, &pem("CERTIFICATE", &authority_der), 0o644)?;
    }
    let server = directory.join("server.pem");
    let (key, certificate) = match read(&server)? {
        Some((key, certificate)) if still_good(&certificate, names, now) => (key, certificate),
        _ => make_server(&server, &authority_key, &authority_der, names, now)?,
    };
    Ok(Identity { fingerprint: fingerprint(&certificate), config: config(key, certificate, authority_der)?, ca })
}

fn config(key: KeyPair, certificate: CertificateDer<'static>, authority: CertificateDer<'static>) -> Result<Arc<ServerConfig>, TlsError> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|text| TlsError::Use(rustls::Error::General(text.into())))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate, authority], key)
        .map_err(TlsError::Use)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn make_authority(path: &Path, now: OffsetDateTime) -> Result<(KeyPair, CertificateDer<'static>), TlsError> {
    let key = KeyPair::generate().map_err(TlsError::Make)?;
    let mut params = CertificateParams::new(Vec::new()).map_err(TlsError::Make)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let serial = &Sha256::digest(key.public_key_raw())[..4];
    let name = format!("cake appliance {}", data_encoding::HEXLOWER.encode(serial));
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (now - BACKDATE, now + AUTHORITY_LIFETIME);
    let certificate = params.self_signed(&key).map_err(TlsError::Make)?.der().clone();
    store(path, &key, &certificate)?;
    Ok((key, certificate))
}

fn make_server(
    path: &Path,
    authority_key: &KeyPair,
    authority: &CertificateDer<'static>,
    names: &[String],
    now: OffsetDateTime,
) -> Result<(KeyPair, CertificateDer<'static>), TlsError> {
    let key = KeyPair::generate().map_err(TlsError::Make)?;
    let mut params = CertificateParams::new(names.to_vec()).map_err(TlsError::Make)?;
    params.distinguished_name.push(DnType::CommonName, "cake console");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (now - BACKDATE, now + SERVER_LIFETIME);
    let issuer = Issuer::from_ca_cert_der(authority, authority_key).map_err(TlsError::Make)?;
    let certificate = params.signed_by(&key, &issuer).map_err(TlsError::Make)?.der().clone();
    store(path, &key, &certificate)?;
    Ok((key, certificate))
}

/// The certificate answers to exactly these names and does not end soon.
fn still_good(certificate: &CertificateDer<'_>, names: &[String], now: OffsetDateTime) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let Ok(Some(alternatives)) = parsed.subject_alternative_name() else {
        return false;
    };
    let mut held: Vec<String> = alternatives.value.general_names.iter().filter_map(name_text).collect();
    let mut wanted = names.to_vec();
    held.sort();
    wanted.sort();
    held == wanted && parsed.validity().not_after.timestamp() > (now + RENEW_BEFORE_END).unix_timestamp()
}

fn name_text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| std::net::Ipv4Addr::from(b).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn read(path: &Path) -> Result<Option<(KeyPair, CertificateDer<'static>)>, TlsError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TlsError::File { path: path.into(), source }),
    };
    let damaged = || TlsError::Damaged { path: path.into() };
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| damaged())?;
    let key = KeyPair::try_from(&key).map_err(|_| damaged())?;
    let certificate = CertificateDer::from_pem_slice(&text).map_err(|_| damaged())?;
    Ok(Some((key, certificate)))
}

fn store(path: &Path, key: &KeyPair, certificate: &CertificateDer<'_>) -> Result<(), TlsError> {
    write(path, &(key.serialize_pem() + &pem("CERTIFICATE", certificate)), 0o600)
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let body = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// All or nothing: a temporary file, synced, renamed, and the directory synced.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let temporary = path.with_extension("pem.new");
    let put = || -> std::io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    put().map_err(|source| TlsError::File { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn identity(directory: &Path, list: &[&str], now: OffsetDateTime) -> Identity {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        load_or_make(directory, &names(list), now).unwrap()
    }

    #[test]
    fn the_identity_stays_until_it_has_to_change() {
        let directory = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        let first = identity(directory.path(), &["localhost", "127.0.0.1", "::1"], now);
        let again = identity(directory.path(), &["127.0.0.1", "::1", "localhost"], now + Duration::days(300));
        assert_eq!(first.fingerprint, again.fingerprint);
        let ca = fs::read(&first.ca).unwrap();
        let renewed = identity(directory.path(), &["localhost", "127.0.0.1", "::1"], now + Duration::days(370));
        assert_ne!(first.fingerprint, renewed.fingerprint);
        let moved = identity(directory.path(), &["cake.example"], now + Duration::days(370));
        assert_ne!(renewed.fingerprint, moved.fingerprint);
        assert_eq!(ca, fs::read(&moved.ca).unwrap(), "clients go on trusting the same authority");
    }

    #[test]
    fn keys_are_for_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        identity(directory.path(), &["localhost"], OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
        for file in ["authority.pem", "server.pem"] {
            let mode = fs::metadata(directory.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("authority.pem"), "nonsense").unwrap();
        let error = load_or_make(directory.path(), &names(&["localhost"]), OffsetDateTime::UNIX_EPOCH).err().unwrap();
        assert!(matches!(error, TlsError::Damaged { path } if path.ends_with("authority.pem")));
    }
}
