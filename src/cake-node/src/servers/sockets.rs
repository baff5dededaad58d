//! What the worker speaks over: it may open nothing itself.

use cake_bmc::local::{Device, relay};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// For each family. A machine without IPv6 has those of IPv4 only.
pub fn sockets(count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(udp("0.0.0.0:0")?);
        sockets.extend(udp("[::]:0").ok());
    }
    Ok(sockets)
}

/// `address`: of this machine, with its port.
pub fn udp(address: &str) -> io::Result<OwnedFd> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The kernel's device of this machine's BMC.
const LOCAL: &str = "/dev/ipmi0";

/// A stream to this machine's BMC, if it has one. What goes over it is passed on unread.
pub async fn local_bmc() -> Option<OwnedFd> {
    let device = tokio::task::spawn_blocking(|| Device::open(Path::new(LOCAL))).await.ok()?.ok()?;
    let (ours, theirs) = StdUnixStream::pair().ok()?;
    ours.set_nonblocking(true).ok()?;
    let ours = UnixStream::from_std(ours).ok()?;
    tokio::spawn(async move {
        if let Err(error) = relay::serve(&device, ours).await {
            tracing::warn!(%error, "what is said to this machine's BMC can't be passed on: {error}");
        }
    });
    Some(theirs.into())
}

/// A connection, if somebody listens there in time.
pub async fn connected(address: SocketAddr, patience: Duration) -> Option<OwnedFd> {
    let stream = tokio::time::timeout(patience, TcpStream::connect(address)).await.ok()?.ok()?;
    // What is said is short, and waits for its answer.
    stream.set_nodelay(true).ok()?;
    stream.into_std().ok().map(OwnedFd::from)
}
