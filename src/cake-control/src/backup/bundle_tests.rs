use super::*;
use cake_types::{OsRng, SecretKey};

fn made(size: usize) -> (Vec<u8>, Vec<u8>, SecretKey) {
    let secret = SecretKey::generate(&mut OsRng);
    let content: Vec<u8> = (0..size).map(|at| (at * 7 % 251) as u8).collect();
    let header =
        Header::new(Timestamp::from_second(1_790_000_000).unwrap(), "機房".into(), secret.public(), size as u64);
    let mut file = Vec::new();
    write(&header, &secret.derive(PURPOSE), &content[..], &mut file).unwrap();
    (file, content, secret)
}

fn opened(mut file: &[u8], key: &BundleKey) -> Result<Vec<u8>, BundleError> {
    let length = file.len() as u64;
    let (header, start) = read_header(&mut file, length)?;
    let mut out = Vec::new();
    open(&header, &start, file, key, &mut out)?;
    Ok(out)
}

#[test]
fn what_was_written_is_read() {
    for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
        let (file, content, secret) = made(size);
        assert_eq!(opened(&file, &secret.derive(PURPOSE)).unwrap(), content, "{size}");
    }
}

#[test]
fn a_file_that_was_cut_or_grew_is_refused() {
    let (file, _, secret) = made(2 * BLOCK + 9);
    let key = secret.derive(PURPOSE);
    let (_, lines) = header(&file).unwrap();
    for keep in [file.len() - 1, file.len() - TAG, lines + BLOCK + TAG, lines] {
        let cut = opened(&file[..keep], &key).unwrap_err();
        assert!(matches!(cut, BundleError::CutShort { have, .. } if have == keep as u64), "{keep}: {cut}");
    }
    assert!(matches!(opened(&file[..lines - 1], &key), Err(BundleError::None)));
    let longer = [&file[..], b"x"].concat();
    assert!(matches!(opened(&longer, &key), Err(BundleError::Damaged)));
}

#[test]
fn one_bit_anywhere_is_enough_to_be_refused() {
    let (file, _, secret) = made(BLOCK + 100);
    let key = secret.derive(PURPOSE);
    for at in (0..300).chain((300..file.len()).step_by(997)) {
        let mut other = file.clone();
        other[at] ^= 1;
        assert!(opened(&other, &key).is_err(), "byte {at}");
    }
    // Blocks in another order, or the first one twice.
    let (file, _, secret) = made(3 * BLOCK);
    let (_, lines) = header(&file).unwrap();
    let block = BLOCK + TAG;
    let swapped = [
        &file[..lines],
        &file[lines + block..lines + 2 * block],
        &file[lines..lines + block],
        &file[lines + 2 * block..],
    ];
    assert!(matches!(opened(&swapped.concat(), &secret.derive(PURPOSE)), Err(BundleError::Damaged)));
}

#[test]
fn another_key_opens_nothing() {
    let (file, _, secret) = made(10);
    let other = SecretKey::generate(&mut OsRng);
    assert!(matches!(opened(&file, &other.derive(PURPOSE)), Err(BundleError::Damaged)));
    assert!(matches!(opened(&file, &secret.derive("another purpose")), Err(BundleError::Damaged)));
}

#[test]
fn a_later_format_is_told_from_what_is_none() {
    let line = |text: &str| [MAGIC, text.as_bytes(), b"\n"].concat();
    let newer = header(&line("{\"format\":2,\"cake\":\"9.0\",\"other\":[]}")).unwrap_err();
    assert!(matches!(newer, BundleError::Newer { format: 2, cake } if cake == "9.0"));
    for none in
        [&b""[..], b"PK\x03\x04", MAGIC, &line("{}"), &line("{\"format\":1}"), &line("{\"format\":0}"), &line("x")]
    {
        assert!(matches!(header(none), Err(BundleError::None)));
    }
    let long = [MAGIC, &vec![b' '; 2 * HEADER_MAX]].concat();
    assert!(matches!(header(&long), Err(BundleError::None)));
}
