//! What energy costs: a price as somebody writes it, and money for kilowatt-hours.

use cake_types::{EnergyPrice, Problem};

/// Thousandths of a currency. More than a million for a kilowatt-hour no currency needs.
const MOST: u64 = 1_000_000 * 1000;

/// A price that somebody asks for: `4.27` and `TWD`. Without a number there is none.
///
/// Errors point at `per_kwh` or `currency` beneath `pointer`: a number with more than three digits after the point, of zero or of more
/// than a million; a currency that is not three letters.
pub fn asked(per_kwh: &str, currency: &str, pointer: &str) -> Result<Option<EnergyPrice>, Problem> {
    let (per_kwh, currency) = (per_kwh.trim(), currency.trim());
    if per_kwh.is_empty() {
        return Ok(None);
    }
    let wrong = || Problem::invalid("per_kwh", "per-kwh").at(&format!("{pointer}/per_kwh"));
    let millis = millis(per_kwh).filter(|millis| (1..=MOST).contains(millis)).ok_or_else(wrong)?;
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Err(Problem::invalid("currency", "currency").at(&format!("{pointer}/currency")));
    }
    Ok(Some(EnergyPrice { millis, currency: currency.to_ascii_uppercase() }))
}

/// `4.27` is 4270: exactly, so no float is in between.
fn millis(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || part.len() > 3 || text.ends_with('.') || !digits(whole) || !digits(part) {
        return None;
    }
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(part)
}

/// As somebody writes it: `4.27`.
pub fn per_kwh(price: &EnergyPrice) -> String {
    let text = format!("{}.{:03}", price.millis / 1000, price.millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What kilowatt-hours cost, in hundredths of the currency. Energy is measured, and so its cost is rounded.
pub fn cost(kilowatt_hours: f64, price: &EnergyPrice) -> u64 {
    (kilowatt_hours * price.millis as f64 / 10.0).round() as u64
}

/// Hundredths as a number with two digits after the point: `200.16`.
pub fn hundredths(amount: u64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_what_somebody_wrote() {
        for (text, millis, again) in [
            ("4.27", 4270, "4.27"),
            (" 0.001 ", 1, "0.001"),
            ("007.5", 7500, "7.5"),
            ("1000000", MOST, "1000000"),
            ("0.30", 300, "0.3"),
        ] {
            let price = asked(text, " twd", "/energy_price").unwrap().expect("a price");
            assert_eq!(price, EnergyPrice { millis, currency: "TWD".into() }, "{text:?}");
            assert_eq!(per_kwh(&price), again);
        }
        assert_eq!(asked(" ", "TWD", "/energy_price").unwrap(), None);
    }

    #[test]
    fn what_is_no_price_is_refused() {
        let numbers =
            ["0", "0.000", "-1", "+1", "4,27", "4.2700", ".5", "5.", "1e3", "4.27 TWD", "1000000.001", "４", "NaN"];
        for text in numbers.into_iter().map(str::to_owned).chain(["9".repeat(19), "9".repeat(400)]) {
            let problem = asked(&text, "TWD", "/energy_price").unwrap_err();
            assert_eq!(problem.pointer.as_deref(), Some("/energy_price/per_kwh"), "{text:?}");
        }
        for currency in ["", "NT$", "TW", "TWDD", "元", "T D"] {
            let problem = asked("4.27", currency, "/energy_price").unwrap_err();
            assert_eq!(problem.pointer.as_deref(), Some("/energy_price/currency"), "{currency:?}");
        }
    }

    #[test]
    fn energy_costs_what_it_is_worth() {
        let price = EnergyPrice { millis: 4270, currency: "TWD".into() };
        assert_eq!([0.0, 0.001, 0.25, 46.8, 1e6].map(|energy| cost(energy, &price)), [0, 0, 107, 19_984, 427_000_000]);
        assert_eq!([0, 7, 107, 19_984].map(hundredths), ["0.00", "0.07", "1.07", "199.84"]);
        let most = EnergyPrice { millis: MOST, ..price };
        assert_eq!([f64::NAN, -1.0, f64::INFINITY].map(|energy| cost(energy, &most)), [0, 0, u64::MAX]);
    }
}
