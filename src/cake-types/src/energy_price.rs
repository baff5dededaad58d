//! What a kilowatt-hour costs.

use serde::{Deserialize, Serialize};

/// What a kilowatt-hour costs, to the thousandth: bills of electricity companies are not finer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnergyPrice {
    /// Thousandths of the currency.
    pub millis: u64,
    /// Three capital letters (ISO 4217): `TWD`.
    pub currency: String,
}
