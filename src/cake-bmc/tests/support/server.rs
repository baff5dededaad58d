//! The BMC of the tests at a socket.

use super::bmc::{Bmc, Nature};
use anyhow::Result;
use std::net::{IpAddr, SocketAddr};
use tokio::net::UdpSocket;

/// With room for all; it ends with the runtime.
pub async fn serve(ip: IpAddr) -> Result<SocketAddr> {
    let socket = UdpSocket::bind((ip, 0)).await?;
    let address = socket.local_addr()?;
    tokio::spawn(async move {
        let mut bmc = Bmc::new(Nature { slots: usize::MAX, ..Nature::default() });
        let mut buffer = [0; 1024];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            if let Some(answer) = bmc.receive(&buffer[..length]) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    Ok(address)
}
