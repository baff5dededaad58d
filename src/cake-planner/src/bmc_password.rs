//! Whether the password of a BMC is one that anybody would guess. It is judged when it is given, never by trying it.
//!
//! A BMC is reached over the network, has every right over its machine, and IPMI 2.0 hands whoever asks what they need to guess its
//! passwords at home (the RAKP hash, §13.31): short and well-known ones are as good as none.

use cake_types::{BMC_PASSWORD_MAX, WeakPassword};

/// Characters below which all passwords are tried in a day.
pub const LEAST: usize = 8;

/// What makers deliver BMCs with, as their manuals print it, beside [`ANYWHERE`]. Compared without case.
const DEFAULTS: [(&str, &str); 4] =
    [("admin", "admin123"), ("admin", "password"), ("administrator", "password"), ("root", "password")];

/// Passwords that makers use whatever the user is called.
const ANYWHERE: [&str; 12] = [
    "0penbmc",
    "admin@9000",
    "advantech",
    "calvin",
    "changeme",
    "cmb9.admin",
    "huawei12#$",
    "passw0rd",
    "superuser",
    "admin",
    "administrator",
    "root",
];

/// What stands first on every list of guesses. Compared without case and without digits and signs at the end.
const COMMON: [&str; 18] = [
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "qwerty",
    "qwertyuiop",
    "letmein",
    "welcome",
    "changeme",
    "admin",
    "administrator",
    "root",
    "server",
    "secret",
    "ipmi",
    "default",
    "iloveyou",
    "test",
];

/// What is weak about it; `None`: nothing that can be seen.
pub fn weakness(user: &str, password: &str) -> Option<WeakPassword> {
    let (user, folded) = (user.trim().to_lowercase(), password.to_lowercase());
    let stem = folded.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    if password.is_empty() {
        return Some(WeakPassword::Empty);
    }
    if DEFAULTS.contains(&(&*user, &*folded)) || ANYWHERE.contains(&&*folded) {
        return Some(WeakPassword::Default);
    }
    if !user.is_empty() && (folded == user || stem == user || folded.chars().rev().collect::<String>() == user) {
        return Some(WeakPassword::User);
    }
    if password.chars().count() < LEAST {
        return Some(WeakPassword::Short);
    }
    let is_run = || folded.as_bytes().windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 1);
    let is_one = || folded.bytes().all(|byte| byte == folded.as_bytes()[0]);
    (COMMON.contains(&stem) || is_run() || is_one() || folded.starts_with("12345678")).then_some(WeakPassword::Common)
}

/// Letters and digits that nobody takes for another when they are read out, of ASCII: every BMC takes them.
const ALPHABET: &[u8; 56] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A strong password for a BMC that takes so many bytes, of as many bytes of randomness: 5.8 bits each.
///
/// A byte that would favour some characters is passed over: whoever gives twice as many as are needed lacks none.
pub fn strong(most: usize, random: &[u8]) -> String {
    let fair = (256 / ALPHABET.len() * ALPHABET.len()) as u8;
    let drawn = random.iter().filter(|byte| **byte < fair);
    let most = most.min(BMC_PASSWORD_MAX);
    drawn.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_would_guess_is_weak() {
        for (user, password, weak) in [
            ("admin", "", WeakPassword::Empty),
            ("ADMIN", "ADMIN", WeakPassword::Default),
            ("root", "calvin", WeakPassword::Default),
            ("Administrator", "password", WeakPassword::Default),
            ("USERID", "PASSW0RD", WeakPassword::Default),
            ("root", "0penBmc", WeakPassword::Default),
            ("operator", "superuser", WeakPassword::Default),
            ("cakerack", "cakerack", WeakPassword::User),
            ("cakerack", "CakeRack2024!", WeakPassword::User),
            ("cakerack", "kcarekac", WeakPassword::User),
            ("ops", "k3:Rz", WeakPassword::Short),
            ("ops", "密碼密碼", WeakPassword::Short),
            ("ops", "Password1!", WeakPassword::Common),
            ("ops", "qwertyuiop", WeakPassword::Common),
            ("ops", "123456789", WeakPassword::Common),
            ("ops", "abcdefghij", WeakPassword::Common),
            ("ops", "aaaaaaaaaaaa", WeakPassword::Common),
        ] {
            assert_eq!(weakness(user, password), Some(weak), "{user}/{password}");
        }
        for (user, password) in [
            ("admin", "ge heim und lang"),
            ("root", "calvin-und-hobbes"),
            ("", "x7RkT9mQw2"),
            ("ops", "Passwortschutz im Rack"),
        ] {
            assert_eq!(weakness(user, password), None, "{user}/{password}");
        }
        assert!(
            DEFAULTS
                .iter()
                .all(|(user, password)| user.to_lowercase() == *user && password.to_lowercase() == *password)
        );
    }

    #[test]
    fn a_strong_one_is_as_long_as_it_may_be_and_all_ascii() {
        let random: Vec<u8> = (0..=255).chain(0..=255).collect();
        for most in [16, 20, 64] {
            let made = strong(most, &random[100..160]);
            assert_eq!(made.len(), most.min(BMC_PASSWORD_MAX));
            assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric()) && weakness("admin", &made).is_none());
        }
        assert!(strong(16, &[255; 64]).is_empty(), "what is not fair is not taken");
        let counted = strong(20, &random[..20]);
        assert_eq!(counted, "abcdefghijkmnpqrstuv");
    }
}
