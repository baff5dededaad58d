//! Programs in sessions of their own, for machines without systemd as pid 1.

use std::{
    ffi::CString,
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::DirBuilderExt},
    },
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use super::{Descriptor, LaunchError, LaunchRequest, Launcher, check_unit_name, record::Record, spawn::Prepared};
use crate::process::{LiveProcess, ProcessError, ProcessIdentity};

/// Starts programs as sessions of their own. Keeps one small record per unit, which survives the launcher.
#[derive(Clone, Debug)]
pub struct DetachedLauncher {
    records: PathBuf,
}

impl DetachedLauncher {
    /// `records` is made if it does not exist. Records of processes that are gone are removed: nobody else may use the
    /// folder at this moment.
    pub fn new(records: &Path) -> Result<Self, LaunchError> {
        let launcher = Self { records: records.to_owned() };
        launcher.sweep().map_err(LaunchError::io("prepare the folder of records"))?;
        Ok(launcher)
    }

    fn sweep(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.records)?;
        for entry in fs::read_dir(&self.records)? {
            let path = entry?.path();
            // A record that can't be judged is kept.
            if let Ok(None) = Record::lock(&path)?.alive() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn launch_now(&self, request: LaunchRequest) -> Result<LiveProcess, LaunchError> {
        request.check()?;
        let LaunchRequest {
            unit_name,
            description: _,
            program,
            arguments,
            environment,
            descriptors,
            output,
            memory_max: _,
        } = request;
        let (names, descriptors): (Vec<String>, Vec<OwnedFd>) =
            descriptors.into_iter().map(|Descriptor { name, descriptor }| (name, descriptor)).unzip();
        let record = Record::lock(&self.records.join(&unit_name)).map_err(LaunchError::io("lock a record"))?;
        if record.alive()?.is_some() {
            return Err(LaunchError::AlreadyRunning { unit: unit_name });
        }
        let start = || {
            record.begin(crate::identity::boot_id()?)?;
            let program = CString::new(program.as_os_str().as_bytes())?;
            let arguments = [Ok(program.clone())].into_iter().chain(arguments.into_iter().map(CString::new));
            let arguments = arguments.collect::<Result<_, _>>()?;
            let environment = variables(environment, &names)?;
            Prepared::new(program, arguments, environment, output, record.file(), &descriptors)?.spawn()
        };
        let pid = start()
            .map_err(|error: io::Error| LaunchError::NotStarted { unit: unit_name, because: error.to_string() })?;
        Ok(LiveProcess::of_child(pid)?)
    }
}

#[async_trait]
impl Launcher for DetachedLauncher {
    fn name(&self) -> &'static str {
        "detached"
    }

    async fn launch(&self, request: LaunchRequest) -> Result<ProcessIdentity, LaunchError> {
        let launcher = self.clone();
        let process = blocking(move || launcher.launch_now(request)).await?;
        let identity = *process.identity();
        // It is our child: somebody has to reap it even if nobody else waits for its end.
        tokio::spawn(async move {
            if let Err(error) = process.wait_exit().await {
                tracing::warn!(pid = process.pid(), %error, "cannot wait for the end of a process: {error}");
            }
        });
        Ok(identity)
    }

    async fn find(
        &self,
        unit_name: &str,
        recorded: Option<&ProcessIdentity>,
    ) -> Result<Option<ProcessIdentity>, LaunchError> {
        check_unit_name(unit_name)?;
        let (path, recorded) = (self.records.join(unit_name), recorded.copied());
        blocking(move || {
            if path.try_exists().map_err(LaunchError::io("look for a record"))? {
                let record = Record::lock(&path).map_err(LaunchError::io("lock a record"))?;
                if let Some(identity) = record.alive()? {
                    return Ok(Some(identity));
                }
            }
            still_alive(recorded)
        })
        .await
    }
}

/// The recorded process if it still lives.
pub(super) fn still_alive(recorded: Option<ProcessIdentity>) -> Result<Option<ProcessIdentity>, LaunchError> {
    let Some(identity) = recorded else { return Ok(None) };
    match LiveProcess::open(&identity) {
        Ok(_) => Ok(Some(identity)),
        Err(ProcessError::Gone { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `LISTEN_PID` is added by the child.
fn variables(environment: Vec<(String, String)>, names: &[String]) -> io::Result<Vec<CString>> {
    let mut variables: Vec<String> = environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !variables.iter().any(|variable| variable.starts_with("PATH=")) {
        variables.push("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    }
    if !names.is_empty() {
        variables.push(format!("LISTEN_FDS={}", names.len()));
        variables.push(format!("LISTEN_FDNAMES={}", names.join(":")));
    }
    variables.into_iter().map(|variable| CString::new(variable).map_err(io::Error::from)).collect()
}

/// Locks may have to be waited for, and so must exec.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LaunchError> + Send + 'static,
) -> Result<T, LaunchError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(LaunchError::Io { what: "finish a launch", source: io::Error::other(error) }),
    }
}
