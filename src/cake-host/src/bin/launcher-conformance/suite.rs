//! Runs the cases, and what they share.

use std::{
    fs,
    io::Write,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use cake_host::{
    launch::{Descriptor, LaunchRequest, Launcher, choose},
    process::{LiveProcess, ProcessIdentity},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time::timeout,
};

use crate::{Failure, cases, child::Report, choice};

/// A case that takes longer is a failure, not a reason to wait for ever.
const LIMIT: Duration = Duration::from_secs(120);
/// In the environment of everything that is launched, so that the suite can count it.
const MARK: &str = "CAKE_CONFORMANCE_UNIT";

pub(crate) struct Suite {
    pub(crate) launcher: Arc<dyn Launcher>,
    pub(crate) kind: String,
    pub(crate) folder: PathBuf,
    pub(crate) program: PathBuf,
    counter: AtomicU32,
}

pub(crate) async fn run(kind: &str, folder: &Path) -> Result<(), Failure> {
    let suite = Arc::new(Suite {
        launcher: choose(choice(kind)?, folder).await?,
        kind: kind.to_owned(),
        folder: folder.to_owned(),
        program: std::env::current_exe()?,
        counter: AtomicU32::new(0),
    });
    ensure(suite.launcher.name() == kind, "the launcher has the wanted name")?;
    let mut failed = 0;
    for (name, case) in cases::all() {
        let started = Instant::now();
        let outcome = timeout(LIMIT, case(suite.clone())).await.unwrap_or_else(|_| Err("it hangs".into()));
        let spent = started.elapsed().as_millis();
        match outcome {
            Ok(()) => println!("ok {kind} {name} ({spent} ms)"),
            Err(error) => {
                failed += 1;
                println!("FAIL {kind} {name}: {} ({spent} ms)", chain(&*error));
            }
        }
        std::io::stdout().flush()?;
    }
    ensure(failed == 0, &format!("{failed} cases failed"))
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let links = std::iter::successors(Some(error), |error| error.source());
    links.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A launcher that launches one unit, says whom it launched, and waits to be killed.
pub(crate) async fn launch_and_wait(kind: &str, folder: &Path, unit: &str) -> Result<(), Failure> {
    let launcher = choose(choice(kind)?, folder).await?;
    println!("ready");
    let identity = launcher.launch(stay(unit, &std::env::current_exe()?)).await?;
    println!("{}", serde_json::to_string(&identity)?);
    std::future::pending().await
}

pub(crate) fn ensure(condition: bool, what: &str) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(format!("not so: {what}").into()) }
}

/// A unit that lives until it is killed.
pub(crate) fn stay(unit: &str, program: &Path) -> LaunchRequest {
    LaunchRequest {
        unit_name: unit.to_owned(),
        description: "conformance".to_owned(),
        program: program.to_owned(),
        arguments: vec!["child".to_owned(), "stay".to_owned()],
        environment: vec![(MARK.to_owned(), unit.to_owned())],
        descriptors: Vec::new(),
        output: None,
        memory_max: None,
    }
}

impl Suite {
    pub(crate) fn unit(&self) -> String {
        format!("conformance-{}-{}", std::process::id(), self.counter.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn stay(&self, unit: &str) -> LaunchRequest {
        stay(unit, &self.program)
    }

    /// Another launcher of the same kind, as after a restart of the daemon.
    pub(crate) async fn another_launcher(&self) -> Result<Arc<dyn Launcher>, Failure> {
        Ok(choose(choice(&self.kind)?, &self.folder).await?)
    }

    /// Launches a child that reports.
    pub(crate) async fn reporter(
        &self,
        unit: &str,
        change: impl FnOnce(&mut LaunchRequest),
    ) -> Result<Reporter, Failure> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut request = self.stay(unit);
        request.arguments = vec!["child".to_owned(), "report".to_owned()];
        request.descriptors = vec![Descriptor { name: "control".to_owned(), descriptor: OwnedFd::from(theirs) }];
        change(&mut request);
        let identity = self.launcher.launch(request).await?;
        let mut control = BufReader::new(UnixStream::from_std(ours)?);
        let mut line = String::new();
        control.read_line(&mut line).await?;
        let report = serde_json::from_str(&line).map_err(|error| format!("no report but {line:?}: {error}"))?;
        Ok(Reporter { identity, process: LiveProcess::open(&identity)?, report, control })
    }

    pub(crate) async fn end(&self, identity: &ProcessIdentity) -> Result<(), Failure> {
        self.launcher.kill(identity).await?;
        ensure(LiveProcess::open(identity).is_err(), "a killed process is gone")
    }
}

/// A child that has reported.
pub(crate) struct Reporter {
    pub(crate) identity: ProcessIdentity,
    pub(crate) process: LiveProcess,
    pub(crate) report: Report,
    control: BufReader<UnixStream>,
}

impl Reporter {
    /// Gives an order and waits until it is done, or until the child has gone.
    pub(crate) async fn order(&mut self, order: &str) -> Result<(), Failure> {
        self.control.write_all(format!("{order}\n").as_bytes()).await?;
        let mut answer = String::new();
        self.control.read_line(&mut answer).await?;
        ensure(answer == "done\n" || order.starts_with("exit"), "the child does as it is told")
    }
}

/// The processes that were launched as this unit and live.
pub(crate) fn living(unit: &str) -> Result<Vec<u32>, Failure> {
    let mark = format!("{MARK}={unit}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // A process that ends meanwhile has no environment any more, and a zombie has an empty one.
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            found.push(pid);
        }
    }
    Ok(found)
}
