//! Reads a name plate (IPMI 2.0 §34): its header, and of its areas those that we understand.

use super::{HEADER, NamePlate, area_length, areas, parse};
use crate::bmc::BmcError;
use crate::command::{Chunk, fixed, refused, send};
use crate::message::{Completion, Request, Transport, net_fn};
use cake_types::PartTrouble;
use std::time::Duration;

/// 81h: the BMC is at it itself (§34.2). It is given time so often.
const BUSY: Completion = Completion(0x81);
const PATIENCE: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// One device of the controller's.
struct Device<'a> {
    transport: &'a dyn Transport,
    lun: u8,
    id: u8,
    /// Offsets and counts are in units of so many bytes.
    unit: usize,
    size: usize,
}

/// `None`: there is no such device.
pub(crate) async fn plate(
    transport: &dyn Transport,
    chunk: &mut Chunk,
    (lun, id): (u8, u8),
) -> Result<Option<NamePlate>, BmcError> {
    let request = Request { lun, ..Request::new(net_fn::STORAGE, 0x10, [id]) };
    let response = send(transport, &request).await?;
    match response.completion {
        Completion::OK => {}
        Completion::NOT_PRESENT | Completion::PARAMETER_OUT_OF_RANGE | Completion::INVALID_FIELD => return Ok(None),
        Completion::INSUFFICIENT_PRIVILEGE => return Err(refused(response.completion)),
        _ => return Ok(Some(unreadable())),
    }
    let [low, high, access]: [u8; 3] = fixed(&response.data, "Get FRU Inventory Area Info")?;
    let size = usize::from(u16::from_le_bytes([low, high]));
    let device = Device { transport, lun, id, unit: if access & 1 == 0 { 1 } else { 2 }, size };
    match device.bytes(chunk).await {
        Ok(bytes) => Ok(Some(parse(&bytes))),
        Err(BmcError::Completion(Completion::NOT_PRESENT)) => Ok(None),
        Err(BmcError::Completion(_) | BmcError::Unsupported) => Ok(Some(unreadable())),
        Err(error) => Err(error),
    }
}

fn unreadable() -> NamePlate {
    NamePlate { trouble: Some(PartTrouble::Unreadable), ..NamePlate::default() }
}

impl Device<'_> {
    /// What lies in the areas, at its place; zero between them.
    async fn bytes(&self, chunk: &mut Chunk) -> Result<Vec<u8>, BmcError> {
        let mut bytes = vec![];
        self.read(chunk, &mut bytes, 0, HEADER).await?;
        for start in areas(&bytes) {
            self.read(chunk, &mut bytes, start, HEADER).await?;
            let length = area_length(bytes.get(start..).unwrap_or_default());
            self.read(chunk, &mut bytes, start + HEADER, length.saturating_sub(HEADER)).await?;
        }
        Ok(bytes)
    }

    /// So many bytes from there, as far as the device goes.
    async fn read(&self, chunk: &mut Chunk, bytes: &mut Vec<u8>, start: usize, count: usize) -> Result<(), BmcError> {
        let end = (start + count).min(self.size);
        let mut at = start - start % self.unit;
        while at < end {
            let part = self.part(chunk, at, end - at).await?;
            if part.is_empty() {
                break;
            }
            let until = (at + part.len()).min(end);
            bytes.resize(bytes.len().max(until), 0);
            bytes[at..until].copy_from_slice(&part[..until - at]);
            at += part.len();
        }
        Ok(())
    }

    /// §34.2 Read FRU Data.
    async fn part(&self, chunk: &mut Chunk, at: usize, rest: usize) -> Result<Vec<u8>, BmcError> {
        let mut turns = 0;
        loop {
            let bytes = rest.min(chunk.size().into()).next_multiple_of(self.unit);
            let [low, high] = u16::try_from(at / self.unit).unwrap_or(u16::MAX).to_le_bytes();
            let count = u8::try_from(bytes / self.unit).unwrap_or(u8::MAX);
            let request = Request { lun: self.lun, ..Request::new(net_fn::STORAGE, 0x11, [self.id, low, high, count]) };
            let response = send(self.transport, &request).await?;
            match response.completion {
                Completion::OK => {
                    let [count, data @ ..] = &response.data[..] else { return Err(BmcError::Answer("Read FRU Data")) };
                    // In units again; some count bytes all the same. What is there is there.
                    let most = usize::from(*count).saturating_mul(self.unit).min(bytes);
                    return Ok(data[..data.len().min(most)].to_vec());
                }
                BUSY if turns < PATIENCE => {
                    turns += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                refusal if Chunk::heals(refusal) && chunk.shrink() => {}
                refusal => return Err(refused(refusal)),
            }
        }
    }
}
