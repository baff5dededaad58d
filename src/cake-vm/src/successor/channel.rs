//! The ways between two QEMUs, neither of which sees the other: each has a root of its own.
//!
//! ```text
//!   old QEMU ── /tmp/memory in its root ──► us ──► next/meet/memory ──► new QEMU     descriptors of the guest's memory, once
//!   old QEMU ── /tmp/state in its root ───► us ──► a descriptor that it was given    the state of the devices
//! ```
//!
//! Bytes and descriptors are passed on as they are; nothing here reads them. QEMU 10.0 takes a channel for memory by its path only, and
//! can't use a named descriptor for the other one once it waits for the first to be closed.

use crate::folder::Folder;
use cake_host::process::LiveProcess;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType, recvmsg, sendmsg,
    shutdown, socketpair,
};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{Gid, Uid, chown};
use serde_json::{Value, json};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The sockets' names.
pub(super) const MEMORY: &str = "memory";
const STATE: &str = "state";
/// QEMU says to nobody that it listens: so often it is tried, and so long.
const TRY_AGAIN: Duration = Duration::from_millis(1);
const LISTENS: Duration = Duration::from_secs(20);
/// Descriptors in one message that are passed on at most.
const MOST: usize = 64;

/// What passes between two QEMUs, for as long as this lives.
#[derive(Default)]
pub(super) struct Channels {
    /// The new QEMU's end of the state's way.
    pub main: Option<OwnedFd>,
    arrived: Option<oneshot::Sender<()>>,
    passing: Vec<JoinHandle<()>>,
}

impl Channels {
    /// Opens both ways. What `migrate` is asked with.
    pub(super) async fn open(
        &mut self,
        old: &LiveProcess,
        uid: u32,
        next: &Folder,
        new: &LiveProcess,
    ) -> io::Result<Value> {
        let (memory, state) = (listen_in(old, uid, MEMORY)?, listen_in(old, uid, STATE)?);
        let to_new = connect(next, new).await?;
        let (ours, theirs) = pair()?;
        let (tell, told) = oneshot::channel();
        (self.main, self.arrived) = (Some(theirs), Some(tell));
        let pid = old.pid();
        self.spawn(async move {
            let from_old = accept(&memory, pid).await?;
            pass(&from_old, &to_new).await?;
            // The old one takes the end of this connection for "go on": it comes when the new one can really receive.
            let _ = told.await;
            Ok(())
        });
        self.spawn(async move {
            let mut from_old = accept(&state, pid).await?;
            let mut to_new = stream(ours)?;
            tokio::io::copy_bidirectional(&mut from_old, &mut to_new).await.map(drop)
        });
        let unix = |kind: &str, name: &str| json!({"channel-type": kind, "addr": {"transport": "socket", "type": "unix", "path": format!("/tmp/{name}")}});
        Ok(json!({"channels": [unix("main", STATE), unix("cpr", MEMORY)]}))
    }

    fn spawn(&mut self, passing: impl Future<Output = io::Result<()>> + Send + 'static) {
        self.passing.push(tokio::spawn(async move {
            if let Err(error) = passing.await {
                tracing::debug!(%error, "a way between two QEMUs ended: {error}");
            }
        }));
    }

    /// The new QEMU has the memory and receives: the old one may stop its guest.
    pub(super) fn arrived(&mut self) {
        if let Some(tell) = self.arrived.take() {
            let _ = tell.send(());
        }
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        for passing in &self.passing {
            passing.abort();
        }
    }
}

/// A channel whose end QEMU was given under a name.
pub(super) fn named(name: &str) -> Value {
    json!({"channel-type": "main", "addr": {"transport": "socket", "type": "fd", "str": name}})
}

pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?)
}

fn stream(descriptor: OwnedFd) -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(descriptor);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// A socket in `/tmp` of a QEMU's root, to which only it can connect. That folder is the QEMU's own: no link in it is followed.
fn listen_in(process: &LiveProcess, uid: u32, name: &str) -> io::Result<UnixListener> {
    let root = format!("/proc/{}/root", process.pid());
    let only = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let root = nix::fcntl::open(root.as_str(), only | OFlag::O_DIRECTORY, Mode::empty())?;
    let folder = nix::fcntl::openat(&root, "tmp", only | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty())?;
    if !process.is_alive() {
        // Its number, and with it the root, may be somebody else's by now.
        return Err(io::ErrorKind::NotConnected.into());
    }
    let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(&path)?;
    listener.set_nonblocking(true)?;
    let node = nix::fcntl::openat(&folder, name, only | OFlag::O_NOFOLLOW, Mode::empty())?;
    if SFlag::from_bits_truncate(fstat(&node)?.st_mode) & SFlag::S_IFMT != SFlag::S_IFSOCK {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let node = format!("/proc/self/fd/{}", node.as_raw_fd());
    chown(node.as_str(), Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?;
    UnixListener::from_std(listener)
}

/// Waits for that very process.
async fn accept(listener: &UnixListener, pid: u32) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        if stream.peer_cred()?.pid().is_some_and(|peer| peer.cast_unsigned() == pid) {
            return Ok(stream);
        }
    }
}

/// Connects to the new QEMU, which listens soon after it is executed.
async fn connect(next: &Folder, new: &LiveProcess) -> io::Result<UnixStream> {
    let until = tokio::time::Instant::now() + LISTENS;
    let name = format!("meet/{MEMORY}");
    loop {
        match next.connect(&name).await {
            Ok(stream) => return Ok(stream),
            Err(error) if !new.is_alive() || tokio::time::Instant::now() >= until => return Err(error),
            Err(_) => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
}

/// Passes bytes with their descriptors on until the sender has said everything or the receiver has closed.
async fn pass(from: &UnixStream, to: &UnixStream) -> io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let received = tokio::select! {
            received = from.async_io(Interest::READABLE, || receive(from, &mut bytes)) => received?,
            closed = to.async_io(Interest::READABLE, || hung_up(to)) => return closed,
        };
        let (count, mut descriptors) = received;
        if count == 0 {
            // QEMU closes its half when it has said everything, and waits for the other one.
            return Ok(shutdown(to.as_raw_fd(), Shutdown::Write)?);
        }
        let mut sent = 0;
        while sent < count {
            sent += to.async_io(Interest::WRITABLE, || send(to, &bytes[sent..count], &descriptors)).await?;
            descriptors.clear();
        }
    }
}

fn receive(from: &UnixStream, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = cmsg_space!([RawFd; MOST]);
    let mut parts = [IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<()>(from.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut descriptors = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            // SAFETY: the kernel has just made these descriptors for us.
            descriptors.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
        }
    }
    Ok((message.bytes, descriptors))
}

fn send(to: &UnixStream, bytes: &[u8], descriptors: &[OwnedFd]) -> io::Result<usize> {
    let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let control = if numbers.is_empty() { &[][..] } else { &rights[..] };
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    Ok(sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None)?)
}

/// The receiver says nothing: what can be read of it is its end.
fn hung_up(to: &UnixStream) -> io::Result<()> {
    let mut byte = [0];
    match nix::sys::socket::recv(to.as_raw_fd(), &mut byte, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK) {
        Ok(0) | Err(Errno::ECONNRESET) => Ok(()),
        Ok(_) => Err(io::ErrorKind::InvalidData.into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn descriptors_are_passed_on_in_their_order() {
        let ((old, from), (to, new)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        let passing = tokio::spawn(async move { pass(&from, &to).await });
        let (mut read, write) = io::pipe().unwrap();
        assert_eq!(send(&old, b"one", &[write.into()]).unwrap(), 3);
        assert_eq!(send(&old, b"two", &[]).unwrap(), 3);
        let (mut bytes, mut got, mut descriptors) = (vec![0; 64], Vec::new(), Vec::new());
        while got.len() < 6 {
            let (count, more) = new.async_io(Interest::READABLE, || receive(&new, &mut bytes)).await.unwrap();
            got.extend_from_slice(&bytes[..count]);
            descriptors.extend(more);
        }
        assert_eq!((got.as_slice(), descriptors.len()), (&b"onetwo"[..], 1));
        std::fs::File::from(descriptors.remove(0)).write_all(b"memory").unwrap();
        let mut said = String::new();
        // The pipe's last writer is gone.
        read.read_to_string(&mut said).unwrap();
        assert_eq!(said, "memory");
        // The receiver's end is the end, though the sender still has something to say.
        drop(new);
        passing.await.unwrap().unwrap();
        drop(old);
    }

    #[tokio::test]
    async fn the_senders_end_is_the_end() {
        let ((mut old, from), (to, mut new)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        old.shutdown().await.unwrap();
        pass(&from, &to).await.unwrap();
        assert_eq!(new.read(&mut [0]).await.unwrap(), 0);
        // Only that half: the other one says "go on".
        new.write_all(b"x").await.unwrap();
    }
}
