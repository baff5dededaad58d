//! Reads a BMC's event log, and clears it (IPMI 2.0 §31).

use super::{RECORD, Record};
use crate::bmc::{BmcError, EventLog};
use crate::command::{Chunk, ask, fixed, refused, send};
use crate::message::{Completion, Request, Response, Transport, net_fn};
use crate::sdr::SensorRecord;
use std::collections::HashSet;
use std::time::Duration;

/// How often reading begins anew because the log was cleared under our hands, or a reservation was lost.
const TURNS: usize = 4;
/// An erasure is asked about so often before we give up on it.
const ERASURE_TURNS: u32 = 100;
const ERASURE_PAUSE: Duration = Duration::from_millis(200);

/// §31.2 Get SEL Info.
struct Info {
    entries: u16,
    free_bytes: u16,
    flags: u8,
}

async fn info(transport: &dyn Transport) -> Result<Info, BmcError> {
    let data = ask(transport, &Request::new(net_fn::STORAGE, 0x40, [])).await?;
    let data: [u8; 14] = fixed(&data, "Get SEL Info")?;
    let word = |at: usize| u16::from_le_bytes([data[at], data[at + 1]]);
    Ok(Info { entries: word(1), free_bytes: word(3), flags: data[13] })
}

/// Entries after the one of the id `known`; all of them where it is not in the log any more.
pub(crate) async fn read(
    transport: &dyn Transport,
    chunk: &mut Chunk,
    known: Option<&str>,
    sensors: &[SensorRecord],
) -> Result<EventLog, BmcError> {
    let info = info(transport).await?;
    let full = Some(percent(transport, &info).await?);
    let overflowed = info.flags & 0x80 != 0;
    let mut log = EventLog { events: Vec::new(), anew: known.is_some(), overflowed, full };
    if info.entries == 0 {
        return Ok(log);
    }
    let mut first = 0;
    if let Some(known) = known
        && let Some(next) = after(transport, chunk, known).await?
    {
        (log.anew, first) = (false, next);
    }
    for _ in 0..TURNS {
        match walk(transport, chunk, first).await? {
            Walk::Whole(records) => {
                log.events = records.iter().map(|record| record.event(sensors)).collect();
                return Ok(log);
            }
            Walk::Cleared => (log.anew, first) = (known.is_some(), 0),
        }
    }
    Err(BmcError::Answer("Get SEL Entry"))
}

/// What follows the record of this id, if it is still in the log and still the same.
async fn after(transport: &dyn Transport, chunk: &mut Chunk, known: &str) -> Result<Option<u16>, BmcError> {
    let Some(number) = Record::number(known) else { return Ok(None) };
    match entry(transport, chunk, number).await {
        Ok((record, next)) => Ok((record.id() == known).then_some(next)),
        Err(BmcError::Completion(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

enum Walk {
    Whole(Vec<Record>),
    /// The next one is not there any more.
    Cleared,
}

/// From one record to the next. A log that leads back to where it was, or answers with a record that it gave before, has said all.
async fn walk(transport: &dyn Transport, chunk: &mut Chunk, first: u16) -> Result<Walk, BmcError> {
    let (mut records, mut asked, mut given) = (Vec::new(), HashSet::new(), HashSet::new());
    let mut next = first;
    while next != 0xffff && asked.insert(next) {
        match entry(transport, chunk, next).await {
            Ok((record, following)) => {
                if !given.insert(record.id) {
                    break;
                }
                records.push(record);
                next = following;
            }
            // Of an empty log the first is not there.
            Err(BmcError::Completion(Completion::NOT_PRESENT)) if next != 0 => return Ok(Walk::Cleared),
            Err(BmcError::Completion(Completion::NOT_PRESENT)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(Walk::Whole(records))
}

/// §31.5 Get SEL Entry: at once, or in parts from a BMC that can't.
async fn entry(transport: &dyn Transport, chunk: &mut Chunk, id: u16) -> Result<(Record, u16), BmcError> {
    let mut turns = 0;
    let (mut bytes, mut next, mut reservation) = (Vec::new(), 0xffff, 0);
    while bytes.len() < RECORD {
        // Who asks for a part needs a reservation.
        if reservation == 0 && usize::from(chunk.size()) < RECORD {
            reservation = reserve(transport).await?;
        }
        let rest = (RECORD - bytes.len()) as u8;
        let count = if *chunk == Chunk::WHOLE { chunk.size() } else { chunk.size().min(rest) };
        let response = part(transport, reservation, id, (bytes.len() as u8, count)).await?;
        match response.completion {
            Completion::OK if response.data.len() > 2 => {
                if bytes.is_empty() {
                    next = u16::from_le_bytes([response.data[0], response.data[1]]);
                }
                bytes.extend_from_slice(&response.data[2..]);
                if bytes.len() < RECORD && *chunk == Chunk::WHOLE {
                    // It gave what it could at once: the rest is a part.
                    chunk.shrink_below(RECORD);
                }
            }
            Completion::OK => return Err(BmcError::Answer("Get SEL Entry")),
            Completion::RESERVATION_CANCELED if turns < TURNS => {
                turns += 1;
                (bytes, reservation) = (Vec::new(), reserve(transport).await?);
            }
            refusal if Chunk::heals(refusal) && chunk.shrink() => {}
            refusal => return Err(refused(refusal)),
        }
    }
    Ok((Record::parse(fixed(&bytes, "Get SEL Entry")?), next))
}

async fn part(
    transport: &dyn Transport,
    reservation: u16,
    id: u16,
    (offset, count): (u8, u8),
) -> Result<Response, BmcError> {
    let ([r0, r1], [i0, i1]) = (reservation.to_le_bytes(), id.to_le_bytes());
    Ok(send(transport, &Request::new(net_fn::STORAGE, 0x43, [r0, r1, i0, i1, offset, count])).await?)
}

/// §31.4. A BMC that knows no reservations needs none.
async fn reserve(transport: &dyn Transport) -> Result<u16, BmcError> {
    match ask(transport, &Request::new(net_fn::STORAGE, 0x42, [])).await {
        Ok(data) => fixed(&data, "Reserve SEL").map(u16::from_le_bytes),
        Err(BmcError::Unsupported) => Ok(0),
        Err(error) => Err(error),
    }
}

/// How full it is: by its allocation units (§31.3) where it tells, else by its bytes.
async fn percent(transport: &dyn Transport, info: &Info) -> Result<u8, BmcError> {
    if info.flags & 1 != 0 {
        let response = send(transport, &Request::new(net_fn::STORAGE, 0x41, [])).await?;
        if let (Completion::OK, Some([a, b, _, _, c, d])) = (response.completion, response.data.first_chunk::<6>()) {
            let (units, free) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
            if units > 0 && free <= units {
                return Ok(share((units - free).into(), units.into()));
            }
        }
    }
    let used = u32::from(info.entries) * RECORD as u32;
    Ok(share(used, used + u32::from(info.free_bytes)))
}

/// Rounded up: a log with one entry is not empty.
fn share(part: u32, of: u32) -> u8 {
    u8::try_from((part * 100).div_ceil(of.max(1))).unwrap_or(100).min(100)
}

/// §31.9 Clear SEL: with a reservation, until the BMC says that it is done.
pub(crate) async fn clear(transport: &dyn Transport) -> Result<(), BmcError> {
    const INITIATE: u8 = 0xaa;
    const PROGRESS: u8 = 0x00;
    let mut reservation = reserve(transport).await?;
    let mut operation = INITIATE;
    for _ in 0..ERASURE_TURNS {
        let [low, high] = reservation.to_le_bytes();
        let request = Request::new(net_fn::STORAGE, 0x47, [low, high, b'C', b'L', b'R', operation]);
        match ask(transport, &request).await {
            Ok(data) if data.first().is_none_or(|progress| progress & 0xf == 1) => return Ok(()),
            Ok(_) => {
                operation = PROGRESS;
                tokio::time::sleep(ERASURE_PAUSE).await;
            }
            // An event came between: what is cleared is then more than was seen, which is what was asked for.
            Err(BmcError::Completion(Completion::RESERVATION_CANCELED)) => reservation = reserve(transport).await?,
            Err(error) => return Err(error),
        }
    }
    Err(BmcError::Answer("Clear SEL"))
}
