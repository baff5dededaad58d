//! Reads a BMC's sensor records: of its repository (IPMI 2.0 §33), or, where it has none, its own of each logical unit (§35.2 ff.).

use super::{HEADER, LONGEST, SdrStamp, length};
use crate::bmc::BmcError;
use crate::command::{Chunk, ask, fixed, refused, send};
use crate::message::{Completion, Request, Response, Transport, net_fn};
use std::collections::HashSet;

/// More than any server has: who hands out more goes round in circles that we do not see.
const RECORDS_MAX: usize = 8192;
/// How often one record is begun anew because the reservation was lost to somebody else.
const TURNS: usize = 8;

/// Where records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Repository,
    /// The controller's own, of this logical unit.
    Device {
        lun: u8,
    },
}

/// How this BMC wants to be read: remembered from one record to the next.
#[derive(Debug)]
pub(crate) struct Manner {
    chunk: Chunk,
    /// It refuses to be asked for more than a record has.
    header_first: bool,
    reservation: u16,
}

impl Default for Manner {
    fn default() -> Self {
        Self { chunk: Chunk::WHOLE, header_first: false, reservation: 0 }
    }
}

/// §33.9 Get SDR Repository Info.
pub(crate) async fn repository_stamp(transport: &dyn Transport) -> Result<SdrStamp, BmcError> {
    let data = ask(transport, &Request::new(net_fn::STORAGE, 0x20, [])).await?;
    let data: [u8; 14] = fixed(&data, "Get SDR Repository Info")?;
    let time = |at: usize| u32::from_le_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
    Ok(SdrStamp { count: u16::from_le_bytes([data[1], data[2]]), added: time(5), erased: time(9) })
}

/// §35.2 Get Device SDR Info: which logical units have records, and since when.
pub(crate) async fn device_stamp(transport: &dyn Transport) -> Result<(SdrStamp, Vec<u8>), BmcError> {
    let data = ask(transport, &Request::new(net_fn::SENSOR_EVENT, 0x20, [])).await?;
    let [sensors, flags, changed @ ..] = &data[..] else { return Err(BmcError::Answer("Get Device SDR Info")) };
    let changed = changed.first_chunk().map_or(0, |time| u32::from_le_bytes(*time));
    let luns = (0..4).filter(|lun| flags & 1 << lun != 0).collect();
    Ok((SdrStamp { added: changed, erased: 0, count: (*sensors).into() }, luns))
}

/// Every record. One that can't be read ends it: nobody knows which comes after.
pub(crate) async fn records(
    transport: &dyn Transport,
    source: Source,
    manner: &mut Manner,
) -> Result<Vec<Vec<u8>>, BmcError> {
    let mut records = Vec::new();
    let mut seen = HashSet::new();
    let mut next = 0;
    while next != 0xffff && seen.insert(next) && records.len() < RECORDS_MAX {
        match record(transport, source, manner, next).await {
            Ok((bytes, following)) => {
                records.push(bytes);
                next = following;
            }
            // An empty repository has no first record; one that was changed meanwhile ends where it ends.
            Err(BmcError::Completion(Completion::NOT_PRESENT)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

/// A record, and which comes next.
async fn record(
    transport: &dyn Transport,
    source: Source,
    manner: &mut Manner,
    id: u16,
) -> Result<(Vec<u8>, u16), BmcError> {
    for _ in 0..TURNS {
        match try_record(transport, source, manner, id).await {
            Err(BmcError::Completion(Completion::RESERVATION_CANCELED)) => {
                manner.reservation = reserve(transport, source).await?;
            }
            other => return other,
        }
    }
    Err(BmcError::Completion(Completion::RESERVATION_CANCELED))
}

async fn try_record(
    transport: &dyn Transport,
    source: Source,
    manner: &mut Manner,
    id: u16,
) -> Result<(Vec<u8>, u16), BmcError> {
    let (mut bytes, next) = beginning(transport, source, manner, id).await?;
    let whole = length(&bytes).unwrap_or(LONGEST);
    let usual = manner.chunk;
    while bytes.len() < whole {
        if manner.reservation == 0 {
            manner.reservation = reserve(transport, source).await?;
        }
        let rest = u8::try_from(whole - bytes.len()).unwrap_or(u8::MAX);
        let count = rest.min(manner.chunk.size());
        // An offset is one byte: what is longer has an end that nobody can ask for.
        let Ok(offset) = u8::try_from(bytes.len()) else { break };
        let response = part(transport, source, manner, id, (offset, count)).await?;
        match response.completion {
            Completion::OK if response.data.len() > 2 => {
                let more = &response.data[2..];
                bytes.extend_from_slice(&more[..more.len().min(whole - bytes.len())]);
            }
            refusal if Chunk::heals(refusal) && manner.chunk.shrink() => {}
            // There is less than the header says, however one asks: this record is broken, the next need not be.
            refusal if refusal == Completion::OK || Chunk::heals(refusal) => {
                manner.chunk = usual;
                break;
            }
            refusal => return Err(refused(refusal)),
        }
    }
    bytes.truncate(whole);
    Ok((bytes, next))
}

/// As many of a record's first bytes as the BMC hands out at once, at least the header.
async fn beginning(
    transport: &dyn Transport,
    source: Source,
    manner: &mut Manner,
    id: u16,
) -> Result<(Vec<u8>, u16), BmcError> {
    loop {
        let count = if manner.header_first { HEADER as u8 } else { manner.chunk.size() };
        let response = part(transport, source, manner, id, (0, count)).await?;
        match response.completion {
            Completion::OK => {
                let [low, high, bytes @ ..] = &response.data[..] else { return Err(BmcError::Answer("Get SDR")) };
                if bytes.len() < HEADER {
                    return Err(BmcError::Answer("Get SDR"));
                }
                return Ok((bytes.to_vec(), u16::from_le_bytes([*low, *high])));
            }
            refusal if !Chunk::heals(refusal) || manner.header_first => return Err(refused(refusal)),
            _ if manner.chunk == Chunk::WHOLE => drop(manner.chunk.shrink()),
            _ => manner.header_first = true,
        }
    }
}

async fn part(
    transport: &dyn Transport,
    source: Source,
    manner: &Manner,
    id: u16,
    (offset, count): (u8, u8),
) -> Result<Response, BmcError> {
    let ([r0, r1], [i0, i1]) = (manner.reservation.to_le_bytes(), id.to_le_bytes());
    // Only who asks for a part of a record needs a reservation (§33.12).
    let [r0, r1] = if offset == 0 { [0, 0] } else { [r0, r1] };
    let request = match source {
        Source::Repository => Request::new(net_fn::STORAGE, 0x23, [r0, r1, i0, i1, offset, count]),
        Source::Device { lun } => {
            Request { lun, ..Request::new(net_fn::SENSOR_EVENT, 0x21, [r0, r1, i0, i1, offset, count]) }
        }
    };
    Ok(send(transport, &request).await?)
}

/// §33.11, §35.4. A BMC that knows no reservations needs none.
async fn reserve(transport: &dyn Transport, source: Source) -> Result<u16, BmcError> {
    let request = match source {
        Source::Repository => Request::new(net_fn::STORAGE, 0x22, []),
        Source::Device { lun } => Request { lun, ..Request::new(net_fn::SENSOR_EVENT, 0x22, []) },
    };
    match ask(transport, &request).await {
        Ok(data) => fixed(&data, "Reserve SDR Repository").map(u16::from_le_bytes),
        Err(BmcError::Unsupported) => Ok(0),
        Err(error) => Err(error),
    }
}
