//! The checksums that a package brings with it (DSP0243 §5.1): one line for each file, `SHA256(NAME)= HEX`. VMware's products write
//! SHA-1 by default, and so it is read; it says that a file is whole, not who made it.

use super::tar::{self, Member};
use super::{broken, text};
use crate::inspect::{Refusal, Source};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};
use std::io::{self, Read};

/// Longest manifest that is read, in bytes.
const MANIFEST_MAX: u64 = 128 << 10;
/// Read at a time.
const STEP: usize = 256 << 10;

/// What a file must be, and what of it was read so far.
struct Sum {
    file: Member,
    digest: Box<dyn DynDigest>,
    expected: Vec<u8>,
}

/// Reads all of a package: gives its SHA-256, hexadecimal, and whether each file is what the manifest says.
pub fn read_all<S: Source + Read>(package: &mut S) -> io::Result<(String, Result<(), Refusal>)> {
    let sums = tar::list(package).and_then(|members| sums(package, &members));
    let (mut sums, refusal) = match sums {
        Ok(sums) => (sums, Ok(())),
        Err(refusal) => (Vec::new(), Err(refusal)),
    };
    let (mut whole, mut buffer, mut at) = (Sha256::default(), vec![0; STEP], 0);
    loop {
        let count = match package.read(&mut buffer)? {
            0 => break,
            count => count,
        };
        let bytes = &buffer[..count];
        sha2::Digest::update(&mut whole, bytes);
        sums.iter_mut().for_each(|sum| sum.take(bytes, at));
        at += count as u64;
    }
    let wrong = sums.into_iter().find_map(Sum::differs);
    Ok((HEXLOWER.encode(&sha2::Digest::finalize(whole)), wrong.map_or(refusal, Err)))
}

/// The sums of the first manifest; without one there is nothing to check.
fn sums<S: Source + ?Sized>(source: &S, members: &[Member]) -> Result<Vec<Sum>, Refusal> {
    let Some(manifest) = members.iter().find(|member| member.ends_with(".mf")) else { return Ok(Vec::new()) };
    listed(&text(source, manifest, MANIFEST_MAX)?, members)
}

fn listed(text: &str, members: &[Member]) -> Result<Vec<Sum>, Refusal> {
    let mut sums = Vec::<Sum>::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let sum = sum(line, members)?;
        // Each costs a pass over the whole file.
        if sums.iter().any(|other| other.file == sum.file) {
            return Err(broken("its manifest names a file twice"));
        }
        sums.push(sum);
    }
    Ok(sums)
}

fn sum(line: &str, members: &[Member]) -> Result<Sum, Refusal> {
    let wrong = || broken("its manifest is no list of checksums");
    let (algorithm, rest) = line.split_once('(').ok_or_else(wrong)?;
    // A name may hold a bracket; what follows the last can't.
    let (name, sum) = rest.rsplit_once(')').ok_or_else(wrong)?;
    let digest: Box<dyn DynDigest> = match algorithm.trim() {
        "SHA1" => Box::new(Sha1::default()),
        "SHA256" => Box::new(Sha256::default()),
        "SHA512" => Box::new(Sha512::default()),
        _ => return Err(broken("its manifest has checksums of a kind that is not known")),
    };
    let sum = sum.trim_start().strip_prefix('=').ok_or_else(wrong)?.trim();
    let expected = HEXLOWER_PERMISSIVE.decode(sum.as_bytes()).map_err(|_| wrong())?;
    if expected.len() != digest.output_size() {
        return Err(wrong());
    }
    let file = members.iter().find(|member| member.name == name);
    let file = file.ok_or_else(|| broken("a file of its manifest is not in it"))?.clone();
    Ok(Sum { file, digest, expected })
}

impl Sum {
    /// What of `bytes`, which lie at `at`, is the file's.
    fn take(&mut self, bytes: &[u8], at: u64) {
        let (first, end) = (self.file.offset, self.file.offset + self.file.length);
        let from = first.clamp(at, at + bytes.len() as u64) - at;
        let to = end.clamp(at, at + bytes.len() as u64) - at;
        self.digest.update(&bytes[from as usize..to.max(from) as usize]);
    }

    fn differs(self) -> Option<Refusal> {
        let Self { file, digest, expected } = self;
        (*digest.finalize() != *expected).then_some(Refusal::Differs { file: file.name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_others_write_them() {
        let member = |name: &str| Member { name: name.into(), offset: 0, length: 0 };
        let members = [member("web.ovf"), member("a (1).vmdk")];
        let (one, two) = ("A".repeat(40), "0".repeat(64));
        let text = format!("SHA1(web.ovf)= {one}\r\nSHA256 (a (1).vmdk) = {two}\n\n");
        let sums = listed(&text, &members).unwrap();
        assert_eq!(sums.iter().map(|sum| sum.file.name.as_str()).collect::<Vec<_>>(), ["web.ovf", "a (1).vmdk"]);
        for line in [
            "",
            "hello",
            "SHA1(web.ovf)",
            "SHA1(web.ovf)= 00",
            "MD5(web.ovf)= 00",
            &format!("SHA1(b)= {one}"),
            &format!("SHA1(web.ovf)= {one}\nSHA1(web.ovf)= {one}"),
        ] {
            assert_eq!(listed(line, &members).is_ok(), line.is_empty(), "{line}");
        }
    }

    #[test]
    fn a_file_is_taken_from_wherever_it_lies() {
        let file = Member { name: "a".into(), offset: 3, length: 4 };
        let mut sum = Sum {
            file,
            digest: Box::new(Sha256::default()),
            expected: <Sha256 as sha2::Digest>::digest(b"defg").to_vec(),
        };
        for (at, bytes) in [(0, &b"ab"[..]), (2, b"cd"), (4, b"ef"), (6, b"gh"), (8, b"ij")] {
            sum.take(bytes, at);
        }
        assert!(sum.differs().is_none());
    }
}
