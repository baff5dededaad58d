//! How much servers may draw: what is a cap, and whether it is kept.

use cake_types::{CAP_LEAST, CAP_MOST, CapStatus, Code, PowerCap, Problem};

/// Whether somebody may ask for it, of a BMC that says this of itself.
pub fn checked(cap: PowerCap, known: Option<&CapStatus>) -> Result<PowerCap, Problem> {
    let Some(watts) = cap.watts else { return Ok(cap) };
    let least = known.and_then(|known| known.least).unwrap_or(0).max(CAP_LEAST);
    let most = known.and_then(|known| known.most).filter(|most| *most > 0).unwrap_or(CAP_MOST).min(CAP_MOST);
    if (least..=most).contains(&watts) {
        return Ok(cap);
    }
    Err(Problem::new(Code::OutOfRange).with("field", "watts").with("min", least).with("max", most).at("/cap/watts"))
}

/// Whether the limit in force is what is asked. BMCs round: to a step of their own, of a watt or of two per cent.
pub fn is_kept(asked: Option<u16>, limit: Option<u16>) -> bool {
    match (asked, limit) {
        (None, None) => true,
        (Some(asked), Some(limit)) => asked.abs_diff(limit) <= 1 + asked / 50,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_has_bounds_the_bmcs_where_it_says_some() {
        let cap = |watts| PowerCap { watts };
        let known = CapStatus { least: Some(150), most: Some(750), ..CapStatus::default() };
        for (watts, without, with) in [
            (None, true, true),
            (Some(0), false, false),
            (Some(19), false, false),
            (Some(20), true, false),
            (Some(150), true, true),
            (Some(750), true, true),
            (Some(751), true, false),
            (Some(20_000), true, false),
            (Some(u16::MAX), false, false),
        ] {
            assert_eq!(checked(cap(watts), None).is_ok(), without, "{watts:?}");
            assert_eq!(checked(cap(watts), Some(&known)).is_ok(), with, "{watts:?}");
        }
        let silly = CapStatus { most: Some(0), ..CapStatus::default() };
        assert!(checked(cap(Some(300)), Some(&silly)).is_ok(), "a BMC that says nothing with a number");
    }

    #[test]
    fn rounded_is_kept() {
        assert!(is_kept(None, None) && is_kept(Some(300), Some(300)) && is_kept(Some(300), Some(304)));
        assert!(!is_kept(Some(300), Some(310)) && !is_kept(None, Some(300)) && !is_kept(Some(300), None));
        assert!(is_kept(Some(20), Some(21)) && !is_kept(Some(20), Some(22)));
    }
}
