//! Letters that lie at the same place on every keyboard of the Latin scripts (systemd's and YubiKey's "modhex"): a recovery key is
//! typed on a server's own console, whose layout is anybody's guess.

use zeroize::Zeroizing;

const LETTERS: &[u8; 16] = b"cbdefghijklnrtuv";
/// Letters between two hyphens.
const GROUP: usize = 8;

/// Two letters for each byte, high half first, a hyphen between groups of eight.
pub fn write(bytes: &[u8]) -> Zeroizing<String> {
    // As long as it can become, so that no half of it stays behind in memory.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 9 / 4 + 1));
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && (2 * index).is_multiple_of(GROUP) {
            text.push('-');
        }
        text.push(char::from(LETTERS[usize::from(byte >> 4)]));
        text.push(char::from(LETTERS[usize::from(byte & 15)]));
    }
    text
}

/// The bytes of such a text as a person types it: capitals, spaces and missing hyphens are forgiven. None if it is another text.
pub fn read(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let mut half = None;
    for letter in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'-') {
        let value = LETTERS.iter().position(|known| *known == letter.to_ascii_lowercase())? as u8;
        match half.take() {
            None => half = Some(value),
            Some(high) => bytes.push(high << 4 | value),
        }
    }
    half.is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_typed() {
        assert_eq!(write(&[0, 0x1f, 0xab, 0xcd, 0xff]).as_str(), "ccbvlnrt-vv");
        assert_eq!(read(" CCBV lnrt\n-vV").unwrap().as_slice(), [0, 0x1f, 0xab, 0xcd, 0xff]);
        for wrong in ["c", "ca", "ccb", "zz"] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
