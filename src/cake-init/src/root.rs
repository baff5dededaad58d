//! The root: one squashfs, checked against the signed command line before anything of it is used.

use crate::{Failure, Step};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;

/// Where it lies in the initramfs.
pub const FILE: &str = "/root.squashfs";
/// How the command line names the root.
const PARAMETER: &str = "cake.root=sha256:";

// linux/loop.h
const LOOP_CTL_GET_FREE: libc::c_ulong = 0x4C82;
const LOOP_CONFIGURE: libc::c_ulong = 0x4C0A;
const LO_FLAGS_READ_ONLY: u32 = 1;
/// The device lets go of its file when the last who uses it has ended: its memory comes back.
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// Bytes of `struct loop_config`: descriptor, block size, `struct loop_info64`, eight reserved words.
const LOOP_CONFIG_SIZE: usize = 4 + 4 + 232 + 64;
/// Where `lo_flags` stands in it: after five 64-bit and three 32-bit fields of `struct loop_info64`.
const LO_FLAGS_AT: usize = 8 + 5 * 8 + 3 * 4;

/// The SHA-256 that the command line names, in lower case. The first one counts: what a person adds at a boot loader comes later.
pub fn expected(command_line: &str) -> Result<String, Failure> {
    let value = command_line.split_ascii_whitespace().find_map(|word| word.strip_prefix(PARAMETER));
    match value {
        Some(value) if value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Ok(value.to_ascii_lowercase())
        }
        _ => Err(Failure::NotNamed),
    }
}

/// Reads all of the root and compares.
pub fn check(path: &str, expected: &str) -> Result<(), Failure> {
    check_read(&mut open(path)?, expected)
}

/// The same from where the file is read.
pub fn check_read(file: &mut impl Read, expected: &str) -> Result<(), Failure> {
    let found = sha256(file).step("read the root")?;
    if found == expected { Ok(()) } else { Err(Failure::Changed { found, expected: expected.to_owned() }) }
}

fn sha256(from: &mut impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(format!("{:x}", hash.finalize()))
}

pub fn open(path: &str) -> Result<File, Failure> {
    File::open(path).step("open the root")
}

/// A block device of a file. It is gone with the last mount of it, or with this where it was never mounted.
#[derive(Debug)]
pub struct Attached {
    path: String,
    _held: File,
}

impl Attached {
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Makes a read-only block device of a file and says where it is.
pub fn attach(file: &File) -> Result<Attached, Failure> {
    let control = File::options().read(true).write(true).open("/dev/loop-control").step("open /dev/loop-control")?;
    let config = loop_config(file.as_raw_fd());
    loop {
        // SAFETY: this call of the loop driver takes no argument.
        let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) };
        if number < 0 {
            return Err(io::Error::last_os_error()).step("ask for a loop device");
        }
        let path = format!("/dev/loop{number}");
        let block = File::options().read(true).write(true).open(&path).step(format!("open {path}"))?;
        // SAFETY: the buffer is a whole `struct loop_config`, which the driver only reads.
        if unsafe { libc::ioctl(block.as_raw_fd(), LOOP_CONFIGURE as _, config.as_ptr()) } == 0 {
            return Ok(Attached { path, _held: block });
        }
        match io::Error::last_os_error() {
            // Somebody else took it meanwhile.
            error if error.raw_os_error() == Some(libc::EBUSY) => {}
            error => return Err(error).step(format!("set up {path}")),
        }
    }
}

/// `struct loop_config` (linux/loop.h): the file's descriptor, that it is read-only and goes by itself; everything else is the driver's
/// choice.
fn loop_config(descriptor: i32) -> [u8; LOOP_CONFIG_SIZE] {
    let mut config = [0; LOOP_CONFIG_SIZE];
    config[..4].copy_from_slice(&descriptor.to_ne_bytes());
    config[LO_FLAGS_AT..LO_FLAGS_AT + 4].copy_from_slice(&(LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR).to_ne_bytes());
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_first_name_of_the_root_counts() {
        let line = format!("quiet cake.root=sha256:{EMPTY} cake.root=sha256:{}", "0".repeat(64));
        assert_eq!(expected(&line).unwrap(), EMPTY);
    }

    #[test]
    fn a_root_that_is_not_named_in_full_is_not_started() {
        for line in [
            "",
            "cake.root=",
            "cake.root=sha256:abc",
            &format!("cake.root=md5:{EMPTY}"),
            &format!("xcake.root=sha256:{EMPTY}"),
        ] {
            assert!(matches!(expected(line), Err(Failure::NotNamed)), "{line}");
        }
    }

    #[test]
    fn one_flipped_bit_is_found() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        check(&path, EMPTY).unwrap();
        file.write_all(&[1]).unwrap();
        assert!(matches!(check(&path, EMPTY), Err(Failure::Changed { .. })));
    }

    #[test]
    fn the_loop_configuration_is_as_the_kernel_lays_it_out() {
        let config = loop_config(7);
        assert_eq!(config.len(), 304);
        assert_eq!(config[0], 7);
        assert_eq!(config[60], 5);
        assert_eq!(config.iter().filter(|byte| **byte != 0).count(), 2);
    }
}
