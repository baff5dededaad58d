//! Whether this machine really runs guests by KVM. The device node proves nothing: there are machines where it opens, a
//! virtual machine can be made, and no ordinary guest ever runs. So a guest is started and has to say its line.
//!
//! ```text
//!  /dev/kvm opens and speaks its API? ──no──▶ Tcg { NoDevice | NoPermission }
//!     │ yes
//!  asked before, in this boot, with this engine? ──yes──▶ the same answer
//!     │ no
//!  an ordinary guest says its line in time? ──▶ Kvm | Tcg { GuestDidNotRun }, written down; silence only the second time
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::Stdio,
    time::Duration,
};

use cake_types::{Accelerator, TcgReason};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::timeout,
};
use uuid::Uuid;

/// The version that the kernel's KVM interface has had since 2007, and the only one.
const KVM_API_VERSION: i32 = 12;
/// The most output of the guest that is looked at, and of QEMU's complaints that is kept, in bytes.
const MOST_OUTPUT: usize = 64 * 1024;
const MOST_COMPLAINT: u64 = 4 * 1024;
/// What QEMU says when the kernel's KVM gives a guest up; it then waits for somebody to look at it.
const GIVEN_UP: &str = "KVM internal error";

nix::ioctl_none_bad!(kvm_get_api_version, 0xAE00);

/// What to try.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Usually `/dev/kvm`.
    pub device: &'a Path,
    /// The file that keeps the answer for this boot.
    pub cache: &'a Path,
    /// Names the engine: another one is tried anew.
    pub engine: &'a str,
    /// What the guest prints on its serial port, which `guest` connects to its standard output.
    pub line: &'a str,
    /// How long the guest may take.
    pub limit: Duration,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    boot_id: Uuid,
    engine: String,
    accelerator: Accelerator,
    /// The guest was only silent, once: a busy machine may be the reason, so the next one who asks tries again.
    #[serde(default)]
    doubtful: bool,
}

/// Why a guest did not say its line.
#[derive(Debug, thiserror::Error)]
pub enum GuestFailure {
    #[error("cannot run the program")]
    Start(#[source] io::Error),
    #[error("silent for {0:?}")]
    TimedOut(Duration),
    #[error("ended without a word; complaint: {complaint:?}")]
    Ended { complaint: String },
}

/// Finds out. `guest`: a command that starts a small guest with `-accel kvm`; it is ended as soon as it is known.
pub async fn probe(probe: &Probe<'_>, guest: Command) -> Accelerator {
    if let Err(because) = check_device(probe.device) {
        return Accelerator::Tcg { because };
    }
    let boot_id = crate::identity::boot_id().unwrap_or_default();
    let before = recall(probe.cache).filter(|answer| answer.boot_id == boot_id && answer.engine == probe.engine);
    if let Some(answer) = before.as_ref().filter(|answer| !answer.doubtful) {
        return answer.accelerator;
    }
    let mut doubtful = false;
    let accelerator = match says(guest, probe.line, probe.limit).await {
        Ok(()) => Accelerator::Kvm,
        Err(failure) => {
            let source = std::error::Error::source(&failure).map(ToString::to_string);
            tracing::info!(source, "KVM does not run guests here: {failure}");
            let tcg = Accelerator::Tcg { because: TcgReason::GuestDidNotRun };
            if matches!(failure, GuestFailure::Start(_)) {
                // Says nothing about KVM: not written down, tried again next time.
                return tcg;
            }
            doubtful = matches!(failure, GuestFailure::TimedOut(_)) && before.is_none();
            tcg
        }
    };
    let answer = Answer { boot_id, engine: probe.engine.to_owned(), accelerator, doubtful };
    if let Err(error) = remember(probe.cache, &answer) {
        tracing::warn!(%error, "cannot keep the answer of the KVM probe: {error}");
    }
    accelerator
}

/// Whether the device is there, may be opened and is KVM.
pub fn check_device(device: &Path) -> Result<(), TcgReason> {
    let opened =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK).open(device);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => TcgReason::NoPermission,
        // Also a node whose driver is not loaded.
        _ => TcgReason::NoDevice,
    })?;
    if api_version(&file) == Some(KVM_API_VERSION) { Ok(()) } else { Err(TcgReason::NoDevice) }
}

fn api_version(device: &File) -> Option<i32> {
    // SAFETY: an ioctl without an argument on a descriptor that we hold.
    unsafe { kvm_get_api_version(std::os::fd::AsRawFd::as_raw_fd(device)) }.ok()
}

/// Runs a guest until it has said a line on its standard output, then ends it.
pub async fn says(mut guest: Command, line: &str, limit: Duration) -> Result<(), GuestFailure> {
    guest.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut process = guest.spawn().map_err(GuestFailure::Start)?;
    let (Some(output), Some(mut complaints)) = (process.stdout.take(), process.stderr.take()) else {
        return Err(GuestFailure::Start(io::Error::other("no pipes")));
    };
    let (mut said, mut complaint) = (Vec::new(), Vec::new());
    let heard = timeout(limit, async {
        let given_up = async {
            if !matches!(hears(&mut complaints, GIVEN_UP.as_bytes(), &mut complaint).await, Ok(true)) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            heard = hears(output, line.as_bytes(), &mut said) => heard,
            () = given_up => Ok(false),
        }
    });
    let heard = heard.await;
    // Killed and reaped; one that ended by itself is no error.
    let _ = process.kill().await;
    match heard {
        Ok(Ok(true)) => Ok(()),
        Err(_) => Err(GuestFailure::TimedOut(limit)),
        Ok(_) => {
            let _ = complaints.take(MOST_COMPLAINT).read_to_end(&mut complaint).await;
            complaint.truncate(MOST_OUTPUT);
            Err(GuestFailure::Ended { complaint: String::from_utf8_lossy(&complaint).trim().to_owned() })
        }
    }
}

/// Whether the text comes before the end, or before too much else.
async fn hears(mut output: impl AsyncRead + Unpin, line: &[u8], text: &mut Vec<u8>) -> io::Result<bool> {
    while text.len() < MOST_OUTPUT && output.read_buf(text).await? > 0 {
        if text.windows(line.len()).any(|window| window == line) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn recall(cache: &Path) -> Option<Answer> {
    serde_json::from_slice(&fs::read(cache).ok()?).ok()
}

fn remember(cache: &Path, answer: &Answer) -> io::Result<()> {
    let new = cache.with_extension("new");
    fs::write(&new, serde_json::to_vec(answer)?)?;
    fs::rename(new, cache)
}
