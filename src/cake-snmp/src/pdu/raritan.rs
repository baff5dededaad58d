//! Raritan (Legrand), and Server Technology PRO4X: PDU2-MIB. Each measurement is a row of its own whose index ends with the type of the
//! sensor: 1 `rmsCurrent`, 4 `rmsVoltage`, 5 `activePower`.

use super::{Column, Family, Says};
use cake_types::SensorState::{LowerCritical, LowerNonCritical, Ok, UpperCritical, UpperNonCritical};

pub const ENTERPRISE: u32 = 13742;

macro_rules! pdu2 {
    ($($arc:literal),*) => { &[1, 3, 6, 1, 4, 1, 13742, 6, $($arc),*] };
}

/// `SensorStateEnumeration`
const STATES: &[(i64, cake_types::SensorState)] =
    &[(2, LowerCritical), (3, LowerNonCritical), (4, Ok), (5, UpperNonCritical), (6, UpperCritical)];

/// `inletSensorDecimalDigits`, `outletSensorDecimalDigits`, `externalSensorDecimalDigits`
const INLET_DIGITS: &[u32] = pdu2![3, 3, 4, 1, 7];
const OUTLET_DIGITS: &[u32] = pdu2![3, 5, 4, 1, 7];
const EXTERNAL_DIGITS: &[u32] = pdu2![3, 6, 3, 1, 17];

const CURRENT: u32 = 1;
const VOLTAGE: u32 = 4;
const POWER: u32 = 5;

#[rustfmt::skip]
pub const FAMILY: Family = Family { maker: "Raritan", entity_sensors: false, columns: &[
    // nameplateTable, controllerConfigurationTable
    Column::new(pdu2![3, 2, 1, 1, 2], Says::Maker),
    Column::new(pdu2![3, 2, 1, 1, 3], Says::Model),
    Column::new(pdu2![3, 2, 1, 1, 4], Says::Serial),
    Column::new(pdu2![3, 2, 3, 1, 6], Says::Firmware),
    // measurementsInletSensorValue, …State, inletSensorUpperCriticalThreshold
    Column::new(pdu2![5, 2, 3, 1, 4], Says::InputAmps).only(CURRENT).digits(INLET_DIGITS),
    Column::new(pdu2![5, 2, 3, 1, 4], Says::InputVolts).only(VOLTAGE).digits(INLET_DIGITS),
    Column::new(pdu2![5, 2, 3, 1, 4], Says::InputWatts).only(POWER).digits(INLET_DIGITS),
    Column::new(pdu2![5, 2, 3, 1, 3], Says::InputState(STATES)).only(CURRENT),
    Column::new(pdu2![3, 3, 4, 1, 23], Says::InputRating).only(CURRENT).digits(INLET_DIGITS),
    // outletConfigurationTable, outletSwitchControlTable, measurementsOutletSensorValue
    Column::new(pdu2![3, 5, 3, 1, 3], Says::OutletName),
    Column::new(pdu2![4, 1, 2, 1, 3], Says::OutletOn(&[7])),
    Column::new(pdu2![5, 4, 3, 1, 4], Says::OutletAmps).only(CURRENT).digits(OUTLET_DIGITS),
    Column::new(pdu2![5, 4, 3, 1, 4], Says::OutletWatts).only(POWER).digits(OUTLET_DIGITS),
    // externalSensorConfigurationTable, externalSensorMeasurementsTable
    Column::new(pdu2![3, 6, 3, 1, 4], Says::SensorName),
    Column::new(pdu2![3, 6, 3, 1, 2], Says::SensorKind(10, 11)),
    Column::new(pdu2![5, 5, 3, 1, 4], Says::SensorValue).digits(EXTERNAL_DIGITS),
    Column::new(pdu2![5, 5, 3, 1, 3], Says::SensorState(STATES)),
] };
