//! New passwords of BMCs: made here, sealed at once, kept by whoever asked. Nothing of it is written down before it is in the Store.

use cake_node_api::NodeError;
use cake_planner::bmc_password::strong;
use cake_types::{OsRng, PublicKey, Sealed, seal};
use zeroize::Zeroizing;

/// Every BMC takes so many bytes (IPMI 2.0 §22.30): 93 bits.
const LENGTH: usize = 16;
/// More readers than any rack has.
const KEYS: usize = 64;

pub fn sealed(keys: &[PublicKey]) -> Result<Sealed<String>, NodeError> {
    if keys.is_empty() || keys.len() > KEYS {
        return Err(NodeError::Invalid { detail: "a password is sealed to somebody".into() });
    }
    let internal = |error: &dyn std::fmt::Display| NodeError::Internal { detail: error.to_string() };
    // Four times as much as is needed: what would favour some characters is passed over.
    let mut random = Zeroizing::new([0; 4 * LENGTH]);
    getrandom::fill(&mut *random).map_err(|error| internal(&error))?;
    let password = Zeroizing::new(strong(LENGTH, &*random));
    if password.len() < LENGTH {
        return Err(NodeError::Internal { detail: "randomness is not random".into() });
    }
    seal(&*password, keys, &mut OsRng).map_err(|error| internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::SecretKey;

    #[test]
    fn each_is_another_and_who_has_a_key_reads_it() {
        let key = SecretKey::generate(&mut OsRng);
        let made = || sealed(&[key.public()]).unwrap().open(&key).unwrap();
        let (one, other) = (made(), made());
        assert!(one != other && one.len() == LENGTH && one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(sealed(&[]).is_err() && sealed(&vec![key.public(); KEYS + 1]).is_err());
    }
}
