//! APC (Schneider Electric): PowerNet-MIB, `rPDU2` of today's units and `rPDU` of those before. Where a unit has both, `rPDU2` is read
//! last, so that it has the say.

use super::{Column, Family, Says};
use cake_types::SensorState::{LowerCritical, LowerNonCritical, Ok, UpperCritical, UpperNonCritical};

pub const ENTERPRISE: u32 = 318;

macro_rules! apc {
    ($($arc:literal),*) => { &[1, 3, 6, 1, 4, 1, 318, 1, 1, $($arc),*] };
}

/// `rPDULoadStatusLoadState` and `rPDU2PhaseStatusLoadState`: of both 1 and 2 are normal and low, in one order or the other.
const LOAD: Says = Says::InputState(&[(1, Ok), (2, Ok), (3, UpperNonCritical), (4, UpperCritical)]);
/// `rPDU2SensorTempHumidityStatusTempStatus`
const PROBE: Says =
    Says::SensorState(&[(2, LowerCritical), (3, LowerNonCritical), (4, Ok), (5, UpperNonCritical), (6, UpperCritical)]);

#[rustfmt::skip]
pub const FAMILY: Family = Family { maker: "APC", entity_sensors: false, columns: &[
    // rPDUIdent
    Column::new(apc![12, 1, 5], Says::Model),
    Column::new(apc![12, 1, 6], Says::Serial),
    Column::new(apc![12, 1, 3], Says::Firmware),
    Column::new(apc![12, 1, 16], Says::TotalWatts),
    // rPDULoadStatusTable, rPDULoadPhaseConfigOverloadThreshold
    Column::new(apc![12, 2, 3, 1, 1, 2], Says::InputAmps).by(0.1),
    Column::new(apc![12, 2, 3, 1, 1, 3], LOAD),
    Column::new(apc![12, 2, 2, 1, 1, 4], Says::InputRating),
    // rPDULoadStatusBankNumber
    Column::new(apc![12, 2, 3, 1, 1, 5], Says::PartOfInput),
    // rPDUOutletStatusTable
    Column::new(apc![12, 3, 5, 1, 1, 2], Says::OutletName),
    Column::new(apc![12, 3, 5, 1, 1, 4], Says::OutletOn(&[1])),
    // rPDU2IdentTable
    Column::new(apc![26, 2, 1, 8], Says::Model),
    Column::new(apc![26, 2, 1, 9], Says::Serial),
    Column::new(apc![26, 2, 1, 6], Says::Firmware),
    // rPDU2DeviceStatusPower: hundredths of kilowatts
    Column::new(apc![26, 4, 3, 1, 5], Says::TotalWatts).by(10.0),
    // rPDU2PhaseStatusTable, rPDU2PhaseConfigOverloadCurrentThreshold
    Column::new(apc![26, 6, 3, 1, 4], LOAD),
    Column::new(apc![26, 6, 3, 1, 5], Says::InputAmps).by(0.1),
    Column::new(apc![26, 6, 3, 1, 6], Says::InputVolts),
    Column::new(apc![26, 6, 3, 1, 7], Says::InputWatts).by(10.0),
    Column::new(apc![26, 6, 1, 1, 7], Says::InputRating),
    // rPDU2OutletMeteredStatusTable; its state is that of the load
    Column::new(apc![26, 9, 4, 3, 1, 3], Says::OutletName),
    Column::new(apc![26, 9, 4, 3, 1, 6], Says::OutletAmps).by(0.1),
    Column::new(apc![26, 9, 4, 3, 1, 7], Says::OutletWatts),
    // rPDU2OutletSwitchedStatusTable
    Column::new(apc![26, 9, 2, 3, 1, 3], Says::OutletName),
    Column::new(apc![26, 9, 2, 3, 1, 5], Says::OutletOn(&[2])),
    // rPDU2SensorTempHumidityStatusTable
    Column::new(apc![26, 10, 2, 2, 1, 3], Says::SensorName),
    Column::new(apc![26, 10, 2, 2, 1, 8], Says::Celsius).by(0.1),
    Column::new(apc![26, 10, 2, 2, 1, 10], Says::Percent),
    Column::new(apc![26, 10, 2, 2, 1, 9], PROBE),
] };
