//! A relay on a thread of its own that holds each answer back.

use anyhow::Result;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

pub struct Slow {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Slow {
    /// For clients that wait for an answer before they ask again.
    pub fn start(target: SocketAddr, late: Duration) -> Result<Self> {
        let (front, back) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        front.set_read_timeout(Some(LOOK))?;
        back.set_read_timeout(Some(LOOK))?;
        back.connect(target)?;
        let (address, over) = (front.local_addr()?, Arc::new(AtomicBool::new(false)));
        let ended = over.clone();
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !ended.load(Ordering::Relaxed) {
                let Ok((length, client)) = front.recv_from(&mut buffer) else { continue };
                // Who is gone answers nothing.
                let _ = back.send(&buffer[..length]);
                if let Ok(length) = back.recv(&mut buffer) {
                    std::thread::sleep(late);
                    let _ = front.send_to(&buffer[..length], client);
                }
            }
        });
        Ok(Self { address, over, thread: Some(thread) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
