//! Name plates (FRU Information Storage Definition 1.0 rev. 1.3): chassis, board and product.

use crate::description::PartSpec;

const RACK_MOUNT: u8 = 0x17;
const MAKER: &str = "cake laboratory";

pub fn plate(part: &PartSpec) -> Vec<u8> {
    let chassis = area(&[RACK_MOUNT], &["cake-lab", &part.serial]);
    // English; minutes since 1996: unspecified.
    let board = area(&[0, 0, 0, 0], &[MAKER, &part.name, &part.serial, "cake-lab-board", ""]);
    let product = area(&[0], &[MAKER, &part.name, "cake-lab", "1.0", &part.serial, "", ""]);
    let blocks = |bytes: &[u8]| (bytes.len() / 8) as u8;
    let at_board = 1 + blocks(&chassis);
    let header = whole(vec![1, 0, 1, at_board, at_board + blocks(&board), 0]);
    [header, chassis, board, product].concat()
}

/// Version, length in blocks of eight bytes, what is fixed, texts, the mark of the end.
fn area(fixed: &[u8], texts: &[&str]) -> Vec<u8> {
    let mut bytes = vec![1, 0];
    bytes.extend(fixed);
    for text in texts {
        // Type 3: eight-bit text. At most 63 bytes have room; a single one would read as the mark of the end.
        let text = &text.as_bytes()[..text.len().min(63)];
        bytes.push(0xc0 | text.len() as u8);
        bytes.extend(text);
    }
    bytes.push(0xc1);
    bytes[1] = ((bytes.len() + 8) / 8) as u8;
    whole(bytes)
}

/// Filled up to whole blocks, of which the last byte makes the sum zero.
fn whole(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len() / 8 * 8 + 7, 0);
    bytes.push(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte)));
    bytes
}
