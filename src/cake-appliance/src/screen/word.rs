//! The word that lets an administrator in: shown here, its digest left where caked finds it.

use anyhow::{Context, Result};
use cake_types::modhex;
use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::menu::Word;

/// Beside the node's socket: only root writes there.
const FILE: &str = "/run/cake/way-in";
/// How long a word is good.
const GOOD: SignedDuration = SignedDuration::from_mins(15);
/// Random bytes of a word: 80 bits, of which nobody can try more than a few.
const BYTES: usize = 10;

/// A new word; the one before lets nobody in any more.
pub fn make() -> Result<Word> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).context("random numbers")?;
    let (text, until) = (modhex::write(&random).to_string(), Timestamp::now() + GOOD);
    leave(Path::new(FILE), &text, until)?;
    Ok(Word { text, until })
}

pub fn forget() -> Result<()> {
    match fs::remove_file(FILE) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("take the word back"),
        _ => Ok(()),
    }
}

/// Whole or not at all. Everybody may read it: a digest of so many random bits says nothing.
fn leave(path: &Path, word: &str, until: Timestamp) -> Result<()> {
    let fresh = path.with_extension("new");
    let text = json!({ "digest": HEXLOWER.encode(&Sha256::digest(word.as_bytes())), "until": until }).to_string();
    let _ = fs::remove_file(&fresh);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&fresh).context("leave a word")?;
    file.write_all(text.as_bytes()).context("leave a word")?;
    // Not by the mode above: what this program makes is nobody else's to read otherwise.
    file.set_permissions(fs::Permissions::from_mode(0o644)).context("leave a word")?;
    fs::rename(&fresh, path).context("leave a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_holds_no_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("way-in");
        let word = modhex::write(&[9; BYTES]);
        for _ in 0..2 {
            leave(&path, &word, Timestamp::UNIX_EPOCH).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(word.as_str()) && text.contains("1970-01-01T00:00:00Z"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }
}
