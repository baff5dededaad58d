//! cake on this server's own disks, for whoever answers the wizard of a server that was started from a stick.
//!
//! ```text
//!  caked ─ask─► asked-disks · asked-plan         programs that are run to their end, JSON in and out
//!          └──► asked-run FOLDER                 a unit of its own: it outlives this daemon
//!                  └─► FOLDER/news, a line each ──► read again whenever somebody asks how it stands
//! ```
//!
//! The folder is root's and in memory. It says who asked for what before the unit is started: killed between both, the installation has
//! failed before it began. A unit's name belongs to one process at a time, so nothing is installed twice at once.

use crate::server_disks::ServerDisks;
use cake_host::launch::{LaunchError, LaunchRequest, Launcher};
use cake_host::process::LiveProcess;
use cake_install::exit;
use cake_node_api::NodeError;
use cake_node_api::install::{InstallAnswer, InstallAsk};
use cake_planner::installation;
use cake_types::{
    InstallChoice, InstallDisk, InstallDisks, InstallJudged, InstallNews, InstallOrder, InstallPhase, InstallState,
    OperationId,
};
use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;

/// What the unit is called.
const UNIT: &str = "cake-installation";
/// A controller may take a minute to show the stick, and old disks are slow to tell what is on them.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longest answer of a program, and longest story of an installation, in bytes.
const ANSWER_MAX: u64 = 4 << 20;

/// What cake-node is told of installing, on an appliance.
#[derive(Clone, Debug)]
pub struct InstallerOptions {
    /// `cake-appliance`
    pub program: PathBuf,
    /// Where the file `installer` lies on a server that was started from a stick, and where an installation tells of itself.
    pub run: PathBuf,
}

pub struct Installer {
    options: Option<InstallerOptions>,
    launcher: Arc<dyn Launcher>,
    disks: Arc<ServerDisks>,
    /// Held from looking how it stands until something was begun.
    beginning: Mutex<()>,
}

/// Who asked for an installation, and when: `FOLDER/asked.json`.
#[derive(Serialize, Deserialize)]
struct Asked {
    operation: OperationId,
    at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{what} can't be written or read")]
    Io {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("what the installer says can't be understood")]
    Words(#[from] serde_json::Error),
    #[error("the installer says: {0}")]
    Said(String),
    #[error("there is nothing to install from")]
    NoMedium,
    #[error("the installer does not answer")]
    Silent,
    #[error("the installer can't be started")]
    Launch(#[from] LaunchError),
    #[error("the installer can't be told")]
    Process(#[from] cake_host::process::ProcessError),
}

fn io(what: &'static str) -> impl FnOnce(io::Error) -> Trouble {
    move |source| Trouble::Io { what, source }
}

impl Installer {
    pub fn new(options: Option<InstallerOptions>, launcher: Arc<dyn Launcher>, disks: Arc<ServerDisks>) -> Self {
        Self { options, launcher, disks, beginning: Mutex::default() }
    }

    /// Everything but the restart, which is the server's own.
    pub async fn answer(&self, ask: InstallAsk) -> Result<InstallAnswer, NodeError> {
        let here = self.here()?;
        let answered = match ask {
            InstallAsk::Disks => self.list(here).await,
            InstallAsk::Plan { choice } => self.plan(here, &choice).await,
            InstallAsk::Start { order } => self.start(here, &order).await,
            InstallAsk::State => self.state(here).await.map(InstallAnswer::State),
            InstallAsk::Cancel => self.cancel(here).await,
            InstallAsk::Restart => self.may_restart(here).await,
        };
        match answered {
            Ok(answer) => Ok(answer),
            Err(Trouble::NoMedium) => Ok(InstallAnswer::NoMedium),
            Err(trouble) => {
                let detail = crate::chain(&trouble);
                tracing::error!(detail, "installing: {detail}");
                Err(NodeError::Internal { detail })
            }
        }
    }

    /// Only on a server that was started from a stick, or over the network.
    fn here(&self) -> Result<&InstallerOptions, NodeError> {
        let here = self.options.as_ref().filter(|options| options.run.join("installer").exists());
        here.ok_or(NodeError::NotInstaller)
    }

    async fn list(&self, here: &InstallerOptions) -> Result<InstallAnswer, Trouble> {
        let state = self.state(here).await?;
        if state.phase == InstallPhase::Running {
            return Ok(InstallAnswer::Busy(state));
        }
        let mut found: InstallDisks = ask(here, "asked-disks", &[]).await?;
        let told = self.disks.read().await;
        for InstallDisk { disk, .. } in &mut found.disks {
            if let Some(known) =
                told.iter().find(|known| known.name == disk.name && known.identity() == disk.identity())
            {
                disk.health = known.health.clone();
            }
        }
        Ok(InstallAnswer::Disks(found))
    }

    async fn plan(&self, here: &InstallerOptions, choice: &InstallChoice) -> Result<InstallAnswer, Trouble> {
        let state = self.state(here).await?;
        if state.phase == InstallPhase::Running {
            return Ok(InstallAnswer::Busy(state));
        }
        Ok(InstallAnswer::Judged(judge(here, choice).await?))
    }

    async fn start(&self, here: &InstallerOptions, order: &InstallOrder) -> Result<InstallAnswer, Trouble> {
        let _one = self.beginning.lock().await;
        let state = self.state(here).await?;
        match state.phase {
            _ if state.operation == Some(order.operation) => return Ok(InstallAnswer::Accepted),
            InstallPhase::Running => return Ok(InstallAnswer::Busy(state)),
            InstallPhase::Done => return Ok(InstallAnswer::AlreadyDone(state)),
            InstallPhase::None | InstallPhase::Cancelled | InstallPhase::Failed => {}
        }
        if let InstallJudged::Refused(refusals) = judge(here, &order.choice).await? {
            return Ok(InstallAnswer::Refused(refusals));
        }
        let folder = folder(here);
        let news = begin(&folder, order).map_err(io("the folder of the installation"))?;
        tracing::warn!(operation = %order.operation, "cake is being installed on {}", order.choice.disks.join(", "));
        let request = LaunchRequest {
            unit_name: UNIT.into(),
            description: "cake: installation that the wizard asked for".into(),
            program: here.program.clone(),
            arguments: vec!["asked-run".into(), folder.display().to_string()],
            environment: Vec::new(),
            descriptors: Vec::new(),
            output: Some(news.into()),
            memory_max: None,
        };
        match self.launcher.launch(request).await {
            // It said what there was to say, and that is read.
            Ok(_) | Err(LaunchError::EndedAtOnce { .. }) => Ok(InstallAnswer::Accepted),
            Err(error) => Err(error.into()),
        }
    }

    async fn cancel(&self, here: &InstallerOptions) -> Result<InstallAnswer, Trouble> {
        let state = self.state(here).await?;
        if !state.cancellable {
            return Ok(InstallAnswer::NotNow(state));
        }
        if let Some(identity) = self.launcher.find(UNIT, None).await? {
            LiveProcess::open(&identity)?.signal(Signal::SIGTERM)?;
        }
        Ok(InstallAnswer::Accepted)
    }

    async fn may_restart(&self, here: &InstallerOptions) -> Result<InstallAnswer, Trouble> {
        let state = self.state(here).await?;
        let done = state.phase == InstallPhase::Done;
        Ok(if done { InstallAnswer::Accepted } else { InstallAnswer::NotNow(state) })
    }

    /// By what was written, and whether the program still is.
    async fn state(&self, here: &InstallerOptions) -> Result<InstallState, Trouble> {
        let folder = folder(here);
        let asked = match fs::read(folder.join("asked.json")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(InstallState::default()),
            read => serde_json::from_slice::<Asked>(&read.map_err(io("asked.json"))?)?,
        };
        // First whether it lives, then what it said: what it says last is not missed.
        let lives = self.launcher.find(UNIT, None).await?.is_some();
        let news = heard(&folder.join("news")).map_err(io("what the installer says"))?;
        Ok(installation::state(asked.operation, asked.at, news, lives))
    }
}

fn folder(here: &InstallerOptions) -> PathBuf {
    here.run.join("asked")
}

/// Writes down what is asked for; gives the file that the installer tells its news in.
fn begin(folder: &Path, order: &InstallOrder) -> io::Result<File> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let open = |name: &str| File::options().write(true).create_new(true).mode(0o600).open(folder.join(name));
    for name in ["asked.json", "asked.new", "order.json", "news"] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let news = File::options().append(true).create_new(true).mode(0o600).open(folder.join("news"))?;
    open("order.json")?.write_all(&serde_json::to_vec(order)?)?;
    let asked = Asked { operation: order.operation, at: Timestamp::now() };
    // Whole or not there: killed in between, nothing was begun.
    open("asked.new")?.write_all(&serde_json::to_vec(&asked)?)?;
    fs::rename(folder.join("asked.new"), folder.join("asked.json"))?;
    Ok(news)
}

/// Whole lines that are news; what programs complain about stands between them.
fn heard(path: &Path) -> io::Result<Vec<InstallNews>> {
    let mut text = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?.take(ANSWER_MAX).read_to_end(&mut text)?,
    };
    Ok(text.split_inclusive(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

async fn judge(here: &InstallerOptions, choice: &InstallChoice) -> Result<InstallJudged, Trouble> {
    ask(here, "asked-plan", &serde_json::to_vec(choice)?).await
}

/// Runs the program to its end, and reads what it says.
async fn ask<T: DeserializeOwned>(here: &InstallerOptions, what: &str, input: &[u8]) -> Result<T, Trouble> {
    let asked = async {
        let mut program = tokio::process::Command::new(&here.program);
        program.arg(what).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = program.spawn().map_err(io("the installer's pipes"))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async move {
            // Who does not read it fails anyway, and says why.
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(input).await;
            }
        };
        let (_, answer, complaint) = tokio::join!(write, bounded(stdout), bounded(stderr));
        let status = child.wait().await.map_err(io("the installer's end"))?;
        match status.code() {
            Some(0) => Ok(serde_json::from_slice(&answer.map_err(io("the installer's answer"))?)?),
            Some(code) if code == i32::from(exit::NO_MEDIUM) => Err(Trouble::NoMedium),
            _ => Err(Trouble::Said(last_line(&complaint.unwrap_or_default()))),
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(Trouble::Silent))
}

async fn bounded(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(ANSWER_MAX).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").to_owned()
}
