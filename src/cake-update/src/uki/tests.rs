use super::pe::Layout;
use super::*;
use std::process::Command;

const ROOT_BYTES: &[u8] = b"a squashfs";

/// One file of an archive.
fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut numbers = [0; 13];
    (numbers[6], numbers[11]) = (content.len(), name.len() + 1);
    let numbers: String = numbers.iter().map(|number| format!("{number:08x}")).collect();
    let mut bytes = format!("070701{numbers}{name}\0").into_bytes();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn initramfs() -> Vec<u8> {
    [entry(".", b""), entry("init", b"#!"), entry("root.squashfs", ROOT_BYTES), entry("TRAILER!!!", b"")].concat()
}

/// A file as a linker lays it out, not signed.
fn image(version: &str, kernel: &[u8]) -> Vec<u8> {
    let osrel = format!("ID=cake\nIMAGE_VERSION={version}\n");
    let initramfs = initramfs();
    let sections: [(&[u8; 8], &[u8]); 4] = [
        (b".osrel\0\0", osrel.as_bytes()),
        (b".cmdline", b"quiet cake.root=sha256:00\0"),
        (b".linux\0\0", kernel),
        (b".initrd\0", &initramfs),
    ];
    let mut bytes = vec![0; 1024];
    bytes[..2].copy_from_slice(b"MZ");
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0x3c, &128_u32.to_le_bytes());
    put(128, b"PE\0\0");
    put(128 + 4, &0x8664_u16.to_le_bytes());
    put(128 + 6, &4_u16.to_le_bytes());
    put(128 + 20, &240_u16.to_le_bytes());
    let optional = 128 + 24;
    put(optional, &0x20b_u16.to_le_bytes());
    put(optional + 60, &1024_u32.to_le_bytes());
    put(optional + 108, &16_u32.to_le_bytes());
    let mut content: Vec<u8> = Vec::new();
    for (number, (name, section)) in sections.iter().enumerate() {
        let (header, at) = (optional + 240 + number * 40, 1024 + content.len());
        put(header, *name);
        put(header + 8, &(section.len() as u32).to_le_bytes());
        content.extend(*section);
        content.resize(content.len().next_multiple_of(512), 0);
        put(header + 16, &((1024 + content.len() - at) as u32).to_le_bytes());
        put(header + 20, &(at as u32).to_le_bytes());
    }
    bytes.extend(content);
    bytes
}

fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = content.len();
    let mut bytes = match length {
        0..0x80 => vec![tag, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    bytes.extend(content);
    bytes
}

/// A maker with a key of its own.
struct Signer {
    folder: tempfile::TempDir,
}

impl Signer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=maker"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Self { folder }
    }

    fn maker(&self) -> Maker {
        Maker::new(&std::fs::read(self.folder.path().join("certificate.pem")).unwrap()).unwrap()
    }

    fn signed(&self, bytes: &[u8]) -> Vec<u8> {
        let (message, signature) = (self.folder.path().join("message"), self.folder.path().join("signature"));
        std::fs::write(&message, bytes).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-sign", "key.pem", "-out"]).arg(&signature).arg(&message);
        assert!(openssl.current_dir(&self.folder).status().unwrap().success());
        std::fs::read(signature).unwrap()
    }

    /// Signs a file; `hash` is what the signature says of it.
    fn sign_as(&self, mut bytes: Vec<u8>, hash: Option<[u8; 32]>) -> Vec<u8> {
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let at = bytes.len();
        let layout = Layout::parse(&bytes, at as u64).unwrap();
        let mut own = Sha256::new();
        for part in layout.signed_parts(0..at as u64) {
            own.update(&bytes[part.start as usize..part.end as usize]);
        }
        let hash = hash.unwrap_or(own.finalize().into());
        let object = |bytes: &[u8]| der(0x06, &[bytes]);
        let (sha256, rsa) = (object(&hex("608648016503040201")), object(&hex("2a864886f70d010101")));
        let algorithm = |object: &[u8]| der(0x30, &[object, &[5, 0]]);
        let indirect_kind = object(&hex("2b060104018237020104"));
        let image_kind = der(0x30, &[&object(&hex("2b06010401823702010f")), &der(0x30, &[])]);
        let indirect = [image_kind, der(0x30, &[&algorithm(&sha256), &der(0x04, &[&hash])])].concat();
        let digest: [u8; 32] = Sha256::digest(&indirect).into();
        let attribute = |kind: &str, value: &[u8]| der(0x30, &[&object(&hex(kind)), &der(0x31, &[value])]);
        let attributes =
            [attribute("2a864886f70d010903", &indirect_kind), attribute("2a864886f70d010904", &der(0x04, &[&digest]))]
                .concat();
        let signature = self.signed(&der(0x31, &[&attributes]));
        let signer = der(
            0x30,
            &[
                &[2, 1, 1],
                &der(0x30, &[]),
                &algorithm(&sha256),
                &der(0xa0, &[&attributes]),
                &algorithm(&rsa),
                &der(0x04, &[&signature]),
            ],
        );
        let content = der(0x30, &[&indirect_kind, &der(0xa0, &[&der(0x30, &[&indirect])])]);
        let signed = der(
            0x30,
            &[&[2, 1, 1], &der(0x31, &[&algorithm(&sha256)]), &content, &der(0xa0, &[]), &der(0x31, &[&signer])],
        );
        let whole = der(0x30, &[&object(&hex("2a864886f70d010702")), &der(0xa0, &[&signed])]);
        let length = (whole.len() + 8).next_multiple_of(8);
        bytes.extend((whole.len() as u32 + 8).to_le_bytes());
        bytes.extend([0, 2, 2, 0]);
        bytes.extend(whole);
        bytes.resize(at + length, 0);
        let table = 128 + 24 + 112 + 32;
        bytes[table..table + 4].copy_from_slice(&(at as u32).to_le_bytes());
        bytes[table + 4..table + 8].copy_from_slice(&(length as u32).to_le_bytes());
        bytes
    }

    fn sign(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.sign_as(bytes, None)
    }
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn what_the_maker_signed_is_read() {
    let signer = Signer::new();
    let file = signer.sign(image("0.3.0", b"a kernel"));
    let verified = verify(&file[..], &signer.maker()).unwrap();
    assert_eq!((verified.version.as_str(), verified.parameters.as_str()), ("0.3.0", "quiet cake.root=sha256:00"));
    let root = verified.root(&file[..]).unwrap();
    assert_eq!(&file[root.start as usize..root.end as usize], ROOT_BYTES);
    let seen = look(&file[..]).unwrap();
    assert_eq!((seen.below, seen.initramfs), (verified.below, initramfs().len() as u64));
}

#[test]
fn what_lies_below_user_space_is_the_same_or_not() {
    let below = |version: &str, kernel: &[u8]| look(&image(version, kernel)[..]).unwrap().below;
    assert_eq!(below("0.3.0", b"a kernel"), below("0.4.0", b"a kernel"));
    assert_ne!(below("0.3.0", b"a kernel"), below("0.3.0", b"a kernel."));
    let other = |from: &[u8], to: &[u8]| {
        let mut file = image("0.3.0", b"a kernel");
        let at = file.windows(from.len()).position(|window| window == from).unwrap();
        file[at..at + to.len()].copy_from_slice(to);
        look(&file[..]).unwrap().below
    };
    // Another root is no other base; another parameter is.
    assert_eq!(other(b"sha256:00", b"sha256:11"), below("0.3.0", b"a kernel"));
    assert_ne!(other(b"quiet", b"debug"), below("0.3.0", b"a kernel"));
}

/// But for the checksum, which no signature covers and nobody reads, and what is put behind the maker's own signature.
#[test]
fn no_bit_can_be_changed() {
    let signer = Signer::new();
    let (file, maker) = (signer.sign(image("0.3.0", b"a kernel")), signer.maker());
    let whole = verify(&file[..], &maker).unwrap();
    let (checksum, table) = (128 + 24 + 64, Layout::parse(&file, file.len() as u64).unwrap().signatures.unwrap());
    for at in (0..file.len()).filter(|at| !(checksum..checksum + 4).contains(at)) {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        match verify(&changed[..], &maker) {
            Err(_) => {}
            // Parts of the signature say nothing: names of its signer, parameters of algorithms, what fills it up.
            Ok(verified) => assert!(verified == whole && at as u64 >= table.start, "{at}"),
        }
    }
    for length in [0, 1, 63, 128, 152, 400, 1024, 2000, file.len() - 1] {
        assert!(verify(&file[..length], &maker).is_err(), "{length}");
    }
    let longer = [&file[..], &[0; 8]].concat();
    assert!(verify(&longer[..], &maker).is_err());
}

#[test]
fn only_the_makers_signature_counts() {
    let (signer, other) = (Signer::new(), Signer::new());
    let file = signer.sign(image("0.3.0", b"a kernel"));
    assert!(matches!(verify(&file[..], &other.maker()), Err(UkiError::Changed)));
    assert!(matches!(verify(&image("0.3.0", b"")[..], &signer.maker()), Err(UkiError::NotSigned)));
    let wrong = signer.sign_as(image("0.3.0", b"a kernel"), Some([7; 32]));
    assert!(matches!(verify(&wrong[..], &signer.maker()), Err(UkiError::Changed)));
    for certificate in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(Maker::new(certificate), Err(UkiError::Certificate)));
    }
}

#[test]
fn a_section_that_is_there_twice_or_nowhere_is_refused() {
    let mut twice = image("0.3.0", b"a kernel");
    let second = 128 + 24 + 240 + 40;
    twice[second..second + 8].copy_from_slice(b".osrel\0\0");
    assert!(matches!(look(&twice[..]), Err(UkiError::Malformed(_))));
    let mut outside = image("0.3.0", b"a kernel");
    outside[second + 20..second + 24].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(look(&outside[..]), Err(UkiError::Malformed(_))));
}

#[test]
fn an_archive_gives_only_what_lies_within_it() {
    let find = |bytes: &[u8]| archive::find(bytes, &(0..bytes.len() as u64), "root.squashfs");
    let whole = initramfs();
    let found = find(&whole).unwrap().unwrap();
    assert_eq!(&whole[found.start as usize..found.end as usize], ROOT_BYTES);
    assert_eq!(find(&entry("TRAILER!!!", b"")).unwrap(), None);
    assert_eq!(find(b"").unwrap(), None);
    for length in 0..whole.len() - 200 {
        assert!(!matches!(find(&whole[..length]), Ok(Some(_))), "{length}");
    }
    for at in 0..110 {
        let mut changed = entry("root.squashfs", ROOT_BYTES);
        changed[at] = b'f';
        // Longer than it is, or another name, or a number that says nothing: never beyond the end.
        if let Ok(Some(range)) = find(&changed) {
            assert!(range.end <= changed.len() as u64);
        }
    }
}
