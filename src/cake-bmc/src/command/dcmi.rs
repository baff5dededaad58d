//! What a server draws, and may draw (DCMI 1.5 §6.6).

use super::{ask, fixed, send};
use crate::bmc::BmcError;
use crate::message::{Completion, Request, Transport, net_fn};
use std::time::Duration;

/// The group extension's number: first in every request and response.
const DCMI: u8 = 0xdc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerReading {
    pub now: u16,
    /// Watts over the BMC's own statistics period.
    pub least: u16,
    pub most: u16,
    pub average: u16,
}

/// What happens to a server that draws more than its limit for longer than its time (§6.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    None,
    PowerOff,
    Log,
    /// Its maker's own, 02h … 10h.
    Other(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerLimit {
    pub watts: u16,
    pub exception: Exception,
    /// How long it may take until the limit is kept.
    pub correction: Duration,
    pub sampling: Duration,
    pub active: bool,
}

fn request(command: u8, data: &[u8]) -> Request {
    Request::new(net_fn::GROUP, command, [&[DCMI], data].concat())
}

/// `None`: it measures nothing now, or this user may not know. A BMC without DCMI is [`BmcError::Unsupported`].
pub async fn power_reading(transport: &dyn Transport) -> Result<Option<PowerReading>, BmcError> {
    let response = send(transport, &request(0x02, &[1, 0, 0])).await?;
    match response.completion {
        Completion::OK => {}
        Completion::INVALID_COMMAND => return Err(BmcError::Unsupported),
        _ => return Ok(None),
    }
    let data: [u8; 18] = fixed(&response.data, "Get Power Reading")?;
    let word = |at: usize| u16::from_le_bytes([data[at], data[at + 1]]);
    let measured = data[0] == DCMI && data[17] & 0x40 != 0;
    Ok(measured.then(|| PowerReading { now: word(1), least: word(3), most: word(5), average: word(7) }))
}

/// 80h: no limit is active, and still what it would be.
pub async fn power_limit(transport: &dyn Transport) -> Result<PowerLimit, BmcError> {
    let response = send(transport, &request(0x03, &[0, 0])).await?;
    let active = match response.completion {
        Completion::OK => true,
        Completion(0x80) => false,
        other => return Err(super::refused(other)),
    };
    let Some(data) = response.data.first_chunk::<14>().filter(|data| data[0] == DCMI) else {
        // Some answer 80h with nothing behind it.
        let nothing = PowerLimit {
            watts: 0,
            exception: Exception::None,
            correction: Duration::ZERO,
            sampling: Duration::ZERO,
            active: false,
        };
        return if active { Err(BmcError::Answer("Get Power Limit")) } else { Ok(nothing) };
    };
    Ok(PowerLimit {
        watts: u16::from_le_bytes([data[4], data[5]]),
        exception: match data[3] {
            0x00 => Exception::None,
            0x01 => Exception::PowerOff,
            0x11 => Exception::Log,
            other => Exception::Other(other),
        },
        correction: Duration::from_millis(u32::from_le_bytes([data[6], data[7], data[8], data[9]]).into()),
        sampling: Duration::from_secs(u16::from_le_bytes([data[12], data[13]]).into()),
        active,
    })
}

/// Sets a limit and switches it on or off, as `limit.active` says.
pub async fn set_power_limit(transport: &dyn Transport, limit: PowerLimit) -> Result<(), BmcError> {
    let exception = match limit.exception {
        Exception::None => 0x00,
        Exception::PowerOff => 0x01,
        Exception::Log => 0x11,
        Exception::Other(other) => other,
    };
    let correction = u32::try_from(limit.correction.as_millis()).unwrap_or(u32::MAX);
    let sampling = u16::try_from(limit.sampling.as_secs()).unwrap_or(u16::MAX);
    let mut data = vec![0, 0, 0, exception];
    data.extend(limit.watts.to_le_bytes());
    data.extend(correction.to_le_bytes());
    data.extend([0, 0]);
    data.extend(sampling.to_le_bytes());
    ask(transport, &request(0x04, &data)).await?;
    activate_power_limit(transport, limit.active).await
}

/// Switches the limit that is set on or off (§6.6.4).
pub async fn activate_power_limit(transport: &dyn Transport, active: bool) -> Result<(), BmcError> {
    ask(transport, &request(0x05, &[u8::from(active), 0, 0])).await.map(drop)
}
