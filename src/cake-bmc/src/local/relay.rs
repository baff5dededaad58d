//! The device for who may open none: requests and responses over a stream, one at a time, each a frame.
//!
//! ```text
//!  confined: Relayed ── length, network function, unit, command, data ──► serve: root, which looks at what is asked ──► Device
//!                    ◄── length, outcome, completion code, data ─────────
//! ```

use super::Answer;
use crate::message::{Completion, Request, Response, Transport, TransportError, net_fn};
use async_trait::async_trait;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

/// Bytes of a message that the kernel takes (`IPMI_MAX_MSG_LENGTH`), and more.
const MESSAGE_MAX: usize = 1024;
/// What became of a request.
const ANSWERED: u8 = 0;
const SILENT: u8 = 1;
const FAILED: u8 = 2;

type Call = (Request, oneshot::Sender<Answer>);

/// What is passed on: reading, power, light and boot device. Accounts, firmware and makers' own commands are for who may open the device:
/// the kernel asks nobody for a password, and the other end reads what hostile BMCs say.
fn is_passed_on(net_fn: u8, command: u8) -> bool {
    match net_fn {
        net_fn::CHASSIS | net_fn::SENSOR_EVENT | net_fn::STORAGE | net_fn::GROUP => true,
        // Get Device ID, Get Watchdog Timer, Get System GUID.
        net_fn::APP => matches!(command, 0x01 | 0x25 | 0x37),
        // Get LAN Configuration Parameters.
        net_fn::TRANSPORT => command == 0x02,
        _ => false,
    }
}

/// Passes on what comes over the stream, until it ends.
pub async fn serve<S>(device: &dyn Transport, mut stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(frame) = read(&mut stream).await? {
        let &[net_fn, lun, command, ref data @ ..] = &frame[..] else { return Err(io::ErrorKind::InvalidData.into()) };
        if !is_passed_on(net_fn, command) {
            write(&mut stream, &[ANSWERED, Completion::INSUFFICIENT_PRIVILEGE.0]).await?;
            continue;
        }
        let answer = match device.send(&Request { net_fn, lun, command, data: data.to_vec() }).await {
            Ok(Response { completion, data }) => [&[ANSWERED, completion.0], &data[..]].concat(),
            Err(TransportError::Silent) => vec![SILENT],
            Err(_) => vec![FAILED],
        };
        write(&mut stream, &answer).await?;
    }
    Ok(())
}

/// The other end. A task keeps the stream, so that a request that is given up leaves nothing half said; it ends with this.
pub struct Relayed {
    calls: mpsc::Sender<Call>,
}

impl Relayed {
    /// Within a runtime.
    pub fn over<S>(stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (calls, waiting) = mpsc::channel(1);
        tokio::spawn(relay(stream, waiting));
        Self { calls }
    }
}

#[async_trait]
impl Transport for Relayed {
    /// Dropped, it is done nevertheless, and the next one waits until it is.
    async fn send(&self, request: &Request) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.calls.send((request.clone(), answer)).await.map_err(|_| TransportError::NoDevice)?;
        answered.await.map_err(|_| TransportError::NoDevice)?
    }
}

async fn relay<S>(mut stream: S, mut waiting: mpsc::Receiver<Call>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some((request, answer)) = waiting.recv().await {
        let said = ask(&mut stream, request).await;
        let over = matches!(said, Err(TransportError::NoDevice | TransportError::Garbled(_)));
        // Who asked may be gone.
        let _ = answer.send(said);
        if over {
            return;
        }
    }
}

async fn ask<S>(stream: &mut S, Request { net_fn, lun, command, data }: Request) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let gone = |_| TransportError::NoDevice;
    write(stream, &[&[net_fn, lun, command], &data[..]].concat()).await.map_err(gone)?;
    let frame = read(stream).await.map_err(gone)?.ok_or(TransportError::NoDevice)?;
    match &frame[..] {
        &[ANSWERED, completion, ref data @ ..] => {
            Ok(Response { completion: Completion(completion), data: data.to_vec() })
        }
        [SILENT] => Err(TransportError::Silent),
        [FAILED] => Err(TransportError::Io(io::Error::other("the device failed"))),
        _ => Err(TransportError::Garbled("a frame that was not agreed")),
    }
}

/// `None`: it ended between two frames.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Vec<u8>>> {
    let length = match stream.read_u16().await {
        Ok(length) => usize::from(length),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if length > MESSAGE_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(Some(frame))
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, frame: &[u8]) -> io::Result<()> {
    let length = u16::try_from(frame.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], frame].concat()).await
}
