//! The BMC of the machine that this runs on, through the kernel: `/dev/ipmi0`, by ipmi-rs.

pub mod relay;

use crate::message::{Completion, Request, Response, Transport, TransportError};
use async_trait::async_trait;
use ipmi_rs::connection::{IpmiConnection, LogicalUnit, Message, NetFn, RequestTargetAddress};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Longer than the kernel tries.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers of requests that were given up, which may lie before the one that is waited for.
const STALE_MAX: usize = 8;

type Answer = Result<Response, TransportError>;
type Call = (Request, oneshot::Sender<Answer>);

/// An open device. The kernel's calls block, so they are made on a thread of their own, which ends with this.
pub struct Device {
    calls: mpsc::Sender<Call>,
}

impl Device {
    /// ipmi-rs opens the device itself: who calls this needs the right to.
    pub fn open(path: &Path) -> Result<Self, TransportError> {
        let file = ipmi_rs::File::new(path, PATIENCE).map_err(error)?;
        let (calls, waiting) = mpsc::channel(1);
        std::thread::Builder::new().name("ipmi-local".to_owned()).spawn(move || serve(file, waiting))?;
        Ok(Self { calls })
    }
}

#[async_trait]
impl Transport for Device {
    /// Dropped, it is done nevertheless, and the next one waits until it is.
    async fn send(&self, request: &Request) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.calls.send((request.clone(), answer)).await.map_err(|_| TransportError::NoDevice)?;
        answered.await.map_err(|_| TransportError::NoDevice)?
    }
}

fn serve(mut file: ipmi_rs::File, mut calls: mpsc::Receiver<Call>) {
    while let Some((request, answer)) = calls.blocking_recv() {
        // Who asked may be gone.
        let _ = answer.send(call(&mut file, request));
    }
}

fn call(file: &mut ipmi_rs::File, request: Request) -> Answer {
    let Request { net_fn, lun, command, data } = request;
    let message = Message::new_request(NetFn::from(net_fn), command, data);
    let target = RequestTargetAddress::Bmc(LogicalUnit::from_low_bits(lun));
    file.send(&mut ipmi_rs::connection::Request::new(message, target)).map_err(error)?;
    for _ in 0..STALE_MAX {
        match file.recv() {
            Ok(response) => {
                return Ok(Response { completion: Completion(response.cc()), data: response.data().to_vec() });
            }
            // The answer to an earlier request, taken out of the way by being read.
            Err(stale) if stale.kind() == ErrorKind::Other => {}
            Err(other) => return Err(error(other)),
        }
    }
    Err(TransportError::Garbled("only answers to other requests"))
}

fn error(error: io::Error) -> TransportError {
    match error.kind() {
        ErrorKind::NotFound => TransportError::NoDevice,
        ErrorKind::WouldBlock => TransportError::Silent,
        _ => TransportError::Io(error),
    }
}
