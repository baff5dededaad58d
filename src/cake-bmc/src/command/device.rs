//! Who the BMC is (IPMI 2.0 §20).

use super::{ask, fixed, send};
use crate::bmc::BmcError;
use crate::message::{Completion, Request, Transport, net_fn};
use cake_types::BmcDevice;
use uuid::Uuid;

/// §20.1 Get Device ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId {
    /// `firmware` in its two parts.
    pub firmware: (u8, u8),
    pub version: (u8, u8),
    pub manufacturer: Option<u32>,
    pub product: Option<u16>,
    /// It keeps a repository of sensor records; otherwise the records are the device's own.
    pub has_repository: bool,
}

impl DeviceId {
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [_, _, major, minor, version, support, rest @ ..] = data else { return None };
        // The rest is missing in version 1.0.
        let manufacturer = rest.first_chunk().map(|[a, b, c]| u32::from_le_bytes([*a, *b, *c, 0]) & 0xf_ffff);
        let product = rest.get(3..5).map(|of| u16::from_le_bytes([of[0], of[1]]));
        Some(Self {
            firmware: (major & 0x7f, decimal(*minor)),
            version: (version & 0xf, version >> 4),
            manufacturer: manufacturer.filter(|of| !matches!(of, 0 | 0xf_ffff)),
            product,
            has_repository: support & 2 != 0,
        })
    }
}

/// Two decimal digits in a byte; of a BMC that writes anything else, the byte.
fn decimal(byte: u8) -> u8 {
    if byte >> 4 < 10 && byte & 0xf < 10 { (byte >> 4) * 10 + (byte & 0xf) } else { byte }
}

pub async fn device_id(transport: &dyn Transport) -> Result<DeviceId, BmcError> {
    let data = ask(transport, &Request::new(net_fn::APP, 0x01, [])).await?;
    DeviceId::parse(&data).ok_or(BmcError::Answer("Get Device ID"))
}

/// §22.14 Get System GUID. Not every BMC has one.
pub async fn guid(transport: &dyn Transport) -> Result<Option<Uuid>, BmcError> {
    let response = send(transport, &Request::new(net_fn::APP, 0x37, [])).await?;
    if response.completion != Completion::OK {
        return Ok(None);
    }
    Ok(guid_of(fixed(&response.data, "Get System GUID")?))
}

/// The specification's order is that of RFC 4122 backwards (§20.8). Many BMCs send that of SMBIOS instead, some that of the RFC:
/// the order is right in which version and variant make sense.
pub fn guid_of(bytes: [u8; 16]) -> Option<Uuid> {
    if bytes == [0; 16] || bytes == [0xff; 16] {
        return None;
    }
    let mut backwards = bytes;
    backwards.reverse();
    let orders = [Uuid::from_bytes(backwards), Uuid::from_bytes_le(bytes), Uuid::from_bytes(bytes)];
    let is = |version: usize, of: &Uuid| of.get_version_num() == version && of.get_variant() == uuid::Variant::RFC4122;
    // Nearly all are of version 4, and now and then one makes sense in two orders.
    let sense = [4, 1, 2, 3, 5].iter().find_map(|version| orders.iter().find(|of| is(*version, of)));
    Some(*sense.unwrap_or(&orders[0]))
}

pub fn device(id: &DeviceId, guid: Option<Uuid>) -> BmcDevice {
    BmcDevice {
        manufacturer: id.manufacturer,
        product: id.product,
        firmware: format!("{}.{:02}", id.firmware.0, id.firmware.1),
        protocol: format!("{}.{}", id.version.0, id.version.1),
        guid,
        laboratory: false,
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceId, device, guid_of};
    use uuid::Uuid;

    #[test]
    fn a_device_is_who_it_says() {
        let id = DeviceId::parse(&[0x20, 0x81, 0x03, 0x45, 0x02, 0xbf, 0x57, 0x01, 0x00, 0x0b, 0x00, 1, 2, 3, 4])
            .expect("whole");
        let told = device(&id, None);
        assert_eq!((told.firmware.as_str(), told.protocol.as_str()), ("3.45", "2.0"));
        assert_eq!((told.manufacturer, told.product, id.has_repository), (Some(343), Some(11), true));
        let old = DeviceId::parse(&[0x20, 1, 1, 2, 0x51, 0x01]).expect("short but whole");
        assert_eq!((old.version, old.manufacturer, old.product, old.has_repository), ((1, 5), None, None, false));
        assert_eq!(DeviceId::parse(&[0x20, 1, 1, 2, 0x51]), None);
    }

    #[test]
    fn a_guid_is_the_same_in_whatever_order_it_comes() {
        let guid = Uuid::from_u128(0x4c4c4544_0042_4a10_8056_b6c04f4e5232);
        let mut backwards = *guid.as_bytes();
        backwards.reverse();
        for bytes in [backwards, guid.to_bytes_le(), *guid.as_bytes()] {
            assert_eq!(guid_of(bytes), Some(guid), "{bytes:x?}");
        }
        assert_eq!([guid_of([0; 16]), guid_of([0xff; 16])], [None, None]);
    }
}
