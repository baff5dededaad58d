//! Programs as transient units of systemd.
//!
//! ```text
//!  launch ── StartTransientUnit ──▶ systemd ── JobRemoved "done": the program is executed (Type=exec)
//!                                      └────── MainPID ──▶ ProcessIdentity
//! ```

use std::{os::fd::AsFd, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::{
    sync::{Mutex, broadcast},
    task::JoinHandle,
    time::timeout,
};
use zbus::{
    Connection,
    zvariant::{Fd, OwnedObjectPath, Value},
};

use super::{Descriptor, LaunchError, LaunchRequest, Launcher, check_unit_name, detached::still_alive};
use crate::{
    bus::{ManagerProxy, Property, ServiceProxy, error_name},
    process::{LiveProcess, ProcessError, ProcessIdentity},
};

const LIMIT: Duration = Duration::from_secs(60);
/// The first systemd that passes descriptors to a transient unit (ExtraFileDescriptors).
const LEAST_VERSION: u32 = 257;
/// Everything that cake starts lives in one slice, apart from cake itself.
const SLICE: &str = "cake-vms.slice";
/// What ends the machine ends the unit; nothing else does, a soft reboot included.
const ENDS: [&str; 6] =
    ["reboot.target", "kexec.target", "poweroff.target", "halt.target", "emergency.target", "rescue.target"];

/// Starts programs as transient services. Connects again by itself when the bus was restarted.
#[derive(Debug)]
pub struct SystemdLauncher {
    link: Mutex<Option<Link>>,
}

/// One connection to the bus with its listener.
#[derive(Clone, Debug)]
struct Link {
    manager: ManagerProxy<'static>,
    news: broadcast::Sender<News>,
    listener: Arc<Listener>,
}

#[derive(Debug)]
struct Listener(JoinHandle<()>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What systemd told everybody.
#[derive(Clone, Debug)]
enum News {
    JobRemoved { job: OwnedObjectPath, unit: String, result: String },
    UnitRemoved { unit: String },
}

/// What systemd knows of a unit.
enum State {
    Absent,
    /// Loaded, but nothing runs in it (yet, or any more).
    Between,
    Alive(ProcessIdentity),
}

impl Link {
    async fn connect() -> Result<Self, LaunchError> {
        let connection = Connection::system().await?;
        let manager = ManagerProxy::new(&connection).await?;
        check_version(&manager.version().await?)?;
        manager.subscribe().await?;
        let mut jobs = manager.receive_job_removed().await?;
        let mut units = manager.receive_unit_removed().await?;
        let (news, _) = broadcast::channel(64);
        let sender = news.clone();
        let listener = tokio::spawn(async move {
            loop {
                let item = tokio::select! {
                    Some(signal) = jobs.next() => signal.args().ok().map(|args| News::JobRemoved {
                        job: args.job.to_owned().into(),
                        unit: args.unit.to_owned(),
                        result: args.result.to_owned(),
                    }),
                    Some(signal) = units.next() => signal.args().ok().map(|args| News::UnitRemoved { unit: args.id.to_owned() }),
                    else => return,
                };
                if let Some(item) = item {
                    // Nobody waits most of the time.
                    let _ = sender.send(item);
                }
            }
        });
        Ok(Self { manager, news, listener: Arc::new(Listener(listener)) })
    }

    /// The live process of a unit. A unit between two states, just being started or just ended, is waited for.
    async fn settled(&self, unit: &str) -> Result<Option<ProcessIdentity>, LaunchError> {
        loop {
            // Before it is looked at: a change after the look is not missed.
            let mut news = self.news.subscribe();
            match self.state(unit).await? {
                State::Absent => return Ok(None),
                State::Alive(identity) => return Ok(Some(identity)),
                State::Between => self.wait_for_change(&mut news, unit).await?,
            }
        }
    }

    async fn state(&self, unit: &str) -> Result<State, LaunchError> {
        let path = match self.manager.get_unit(unit).await {
            Err(error) if is_absent(&error) => return Ok(State::Absent),
            other => other?,
        };
        let service = ServiceProxy::builder(self.manager.inner().connection())
            .path(path)?
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let pid = match service.main_pid().await {
            Err(error) if is_absent(&error) => return Ok(State::Absent),
            other => other?,
        };
        match LiveProcess::hold(pid) {
            _ if pid == 0 => Ok(State::Between),
            Ok(process) => Ok(State::Alive(*process.identity())),
            Err(ProcessError::Gone { .. }) => Ok(State::Between),
            Err(error) => Err(error.into()),
        }
    }

    async fn start(&self, unit: &str, request: &LaunchRequest) -> Result<ProcessIdentity, LaunchError> {
        loop {
            // Before the call: what happens after it is not missed.
            let mut news = self.news.subscribe();
            match self.manager.start_transient_unit(unit, "fail", &properties(request)?, &[]).await {
                Ok(job) => {
                    let result = self.job_result(&mut news, &job).await?;
                    if result != "done" {
                        return Err(LaunchError::NotStarted { unit: unit.to_owned(), because: result });
                    }
                    return match self.state(unit).await? {
                        State::Alive(identity) => Ok(identity),
                        _ => Err(LaunchError::EndedAtOnce { unit: unit.to_owned() }),
                    };
                }
                Err(error) if error_name(&error) == Some("org.freedesktop.systemd1.UnitExists") => {
                    if self.settled(unit).await?.is_some() {
                        return Err(LaunchError::AlreadyRunning { unit: unit.to_owned() });
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn job_result(
        &self,
        news: &mut broadcast::Receiver<News>,
        wanted: &OwnedObjectPath,
    ) -> Result<String, LaunchError> {
        loop {
            match news.recv().await {
                Ok(News::JobRemoved { job, result, .. }) if job == *wanted => return Ok(result),
                Ok(_) => {}
                // Missed: the main process, asked for next, says whether it was started.
                Err(broadcast::error::RecvError::Lagged(_)) => return Ok("done".to_owned()),
                Err(broadcast::error::RecvError::Closed) => return Err(bus_gone()),
            }
        }
    }

    /// Waits until systemd has finished a job of the unit or collected it, as it does soon after its process ended.
    async fn wait_for_change(&self, news: &mut broadcast::Receiver<News>, wanted: &str) -> Result<(), LaunchError> {
        loop {
            match news.recv().await {
                Ok(News::JobRemoved { unit, .. } | News::UnitRemoved { unit }) if unit == wanted => return Ok(()),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return Ok(()),
                Err(broadcast::error::RecvError::Closed) => return Err(bus_gone()),
            }
        }
    }
}

fn bus_gone() -> LaunchError {
    zbus::Error::Failure("the bus went away".to_owned()).into()
}

impl SystemdLauncher {
    pub async fn connect() -> Result<Self, LaunchError> {
        Ok(Self { link: Mutex::new(Some(Link::connect().await?)) })
    }

    /// Does something within the time limit. A connection that broke is replaced the next time.
    async fn with_link<T>(
        &self,
        unit: &str,
        work: impl AsyncFnOnce(&Link) -> Result<T, LaunchError>,
    ) -> Result<T, LaunchError> {
        let mut current = self.link.lock().await;
        let link = match &*current {
            Some(link) if !link.listener.0.is_finished() => link.clone(),
            _ => current.insert(Link::connect().await?).clone(),
        };
        drop(current);
        let outcome = match timeout(LIMIT, work(&link)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(LaunchError::TimedOut { unit: unit.to_owned() }),
        };
        if matches!(&outcome, Err(LaunchError::Bus(error)) if error_name(error).is_none()) {
            self.link.lock().await.take_if(|current| Arc::ptr_eq(&current.listener, &link.listener));
        }
        outcome
    }
}

#[async_trait]
impl Launcher for SystemdLauncher {
    fn name(&self) -> &'static str {
        "systemd"
    }

    async fn launch(&self, request: LaunchRequest) -> Result<ProcessIdentity, LaunchError> {
        request.check()?;
        let unit = format!("{}.service", request.unit_name);
        self.with_link(&unit, async |link| link.start(&unit, &request).await).await
    }

    async fn find(
        &self,
        unit_name: &str,
        recorded: Option<&ProcessIdentity>,
    ) -> Result<Option<ProcessIdentity>, LaunchError> {
        check_unit_name(unit_name)?;
        let unit = format!("{unit_name}.service");
        match self.with_link(&unit, async |link| link.settled(&unit).await).await? {
            Some(identity) => Ok(Some(identity)),
            None => still_alive(recorded.copied()),
        }
    }
}

/// Debian 12 has 252, whose units would start without their descriptors.
fn check_version(version: &str) -> Result<(), LaunchError> {
    let digits = version.trim_start_matches('v').split(|letter: char| !letter.is_ascii_digit()).next();
    match digits.and_then(|digits| digits.parse::<u32>().ok()) {
        Some(number) if number < LEAST_VERSION => {
            Err(LaunchError::TooOld { version: version.to_owned(), least: LEAST_VERSION })
        }
        // A version that can't be read is one of the future.
        _ => Ok(()),
    }
}

fn is_absent(error: &zbus::Error) -> bool {
    matches!(
        error_name(error),
        Some("org.freedesktop.systemd1.NoSuchUnit" | "org.freedesktop.DBus.Error.UnknownObject")
    )
}

fn properties(request: &LaunchRequest) -> Result<Vec<Property<'_>>, LaunchError> {
    let LaunchRequest { unit_name, description, program, arguments, environment, descriptors, output, memory_max } =
        request;
    let program = program.to_str().ok_or_else(|| LaunchError::NotStarted {
        unit: unit_name.clone(),
        because: "its path is not UTF-8".to_owned(),
    })?;
    let words: Vec<&str> = [program].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let mut properties: Vec<Property<'_>> = vec![
        ("Description", description.as_str().into()),
        ("Type", "exec".into()),
        ("ExecStartEx", Value::new(vec![(program, words, vec!["no-env-expand"])])),
        ("Slice", SLICE.into()),
        ("CollectMode", "inactive-or-failed".into()),
        ("KillMode", "control-group".into()),
        ("OOMPolicy", "continue".into()),
        ("TasksMax", u64::MAX.into()),
        ("IgnoreSIGPIPE", false.into()),
        ("WorkingDirectory", "/".into()),
        // Lives on through a soft reboot, isolation of a target and the end of cake's own units.
        ("DefaultDependencies", false.into()),
        ("SurviveFinalKillSignal", true.into()),
        ("IgnoreOnIsolate", true.into()),
        ("After", Value::new(vec!["basic.target"])),
        ("Before", Value::new(ENDS.to_vec())),
        ("Conflicts", Value::new(ENDS.to_vec())),
    ];
    if !environment.is_empty() {
        let variables: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        properties.push(("Environment", Value::new(variables)));
    }
    if !descriptors.is_empty() {
        let extra: Vec<(Fd<'_>, &str)> = descriptors
            .iter()
            .map(|Descriptor { name, descriptor }| (Fd::from(descriptor.as_fd()), name.as_str()))
            .collect();
        properties.push(("ExtraFileDescriptors", Value::new(extra)));
    }
    if let Some(output) = output {
        properties.push(("StandardOutputFileDescriptor", Value::new(Fd::from(output.as_fd()))));
        properties.push(("StandardErrorFileDescriptor", Value::new(Fd::from(output.as_fd()))));
    }
    if let Some(bytes) = memory_max {
        properties.push(("MemoryMax", (*bytes).into()));
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_systemd_is_known_by_its_version() {
        for version in ["252.39-1~deb12u1", "252", "256.7-2", "v255", "9"] {
            assert!(matches!(check_version(version), Err(LaunchError::TooOld { .. })), "{version}");
        }
        for version in ["257.8-1~deb13u2", "257~rc1-3", "v258", "300", "", "unknown"] {
            assert!(check_version(version).is_ok(), "{version}");
        }
    }
}
