//! From what a server boots (IPMI 2.0 §28.12 to §28.14).

use super::{ask, refused, send};
use crate::bmc::BmcError;
use crate::message::{Completion, Request, Transport, net_fn};
use cake_types::BootDevice;

/// Parameters of table 28-14.
const SET_IN_PROGRESS: u8 = 0;
const ACKNOWLEDGE: u8 = 4;
const FLAGS: u8 = 5;

/// The first two bytes of the boot flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// They have not been used up yet, nor have they grown old.
    pub valid: bool,
    pub device: BootDevice,
    pub once: bool,
    pub uefi: bool,
}

impl Flags {
    pub fn encode(self) -> [u8; 5] {
        let device = match self.device {
            BootDevice::None => 0,
            BootDevice::Network => 1,
            BootDevice::Disk => 2,
            BootDevice::Cd => 5,
            BootDevice::Setup => 6,
        };
        let flags =
            if self.valid { 0x80 } else { 0 } | if self.once { 0 } else { 0x40 } | if self.uefi { 0x20 } else { 0 };
        [flags, device << 2, 0, 0, 0]
    }

    /// A device that we have no word for is none.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [flags, device, ..] = *data else { return None };
        let device = match device >> 2 & 0xf {
            1 => BootDevice::Network,
            2 | 3 | 11 => BootDevice::Disk,
            5 | 8 => BootDevice::Cd,
            6 => BootDevice::Setup,
            _ => BootDevice::None,
        };
        Some(Self { valid: flags & 0x80 != 0, device, once: flags & 0x40 == 0, uefi: flags & 0x20 != 0 })
    }
}

pub async fn get(transport: &dyn Transport) -> Result<Flags, BmcError> {
    let data = ask(transport, &Request::new(net_fn::CHASSIS, 0x09, [FLAGS, 0, 0])).await?;
    // Version of the parameters, and which one this is; bit 7: it is not valid now.
    let invalid = BmcError::Answer("Get System Boot Options");
    let [_, parameter, flags @ ..] = &data[..] else { return Err(invalid) };
    let flags = Flags::parse(flags).ok_or(invalid)?;
    Ok(Flags { valid: flags.valid && parameter & 0x80 == 0, ..flags })
}

/// Locks, acknowledges in the BIOS's place what was there before, sets, unlocks. The lock and the acknowledgement are optional in the
/// specification (80h: no such parameter), the flags are not.
pub async fn set(transport: &dyn Transport, flags: Flags) -> Result<(), BmcError> {
    let locked = send(transport, &parameter(SET_IN_PROGRESS, &[1])).await?.completion;
    // 81h: another one is at it.
    if locked == Completion(0x81) {
        return Err(refused(locked));
    }
    let set = set_locked(transport, flags).await;
    if locked == Completion::OK {
        send(transport, &parameter(SET_IN_PROGRESS, &[0])).await?;
    }
    set
}

async fn set_locked(transport: &dyn Transport, flags: Flags) -> Result<(), BmcError> {
    send(transport, &parameter(ACKNOWLEDGE, &[1, 1])).await?;
    ask(transport, &parameter(FLAGS, &flags.encode())).await.map(drop)
}

/// §28.12 Set System Boot Options.
fn parameter(number: u8, data: &[u8]) -> Request {
    Request::new(net_fn::CHASSIS, 0x08, [&[number], data].concat())
}

#[cfg(test)]
mod tests {
    use super::Flags;
    use cake_types::BootDevice;

    #[test]
    fn what_is_set_is_read_back() {
        for device in BootDevice::ALL {
            for (once, uefi) in [(true, true), (true, false), (false, true), (false, false)] {
                let flags = Flags { valid: true, device: *device, once, uefi };
                assert_eq!(Flags::parse(&flags.encode()), Some(flags));
            }
        }
        let network = Flags { valid: true, device: BootDevice::Network, once: true, uefi: true };
        assert_eq!(network.encode(), [0xa0, 0x04, 0, 0, 0]);
    }

    #[test]
    fn what_is_not_valid_and_what_we_have_no_word_for_is_seen() {
        assert_eq!(Flags::parse(&[0x20, 0x04, 0, 0, 0]).map(|of| of.valid), Some(false));
        assert_eq!(Flags::parse(&[0x80, 0x3c, 0, 0, 0]).map(|of| of.device), Some(BootDevice::None), "a floppy");
        assert_eq!(Flags::parse(&[0x80]), None);
    }
}
