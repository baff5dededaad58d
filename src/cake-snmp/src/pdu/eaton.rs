//! Eaton: EATON-EPDU-MIB (ePDU G3). The index of every table begins with that of the unit in a chain.

use super::{Column, Family, Says, Scale};
use cake_types::SensorState::{LowerCritical, LowerNonCritical, Ok, UpperCritical, UpperNonCritical};

pub const ENTERPRISE: u32 = 534;

macro_rules! epdu {
    ($($arc:literal),*) => { &[1, 3, 6, 1, 4, 1, 534, 6, 6, 7, $($arc),*] };
}

/// `…ThStatus`
const STATES: &[(i64, cake_types::SensorState)] =
    &[(0, Ok), (1, LowerNonCritical), (2, LowerCritical), (3, UpperNonCritical), (4, UpperCritical)];

/// `temperatureScale`: 0 Celsius, 1 Fahrenheit.
const TEMPERATURE_SCALE: &[u32] = epdu![1, 2, 1, 9];

#[rustfmt::skip]
pub const FAMILY: Family = Family { maker: "Eaton", entity_sensors: false, columns: &[
    // unitTable
    Column::new(epdu![1, 2, 1, 2], Says::Model),
    Column::new(epdu![1, 2, 1, 4], Says::Serial),
    Column::new(epdu![1, 2, 1, 5], Says::Firmware),
    // inputVoltage, inputCurrentCapacity, inputCurrent (thousandths), its threshold status, inputTotalWatts
    Column::new(epdu![3, 2, 1, 3], Says::InputVolts).by(0.001),
    Column::new(epdu![3, 3, 1, 3], Says::InputRating).by(0.001),
    Column::new(epdu![3, 3, 1, 4], Says::InputAmps).by(0.001),
    Column::new(epdu![3, 3, 1, 5], Says::InputState(STATES)),
    Column::new(epdu![3, 5, 1, 4], Says::TotalWatts),
    // outletName, outletControlStatus (on, and on until a moment from now), outletCurrent, outletWatts
    Column::new(epdu![6, 1, 1, 3], Says::OutletName),
    Column::new(epdu![6, 6, 1, 2], Says::OutletOn(&[1, 2])),
    Column::new(epdu![6, 4, 1, 3], Says::OutletAmps).by(0.001),
    Column::new(epdu![6, 5, 1, 3], Says::OutletWatts),
    // temperatureTable
    Column::new(epdu![7, 1, 1, 2], Says::SensorName),
    Column { scale: Scale::TenthsOfScale(TEMPERATURE_SCALE), ..Column::new(epdu![7, 1, 1, 4], Says::Celsius) },
    Column::new(epdu![7, 1, 1, 5], Says::SensorState(STATES)),
] };
