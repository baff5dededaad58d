//! Frames on a Unix stream socket: a little-endian u32 length, then so many bytes of JSON. A descriptor, where one is sent,
//! travels with the first byte of its frame (SCM_RIGHTS, unix(7)).

use nix::sys::socket::{self, ControlMessage, ControlMessageOwned, MsgFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
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

/// Collects bytes until a frame is whole, and knows no socket: the fuzz target. Memory is given back after a large frame.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The first frame, if all of it is here. After an error the stream is good for nothing more.
    pub fn next_frame<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some(length) = self.whole()? else { return Ok(None) };
        let parsed = serde_json::from_slice(&self.bytes[4..4 + length]).map_err(FrameError::Malformed);
        self.bytes.drain(..4 + length);
        if self.bytes.is_empty() && self.bytes.capacity() > 16 * 1024 {
            self.bytes = Vec::new();
        }
        parsed.map(Some)
    }

    /// Bytes that wait for the rest of their frame.
    pub fn held(&self) -> usize {
        self.bytes.len()
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
}

/// A [`Decoder`] on a socket, which may also bring descriptors.
#[derive(Default)]
pub struct FrameReader {
    decoder: Decoder,
    descriptors: VecDeque<OwnedFd>,
}

impl FrameReader {
    /// The next frame. Safe to drop at an await point: what has been read is kept.
    pub async fn next<T: DeserializeOwned>(&mut self, stream: &UnixStream) -> Result<T, FrameError> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(frame);
            }
            self.read_more(stream).await?;
        }
    }

    /// The descriptor that came with the frame just read.
    pub fn take_descriptor(&mut self) -> Result<OwnedFd, FrameError> {
        self.descriptors.pop_front().ok_or(FrameError::DescriptorMissing)
    }

    async fn read_more(&mut self, stream: &UnixStream) -> Result<(), FrameError> {
        let mut buffer = [0u8; 8192];
        let (read, descriptors) =
            stream.async_io(Interest::READABLE, || receive(stream, &mut buffer)).await.map_err(FrameError::Io)?;
        self.descriptors.extend(descriptors);
        self.decoder.push(&buffer[..read]);
        if read == 0 { Err(FrameError::Closed) } else { Ok(()) }
    }
}

/// A frame ready to be sent.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
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
pub async fn send(stream: &UnixStream, frame: &[u8], descriptor: Option<&OwnedFd>) -> Result<(), FrameError> {
    let mut sent = 0;
    while sent < frame.len() {
        let descriptor = descriptor.filter(|_| sent == 0);
        let rest = &frame[sent..];
        sent +=
            stream.async_io(Interest::WRITABLE, || transmit(stream, rest, descriptor)).await.map_err(FrameError::Io)?;
    }
    Ok(())
}

fn receive(stream: &UnixStream, buffer: &mut [u8]) -> std::io::Result<(usize, Vec<OwnedFd>)> {
    let mut io = [IoSliceMut::new(buffer)];
    let mut control = nix::cmsg_space!([RawFd; DESCRIPTORS_PER_READ]);
    // Close-on-exec from the first moment: cake-node starts programs in other threads.
    let message = socket::recvmsg::<()>(stream.as_raw_fd(), &mut io, Some(&mut control), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = part {
            // SAFETY: the kernel has just made these descriptors ours, and nobody else knows their numbers.
            descriptors.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok((message.bytes, descriptors))
}

fn transmit(stream: &UnixStream, bytes: &[u8], descriptor: Option<&OwnedFd>) -> std::io::Result<usize> {
    let io = [IoSlice::new(bytes)];
    let raw: Vec<RawFd> = descriptor.iter().map(|fd| fd.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &rights[..0] } else { &rights[..] };
    Ok(socket::sendmsg::<()>(stream.as_raw_fd(), &io, control, MsgFlags::MSG_NOSIGNAL, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_arrive_whole_whatever_the_pieces() {
        let (left, right) = UnixStream::pair().unwrap();
        let long = "x".repeat(100_000);
        let frames = [encode(&long).unwrap(), encode(&"short").unwrap()].concat();
        let sender = tokio::spawn(async move {
            for piece in frames.chunks(777) {
                send(&left, piece, None).await.unwrap();
            }
        });
        let mut reader = FrameReader::default();
        assert_eq!(reader.next::<String>(&right).await.unwrap(), long);
        assert_eq!(reader.next::<String>(&right).await.unwrap(), "short");
        sender.await.unwrap();
        assert!(matches!(reader.next::<String>(&right).await, Err(FrameError::Closed)));
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_refused_before_memory_is_taken() {
        let (left, right) = UnixStream::pair().unwrap();
        send(&left, &u32::MAX.to_le_bytes(), None).await.unwrap();
        let mut reader = FrameReader::default();
        assert!(matches!(reader.next::<String>(&right).await, Err(FrameError::TooLong(_))));
    }
}
