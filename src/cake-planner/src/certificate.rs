//! Whether a certificate can be the console's, and what somebody should know about it.

use cake_types::{Code, Problem};
use jiff::{SignedDuration, Timestamp};
use std::net::IpAddr;

/// A certificate of a chain, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub names: Vec<String>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// It may sign others.
    pub is_authority: bool,
    /// The one after it in the chain has signed it. Of the last: it has signed itself.
    pub signed_by_next: bool,
}

/// Most certificates of a chain: real ones have two to four.
pub const CHAIN_MAX: usize = 10;
/// Most names of one certificate.
pub const NAMES_MAX: usize = 32;
/// Somebody should see to a certificate that ends so soon …
pub const ENDS_SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// … and now at once.
pub const ENDS_NOW: SignedDuration = SignedDuration::from_hours(7 * 24);

fn wrong(reason: &str) -> Problem {
    Problem::invalid("chain", reason).at("/chain")
}

/// Refuses a chain that no browser would take.
pub fn check(chain: &[Link], now: Timestamp) -> Result<(), Problem> {
    let Some(first) = chain.first() else { return Err(wrong("certificate-none")) };
    if chain.len() > CHAIN_MAX {
        return Err(wrong("certificate-too-many"));
    }
    if first.is_authority {
        return Err(wrong("certificate-authority"));
    }
    if chain[..chain.len() - 1].iter().any(|link| !link.signed_by_next)
        || chain[1..].iter().any(|link| !link.is_authority)
    {
        return Err(wrong("certificate-order"));
    }
    if chain.iter().any(|link| link.not_after <= now) {
        return Err(wrong("certificate-expired"));
    }
    if chain.iter().any(|link| link.not_before > now) {
        return Err(wrong("certificate-not-yet"));
    }
    if first.names.is_empty() {
        return Err(wrong("certificate-nameless"));
    }
    Ok(())
}

/// What is allowed and worth knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// It covers none of the names that the console is known by.
    NotNamed,
    EndsSoon,
}

impl Warning {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNamed => "not-named",
            Self::EndsSoon => "ends-soon",
        }
    }
}

/// `wanted`: the names and addresses that people use.
pub fn warnings(names: &[String], not_after: Timestamp, wanted: &[String], now: Timestamp) -> Vec<Warning> {
    let mut found = Vec::new();
    if !wanted.iter().any(|wanted| covers(names, wanted)) {
        found.push(Warning::NotNamed);
    }
    if not_after.duration_since(now) < ENDS_SOON {
        found.push(Warning::EndsSoon);
    }
    found
}

/// Whether a certificate with these names is good for somebody who asked for `wanted` (RFC 9525 §6.3): `*.` stands for one label.
pub fn covers(names: &[String], wanted: &str) -> bool {
    if let Ok(address) = wanted.parse::<IpAddr>() {
        return names.iter().any(|name| name.parse() == Ok(address));
    }
    let wanted = wanted.trim_end_matches('.').to_ascii_lowercase();
    names.iter().map(|name| name.to_ascii_lowercase()).any(|name| match name.strip_prefix("*.") {
        Some(parent) => wanted.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => name == wanted,
    })
}

/// A name or an address by which the console can be known; `wildcard` allows `*.` before it.
pub fn name(text: &str, wildcard: bool, pointer: &str) -> Result<String, Problem> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let folded = text.trim_end_matches('.').to_ascii_lowercase();
    let plain = folded.strip_prefix("*.").filter(|_| wildcard).unwrap_or(&folded);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = plain.rsplit('.').next().is_some_and(|last| last.bytes().all(|c| c.is_ascii_digit()));
    if folded.len() > 253 || numeric || !plain.split('.').all(is_label) {
        return Err(Problem::invalid("names", "dns-name").at(pointer));
    }
    Ok(folded)
}

/// Several, each once, in the order in which they were given.
pub fn names(texts: &[String], wildcard: bool, pointer: &str) -> Result<Vec<String>, Problem> {
    if texts.len() > NAMES_MAX {
        let problem = Problem::new(Code::OutOfRange).with("field", "names");
        return Err(problem.with("min", 0).with("max", NAMES_MAX).at(pointer));
    }
    let mut found = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let name = name(text, wildcard, &format!("{pointer}/{at}"))?;
        if !found.contains(&name) {
            found.push(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(NOW + days * 86_400).unwrap()
    }

    fn link(is_authority: bool) -> Link {
        let names = if is_authority { Vec::new() } else { vec!["console.example.com".into()] };
        Link { names, not_before: at(-1), not_after: at(90), is_authority, signed_by_next: true }
    }

    #[test]
    fn a_chain_is_taken_or_refused_with_its_reason() {
        let leaf = || link(false);
        let ca = || link(true);
        for (chain, reason) in [
            (vec![leaf(), ca()], None),
            (vec![Link { signed_by_next: false, ..leaf() }], None),
            (vec![leaf(), ca(), Link { signed_by_next: false, ..ca() }], None),
            (vec![], Some("certificate-none")),
            (vec![ca(), leaf()], Some("certificate-authority")),
            (vec![Link { signed_by_next: false, ..leaf() }, ca()], Some("certificate-order")),
            (vec![leaf(), leaf()], Some("certificate-order")),
            (vec![Link { not_after: at(0), ..leaf() }, ca()], Some("certificate-expired")),
            (vec![leaf(), Link { not_after: at(-1), ..ca() }], Some("certificate-expired")),
            (vec![Link { not_before: at(1), ..leaf() }, ca()], Some("certificate-not-yet")),
            (vec![Link { names: Vec::new(), ..leaf() }, ca()], Some("certificate-nameless")),
            (
                std::iter::once(leaf()).chain(std::iter::repeat_with(ca).take(10)).collect(),
                Some("certificate-too-many"),
            ),
        ] {
            let found = check(&chain, at(0)).err().map(|problem| problem.params["reason"].clone());
            assert_eq!(found.as_deref(), reason, "{chain:?}");
        }
    }

    #[test]
    fn a_name_covers_what_a_browser_says_it_does() {
        let names: Vec<String> =
            ["Console.Example.com", "*.lab.example.com", "192.0.2.7", "2001:db8::1"].map(Into::into).into();
        for (wanted, is) in [
            ("console.example.com", true),
            ("CONSOLE.EXAMPLE.COM.", true),
            ("example.com", false),
            ("a.lab.example.com", true),
            ("a.b.lab.example.com", false),
            (".lab.example.com", false),
            ("lab.example.com", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:DB8:0::1", true),
            ("", false),
        ] {
            assert_eq!(covers(&names, wanted), is, "{wanted}");
        }
        assert_eq!(warnings(&names, at(40), &["192.0.2.7".into()], at(0)), []);
        assert_eq!(warnings(&names, at(29), &["other".into()], at(0)), [Warning::NotNamed, Warning::EndsSoon]);
    }

    #[test]
    fn names_are_names_or_addresses() {
        for (text, read) in [
            ("Console.Example.COM", Some("console.example.com")),
            (" cake ", Some("cake")),
            ("2001:DB8::0001", Some("2001:db8::1")),
            ("192.0.2.7", Some("192.0.2.7")),
            ("192.0.2.700", None),
            ("", None),
            ("a..b", None),
            ("-a.example", None),
            ("a_b", None),
            ("會.tw", None),
            ("*.example.com", None),
            ("a b", None),
            ("https://a", None),
        ] {
            assert_eq!(name(text, false, "/names/0").ok().as_deref(), read, "{text:?}");
        }
        assert_eq!(name("*.Example.com", true, "").unwrap(), "*.example.com");
        assert!(name("*.*.com", true, "").is_err() && name("*", true, "").is_err());
        assert_eq!(names(&["a".into(), "A".into(), "b".into()], false, "/names").unwrap(), ["a", "b"]);
        assert_eq!(names(&["a".into(), "b c".into()], false, "/names").unwrap_err().pointer.unwrap(), "/names/1");
        assert!(names(&vec!["a".into(); NAMES_MAX + 1], false, "/names").is_err());
    }
}
