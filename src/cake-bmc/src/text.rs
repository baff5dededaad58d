//! How IPMI packs texts: in sensor records (IPMI 2.0 §43.15) and on name plates (FRU storage definition §13).

/// The upper two bits of a type/length byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Two bytes a letter, the lower one first.
    Unicode,
    BcdPlus,
    /// Letters of 6 bits, from the space on.
    SixBit,
    /// ASCII and Latin-1.
    EightBit,
}

/// Without what nobody can read: control characters, and blanks at both ends.
pub fn decode(packing: Packing, bytes: &[u8]) -> String {
    let text: String = match packing {
        Packing::EightBit => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Packing::SixBit => six_bit(bytes),
        Packing::BcdPlus => bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(bcd_plus).collect(),
        Packing::Unicode => {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
    };
    text.chars().filter(|letter| !letter.is_control()).collect::<String>().trim().to_owned()
}

fn bcd_plus(digit: u8) -> char {
    char::from(b"0123456789 -.:,_"[usize::from(digit & 0xf)])
}

/// Four letters in three bytes, the lowest bits first. What is left over at the end and is no whole letter is padding.
fn six_bit(bytes: &[u8]) -> String {
    let letters = bytes.len() * 8 / 6;
    let bit = |at: usize| bytes[at / 8] >> (at % 8) & 1;
    let letter = |number: usize| (0..6).map(|of| bit(number * 6 + of) << of).sum::<u8>();
    (0..letters).map(|number| char::from(letter(number) + b' ')).collect()
}

#[cfg(test)]
mod tests {
    use super::{Packing, decode};

    #[test]
    fn every_packing_is_read() {
        assert_eq!(decode(Packing::EightBit, b"CPU \xb0C\0"), "CPU °C");
        // The example of the FRU storage definition, §13.3.
        assert_eq!(decode(Packing::SixBit, &[0x29, 0xdc, 0xa6]), "IPMI");
        assert_eq!(decode(Packing::BcdPlus, &[0x12, 0xb3, 0xca]), "12-3.");
        assert_eq!(decode(Packing::Unicode, &[0x6b, 0x70, 0xe8, 0x66]), "\u{706b}\u{66e8}");
        assert_eq!(decode(Packing::Unicode, &[0x00, 0xd8, 0x41]), "\u{fffd}");
    }

    #[test]
    fn what_cant_be_read_is_left_out() {
        assert_eq!(decode(Packing::EightBit, b"\x1b[2J fan \r\n"), "[2J fan");
        assert_eq!(decode(Packing::SixBit, &[]), "");
    }
}
