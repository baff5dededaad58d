use super::*;
use proptest::prelude::*;

fn version(text: &str) -> Version {
    text.parse().expect(text)
}

#[test]
fn versions_stand_in_the_order_of_the_specification() {
    // Each is newer than all before it.
    const RISING: &[&str] = &[
        "0~alpha",
        "0~rc1",
        "0",
        "0.1.0~rc1",
        "0.1.0~rc2",
        "0.1.0",
        "0.1.0-1",
        "0.1.0^1",
        "0.1.0^20261101",
        "0.1.0.a",
        "0.1.0.1",
        "0.1.0a",
        "0.1.1",
        "0.2",
        "0.10.0",
        "1.0",
        "2026.1",
        "2026.11",
        "20260101000000000000000000001",
    ];
    for (at, older) in RISING.iter().enumerate() {
        for newer in &RISING[at + 1..] {
            assert!(version(older) < version(newer), "{older} is older than {newer}");
            assert!(version(newer) > version(older), "{newer} is newer than {older}");
        }
    }
    assert_eq!(version("1.00"), version("1.0"));
    assert_eq!(version("007"), version("7"));
}

#[test]
fn what_is_no_version_is_refused() {
    for text in ["", ".1", "1.", "1~", "-", "1+2", "1_2", "1/2", "../x", "1.0A", "é", "1 ", "1\0", &"1".repeat(65)] {
        assert!(text.parse::<Version>().is_err(), "{text:?}");
    }
}

fn any() -> impl Strategy<Value = Version> {
    // Few letters, so that neighbours meet.
    "[01a]([01ab.~^-]{0,6}[01ab])?".prop_map(|text| version(&text))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_order_is_total(a in any(), b in any(), c in any()) {
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&a), Ordering::Equal);
        if a <= b && b <= c {
            prop_assert!(a <= c, "{a} ≤ {b} ≤ {c}");
        }
    }

    #[test]
    fn a_longer_version_is_newer_unless_it_is_a_preview(a in any(), tail in "[01a][01.^-]{0,3}[01]") {
        let (preview, longer) = (version(&format!("{a}~1")), version(&format!("{a}.{tail}")));
        prop_assert!(preview < a);
        prop_assert!(longer > a);
    }

    #[test]
    fn any_text_is_a_version_or_refused(text in ".{0,80}") {
        if let Ok(version) = text.parse::<Version>() {
            prop_assert_eq!(version.as_str(), text);
        }
    }
}
