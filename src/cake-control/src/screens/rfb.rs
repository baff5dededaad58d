//! What a viewer of a screen sends (RFB 3.8, RFC 6143), read as far as is needed to let its input through or not.
//!
//! ```text
//!   viewer ── bytes, in any pieces ──► ClientStream ──► bytes for QEMU
//!                                        handshake      as it must be: 3.8, no authentication, shared
//!                                        pictures       format, update requests: passed on
//!                                        encodings      those that are known here, so that nothing else is ever agreed upon
//!                                        input          keys and pointer: only from whoever is in control
//!                                        clipboard      swallowed: there is no agent in the guest to take it
//! ```
//!
//! A plain state machine over hostile bytes: it holds one message of at most [`HELD_MAX`] bytes, and what it does not know ends
//! the connection. The fuzz target is in `fuzz/`.

/// The longest message that is held: encodings. All others are shorter or not held.
pub const HELD_MAX: usize = 4 + 4 * ENCODINGS_MAX;
/// noVNC asks for 25.
const ENCODINGS_MAX: usize = 64;
/// Clipboard text that is read and dropped at a time.
const TEXT_MAX: u32 = 1 << 20;
/// Keys that can be down at a time; more hands than a person has.
const KEYS_MAX: usize = 32;

const VERSION: &[u8; 12] = b"RFB 003.008\n";
const NO_AUTHENTICATION: u8 = 1;
const SHARED: u8 = 1;

const SET_PIXEL_FORMAT: u8 = 0;
const SET_ENCODINGS: u8 = 2;
const UPDATE_REQUEST: u8 = 3;
const KEY: u8 = 4;
const POINTER: u8 = 5;
const CUT_TEXT: u8 = 6;
/// QEMU's own messages; the second byte says which.
const QEMU: u8 = 255;
const QEMU_KEY: u8 = 0;

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RfbError {
    #[error("it does not speak RFB 3.8")]
    Version,
    #[error("it wants authentication of type {0}, which was not offered")]
    Security(u8),
    #[error("message {0}, which was never agreed upon")]
    Unknown(u8),
    #[error("{0} encodings")]
    Encodings(u16),
    #[error("{0} bytes of clipboard")]
    Text(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Version,
    Security,
    Init,
    Messages,
    /// So many bytes of clipboard text are still to come.
    Text(u32),
}

/// One viewer's side of a connection.
#[derive(Debug)]
pub struct ClientStream {
    phase: Phase,
    held: Vec<u8>,
    down: Down,
}

/// What the guest believes to be pressed.
#[derive(Debug, Default)]
struct Down {
    /// The messages that let the keys go again.
    keys: Vec<Vec<u8>>,
    buttons: u8,
    place: [u8; 4],
}

impl Default for ClientStream {
    fn default() -> Self {
        Self { phase: Phase::Version, held: Vec::new(), down: Down::default() }
    }
}

impl ClientStream {
    /// Reads on; what may pass is appended to `out`. `input`: whether keys and pointer may.
    pub fn feed(&mut self, mut bytes: &[u8], input: bool, out: &mut Vec<u8>) -> Result<(), RfbError> {
        while !bytes.is_empty() {
            if let Phase::Text(left) = self.phase {
                let skipped = bytes.len().min(left as usize);
                bytes = &bytes[skipped..];
                let left = left - skipped as u32;
                self.phase = if left == 0 { Phase::Messages } else { Phase::Text(left) };
                continue;
            }
            let taken = (self.needed()? - self.held.len()).min(bytes.len());
            self.held.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.held.len() == self.needed()? {
                self.complete(input, out)?;
                self.held.clear();
            }
        }
        Ok(())
    }

    /// Lets go of everything that is down: for a viewer that is not in control any more.
    pub fn let_go(&mut self, out: &mut Vec<u8>) {
        let Down { keys, buttons, place } = std::mem::take(&mut self.down);
        keys.iter().for_each(|key| out.extend_from_slice(key));
        if buttons != 0 {
            out.extend_from_slice(&[POINTER, 0]);
            out.extend_from_slice(&place);
        }
    }

    /// Bytes held of a message that is not whole.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// How long the message is that the held bytes begin, as far as they say.
    fn needed(&self) -> Result<usize, RfbError> {
        match self.phase {
            Phase::Version => Ok(VERSION.len()),
            Phase::Security | Phase::Init | Phase::Text(_) => Ok(1),
            Phase::Messages => match *self.held.as_slice() {
                [] => Ok(1),
                [SET_PIXEL_FORMAT, ..] => Ok(20),
                [SET_ENCODINGS, _, high, low, ..] => match u16::from_be_bytes([high, low]) {
                    count if usize::from(count) <= ENCODINGS_MAX => Ok(4 + 4 * usize::from(count)),
                    count => Err(RfbError::Encodings(count)),
                },
                [SET_ENCODINGS, ..] => Ok(4),
                [UPDATE_REQUEST, ..] => Ok(10),
                [KEY | CUT_TEXT, ..] => Ok(8),
                [POINTER, ..] => Ok(6),
                [QEMU, QEMU_KEY, ..] => Ok(12),
                [QEMU] => Ok(2),
                [kind, ..] => Err(RfbError::Unknown(kind)),
            },
        }
    }

    fn complete(&mut self, input: bool, out: &mut Vec<u8>) -> Result<(), RfbError> {
        let held = self.held.as_slice();
        match self.phase {
            Phase::Version if held == VERSION => self.phase = Phase::Security,
            Phase::Version => return Err(RfbError::Version),
            Phase::Security if held == [NO_AUTHENTICATION] => self.phase = Phase::Init,
            Phase::Security => return Err(RfbError::Security(held[0])),
            Phase::Init => {
                self.phase = Phase::Messages;
                // Whatever it asked for: nobody throws the others out.
                out.push(SHARED);
                return Ok(());
            }
            Phase::Text(_) => {}
            Phase::Messages => {
                match held[0] {
                    SET_PIXEL_FORMAT | UPDATE_REQUEST => out.extend_from_slice(held),
                    SET_ENCODINGS => known_encodings(held, out),
                    CUT_TEXT => {
                        // Negative lengths are those of the extended clipboard.
                        let length = i32::from_be_bytes([held[4], held[5], held[6], held[7]]).unsigned_abs();
                        match length {
                            0 => {}
                            length if length <= TEXT_MAX => self.phase = Phase::Text(length),
                            length => return Err(RfbError::Text(length)),
                        }
                    }
                    _ if !input => {}
                    POINTER => {
                        self.down.point(held);
                        out.extend_from_slice(held);
                    }
                    _ if self.down.press(held) => out.extend_from_slice(held),
                    _ => {}
                }
                return Ok(());
            }
        }
        out.extend_from_slice(held);
        Ok(())
    }
}

impl Down {
    fn point(&mut self, message: &[u8]) {
        self.buttons = message[1];
        self.place.copy_from_slice(&message[2..6]);
    }

    /// A key goes down or up. False: it is one too many.
    fn press(&mut self, message: &[u8]) -> bool {
        // The byte that says down or up: the first in a key's message, the second of two in QEMU's.
        let at = if message[0] == QEMU { 3 } else { 1 };
        let mut up = message.to_vec();
        up[at] = 0;
        if message[0] == QEMU {
            up[2] = 0;
        }
        let known = self.keys.iter().position(|key| *key == up);
        match (message[at] != 0 || (message[0] == QEMU && message[2] != 0), known) {
            (true, None) if self.keys.len() == KEYS_MAX => return false,
            (true, None) => self.keys.push(up),
            (true, Some(_)) | (false, None) => {}
            (false, Some(known)) => drop(self.keys.swap_remove(known)),
        }
        true
    }
}

/// The encodings of which this stream knows what they bring with them. Others (desktop sizes set by the viewer, audio, power
/// control, fences) would let the viewer send messages that are not known here.
fn known_encodings(message: &[u8], out: &mut Vec<u8>) {
    let known: Vec<u8> = message[4..]
        .chunks_exact(4)
        .filter(|bytes| is_known([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .flatten()
        .copied()
        .collect();
    out.extend_from_slice(&[SET_ENCODINGS, 0]);
    out.extend_from_slice(&((known.len() / 4) as u16).to_be_bytes());
    out.extend_from_slice(&known);
}

fn is_known(encoding: [u8; 4]) -> bool {
    match i32::from_be_bytes(encoding) {
        // Raw, CopyRect, RRE, Hextile, Zlib, Tight, ZRLE, TightPNG.
        0 | 1 | 2 | 5 | 6 | 7 | 16 | -260 => true,
        // JPEG quality and compression levels.
        -32..=-23 | -256..=-247 => true,
        // Desktop size, last rectangle, cursor, cursor with alpha, name, QEMU's keys, lights of the keyboard.
        -223 | -224 | -239 | -314 | -307 | -258 | -261 => true,
        _ => false,
    }
}

#[cfg(test)]
#[path = "rfb_tests.rs"]
mod tests;
