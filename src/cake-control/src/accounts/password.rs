//! Passwords: argon2id (RFC 9106) with OWASP's least parameters for an interactive login: 19 MiB, 2 passes, 1 lane.

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use cake_types::{Problem, SetupAnswers, SetupError};

use crate::{error, random, settings};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longest password, in bytes: hashing more is only work.
const LONGEST: usize = 1024;

#[derive(Debug, thiserror::Error)]
#[error("argon2id failed: {0}")]
struct HashError(String);

/// Refuses what is too short to be a password or longer than anybody types.
pub fn check(password: &str) -> Result<(), Problem> {
    if password.chars().count() < SetupAnswers::PASSWORD_MIN {
        let error = SetupError::PasswordTooShort { min: SetupAnswers::PASSWORD_MIN };
        return Err(settings::setup_problem(&error).at("/password"));
    }
    if password.len() > LONGEST {
        return Err(Problem::invalid("password", "password-too-long").at("/password"));
    }
    Ok(())
}

/// Takes tens of milliseconds and 19 MiB: not for an async thread.
pub fn hash(password: &str) -> Result<String, Problem> {
    let failed = |e: String| error::internal("a password could not be hashed", &HashError(e));
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| failed(e.to_string()))?;
    let salt = SaltString::encode_b64(&random::bytes::<16>()).map_err(|e| failed(e.to_string()))?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon.hash_password(password.as_bytes(), &salt).map_err(|e| failed(e.to_string()))?;
    Ok(hash.to_string())
}

/// As [`hash`], and as slow.
pub fn verify(password: &str, hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    password.len() <= LONGEST && Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
}

/// A hash made elsewhere is taken when it is argon2id and not made to keep this machine busy.
pub fn is_acceptable_hash(hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    let Ok(params) = Params::try_from(&parsed) else { return false };
    parsed.algorithm.as_str() == "argon2id"
        && parsed.hash.is_some()
        && params.m_cost() <= 256 * 1024
        && params.t_cost() <= 16
        && params.p_cost() <= 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_opens_its_hash_and_no_other() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("correct horse", &hash));
        assert!(!verify("correct hors", &hash));
        assert!(is_acceptable_hash(&hash));
    }

    #[test]
    fn a_hash_that_is_none_or_too_much_work_is_refused() {
        let heavy = "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b8dWRWJTmaaJObGRdescudvJCs";
        for text in ["", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", heavy] {
            assert!(!is_acceptable_hash(text), "{text}");
        }
    }

    #[test]
    fn short_passwords_are_refused() {
        assert!(check("1234567").is_err());
        assert!(check("密碼密碼密碼密碼").is_ok());
        assert!(check(&"x".repeat(1025)).is_err());
    }
}
