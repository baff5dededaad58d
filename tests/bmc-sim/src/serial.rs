//! What serial over LAN is connected to: a Unix socket or an address on loopback, for as long as a console watches.

use crate::sim::Shared;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc::UnboundedReceiver;

trait Port: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Port for T {}

async fn connect(place: &str) -> std::io::Result<Box<dyn Port>> {
    Ok(match place.strip_prefix("unix:") {
        Some(path) => Box::new(UnixStream::connect(path).await?),
        None => Box::new(TcpStream::connect(place).await?),
    })
}

/// Carries characters both ways. The port is opened when a console types or watches, and again after it was closed.
pub async fn run(shared: Arc<Shared>, place: String, mut typed: UnboundedReceiver<Vec<u8>>) {
    let mut port = None;
    let mut buffer = [0; 4096];
    loop {
        if port.is_none() && shared.is_watched() {
            port = connect(&place).await.ok();
        }
        let Some(open) = &mut port else {
            // Woken by every request of a session: activating the payload is one.
            if typed.recv().await.is_none() {
                return;
            }
            continue;
        };
        tokio::select! {
            characters = typed.recv() => match characters {
                None => return,
                Some(characters) => if open.write_all(&characters).await.is_err() { port = None },
            },
            read = open.read(&mut buffer) => match read {
                Ok(length) if length > 0 => shared.say(&buffer[..length]).await,
                _ => port = None,
            },
        }
    }
}
