//! Frames on a Unix stream socket: a little-endian u32 length, then so many bytes of JSON. A descriptor, where one is sent,
//! travels with the first byte of its frame (SCM_RIGHTS, unix(7)).

use sendfd::{RecvWithFd, SendWithFd};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// Longest frame, in bytes. A VM's record is a few KiB, with the largest user-data about 100 KiB.
pub const FRAME_MAX: usize = 1 << 20;

/// Descriptors accepted with one read; more are closed.
const DESCRIPTORS_PER_READ: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the other side closed the connection")]
    Closed,
    #[error("a frame of {0} bytes is longer than allowed")]
    TooLong(usize),
    #[error("a frame is not what the contract says")]
    Malformed(#[source] serde_json::Error),
    #[error("a descriptor was announced and did not come")]
    DescriptorMissing,
    #[error("the connection failed")]
    Io(#[source] std::io::Error),
}

/// Collects bytes until a frame is whole. Memory is given back after a large one.
#[derive(Default)]
pub(crate) struct FrameReader {
    bytes: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
}

impl FrameReader {
    /// The next frame. Safe to drop at an await point: what has been read is kept.
    pub async fn next<T: DeserializeOwned>(&mut self, stream: &UnixStream) -> Result<T, FrameError> {
        loop {
            if let Some(length) = self.whole()? {
                let parsed = serde_json::from_slice(&self.bytes[4..4 + length]).map_err(FrameError::Malformed);
                self.bytes.drain(..4 + length);
                if self.bytes.is_empty() && self.bytes.capacity() > 16 * 1024 {
                    self.bytes = Vec::new();
                }
                return parsed;
            }
            self.read_more(stream).await?;
        }
    }

    /// The descriptor that came with the frame just read.
    pub fn take_descriptor(&mut self) -> Result<OwnedFd, FrameError> {
        self.descriptors.pop_front().ok_or(FrameError::DescriptorMissing)
    }

    /// Length of the first frame if all of it is here.
    fn whole(&self) -> Result<Option<usize>, FrameError> {
        let Some(head) = self.bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*head) as usize;
        if length > FRAME_MAX {
            return Err(FrameError::TooLong(length));
        }
        Ok((self.bytes.len() >= 4 + length).then_some(length))
    }

    async fn read_more(&mut self, stream: &UnixStream) -> Result<(), FrameError> {
        let mut buffer = [0u8; 8192];
        let mut raw: [RawFd; DESCRIPTORS_PER_READ] = [-1; DESCRIPTORS_PER_READ];
        loop {
            stream.readable().await.map_err(FrameError::Io)?;
            match stream.recv_with_fd(&mut buffer, &mut raw) {
                Ok((0, _)) => return Err(FrameError::Closed),
                Ok((read, count)) => {
                    // SAFETY: the kernel has just made these descriptors ours, and nobody else knows their numbers.
                    self.descriptors.extend(raw[..count].iter().map(|&fd| unsafe { OwnedFd::from_raw_fd(fd) }));
                    self.bytes.extend_from_slice(&buffer[..read]);
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(FrameError::Io(error)),
            }
        }
    }
}

/// A frame ready to be sent.
pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).map_err(FrameError::Malformed)?;
    let length = frame.len() - 4;
    if length > FRAME_MAX {
        return Err(FrameError::TooLong(length));
    }
    frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(frame)
}

/// Sends a whole frame. Not to be dropped half way: give it a task of its own.
pub(crate) async fn send(stream: &UnixStream, frame: &[u8], descriptor: Option<&OwnedFd>) -> Result<(), FrameError> {
    let mut sent = 0;
    while sent < frame.len() {
        let descriptors: &[RawFd] = match descriptor {
            Some(fd) if sent == 0 => &[fd.as_raw_fd()],
            _ => &[],
        };
        let result = stream
            .async_io(Interest::WRITABLE, || stream_send(stream, &frame[sent..], descriptors))
            .await
            .map_err(FrameError::Io)?;
        sent += result;
    }
    Ok(())
}

fn stream_send(stream: &UnixStream, bytes: &[u8], descriptors: &[RawFd]) -> std::io::Result<usize> {
    // sendfd's own non-blocking form calls try_io, which must not be nested in async_io: go to the socket itself.
    struct Raw(RawFd);
    impl AsRawFd for Raw {
        fn as_raw_fd(&self) -> RawFd {
            self.0
        }
    }
    let raw = Raw(stream.as_raw_fd());
    if descriptors.is_empty() {
        let fd = raw.as_raw_fd();
        Ok(nix::sys::socket::send(fd, bytes, nix::sys::socket::MsgFlags::MSG_NOSIGNAL)?)
    } else {
        let io = [std::io::IoSlice::new(bytes)];
        let control = [nix::sys::socket::ControlMessage::ScmRights(descriptors)];
        let flags = nix::sys::socket::MsgFlags::MSG_NOSIGNAL;
        Ok(nix::sys::socket::sendmsg::<()>(raw.as_raw_fd(), &io, &control, flags, None)?)
    }
}
