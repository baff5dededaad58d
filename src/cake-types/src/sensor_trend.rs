//! What a sensor's history says about its future.

use crate::sensor::SensorUnit;
use crate::words::words;
use serde::{Deserialize, Serialize};

/// A sensor that goes where it should not, and when it will be there if it goes on so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorTrend {
    /// [`crate::Sensor::id`].
    pub sensor: String,
    pub name: String,
    pub unit: SensorUnit,
    pub kind: TrendKind,
    /// As it is now, in its unit, without its noise.
    pub value: f64,
    /// The limit that it nears; of what is counted none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// How much it changes in a day, in its unit.
    pub per_day: f64,
    /// Hours until it is at its limit; of what is counted none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
}

words! {
    /// Where a sensor goes. Its sentence is `sensor-trend-KIND`.
    TrendKind {
        /// Towards its lower limit.
        Falls = "falls",
        /// Towards its upper limit.
        Rises = "rises",
        /// Errors that are counted become more.
        Counts = "counts",
    }
}
