//! The BMC's own network settings (IPMI 2.0 §23.1, §23.2).

use super::user::THIS_CHANNEL;
use super::{ask, send};
use crate::bmc::BmcError;
use crate::message::{Completion, Request, Transport, net_fn};
use std::net::Ipv4Addr;

/// Parameters of table 23-4.
const SET_IN_PROGRESS: u8 = 0;
const ADDRESS: u8 = 3;
const SOURCE: u8 = 4;
const MAC: u8 = 5;
const MASK: u8 = 6;
const GATEWAY: u8 = 12;
const VLAN: u8 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanSettings {
    pub address: Ipv4Addr,
    pub mask: Ipv4Addr,
    pub gateway: Option<Ipv4Addr>,
    pub source: Source,
    pub vlan: Option<u16>,
    /// It can't be set.
    pub mac: [u8; 6],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Unspecified,
    Static,
    Dhcp,
    /// By the BIOS or another of its own ways.
    Other(u8),
}

pub async fn get(transport: &dyn Transport) -> Result<LanSettings, BmcError> {
    let gateway = Ipv4Addr::from(read::<4>(transport, GATEWAY).await?);
    let [low, high] = match read::<2>(transport, VLAN).await {
        Ok(vlan) => vlan,
        // Not every BMC knows VLANs (80h).
        Err(BmcError::Completion(Completion(0x80))) => [0, 0],
        Err(error) => return Err(error),
    };
    Ok(LanSettings {
        address: Ipv4Addr::from(read::<4>(transport, ADDRESS).await?),
        mask: Ipv4Addr::from(read::<4>(transport, MASK).await?),
        gateway: (!gateway.is_unspecified()).then_some(gateway),
        source: match read::<1>(transport, SOURCE).await?[0] & 0xf {
            0 => Source::Unspecified,
            1 => Source::Static,
            2 => Source::Dhcp,
            other => Source::Other(other),
        },
        vlan: (high & 0x80 != 0).then_some(u16::from_le_bytes([low, high & 0xf])),
        mac: read(transport, MAC).await?,
    })
}

/// All but the MAC; the address last. Who does this over the very network may hear nothing any more
/// ([`crate::TransportError::Silent`]): it must look at the new address.
pub async fn set(transport: &dyn Transport, settings: &LanSettings) -> Result<(), BmcError> {
    let locked = send(transport, &parameter(SET_IN_PROGRESS, &[1])).await?.completion == Completion::OK;
    let set = set_locked(transport, settings).await;
    if locked {
        send(transport, &parameter(SET_IN_PROGRESS, &[0])).await?;
    }
    set
}

async fn set_locked(transport: &dyn Transport, settings: &LanSettings) -> Result<(), BmcError> {
    let source = match settings.source {
        Source::Unspecified => 0,
        Source::Static => 1,
        Source::Dhcp => 2,
        Source::Other(other) => other,
    };
    if let Some(vlan) = settings.vlan {
        let [low, high] = vlan.to_le_bytes();
        ask(transport, &parameter(VLAN, &[low, high & 0xf | 0x80])).await?;
    } else {
        send(transport, &parameter(VLAN, &[0, 0])).await?;
    }
    ask(transport, &parameter(SOURCE, &[source])).await?;
    // Of DHCP the address is not ours to say.
    if settings.source == Source::Static {
        ask(transport, &parameter(MASK, &settings.mask.octets())).await?;
        ask(transport, &parameter(GATEWAY, &settings.gateway.unwrap_or(Ipv4Addr::UNSPECIFIED).octets())).await?;
        ask(transport, &parameter(ADDRESS, &settings.address.octets())).await?;
    }
    Ok(())
}

async fn read<const N: usize>(transport: &dyn Transport, number: u8) -> Result<[u8; N], BmcError> {
    let data = ask(transport, &Request::new(net_fn::TRANSPORT, 0x02, [THIS_CHANNEL, number, 0, 0])).await?;
    // The first byte is the parameters' version.
    let invalid = BmcError::Answer("Get LAN Configuration Parameters");
    data.get(1..).and_then(|data| data.first_chunk().copied()).ok_or(invalid)
}

fn parameter(number: u8, data: &[u8]) -> Request {
    Request::new(net_fn::TRANSPORT, 0x01, [&[THIS_CHANNEL, number], data].concat())
}
