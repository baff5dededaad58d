//! The RMCP+ packet (IPMI 2.0 §13.6, table 13-8), its signature (§13.28.4) and its encryption (§13.29).

use super::{Broken, Class, DATAGRAM_MAX, Header, Reader, SessionKeys};
use aes::Aes128;
use aes::cipher::{Block, BlockDecryptMut, BlockEncryptMut, InnerIvInit};

/// The first byte after the header: RMCP+ follows.
pub const RMCP_PLUS: u8 = 0x06;
const ENCRYPTED: u8 = 0x80;
const SIGNED: u8 = 0x40;
/// Stands behind the pad of a signature.
const NEXT_HEADER: u8 = 0x07;
const BLOCK: usize = 16;

/// Table 13-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadType {
    Ipmi = 0x00,
    Sol = 0x01,
    OpenRequest = 0x10,
    OpenResponse = 0x11,
    Rakp1 = 0x12,
    Rakp2 = 0x13,
    Rakp3 = 0x14,
    Rakp4 = 0x15,
}

impl PayloadType {
    pub const ALL: [Self; 8] = [
        Self::Ipmi,
        Self::Sol,
        Self::OpenRequest,
        Self::OpenResponse,
        Self::Rakp1,
        Self::Rakp2,
        Self::Rakp3,
        Self::Rakp4,
    ];
}

/// A packet that is taken apart, but not yet believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub payload_type: PayloadType,
    pub encrypted: bool,
    pub signed: bool,
    /// Of the side that it is sent to; 0: none.
    pub session: u32,
    pub sequence: u32,
    /// As it travels: of an encrypted packet the cipher text.
    pub payload: &'a [u8],
    /// What a signature covers, and the signature.
    body: &'a [u8],
}

/// From the first byte of `body` to its payload.
const BEFORE_PAYLOAD: usize = 12;

/// A packet outside a session.
pub fn clear(payload_type: PayloadType, payload: &[u8]) -> Vec<u8> {
    start(payload_type as u8, 0, 0, payload)
}

/// A packet of a session. `random`: the start of the encryption, never the same twice.
pub fn seal(
    keys: &SessionKeys,
    (payload_type, payload): (PayloadType, &[u8]),
    (session, sequence): (u32, u32),
    random: [u8; BLOCK],
) -> Vec<u8> {
    let payload = encrypt(&keys.cipher, payload, random);
    let mut bytes = start(payload_type as u8 | ENCRYPTED | SIGNED, session, sequence, &payload);
    // What is signed is a multiple of four bytes long, the two that follow the pad included.
    let pad = (bytes.len() - Header::LENGTH + 2).wrapping_neg() % 4;
    bytes.extend(std::iter::repeat_n(0xff, pad));
    bytes.extend([pad as u8, NEXT_HEADER]);
    let code = keys.sign(&bytes[Header::LENGTH..]);
    bytes.extend(code.as_slice());
    bytes
}

fn start(kind: u8, session: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(Header::LENGTH + BEFORE_PAYLOAD + payload.len() + 24);
    bytes.extend(Header { class: Class::Ipmi }.encode());
    bytes.extend([RMCP_PLUS, kind]);
    bytes.extend(session.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    bytes.extend((payload.len() as u16).to_le_bytes());
    bytes.extend(payload);
    bytes
}

impl<'a> Packet<'a> {
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Broken> {
        if datagram.len() > DATAGRAM_MAX {
            return Err(Broken("longer than any packet"));
        }
        let (header, body) = Header::parse(datagram)?;
        let mut reader = Reader(body);
        if header.class != Class::Ipmi || reader.byte()? != RMCP_PLUS {
            return Err(Broken("not RMCP+"));
        }
        let kind = reader.byte()?;
        let payload_type = PayloadType::ALL
            .into_iter()
            .find(|known| *known as u8 == kind & !(ENCRYPTED | SIGNED))
            .ok_or(Broken("an unknown kind of payload"))?;
        let session = reader.u32()?;
        let sequence = reader.u32()?;
        let length = reader.u16()?;
        let payload = reader.take(length.into())?;
        let (encrypted, signed) = (kind & ENCRYPTED != 0, kind & SIGNED != 0);
        Ok(Self { payload_type, encrypted, signed, session, sequence, payload, body })
    }

    /// The payload of a packet of a session. An error: the peer did not send it, or breaks the protocol.
    pub fn open(&self, keys: &SessionKeys) -> Result<Vec<u8>, Broken> {
        if !self.encrypted || !self.signed {
            return Err(Broken("a packet of a session in the clear"));
        }
        let length = self.body.len().checked_sub(keys.suite().integrity_length()).ok_or(Broken("cut short"))?;
        let (covered, code) = self.body.split_at(length);
        if !keys.sign(covered).is(code) {
            return Err(Broken("the code of the packet is wrong"));
        }
        let trailer = covered.get(BEFORE_PAYLOAD + self.payload.len()..).ok_or(Broken("cut short"))?;
        match trailer {
            [pad @ .., length, NEXT_HEADER] if pad.len() == usize::from(*length) => decrypt(&keys.cipher, self.payload),
            _ => Err(Broken("no pad before the code")),
        }
    }
}

/// The confidentiality header (the random start), the text, a pad 1, 2, 3 … and its length.
fn encrypt(cipher: &Aes128, text: &[u8], random: [u8; BLOCK]) -> Vec<u8> {
    let pad = (text.len() + 1).wrapping_neg() % BLOCK;
    let mut bytes = Vec::with_capacity(BLOCK + text.len() + pad + 1);
    bytes.extend(random);
    bytes.extend(text);
    // Less than a block.
    bytes.extend(1..=pad as u8);
    bytes.push(pad as u8);
    let mut chain = cbc::Encryptor::inner_iv_init(cipher.clone(), &random.into());
    for block in bytes[BLOCK..].chunks_exact_mut(BLOCK) {
        chain.encrypt_block_mut(Block::<Aes128>::from_mut_slice(block));
    }
    bytes
}

fn decrypt(cipher: &Aes128, payload: &[u8]) -> Result<Vec<u8>, Broken> {
    let (random, text) = payload.split_first_chunk::<BLOCK>().ok_or(Broken("cut short"))?;
    if text.is_empty() || !text.len().is_multiple_of(BLOCK) {
        return Err(Broken("no whole blocks"));
    }
    let mut bytes = text.to_vec();
    let mut chain = cbc::Decryptor::inner_iv_init(cipher.clone(), random.into());
    for block in bytes.chunks_exact_mut(BLOCK) {
        chain.decrypt_block_mut(Block::<Aes128>::from_mut_slice(block));
    }
    // The code was right, so the peer made this pad: nothing is learned from how it fails.
    let pad = bytes.pop().map_or(usize::MAX, usize::from);
    let length = bytes.len().checked_sub(pad).ok_or(Broken("a pad longer than what it fills"))?;
    bytes.truncate(length);
    Ok(bytes)
}
