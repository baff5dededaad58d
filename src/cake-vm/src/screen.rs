//! The guest's screen: viewers, and pictures of it.
//!
//! ```text
//!   attach    socket pair ── one end by QMP `getfd`, `add_client` ──► QEMU's VNC server, which listens nowhere
//!                       └── the other end ──► the viewer: from then on nothing of theirs goes through this process
//!   picture   memfd ── its writing end by QMP `add-fd`, `screendump` ──► a pixmap, sealed, the same for everybody for a while
//! ```
//!
//! A viewer goes on looking while this process is started again. What viewers may do is decided by whoever holds their ends.

use cake_qmp::commands::{AddClient, AddFd, ClientProtocol, CloseFd, GetFd, RemoveFd, ScreenDump};
use cake_qmp::{Qmp, QmpError};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// A picture is the same for everybody for this long: whoever looks more often sees it again, and the guest is left alone.
pub const PICTURE_AGE: Duration = Duration::from_secs(10);
/// The name under which QEMU is given a viewer's end. Always the same: one that was left behind by a kill is replaced by the next.
const FD_NAME: &str = "screen";
/// The set of descriptors that pictures go through; far from those of the disks.
const FD_SET: u32 = 1_000_000;

#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    #[error("it is not running")]
    NotRunning,
    #[error("it has no screen")]
    NoScreen,
    #[error("QEMU refused")]
    Qmp(#[from] QmpError),
    #[error("no descriptor")]
    Io(#[from] io::Error),
}

/// The screen of a QEMU that can be spoken to.
#[derive(Debug)]
pub(crate) struct Screen {
    qmp: Qmp,
    /// Two commands belong together: one viewer at a time.
    attaching: Mutex<()>,
    /// There for [`PICTURE_AGE`] after it was taken.
    picture: Arc<Mutex<Option<OwnedFd>>>,
}

impl Screen {
    pub(crate) fn new(qmp: Qmp) -> Self {
        Self { qmp, attaching: Mutex::default(), picture: Arc::default() }
    }

    /// One end of a connection that speaks RFB 3.8 (RFC 6143), with no question asked.
    pub(crate) async fn attach(&self) -> Result<OwnedFd, ScreenError> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let _one = self.attaching.lock().await;
        let fdname = String::from(FD_NAME);
        self.qmp.run_with_descriptors(&GetFd { fdname: fdname.clone() }, vec![theirs.into()]).await?;
        let client = AddClient { protocol: ClientProtocol::Vnc, fdname: fdname.clone(), skipauth: true };
        if let Err(error) = self.qmp.run(&client).await {
            // Gone already, if QEMU took it before it refused.
            let _ = self.qmp.run(&CloseFd { fdname }).await;
            return Err(error.into());
        }
        Ok(ours.into())
    }

    /// A file with the screen as it was at most [`PICTURE_AGE`] ago: a binary portable pixmap that nobody can change any more.
    pub(crate) async fn picture(&self) -> Result<OwnedFd, ScreenError> {
        let mut picture = self.picture.lock().await;
        if picture.is_none() {
            *picture = Some(self.take_picture().await?);
            // Pictures are large, and most are looked at once.
            let kept = self.picture.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PICTURE_AGE).await;
                kept.lock().await.take();
            });
        }
        let file = picture.as_ref().ok_or(ScreenError::NotRunning)?;
        Ok(file.try_clone()?)
    }

    async fn take_picture(&self) -> Result<OwnedFd, ScreenError> {
        let file = memfd_create("cake-screen", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)
            .map_err(io::Error::from)?;
        let set = self.qmp.run_with_descriptors(&set(), vec![writing_end(&file)?.into()]).await?.fdset_id;
        let written = self.qmp.run(&ScreenDump { filename: format!("/dev/fdset/{set}") }).await;
        self.qmp.run(&RemoveFd { fdset_id: set, fd: None }).await?;
        written?;
        let seals = SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).map_err(io::Error::from)?;
        Ok(file)
    }
}

fn set() -> AddFd {
    AddFd { fdset_id: Some(FD_SET), opaque: None }
}

/// QEMU opens a descriptor of a set only in the mode that it was opened in, and it wants to write and not to read.
fn writing_end(file: &OwnedFd) -> io::Result<File> {
    OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
