//! The signature of a PE file (Windows Authenticode Portable Executable Signature Format; CMS SignedData, RFC 5652 §5).
//!
//! ```text
//!  hash of the file ══ in the content ── its hash ══ in the signed attributes ── signed with the maker's key
//! ```

use super::UkiError;
use super::der::{Der, FIRST, OBJECT, OCTETS, SEQUENCE, SET};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Digest, Sha256};

/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.3.6.1.4.1.311.2.1.4 (SPC_INDIRECT_DATA)
const INDIRECT: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04];
/// 1.2.840.113549.1.9.3 and .4
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// 2.16.840.1.101.3.4.2.1
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// wRevision 2.0 and WIN_CERT_TYPE_PKCS_SIGNED_DATA.
const PKCS: [u8; 4] = [0x00, 0x02, 0x02, 0x00];

type Hash = [u8; 32];

/// Whose signature counts.
#[derive(Clone, Debug)]
pub struct Maker {
    /// RSAPublicKey (RFC 8017 A.1.1).
    key: Vec<u8>,
}

impl Maker {
    /// By the maker's certificate, in PEM: the one that the firmware was given for Secure Boot.
    pub fn new(certificate: &[u8]) -> Result<Self, UkiError> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(certificate).map_err(|_| UkiError::Certificate)?;
        let certificate = pem.parse_x509().map_err(|_| UkiError::Certificate)?;
        Ok(Self { key: certificate.public_key().subject_public_key.data.to_vec() })
    }

    /// `table`: the table of signatures, one of which must be the maker's; `file`: the file's Authenticode hash.
    pub fn check(&self, table: &[u8], file: &Hash) -> Result<(), UkiError> {
        let mut table = table;
        let mut seen = UkiError::NotSigned;
        while let Some((header, rest)) = table.split_first_chunk::<8>() {
            let [a, b, c, d, kind @ ..] = *header;
            let length = u32::from_le_bytes([a, b, c, d]) as usize;
            let Some(content) = length.checked_sub(8).and_then(|length| rest.get(..length)) else { break };
            if kind == PKCS {
                match self.is_signed(content, file) {
                    Some(true) => return Ok(()),
                    Some(false) | None => seen = UkiError::Changed,
                }
            }
            // Each begins at a multiple of eight.
            table = table.get(length.next_multiple_of(8)..).unwrap_or_default();
        }
        Err(seen)
    }

    /// `None` where it is no signature of a PE file.
    fn is_signed(&self, signature: &[u8], file: &Hash) -> Option<bool> {
        let mut content = Der(signature).enter(SEQUENCE)?;
        is(content.take(OBJECT)?.content, SIGNED_DATA)?;
        let mut signed = content.enter(FIRST)?.enter(SEQUENCE)?;
        signed.next()?;
        signed.take(SET)?;
        let mut inner = signed.enter(SEQUENCE)?;
        is(inner.take(OBJECT)?.content, INDIRECT)?;
        let indirect = inner.enter(FIRST)?.take(SEQUENCE)?.content;
        if !says(indirect, file)? {
            return Some(false);
        }
        // Certificates and lists of revoked ones: whose key counts is known.
        signed.skip(FIRST);
        signed.skip(FIRST + 1);
        let mut signers = signed.enter(SET)?;
        let hash: Hash = Sha256::digest(indirect).into();
        while !signers.0.is_empty() {
            if self.is_signer(signers.enter(SEQUENCE)?, &hash)? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Whether a signer is the maker, and signed this content.
    fn is_signer(&self, mut signer: Der<'_>, content: &Hash) -> Option<bool> {
        signer.next()?;
        signer.take(SEQUENCE)?;
        is(signer.enter(SEQUENCE)?.take(OBJECT)?.content, SHA256)?;
        let attributes = signer.take(FIRST)?;
        signer.take(SEQUENCE)?;
        let signature = signer.take(OCTETS)?.content;
        // They are signed as the set that they are (RFC 5652 §5.4), and stand here with another tag.
        let mut message = attributes.whole.to_vec();
        *message.first_mut()? = SET;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key);
        if key.verify(&message, signature).is_err() {
            return Some(false);
        }
        let digest = attribute(attributes.content, MESSAGE_DIGEST, OCTETS)?;
        let kind = attribute(attributes.content, CONTENT_TYPE, OBJECT)?;
        Some(digest == content && kind == INDIRECT)
    }
}

fn is(found: &[u8], wanted: &[u8]) -> Option<()> {
    (found == wanted).then_some(())
}

/// Whether SpcIndirectDataContent says this hash of the file.
fn says(indirect: &[u8], file: &Hash) -> Option<bool> {
    let mut indirect = Der(indirect);
    indirect.take(SEQUENCE)?;
    let mut digest = indirect.enter(SEQUENCE)?;
    is(digest.enter(SEQUENCE)?.take(OBJECT)?.content, SHA256)?;
    Some(digest.take(OCTETS)?.content == file)
}

/// The one value of a signed attribute, which must be there once.
fn attribute<'a>(attributes: &'a [u8], wanted: &[u8], tag: u8) -> Option<&'a [u8]> {
    let (mut attributes, mut found) = (Der(attributes), None);
    while !attributes.0.is_empty() {
        let mut attribute = attributes.enter(SEQUENCE)?;
        if attribute.take(OBJECT)?.content == wanted {
            let mut values = attribute.enter(SET)?;
            let value = values.take(tag)?.content;
            if found.replace(value).is_some() || !values.0.is_empty() {
                return None;
            }
        }
    }
    found
}
