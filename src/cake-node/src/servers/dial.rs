//! The worker's connections to Redfish and to the BMC of this machine: it may make none, so the node makes them and hands them over.

use super::wire::Said;
use async_trait::async_trait;
use cake_bmc::redfish::{Dial, Stream};
use cake_types::{OperationId, ServerId};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, TcpStream as StdStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{mpsc, oneshot};

/// Connections that were asked for.
pub struct Dials {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Option<OwnedFd>>>>,
    say: mpsc::Sender<Said>,
}

impl Dials {
    pub fn new(say: mpsc::Sender<Said>) -> Arc<Self> {
        Arc::new(Self { next: AtomicU64::default(), waiting: Mutex::default(), say })
    }

    async fn dial(&self, said: impl FnOnce(u64) -> Said) -> io::Result<OwnedFd> {
        let ask = self.next.fetch_add(1, Ordering::Relaxed);
        let (send, receive) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(ask, send);
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.say.send(said(ask)).await.map_err(|_| gone())?;
        receive.await.map_err(|_| gone())?.ok_or_else(gone)
    }

    /// To the BMC of the machine that this runs on, whose server has this id.
    pub async fn local(&self, id: ServerId) -> io::Result<UnixStream> {
        let stream = StdUnixStream::from(self.dial(|ask| Said::Dial { ask, id }).await?);
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    }

    /// What became of one; `None`: nobody listens there.
    pub fn dialed(&self, ask: u64, connection: Option<OwnedFd>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&ask);
        if let Some(waiting) = waiting {
            // Whoever asked may have given up.
            let _ = waiting.send(connection);
        }
    }
}

fn tcp(descriptor: OwnedFd) -> io::Result<Box<dyn Stream>> {
    let stream = StdStream::from(descriptor);
    stream.set_nonblocking(true)?;
    Ok(Box::new(TcpStream::from_std(stream)?))
}

/// To one BMC.
pub struct NodeDial {
    pub id: ServerId,
    pub dials: Arc<Dials>,
}

#[async_trait]
impl Dial for NodeDial {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        tcp(self.dials.dial(|ask| Said::Dial { ask, id: self.id }).await?)
    }
}

/// To an address of a scan.
pub struct ScanDial {
    pub operation: OperationId,
    pub address: IpAddr,
    pub dials: Arc<Dials>,
}

#[async_trait]
impl Dial for ScanDial {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let (operation, address) = (self.operation, self.address);
        tcp(self.dials.dial(|ask| Said::DialFound { ask, operation, address }).await?)
    }
}
