//! Who stands in front of the server lets an administrator in: the screen shows a word, root leaves its digest beside the node's socket,
//! and whoever types the word into a browser in time sets that administrator's password. Once.

use super::Accounts;
use cake_store::Expect;
use cake_types::{Actor, Code, Name, Problem, modhex};
use jiff::Timestamp;
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::PathBuf;
use subtle::ConstantTimeEq;

use super::reset::Reset;
use crate::caller::Caller;
use crate::{error, keys, random, record};

/// Larger than any file of ours.
const LONGEST: u64 = 4096;

/// What the screen leaves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WayIn {
    /// SHA-256 of the word as [`modhex::write`] writes it, in hexadecimal digits.
    digest: String,
    until: Timestamp,
}

impl Accounts {
    /// Makes the administrator of that name one who can log in with that password: their sessions end, and one who was disabled is not
    /// any more. Wrong words are counted against their address, as wrong passwords are.
    pub async fn let_in(&self, caller: &Caller, word: &str, name: Name, password: &str) -> Result<(), Problem> {
        self.may_try(caller)?;
        // The place of the one that was taken last is the lock: of two who come at once with the same word one is let in.
        let taken = record::get::<String>(&*self.ledger.store, &keys::way_in()).await.map_err(error::record)?;
        let way_in = self.way_in().await;
        let good = |way_in: &WayIn| {
            let open = way_in.until > self.ledger.now();
            open && taken.as_ref().is_none_or(|taken| taken.value != way_in.digest) && is_word(word, &way_in.digest)
        };
        let Some(WayIn { digest, .. }) = way_in.filter(good) else {
            self.wrong_token(caller).await?;
            return Err(Problem::new(Code::WrongWord).at("/word"));
        };
        let hash = self.hash(password).await?;
        let expected = taken.map_or(Expect::Absent, |taken| Expect::Revision(taken.revision));
        let caller = Caller { actor: Actor::Root, ..caller.clone() };
        let reset = Reset { name, password_argon2id: hash };
        self.reset(&caller, reset, keys::way_in(), expected, digest).await
    }

    async fn way_in(&self) -> Option<WayIn> {
        let path: PathBuf = self.reset_file.as_ref()?.with_file_name("way-in");
        let read = match tokio::fs::metadata(&path).await {
            Ok(found) if found.is_file() && found.len() <= LONGEST => tokio::fs::read(&path).await,
            Ok(_) => return None,
            Err(error) => Err(error),
        };
        match read.map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(way_in)) => Some(way_in),
            Ok(Err(error)) => {
                tracing::warn!(%error, "what the screen left is not what it should be");
                None
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "what the screen left can't be read");
                None
            }
        }
    }
}

/// Typed as a person types it: capitals, spaces and missing hyphens are forgiven.
fn is_word(typed: &str, digest: &str) -> bool {
    let Some(bytes) = modhex::read(typed) else { return false };
    let typed = random::digest(&modhex::write(&bytes));
    bool::from(typed.as_bytes().ct_eq(digest.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_however_it_is_typed() {
        let word = modhex::write(&[7; 10]);
        let digest = random::digest(&word);
        assert!(is_word(&word, &digest) && is_word(&word.to_uppercase().replace('-', " "), &digest));
        assert!(!is_word("", &digest) && !is_word(&word[1..], &digest) && !is_word("cbcb", &digest));
    }
}
