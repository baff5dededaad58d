//! Running the confined workers that convert disks ([`crate::convert`]), and following them.

use crate::convert::{self, Place};
use cake_storage::Pool;
use cake_types::{Failure, FailureCode};
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// Between two looks at what is left of the pool.
const LOOK: Duration = Duration::from_secs(1);
/// The last words of a worker that are kept, in bytes.
const KEPT: usize = 2048;

pub fn failure(code: FailureCode, detail: impl std::fmt::Display) -> Failure {
    Failure { code, detail: detail.to_string() }
}

pub fn file_failure(what: &'static str) -> impl FnOnce(io::Error) -> Failure {
    move |error| {
        let code = match error.kind() {
            io::ErrorKind::StorageFull => FailureCode::NoSpace,
            _ => FailureCode::Internal,
        };
        failure(code, format_args!("cannot {what}: {error}"))
    }
}

pub async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(failure(FailureCode::Internal, error)))
}

/// `hundredths` of a per cent of so many bytes.
pub fn part(bytes: u64, hundredths: u32) -> u64 {
    (u128::from(bytes) * u128::from(hundredths) / 10_000) as u64
}

/// This very program and the engine that its workers use.
pub struct Converter<'a> {
    pub program: &'a Path,
    pub engine: &'a Path,
}

/// What is read, what is written, and where that lies.
pub struct Files {
    pub source: File,
    /// Where in the source the disk lies; all of it is one without.
    pub place: Option<Place>,
    pub target: File,
    pub pool: Pool,
}

impl Converter<'_> {
    /// Runs `worker KIND FORMAT` to its end; `told` hears how far it is, in hundredths of a per cent. A worker that would fill the
    /// pool is ended, and so is one whose caller goes away. If it gives up, that is a failure of kind `code`.
    pub async fn run(
        &self,
        worker: [&str; 2],
        files: Files,
        code: FailureCode,
        told: impl Fn(u32),
    ) -> Result<(), Failure> {
        let Files { source, place, target, pool } = files;
        let mut command = tokio::process::Command::new(self.program);
        command.arg("worker").args(worker).arg(self.engine).env_clear();
        if let Some(Place { offset, length }) = place {
            command.args([offset.to_string(), length.to_string()]);
        }
        command.stdin(source).stdout(target).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(file_failure("start the worker"))?;
        let said = follow(&mut child, &pool, told).await?;
        let status = child.wait().await.map_err(file_failure("wait for the worker"))?;
        if status.success() {
            return Ok(());
        }
        Err(failure(code, format_args!("qemu-img could not convert it ({status}): {said}")))
    }
}

/// Shows the progress of a conversion until its pipe ends; gives the last words.
async fn follow(child: &mut tokio::process::Child, pool: &Pool, told: impl Fn(u32)) -> Result<String, Failure> {
    let mut pipe = child.stderr.take().ok_or_else(|| failure(FailureCode::Internal, "no pipe"))?;
    let (mut said, mut buffer) = (Vec::new(), [0; 512]);
    let mut watch = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            read = pipe.read(&mut buffer) => match read.map_err(file_failure("follow the worker"))? {
                0 => break,
                count => {
                    said.extend_from_slice(&buffer[..count]);
                    let surplus = said.len().saturating_sub(KEPT);
                    said.drain(..surplus);
                    if let Some(done) = convert::progress(&said) {
                        told(done);
                    }
                }
            },
            _ = watch.tick() => {
                if pool.free().is_ok_and(|free| free.bytes() == 0) {
                    // Dropped, and so ended, by whoever gets this.
                    return Err(failure(FailureCode::NoSpace, "the pool is full before the disk is whole"));
                }
            }
        }
    }
    let text = String::from_utf8_lossy(&said);
    Ok(text.chars().filter(|c| !c.is_control()).collect())
}
