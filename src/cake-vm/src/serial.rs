//! The guest's first serial port, shared by everybody who looks.
//!
//! ```text
//!   guest ──► hub ──► tail (last 64 KiB) ──► first thing that a viewer gets
//!              │ ▲
//!              │ └──── what viewers type, in the order in which it comes
//!              └─────► viewers, each with a bounded queue: who is too slow is let go
//! ```
//!
//! The hub always reads, so the guest is never held up by somebody who does not. While no hub is there QEMU keeps the last output
//! in its own ring; on adoption the hub begins with it. The ring gives what it has only once, so it is written to a file at once.

use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

use crate::argv::SERIAL_KEPT;

/// Read from the guest at once; also the largest piece in a viewer's queue.
const CHUNK: usize = 4096;
/// Pieces that may wait for one viewer: 256 KiB at most.
const VIEWER_QUEUE: usize = 64;
/// Pieces that viewers typed and the guest has not taken.
const TYPED_QUEUE: usize = 16;

/// The last bytes that went through. Grows with what it holds.
#[derive(Debug, Default)]
pub struct Tail(VecDeque<u8>);

impl Tail {
    pub fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(SERIAL_KEPT)..];
        let surplus = (self.0.len() + bytes.len()).saturating_sub(SERIAL_KEPT);
        self.0.drain(..surplus);
        self.0.extend(bytes);
    }

    pub fn to_bytes(&self) -> Bytes {
        let (front, back) = self.0.as_slices();
        [front, back].concat().into()
    }
}

/// What the guest said before the port was connected.
#[derive(Debug, Default)]
pub struct Past {
    /// Kept in a file by the hub before this one.
    pub kept: Vec<u8>,
    /// What came since, from QEMU's ring, read after the port was connected.
    pub ring: Vec<u8>,
}

/// How the hub of a VM is reached.
#[derive(Clone, Debug)]
pub struct Serial(mpsc::Sender<Asked>);

/// What is asked of a hub.
#[derive(Debug)]
enum Asked {
    Attach(oneshot::Sender<OwnedFd>),
    Follow(UnixStream),
}

impl Serial {
    /// Serves `port` until QEMU closes it, and then leaves the tail in the file `output`.
    pub fn serve(port: UnixStream, past: Past, output: PathBuf) -> Self {
        let (send, mut receive) = mpsc::channel(4);
        tokio::spawn(async move {
            let mut hub = Hub::new(port);
            hub.begin_with(past);
            while let Some(next) = hub.run(&mut receive).await {
                // What the next QEMU's ring does not have is written down before the next port is read.
                keep(&output, &hub.tail).await;
                (hub.port, hub.unsent) = (next, Bytes::new());
            }
            keep(&output, &hub.tail).await;
            // Only now is the port over, for those who wait for that and for those who want to look.
            drop(receive);
        });
        Self(send)
    }

    /// One end of a connection that gets the tail first, then everything. `None`: QEMU has ended.
    pub async fn attach(&self) -> Option<OwnedFd> {
        let (send, receive) = oneshot::channel();
        self.0.send(Asked::Attach(send)).await.ok()?;
        receive.await.ok()
    }

    /// Goes on with the port of the QEMU that took the guest over, once the other has closed its own: nobody who looks notices. The port
    /// comes back where that has been closed already.
    pub async fn follow(&self, port: UnixStream) -> Result<(), UnixStream> {
        match self.0.reserve().await {
            Ok(room) => {
                room.send(Asked::Follow(port));
                Ok(())
            }
            Err(_) => Err(port),
        }
    }

    /// Waits until QEMU has closed the port and the tail is kept: from then on nothing is written any more.
    pub async fn ended(&self) {
        self.0.closed().await;
    }
}

/// What QEMU's ring gave is not in it any more: it is written down before anything else, so that the hub after this one has it.
pub async fn remember(output: &Path, ring: Vec<u8>) -> Past {
    let kept = tokio::fs::read(output).await.unwrap_or_default();
    if !ring.is_empty() {
        let mut tail = Tail::default();
        tail.push(&kept);
        tail.push(&ring);
        keep(output, &tail).await;
    }
    Past { kept, ring }
}

async fn keep(output: &Path, tail: &Tail) {
    let new = output.with_extension("new");
    let written = match tokio::fs::write(&new, tail.to_bytes()).await {
        Ok(()) => tokio::fs::rename(&new, output).await,
        error => error,
    };
    if let Err(error) = written {
        tracing::warn!(path = %output.display(), %error, "cannot keep a guest's last output: {error}");
    }
}

/// A connection that gets `kept` and then its end: for a guest that is off.
pub fn replay(kept: &[u8]) -> io::Result<OwnedFd> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    // Fits a socket's buffer; what does not is not shown.
    let _ = io::Write::write(&mut &ours, kept)?;
    Ok(theirs.into())
}

struct Hub {
    port: UnixStream,
    tail: Tail,
    viewers: Vec<mpsc::Sender<Bytes>>,
    typed: mpsc::Receiver<Bytes>,
    typing: mpsc::Sender<Bytes>,
    unsent: Bytes,
}

impl Hub {
    fn new(port: UnixStream) -> Self {
        let (typing, typed) = mpsc::channel(TYPED_QUEUE);
        Self { port, tail: Tail::default(), viewers: Vec::new(), typed, typing, unsent: Bytes::new() }
    }

    /// Begins with what was kept. What came between connecting and reading the ring is in both: the ring has it at its end
    /// and the port at its beginning.
    fn begin_with(&mut self, Past { kept, ring }: Past) {
        self.tail.push(&kept);
        self.tail.push(&ring);
        if ring.is_empty() {
            return;
        }
        let mut waiting = [0; CHUNK];
        // Past tokio, which has not heard yet whether there is something.
        let now = nix::sys::socket::MsgFlags::MSG_DONTWAIT;
        if let Ok(count) = nix::sys::socket::recv(self.port.as_raw_fd(), &mut waiting, now) {
            let waiting = &waiting[..count];
            let both = (0..=count).rev().find(|both| ring.ends_with(&waiting[..*both])).unwrap_or(0);
            self.tail.push(&waiting[both..]);
        }
    }

    /// Until the port is closed; then the port that is next, if there is one.
    async fn run(&mut self, asked: &mut mpsc::Receiver<Asked>) -> Option<UnixStream> {
        let mut next = None;
        let mut chunk = [0; CHUNK];
        loop {
            tokio::select! {
                ready = self.port.readable() => match ready.and_then(|()| self.port.try_read(&mut chunk)) {
                    Ok(0) => return next,
                    Ok(count) => self.show(&chunk[..count]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return next,
                },
                ready = self.port.writable(), if !self.unsent.is_empty() => {
                    match ready.and_then(|()| self.port.try_write(&self.unsent)) {
                        Ok(count) => drop(self.unsent.split_to(count)),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => self.unsent.clear(),
                    }
                }
                // Nothing new is taken before the guest has the last: typing is held up, not the memory filled.
                Some(bytes) = self.typed.recv(), if self.unsent.is_empty() && next.is_none() => self.unsent = bytes,
                Some(asked) = asked.recv() => match asked {
                    Asked::Follow(port) => next = Some(port),
                    Asked::Attach(answer) => {
                        if let Ok(descriptor) = self.attach() {
                            // Whoever asked may have gone.
                            let _ = answer.send(descriptor);
                        }
                    }
                },
            }
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        if self.viewers.is_empty() {
            return;
        }
        let bytes = Bytes::copy_from_slice(bytes);
        self.viewers.retain(|viewer| viewer.try_send(bytes.clone()).is_ok());
    }

    fn attach(&mut self) -> io::Result<OwnedFd> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let ours = UnixStream::from_std(ours)?;
        let (send, receive) = mpsc::channel(VIEWER_QUEUE);
        tokio::spawn(viewer(ours, self.tail.to_bytes(), receive, self.typing.clone()));
        self.viewers.retain(|viewer| !viewer.is_closed());
        self.viewers.push(send);
        Ok(theirs.into())
    }
}

/// One viewer. Ends when either side closes, or when the hub lets it go.
async fn viewer(stream: UnixStream, tail: Bytes, mut shown: mpsc::Receiver<Bytes>, typing: mpsc::Sender<Bytes>) {
    let (mut reader, mut writer) = stream.into_split();
    let watching = async {
        writer.write_all(&tail).await?;
        drop(tail);
        while let Some(bytes) = shown.recv().await {
            writer.write_all(&bytes).await?;
        }
        io::Result::Ok(())
    };
    let typing = async {
        let mut keys = [0; 512];
        loop {
            match reader.read(&mut keys).await {
                Ok(count) if count > 0 => {
                    if typing.send(Bytes::copy_from_slice(&keys[..count])).await.is_err() {
                        return;
                    }
                }
                // Closed, be it one side only: of a guest that is silent nothing else would ever say that nobody looks.
                _ => return,
            }
        }
    };
    tokio::select! {
        _ = watching => {}
        () = typing => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream as StdStream;

    fn tokio_stream(stream: StdStream) -> UnixStream {
        stream.set_nonblocking(true).unwrap();
        UnixStream::from_std(stream).unwrap()
    }

    async fn attached(serial: &Serial) -> UnixStream {
        tokio_stream(serial.attach().await.expect("it runs").into())
    }

    async fn read(stream: &mut UnixStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    #[test]
    fn the_tail_keeps_the_last_bytes() {
        let mut tail = Tail::default();
        for number in 0..100_000u32 {
            tail.push(&number.to_le_bytes());
        }
        let kept = tail.to_bytes();
        assert_eq!(kept.len(), SERIAL_KEPT);
        assert_eq!(kept[SERIAL_KEPT - 4..], 99_999u32.to_le_bytes());
        tail.push(&vec![7; 3 * SERIAL_KEPT]);
        assert_eq!(tail.to_bytes(), vec![7; SERIAL_KEPT]);
    }

    #[tokio::test]
    async fn viewers_see_the_past_and_the_present_and_type() {
        let folder = tempfile::tempdir().unwrap();
        let (port, mut guest) = UnixStream::pair().unwrap();
        let output = folder.path().join("output");
        guest.write_all(b"and then").await.unwrap();
        let serial = Serial::serve(port, remember(&output, b"before, and ".to_vec()).await, output.clone());
        let mut first = attached(&serial).await;
        assert_eq!(read(&mut first, 16).await, b"before, and then");
        let mut second = attached(&serial).await;
        assert_eq!(read(&mut second, 16).await, b"before, and then");
        guest.write_all(b" now").await.unwrap();
        assert_eq!((read(&mut first, 4).await, read(&mut second, 4).await), (b" now".to_vec(), b" now".to_vec()));
        second.write_all(b"keys").await.unwrap();
        assert_eq!(read(&mut guest, 4).await, b"keys");
        drop(guest);
        assert_eq!(first.read(&mut [0]).await.unwrap(), 0);
        assert!(serial.attach().await.is_none());
        assert_eq!(std::fs::read(output).unwrap(), b"before, and then now");
    }

    /// The QEMU behind the port is replaced: viewers stay, see everything once, and type on.
    #[tokio::test]
    async fn viewers_stay_while_the_port_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (port, mut guest) = UnixStream::pair().unwrap();
        let output = folder.path().join("output");
        let serial = Serial::serve(port, Past::default(), output.clone());
        let mut viewer = attached(&serial).await;
        guest.write_all(b"before ").await.unwrap();
        assert_eq!(read(&mut viewer, 7).await, b"before ");
        let (port, mut other) = UnixStream::pair().unwrap();
        serial.follow(port).await.unwrap();
        guest.write_all(b"last ").await.unwrap();
        other.write_all(b"after").await.unwrap();
        drop(guest);
        assert_eq!(read(&mut viewer, 10).await, b"last after");
        viewer.write_all(b"keys").await.unwrap();
        assert_eq!(read(&mut other, 4).await, b"keys");
        assert_eq!(std::fs::read(&output).unwrap(), b"before last ");
        drop(other);
        assert_eq!(viewer.read(&mut [0]).await.unwrap(), 0);
        serial.ended().await;
        let (port, _guest) = UnixStream::pair().unwrap();
        assert!(serial.follow(port).await.is_err());
    }

    /// The ring gives what it has once; two who come after each other have all of it.
    #[tokio::test]
    async fn what_the_ring_gave_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output");
        remember(&output, b"first ".to_vec()).await;
        remember(&output, Vec::new()).await;
        let past = remember(&output, b"second ".to_vec()).await;
        assert_eq!((past.kept.as_slice(), past.ring.as_slice()), (&b"first "[..], &b"second "[..]));
        let (port, mut guest) = UnixStream::pair().unwrap();
        let serial = Serial::serve(port, past, output);
        guest.write_all(b"third").await.unwrap();
        assert_eq!(read(&mut attached(&serial).await, 18).await, b"first second third");
    }

    #[tokio::test]
    async fn who_goes_leaves_nothing_behind_though_the_guest_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let (port, _guest) = UnixStream::pair().unwrap();
        let serial = Serial::serve(port, Past::default(), folder.path().join("output"));
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = descriptors();
        for _ in 0..100 {
            let mut viewer = attached(&serial).await;
            viewer.shutdown().await.unwrap();
            // Its end comes from the other side.
            assert_eq!(viewer.read(&mut [0]).await.unwrap(), 0);
        }
        // Other tests of this process may open a few meanwhile.
        assert!(descriptors() < before + 50, "{before} before");
    }

    #[tokio::test]
    async fn who_does_not_read_is_let_go_and_the_guest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (port, mut guest) = UnixStream::pair().unwrap();
        let serial = Serial::serve(port, Past::default(), folder.path().join("output"));
        let mut slow = attached(&serial).await;
        let mut quick = attached(&serial).await;
        let chunk = vec![b'x'; CHUNK];
        for _ in 0..512 {
            guest.write_all(&chunk).await.unwrap();
            read(&mut quick, CHUNK).await;
        }
        let mut all = Vec::new();
        slow.read_to_end(&mut all).await.unwrap();
        assert!(all.len() < 512 * CHUNK, "{}", all.len());
    }
}
