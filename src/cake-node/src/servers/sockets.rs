//! What the worker speaks over: it may open nothing itself.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::net::TcpStream;

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

/// A connection, if somebody listens there in time.
pub async fn connected(address: SocketAddr, patience: Duration) -> Option<OwnedFd> {
    let stream = tokio::time::timeout(patience, TcpStream::connect(address)).await.ok()?.ok()?;
    // What is said is short, and waits for its answer.
    stream.set_nodelay(true).ok()?;
    stream.into_std().ok().map(OwnedFd::from)
}
