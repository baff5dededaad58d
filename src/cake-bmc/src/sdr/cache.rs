//! What is worth keeping of a BMC: its records and thresholds, which change when somebody changes the hardware.

use super::{FruLocator, Record, SensorRecord, Thresholds, parse};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By which two readings of a repository are told apart (IPMI 2.0 §33.9): two times of the BMC's clock, and how many records it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SdrStamp {
    pub added: u32,
    pub erased: u32,
    pub count: u16,
}

/// The caller keeps it, on disk if it likes. What it holds came from a BMC and is parsed again at every start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SdrCache {
    pub stamp: SdrStamp,
    pub records: Vec<Vec<u8>>,
    /// By the sensor's id: the mask of what can be read, and the six bytes (§35.9).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, [u8; 7]>,
}

/// The records, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    pub sensors: Vec<SensorRecord>,
    pub plates: Vec<FruLocator>,
    /// How many records made no sense.
    pub refused: usize,
}

impl SdrCache {
    pub fn known(&self) -> Known {
        let mut known = Known::default();
        for bytes in &self.records {
            match parse(bytes) {
                Ok(Record::Sensors(sensors)) => known.sensors.extend(sensors),
                Ok(Record::Fru(plate)) => known.plates.push(plate),
                Ok(Record::Controller(_) | Record::Association | Record::Oem | Record::Other(_)) => {}
                Err(error) => {
                    known.refused += 1;
                    tracing::debug!(%error, "a sensor record makes no sense");
                }
            }
        }
        known
    }

    /// The sensor's thresholds: those that were asked for, else the record's own where they are fixed.
    pub fn thresholds(&self, sensor: &SensorRecord) -> Thresholds {
        match self.thresholds.get(&sensor.id()) {
            Some([mask, raw @ ..]) => Thresholds { access: sensor.thresholds.access, mask: *mask, raw: *raw },
            None if sensor.thresholds.access == super::FIXED => sensor.thresholds,
            None => Thresholds::default(),
        }
    }
}
