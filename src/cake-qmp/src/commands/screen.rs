//! The guest's screen: who looks, and how it looks now.

use serde::Serialize;

use crate::command::{Command, Empty};

/// Hands a descriptor that was named by [`GetFd`](super::GetFd) to a server as one of its clients.
#[derive(Clone, Debug, Serialize)]
pub struct AddClient {
    pub protocol: ClientProtocol,
    pub fdname: String,
    /// Whoever holds the descriptor has been asked already.
    pub skipauth: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientProtocol {
    Vnc,
}

impl Command for AddClient {
    const NAME: &'static str = "add_client";
    type Answer = Empty;
}

/// Writes the screen into a file as a portable pixmap (binary, 8 bits a channel).
///
/// Not as PNG: QEMU compresses in the thread that serves the guest's devices, never takes the file out of its set of
/// descriptors again, and aborts when libpng can't write (all three seen with QEMU 10.0).
#[derive(Clone, Debug, Serialize)]
pub struct ScreenDump {
    pub filename: String,
}

impl Command for ScreenDump {
    const NAME: &'static str = "screendump";
    type Answer = Empty;
}
