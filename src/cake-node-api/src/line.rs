//! What goes over the stream of a server's console: characters, and what is none: a break, and how it ended.
//!
//! ```text
//!   kind (1 byte) · length (2 bytes, the higher first) · so many bytes
//!     0  characters     1  a break, to the server     2  how it ended, as a word, from the server: the last
//! ```

use cake_types::ConsoleEnd;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of the longest piece.
pub const PIECE_MAX: usize = 16 * 1024;
/// Bytes before each piece.
const HEAD: usize = 3;

const CHARACTERS: u8 = 0;
const BREAK: u8 = 1;
const OVER: u8 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What the server said, or somebody typed.
    Characters(Vec<u8>),
    Break,
    Over(ConsoleEnd),
}

impl Piece {
    /// Characters that are longer than a piece become several.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Characters(characters) => {
                characters.chunks(PIECE_MAX).for_each(|chunk| put(&mut bytes, CHARACTERS, chunk));
            }
            Self::Break => put(&mut bytes, BREAK, &[]),
            Self::Over(end) => put(&mut bytes, OVER, end.as_str().as_bytes()),
        }
        bytes
    }

    fn of(kind: u8, bytes: &[u8]) -> io::Result<Self> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        match kind {
            CHARACTERS => Ok(Self::Characters(bytes.to_vec())),
            BREAK => Ok(Self::Break),
            OVER => {
                let end = std::str::from_utf8(bytes).ok().and_then(ConsoleEnd::from_word);
                Ok(Self::Over(end.ok_or_else(|| broken("an end that there is not"))?))
            }
            _ => Err(broken("a piece that there is not")),
        }
    }
}

fn put(bytes: &mut Vec<u8>, kind: u8, inside: &[u8]) {
    // A piece is not longer than its length can say.
    let [high, low] = (inside.len() as u16).to_be_bytes();
    bytes.extend([kind, high, low]);
    bytes.extend(inside);
}

/// Pieces, as they arrive.
pub struct PieceReader<R> {
    from: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> PieceReader<R> {
    pub fn new(from: R) -> Self {
        Self { from, buffer: Vec::new() }
    }

    /// `None`: the other side has closed. Cancel-safe: what has been read is kept.
    pub async fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.take()? {
                return Ok(Some(piece));
            }
            let mut chunk = [0; 4096];
            match self.from.read(&mut chunk).await? {
                0 => return Ok(None),
                count => self.buffer.extend(&chunk[..count]),
            }
        }
    }

    fn take(&mut self) -> io::Result<Option<Piece>> {
        let Some([kind, high, low]) = self.buffer.first_chunk::<HEAD>().copied() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > PIECE_MAX || kind > OVER {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a piece that there is not"));
        }
        let Some(inside) = self.buffer.get(HEAD..HEAD + length) else { return Ok(None) };
        let piece = Piece::of(kind, inside)?;
        self.buffer.drain(..HEAD + length);
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> io::Result<Vec<Piece>> {
        let mut reader = PieceReader::new(bytes);
        let mut pieces = Vec::new();
        while let Some(piece) = reader.next().await? {
            pieces.push(piece);
        }
        Ok(pieces)
    }

    #[tokio::test]
    async fn what_is_sent_is_read() {
        let long = Piece::Characters(vec![7; PIECE_MAX + 1]);
        let sent = [Piece::Break, Piece::Characters(b"login: ".to_vec()), long, Piece::Over(ConsoleEnd::Bmc)];
        let bytes: Vec<u8> = sent.iter().flat_map(Piece::encode).collect();
        let halves = [Piece::Characters(vec![7; PIECE_MAX]), Piece::Characters(vec![7])];
        let expected = [&sent[..2], &halves, &sent[3..]].concat();
        assert_eq!(read(&bytes).await.unwrap(), expected);
        assert_eq!(read(&bytes[..bytes.len() - 1]).await.unwrap(), expected[..4], "the last is cut");
    }

    #[tokio::test]
    async fn what_is_no_piece_is_refused_before_memory_is_taken() {
        for bytes in [&[3, 0, 0][..], &[CHARACTERS, 0xff, 0xff], &[OVER, 0, 1, b'x'], &[OVER, 0, 1, 0xff]] {
            assert_eq!(read(bytes).await.unwrap_err().kind(), io::ErrorKind::InvalidData, "{bytes:?}");
        }
    }
}
