//! Versions as packages write them: numbers with anything between.

use std::cmp::Ordering;

/// The numbers of the upstream part: `1:257.8-1~deb13u2` is 257, 8.
fn numbers(version: &str) -> Vec<u64> {
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let upstream = upstream.rsplit_once('-').map_or(upstream, |(first, _)| first);
    upstream.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

/// Whether `version` is `least` or newer.
pub fn reaches(version: &str, least: &str) -> bool {
    let (version, least) = (numbers(version), numbers(least));
    !version.is_empty() && version.cmp(&least) != Ordering::Less
}

#[cfg(test)]
mod tests {
    use super::reaches;

    #[test]
    fn numbers_are_compared_and_not_letters() {
        for (version, least, expected) in [
            ("257.8-1~deb13u2", "257", true),
            ("256.17", "257", false),
            ("258.7", "257", true),
            ("1:10.0.2+ds-2", "9.2", true),
            ("9.2.0", "10", false),
            ("IPMITOOL_1_8_19", "1.8", true),
            ("", "1", false),
        ] {
            assert_eq!(reaches(version, least), expected, "{version} {least}");
        }
    }
}
