//! Numbers and their units, in today's words (`byte * 2^20`, DMTF DSP0004 annex C) and in yesterday's (`MegaBytes`).

/// A number without a sign.
pub(super) fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// So many units, in bytes.
pub(super) fn bytes(quantity: u64, units: &str) -> Option<u64> {
    let words: String = units.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let factor = match words.as_str() {
        "" | "byte" | "bytes" => 1,
        "kb" | "kilobyte" | "kilobytes" => 1 << 10,
        "mb" | "megabyte" | "megabytes" => 1 << 20,
        "gb" | "gigabyte" | "gigabytes" => 1 << 30,
        "tb" | "terabyte" | "terabytes" => 1 << 40,
        other => factor(other.strip_prefix("byte*").or_else(|| other.strip_prefix("bytes*"))?)?,
    };
    quantity.checked_mul(factor)
}

/// `2^20`, `10^6`, `1024`.
fn factor(text: &str) -> Option<u64> {
    match text.split_once('^') {
        Some((base, exponent)) => number(base)?.checked_pow(u32::try_from(number(exponent)?).ok()?),
        None => number(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (quantity, units, is) in [
            (512, "byte * 2^20", Some(512 << 20)),
            (2, "byte*2^30", Some(2 << 30)),
            (512, "MegaBytes", Some(512 << 20)),
            (3, "GB", Some(3 << 30)),
            (7, "bytes", Some(7)),
            (7, "byte * 1024", Some(7168)),
            (1, "byte * 2^64", None),
            (u64::MAX, "KB", None),
            (1, "hertz * 10^6", None),
            (1, "byte * 2^-1", None),
        ] {
            assert_eq!(bytes(quantity, units), is, "{units}");
        }
        assert_eq!((number(" 12 "), number("+1"), number("${x}"), number("")), (Some(12), None, None, None));
    }
}
