//! What must hold for all bytes that a QEMU can send. Shared by the fuzz target and by the replay on stable Rust.

use cake_qmp::{Command, Framer, LineTooLong, Message, commands, parse_line};

/// Small, so that short inputs reach it.
const LONGEST_LINE: usize = 4096;

/// Panics when an invariant does not hold.
pub fn check(bytes: &[u8]) {
    let whole = frame(bytes, usize::MAX);
    // The first byte decides how the stream falls into chunks; lines must not depend on it.
    let size = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    assert_eq!(whole, frame(bytes, size), "lines depend on chunks of {size}");
    for line in &whole.0 {
        assert!(line.len() <= LONGEST_LINE && !line.contains(&b'\n'));
        if let Ok(Message::Answer { value, .. }) = parse_line(line) {
            decode_as_everything(value.get());
        }
    }
}

/// Complete lines, and whether the stream was refused.
fn frame(bytes: &[u8], size: usize) -> (Vec<Vec<u8>>, bool) {
    let mut framer = Framer::new(LONGEST_LINE);
    let mut lines = Vec::new();
    for chunk in bytes.chunks(size) {
        let outcome = framer.feed(chunk, |line| {
            lines.push(line.to_vec());
            Ok::<(), LineTooLong>(())
        });
        if outcome.is_err() {
            return (lines, true);
        }
        assert!(framer.held() <= LONGEST_LINE);
    }
    (lines, false)
}

/// Any answer may come to any command.
fn decode_as_everything(value: &str) {
    fn decode<C: Command>(value: &str) {
        let _ = serde_json::from_str::<C::Answer>(value);
    }
    decode::<commands::Stop>(value);
    decode::<commands::QueryStatus>(value);
    decode::<commands::QueryUuid>(value);
    decode::<commands::QueryVersion>(value);
    decode::<commands::QueryCpusFast>(value);
    decode::<commands::QueryBlock>(value);
    decode::<commands::RingbufRead>(value);
    decode::<commands::AddFd>(value);
    decode::<commands::QueryQmpSchema>(value);
}
