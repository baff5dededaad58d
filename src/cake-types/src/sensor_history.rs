//! What a server's sensors measured over time, and the energy that follows from what it drew.

use crate::sensor::SensorUnit;
use crate::{ServerId, Span};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Stands for what the whole server draws, in watts, where the id of a sensor is asked for.
pub const DRAW: &str = "watts";
/// Stands for the correctable memory errors that a server's event log has told of since its BMC is watched.
pub const MEMORY_ERRORS: &str = "memory-errors";
/// Points of a curve that is asked for together with all others.
pub const SPARK_POINTS: u32 = 60;

/// The curves of some sensors. The n-th number of every one is about the same time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorHistory {
    pub span: Span,
    /// The end of the time that the first point is about, in seconds since 1970.
    pub first: i64,
    /// Seconds from one point to the next.
    pub step: u32,
    pub curves: Vec<SensorCurve>,
    /// Part of it could not be read and was set aside then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<Timestamp>,
}

/// What one sensor measured, in its unit. What was not measured is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorCurve {
    /// [`crate::Sensor::id`], or [`DRAW`].
    pub id: String,
    pub name: String,
    pub unit: SensorUnit,
    pub mean: Vec<Option<f32>>,
    /// Smallest and largest values; empty where a point is one reading, and where only means were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub least: Vec<Option<f32>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub most: Vec<Option<f32>>,
    /// What part of the time something is known of, from 0 to 1; empty where the smallest values are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Option<f32>>,
}

/// What was drawn in some time, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Of the time that is known: nothing is invented for the rest.
    pub joules: f64,
    /// Seconds of the time in which it is known what was drawn.
    pub known: f64,
}

impl Energy {
    pub fn kilowatt_hours(self) -> f64 {
        self.joules / 3.6e6
    }
}

/// The energy of one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerEnergy {
    pub server: ServerId,
    /// Since the node began to watch: it only grows until the node begins anew.
    pub since_start: Energy,
    /// In the order of the times that were asked about.
    pub periods: Vec<Energy>,
}
