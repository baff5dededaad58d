//! Power and the box around it (IPMI 2.0 §28).

use super::{ask, fixed};
use crate::bmc::BmcError;
use crate::message::{Completion, Request, Transport, net_fn};
use cake_types::{ChassisStatus, ChassisVerb, PowerRestore};
use std::time::Duration;

/// §28.2 Get Chassis Status.
pub async fn status(transport: &dyn Transport) -> Result<ChassisStatus, BmcError> {
    let data = ask(transport, &Request::new(net_fn::CHASSIS, 0x01, [])).await?;
    fixed(&data, "Get Chassis Status").map(parse_status)
}

pub fn parse_status([power, _, misc]: [u8; 3]) -> ChassisStatus {
    ChassisStatus {
        on: power & 1 != 0,
        restore: match power >> 5 & 3 {
            0 => Some(PowerRestore::StayOff),
            1 => Some(PowerRestore::AsBefore),
            2 => Some(PowerRestore::TurnOn),
            _ => None,
        },
        identify: (misc & 0x40 != 0).then_some(misc >> 4 & 3 != 0),
        intrusion: misc & 1 != 0,
        // Overload, fault, fault of the control; an interlock is an open lid.
        power_fault: power & 0b1_1010 != 0,
        cooling_fault: misc & 8 != 0,
        drive_fault: misc & 4 != 0,
    }
}

/// §28.3 Chassis Control.
pub async fn control(transport: &dyn Transport, verb: ChassisVerb) -> Result<(), BmcError> {
    let control = match verb {
        ChassisVerb::Off => 0,
        ChassisVerb::On => 1,
        ChassisVerb::Cycle => 2,
        ChassisVerb::Reset => 3,
        ChassisVerb::Soft => 5,
    };
    ask(transport, &Request::new(net_fn::CHASSIS, 0x02, [control])).await.map(drop)
}

/// §28.5 Chassis Identify. A time longer than a byte of seconds is as long as that.
pub async fn identify(transport: &dyn Transport, how_long: Option<Duration>) -> Result<(), BmcError> {
    let data = match how_long {
        Some(time) => vec![u8::try_from(time.as_secs()).unwrap_or(u8::MAX)],
        // "Until told otherwise" came with version 2.0.
        None => vec![0, 1],
    };
    match ask(transport, &Request::new(net_fn::CHASSIS, 0x04, data)).await {
        Err(BmcError::Completion(Completion::INVALID_LENGTH | Completion::INVALID_FIELD)) if how_long.is_none() => {
            ask(transport, &Request::new(net_fn::CHASSIS, 0x04, [u8::MAX])).await.map(drop)
        }
        other => other.map(drop),
    }
}

/// §28.8 Set Power Restore Policy.
pub async fn set_restore(transport: &dyn Transport, restore: PowerRestore) -> Result<(), BmcError> {
    let policy = match restore {
        PowerRestore::StayOff => 0,
        PowerRestore::AsBefore => 1,
        PowerRestore::TurnOn => 2,
    };
    ask(transport, &Request::new(net_fn::CHASSIS, 0x06, [policy])).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::parse_status;
    use cake_types::PowerRestore;

    #[test]
    fn a_status_is_read_bit_by_bit() {
        let off = parse_status([0, 0, 0]);
        assert_eq!((off.on, off.restore, off.identify), (false, Some(PowerRestore::StayOff), None));
        assert!(!(off.intrusion || off.power_fault || off.cooling_fault || off.drive_fault));
        let on = parse_status([0b0100_0001, 0, 0b0110_1101]);
        assert_eq!((on.on, on.restore, on.identify), (true, Some(PowerRestore::TurnOn), Some(true)));
        assert!(on.intrusion && on.cooling_fault && on.drive_fault && !on.power_fault);
        assert!(parse_status([0b1000, 0, 0]).power_fault && parse_status([0b1_0000, 0, 0]).power_fault);
        assert!(!parse_status([0b100, 0, 0]).power_fault, "an open lid is no fault");
        assert_eq!(parse_status([0b0110_0000, 0, 0x40]).restore, None);
        assert_eq!(parse_status([0, 0, 0x40]).identify, Some(false));
    }
}
