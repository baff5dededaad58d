use super::{HEADER, NamePlate, area_length, areas, parse};
use cake_types::{PartFact, PartTrouble};

/// Appends a sum that makes all zero.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte)));
    bytes
}

/// An area of whole units of eight bytes.
fn area(fields: &[u8]) -> Vec<u8> {
    let units = (fields.len() + 3).div_ceil(8);
    let mut bytes = vec![1, units as u8];
    bytes.extend(fields);
    bytes.resize(units * 8 - 1, 0);
    summed(bytes)
}

fn text(text: &[u8]) -> Vec<u8> {
    [&[0xc0 | text.len() as u8], text].concat()
}

fn device(parts: [&[u8]; 3]) -> Vec<u8> {
    let mut header = vec![1, 0];
    let mut bytes = vec![];
    for part in parts {
        header.push(if part.is_empty() { 0 } else { (HEADER + bytes.len()) as u8 / 8 });
        bytes.extend_from_slice(part);
    }
    header.extend([0, 0]);
    [summed(header), bytes].concat()
}

fn whole() -> Vec<u8> {
    let chassis = area(&[&[23][..], &text(b"CH-1"), &text(b"C\xe9rie-7"), &text(b"rack 4"), &[0xc1]].concat());
    let board = [
        &[25, 0x20, 0x4e, 0xbd][..],
        &text(b"Quanta"),
        &[0x83, 0x29, 0xdc, 0xa6], // 6 bits: IPMI
        &[0x42, 0x12, 0x3a],       // BCD plus
        &text(b"PN"),
        &text(b"file"),
        &[0x02, 0xde, 0xad], // binary
        &[0xc1],
    ];
    let product = [
        &[1][..], // another language: two bytes a letter
        &text(&[0x6b, 0x70, 0xe8, 0x66]),
        &text(&[0x2d, 0x4e, 0x87, 0x65]),
        &[0x00, 0x00, 0xc2, b'7', 0],
        &[0xc1],
    ];
    device([&chassis, &area(&board.concat()), &area(&product.concat())])
}

fn told(plate: &NamePlate) -> Vec<(PartFact, &str)> {
    plate.fields.iter().map(|field| (field.what, field.text.as_str())).collect()
}

#[test]
fn a_whole_name_plate_is_read() {
    let plate = parse(&whole());
    let fields = [
        (PartFact::ChassisKind, "23"),
        (PartFact::ChassisPart, "CH-1"),
        (PartFact::ChassisSerial, "Cérie-7"),
        (PartFact::Extra, "rack 4"),
        (PartFact::BoardMade, "2019-08-03T11:44:00Z"),
        (PartFact::BoardMaker, "Quanta"),
        (PartFact::BoardName, "IPMI"),
        (PartFact::BoardSerial, "123"),
        (PartFact::BoardPart, "PN"),
        (PartFact::Extra, "dead"),
        (PartFact::ProductMaker, "\u{706b}\u{66e8}"),
        (PartFact::ProductName, "中文"),
        (PartFact::ProductSerial, "7"),
    ];
    assert_eq!(told(&plate), fields);
    assert_eq!(plate.trouble, None);
}

#[test]
fn only_what_is_needed_is_read() {
    let bytes = whole();
    let starts = areas(&bytes[..HEADER]);
    assert_eq!(starts.len(), 3);
    let last = starts[2];
    assert_eq!(last + area_length(&bytes[last..]), bytes.len());
    assert_eq!((areas(&[]), areas(&[0xff; 8]), area_length(&[1])), (vec![], vec![], 0));
}

#[test]
fn a_broken_sum_is_told_and_the_rest_is_read() {
    let mut bytes = whole();
    let serial = bytes.windows(4).position(|four| four == b"CH-1").expect("it is there");
    bytes[serial] = b'X';
    let plate = parse(&bytes);
    assert_eq!(plate.trouble, Some(PartTrouble::Checksum));
    assert_eq!(told(&plate)[1], (PartFact::ChassisPart, "XH-1"));
    assert_eq!(plate.fields.len(), 13);
    let mut bytes = whole();
    bytes[7] ^= 1;
    assert_eq!((parse(&bytes).trouble, parse(&bytes).fields.len()), (Some(PartTrouble::Checksum), 13));
}

#[test]
fn what_was_never_written_is_empty() {
    for bytes in [&[][..], &[0; 64], &[0xff; 256]] {
        assert_eq!(parse(bytes), NamePlate { fields: vec![], trouble: Some(PartTrouble::Empty) });
    }
}

#[test]
fn what_contradicts_itself_is_broken_and_what_is_before_it_is_read() {
    let bytes = whole();
    for length in 1..bytes.len() {
        let plate = parse(&bytes[..length]);
        assert_eq!(plate.trouble, Some(PartTrouble::Broken), "{length}");
    }
    // A field that is longer than its area.
    let board = area(&[&[25, 0, 0, 0][..], &text(b"Quanta"), &[0xff, b'x']].concat());
    let plate = parse(&device([&[], &board, &[]]));
    assert_eq!((told(&plate), plate.trouble), (vec![(PartFact::BoardMaker, "Quanta")], Some(PartTrouble::Broken)));
    // An area of no bytes, and one that no end closes.
    let zero = summed(vec![1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(parse(&device([&zero, &[], &[]])).trouble, Some(PartTrouble::Broken));
    assert_eq!(parse(&[&device([&[], &[], &[]])[..4], &[0; 4]].concat()).trouble, Some(PartTrouble::Checksum));
}
