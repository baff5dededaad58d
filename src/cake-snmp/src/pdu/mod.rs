//! Power distribution units: which objects of which MIB say what. Tables of data, one for each maker, and one function that reads them.

mod apc;
mod eaton;
mod raritan;
mod read;
mod standard;

pub use read::read;

use cake_types::SensorState;

/// PDUs of one maker.
#[derive(Debug)]
pub struct Family {
    pub maker: &'static str,
    /// ENTITY-SENSOR-MIB is read as well.
    pub entity_sensors: bool,
    pub columns: &'static [Column],
}

/// One column of a MIB.
#[derive(Debug)]
pub struct Column {
    pub name: &'static [u32],
    pub says: Says,
    /// The last arc of the index that rows must have: a table of sensors that says many things. Such arcs are no part of the row.
    pub only: Option<u32>,
    pub scale: Scale,
}

/// What is said in a column. Rows of one table with the same index are one thing.
#[derive(Clone, Copy, Debug)]
pub enum Says {
    Maker,
    Model,
    Serial,
    Firmware,
    TotalWatts,
    InputVolts,
    InputAmps,
    InputWatts,
    /// Amperes that it may draw.
    InputRating,
    InputState(&'static [(i64, SensorState)]),
    /// Above zero: the row is no input but a part of one, such as a bank behind a breaker of its own.
    PartOfInput,
    OutletName,
    /// Numbers that mean on.
    OutletOn(&'static [i64]),
    OutletAmps,
    OutletWatts,
    SensorName,
    Celsius,
    Percent,
    /// What it measures stands in another column: see [`Says::SensorKind`].
    SensorValue,
    /// Numbers for degrees Celsius and per cent.
    SensorKind(i64, i64),
    SensorState(&'static [(i64, SensorState)]),
}

/// How a number becomes one in the unit of what it says.
#[derive(Clone, Copy, Debug)]
pub enum Scale {
    One,
    By(f64),
    /// The column that says how many digits stand behind the point, with the same index.
    Digits(&'static [u32]),
    /// By tenths; Fahrenheit where this column says 1 of the row with the first arc of the index.
    TenthsOfScale(&'static [u32]),
}

impl Column {
    const fn new(name: &'static [u32], says: Says) -> Self {
        Self { name, says, only: None, scale: Scale::One }
    }

    const fn by(self, factor: f64) -> Self {
        Self { scale: Scale::By(factor), ..self }
    }

    const fn digits(self, name: &'static [u32]) -> Self {
        Self { scale: Scale::Digits(name), ..self }
    }

    const fn only(self, last: u32) -> Self {
        Self { only: Some(last), ..self }
    }
}

impl Family {
    /// What has to be walked.
    pub fn names(&self) -> Vec<&'static [u32]> {
        let mut names: Vec<&'static [u32]> = Vec::new();
        for column in self.columns {
            names.push(column.name);
            if let Scale::Digits(name) | Scale::TenthsOfScale(name) = column.scale {
                names.push(name);
            }
        }
        if self.entity_sensors {
            names.extend(standard::NAMES);
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// By the enterprise number that an agent names.
pub fn family(enterprise: Option<u32>) -> &'static Family {
    match enterprise {
        Some(apc::ENTERPRISE) => &apc::FAMILY,
        Some(raritan::ENTERPRISE) => &raritan::FAMILY,
        Some(eaton::ENTERPRISE) => &eaton::FAMILY,
        _ => &standard::FAMILY,
    }
}

/// All that are known.
pub const FAMILIES: [&Family; 4] = [&apc::FAMILY, &raritan::FAMILY, &eaton::FAMILY, &standard::FAMILY];
