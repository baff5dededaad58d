//! Variables as files (efivarfs): four bytes of attributes, then the value.

use crate::option::Known;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// EFI_GLOBAL_VARIABLE.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Non-volatile, for boot services and for the running system.
const ATTRIBUTES: [u8; 4] = [7, 0, 0, 0];

#[derive(Debug, thiserror::Error)]
#[error("{path} can't be read or written")]
pub struct EfiError {
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

/// The name of an entry's variable.
pub fn entry(number: u16) -> String {
    format!("Boot{number:04X}")
}

/// Every `Boot####`, by its number.
pub fn entries(folder: &Path) -> Result<Vec<Known>, EfiError> {
    let error = |source| EfiError { path: folder.to_owned(), source };
    let mut known = Vec::new();
    for file in fs::read_dir(folder).map_err(error)? {
        let file = file.map_err(error)?;
        let name = file.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("Boot")?.strip_suffix(GLOBAL)?.strip_suffix('-'));
        let hexadecimal =
            number.filter(|number| number.len() == 4).and_then(|number| u16::from_str_radix(number, 16).ok());
        let Some(number) = hexadecimal else { continue };
        let bytes = fs::read(file.path()).map_err(error)?;
        known.push(Known::new(number, bytes.get(4..).unwrap_or_default().to_vec()));
    }
    known.sort_by_key(|known| known.number);
    Ok(known)
}

/// The numbers in a variable; none where it is not there.
pub fn numbers(folder: &Path, name: &str) -> Result<Vec<u16>, EfiError> {
    let path = path(folder, name);
    match fs::read(&path) {
        Ok(bytes) => {
            let value = bytes.get(4..).unwrap_or_default();
            Ok(value.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(EfiError { path, source }),
    }
}

pub fn store_numbers(folder: &Path, name: &str, numbers: &[u16]) -> Result<(), EfiError> {
    let value: Vec<u8> = numbers.iter().copied().flat_map(u16::to_le_bytes).collect();
    store(folder, name, &value)
}

/// Attributes and value in one write, as efivarfs wants it.
pub fn store(folder: &Path, name: &str, value: &[u8]) -> Result<(), EfiError> {
    let path = path(folder, name);
    let whole = [&ATTRIBUTES, value].concat();
    // The same again would only wear out the firmware's memory.
    if fs::read(&path).is_ok_and(|there| there == whole) {
        return Ok(());
    }
    fs::write(&path, whole).map_err(|source| EfiError { path, source })
}

pub fn remove(folder: &Path, name: &str) -> Result<(), EfiError> {
    let path = path(folder, name);
    fs::remove_file(&path).map_err(|source| EfiError { path, source })
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}-{GLOBAL}"))
}
