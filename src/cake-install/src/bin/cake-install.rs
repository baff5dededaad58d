//! `cake-install`: the installer without a screen, and what an installed system opens its disks with.
//!
//! Exit codes: 0 done; 1 an error, told on stderr; 2 wrong arguments; 3 the state is locked; 4 there is no installation;
//! 5 that is another installation's recovery key.

use cake_install::answers::{self, Answers, Then};
use cake_install::apply::{Apply, ApplyError, Files, Progress};
use cake_install::disks::{Candidate, DisksError, candidates};
use cake_install::event::Event;
use cake_install::exit;
use cake_install::luks::{TpmPolicy, has_tpm, tpm};
use cake_install::open::{self, OpenError, Opened};
use cake_install::plan::{Machine, Plan, Refusals, Step, warning_words};
use cake_install::reset::{self, ResetError};
use cake_install::secret::{NoRecoveryKey, Secret};
use cake_install::tool::Tools;
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static CANCEL: AtomicBool = AtomicBool::new(false);

/// Longest recovery key that is read, in bytes.
const KEY_MAX: u64 = 1024;

/// Writes cake on the disks of this server, and opens them when it starts.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show the disks of this server, and what is on them
    Disks {
        #[arg(long)]
        json: bool,
    },
    /// Say what an installation would do, and touch nothing
    Plan(Asked),
    /// Install
    Run(Run),
    /// Find, open and mount the state of an installed system
    OpenState(Place),
    /// Open and mount the state with the recovery key, read from standard input
    Unlock {
        #[command(flatten)]
        place: Place,
        /// Lets this server's TPM open the state from the next start on
        #[arg(long)]
        pcr_public_key: Option<PathBuf>,
    },
    /// Destroy every key of this installation's disks; the next start makes them anew, empty
    Reset {
        /// Where the state is mounted
        #[arg(long, default_value = "/state")]
        state: PathBuf,
    },
    /// Go on with a reset that was begun, before the state is opened
    Renew {
        /// Seconds that disks may take to appear
        #[arg(long, default_value_t = 5)]
        wait: u64,
        /// Lets this server's TPM open the state
        #[arg(long)]
        pcr_public_key: Option<PathBuf>,
    },
    /// Open and mount the pools that the state has keys of
    OpenPools {
        /// Where the state is mounted
        #[arg(long, default_value = "/state")]
        state: PathBuf,
        /// Each pool is mounted below it, by its name
        #[arg(long, default_value = "/pool")]
        mount: PathBuf,
    },
}

#[derive(Args)]
struct Asked {
    /// The answer file
    #[arg(long)]
    answers: PathBuf,
    /// The firmware file: its size says how large boot partitions are
    #[arg(long)]
    firmware: Option<PathBuf>,
    /// The maker's public key for PCR 11; without it no TPM is used
    #[arg(long)]
    pcr_public_key: Option<PathBuf>,
    /// One line of JSON for each thing that is told
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    asked: Asked,
    /// systemd-boot
    #[arg(long)]
    boot_loader: PathBuf,
    /// The firmware's version
    #[arg(long = "version", value_name = "VERSION")]
    firmware_version: String,
}

#[derive(Args)]
struct Place {
    /// Where the state is mounted
    #[arg(long, default_value = "/state")]
    mount: PathBuf,
    /// Seconds that disks may take to appear
    #[arg(long, default_value_t = 5)]
    wait: u64,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{path} can't be read or written")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Answers { path: PathBuf, source: answers::AnswerError },
    #[error("the firmware file must be given")]
    NoFirmware,
    #[error(transparent)]
    Disks(#[from] DisksError),
    #[error(transparent)]
    Refused(#[from] Refusals),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Reset(#[from] ResetError),
    #[error(transparent)]
    Key(#[from] NoRecoveryKey),
    #[error("{0} of the pools can't be opened")]
    Pools(usize),
}

impl Failure {
    fn code(&self) -> ExitCode {
        match self {
            Self::Open(OpenError::Locked(_)) => ExitCode::from(exit::LOCKED),
            Self::Open(OpenError::NoInstallation) => ExitCode::from(exit::NO_INSTALLATION),
            Self::Open(OpenError::WrongKey) => ExitCode::from(exit::WRONG_KEY),
            _ => ExitCode::FAILURE,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    cancel_on_signals();
    match run(cli.what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cake-install: {}", chain(&failure));
            failure.code()
        }
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    let mut told: Vec<String> = Vec::new();
    causes.for_each(|cause| {
        if !told.iter().any(|before| before.contains(&cause)) {
            told.push(cause);
        }
    });
    told.join(": ")
}

extern "C" fn cancel(_: i32) {
    CANCEL.store(true, Ordering::Relaxed);
}

fn cancel_on_signals() {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let action = SigAction::new(SigHandler::Handler(cancel), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which may be done at any time.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

fn run(what: What) -> Result<(), Failure> {
    let tools = Tools::new(&CANCEL);
    match what {
        What::Disks { json } => show_disks(&candidates(&tools)?, json),
        What::Plan(asked) => {
            let (_, plan) = planned(&tools, &asked)?;
            let said = if asked.json { json!({ "event": "plan", "plan": plan }).to_string() } else { plan.words() };
            println!("{}", said.trim_end());
        }
        What::Run(run) => install(&tools, &run)?,
        What::OpenState(Place { mount, wait }) => {
            tell_opened(&open::open_state(&tools, &mount, Duration::from_secs(wait))?);
        }
        What::Unlock { place: Place { mount, wait }, pcr_public_key } => {
            let key = typed_key()?;
            let policy = (has_tpm() && pcr_public_key.is_some()).then_some(pcr_public_key).flatten();
            let policy = policy.map(|public_key| TpmPolicy { public_key });
            let opened = open::unlock(&tools, &mount, Duration::from_secs(wait), &key, policy.as_ref())?;
            tell_opened(&opened);
        }
        What::Reset { state } => reset::begin(&tools, &state)?,
        What::Renew { wait, pcr_public_key } => {
            let policy = pcr_public_key.map(|public_key| TpmPolicy { public_key });
            let renewed = reset::renew(&tools, Duration::from_secs(wait), policy.as_ref())?;
            println!("{}", json!({ "renewed": renewed }));
        }
        What::OpenPools { state, mount } => {
            let pools = open::open_pools(&tools, &state, &mount)?;
            let failed = pools.iter().filter(|pool| pool.opened.is_err()).count();
            for pool in &pools {
                match &pool.opened {
                    Ok(place) => println!("{}", json!({ "pool": pool.name, "mount": place })),
                    Err(error) => eprintln!("cake-install: pool {}: {}", pool.name, chain(error)),
                }
            }
            if failed > 0 {
                return Err(Failure::Pools(failed));
            }
        }
    }
    Ok(())
}

fn tell_opened(opened: &Opened) {
    println!("{}", json!(opened));
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    move |source| Failure::Io { path: path.to_owned(), source }
}

fn show_disks(disks: &[Candidate], json: bool) {
    if json {
        println!("{}", json!(disks));
        return;
    }
    for disk in disks {
        let serial = disk.disk.identity();
        let model = disk.disk.model.as_deref().unwrap_or("-");
        let mut notes = vec![disk.content.words()];
        notes.extend(disk.boot_medium.then(|| "this machine was started from it".into()));
        notes.extend(disk.read_only.then(|| "read-only".into()));
        notes.extend((!disk.used_as.is_empty()).then(|| format!("in use: {}", disk.used_as.join(", "))));
        println!(
            "{:<10} {:<22} {:>10}  {:<8} {model}: {}",
            disk.disk.name,
            serial,
            disk.disk.size.to_string(),
            disk.disk.bus.as_str(),
            notes.join("; ")
        );
    }
}

fn planned(tools: &Tools<'_>, asked: &Asked) -> Result<(Answers, Plan), Failure> {
    let path = &asked.answers;
    let mut text = String::new();
    let limit = answers::FILE_MAX as u64 + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)).map_err(io(path))?;
    let answers = answers::parse(&text).map_err(|source| Failure::Answers { path: path.clone(), source })?;
    let firmware = asked.firmware.as_deref().ok_or(Failure::NoFirmware)?;
    let machine = Machine {
        tpm: tpm(asked.pcr_public_key.is_some()),
        firmware: fs::metadata(firmware).map_err(io(firmware))?.len(),
    };
    let plan = Plan::new(&candidates(tools)?, &answers.install, machine)?;
    Ok((answers, plan))
}

fn install(tools: &Tools<'_>, run: &Run) -> Result<(), Failure> {
    let (answers, plan) = planned(tools, &run.asked)?;
    let files = Files {
        firmware: run.asked.firmware.clone().ok_or(Failure::NoFirmware)?,
        boot_loader: run.boot_loader.clone(),
        version: run.firmware_version.clone(),
        tpm: run.asked.pcr_public_key.clone().map(|public_key| TpmPolicy { public_key }),
    };
    let recovery = Secret::recovery_key().map_err(ApplyError::Random)?;
    let json = run.asked.json;
    // Before a disk is touched: a key that can't be kept is found out now.
    let kept = answers.install.save_recovery_key.then(|| keep_key(&run.asked.answers, &recovery)).transpose()?;
    for warning in plan.warnings.iter().map(|warning| warning_words(*warning)) {
        tell(json, &Event::Warning { message: warning.to_owned() }, &format!("Note: {warning}"));
    }
    let now = jiff::Timestamp::now();
    let apply = Apply { plan: &plan, answers: &answers, files: &files, recovery: &recovery, tools, now };
    let (mut before, mut boots) = ((0, 0), false);
    let done = apply.run(&mut |progress| {
        boots = boots || matches!(progress.step, Step::Boot { .. });
        // One line for each per cent and for each step: who reads them may be a serial port.
        let now = (progress.number, (progress.fraction * 100.0) as u32);
        if now != before {
            before = now;
            tell_progress(json, &progress);
        }
    });
    if done.is_ok() || boots {
        // Once it boots somebody may use it, however its last steps fared.
        tell_key(json, kept.as_deref(), &recovery);
    } else if let Some(path) = kept {
        // It opens nothing; the next run writes another.
        let _ = fs::remove_file(path);
    }
    done?;
    let then = answers.install.then;
    let word = if then == Then::Reboot { "restart" } else { "switch off" };
    tell(json, &Event::Done { then }, &format!("cake is installed. Take out the medium and {word} the server."));
    Ok(())
}

fn tell_key(json: bool, kept: Option<&Path>, recovery: &Secret) {
    match kept {
        Some(path) => tell(
            json,
            &Event::RecoveryKey { key: None, file: Some(path.display().to_string()) },
            &format!("The recovery key of the disks is in {}: keep it where the server is not.", path.display()),
        ),
        None => tell(
            json,
            &Event::RecoveryKey { key: Some(recovery.reveal().to_string()), file: None },
            &format!("The recovery key of the disks, shown this once:\n\n    {}\n", recovery.reveal().as_str()),
        ),
    }
}

fn tell(json: bool, event: &Event, words: &str) {
    let mut out = std::io::stdout().lock();
    // Who watches may have gone; the installation goes on.
    let _ = if json { writeln!(out, "{}", json!(event)) } else { writeln!(out, "{words}") };
    let _ = out.flush();
}

fn tell_progress(json: bool, progress: &Progress<'_>) {
    let Progress { fraction, number, of, step } = progress;
    let event = Event::Progress {
        fraction: (fraction * 1000.0).round() / 1000.0,
        number: *number,
        of: *of,
        step: step.id().to_owned(),
        message: step.words(),
    };
    tell(json, &event, &format!("{:>3} %  {number}/{of}  {}", (fraction * 100.0) as u32, step.words()));
}

/// Writes the recovery key beside the answer file, where only root reads it; a file system without rights can't help that.
fn keep_key(answers: &Path, key: &Secret) -> Result<PathBuf, Failure> {
    let path =
        answers.with_file_name(format!("cake-recovery-key-{}.txt", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")));
    let open = File::options().write(true).create_new(true).mode(0o600).open(&path);
    let written = open.and_then(|mut file| {
        writeln!(file, "{}", key.reveal().as_str())?;
        file.sync_all()
    });
    written.map_err(io(&path))?;
    Ok(path)
}

fn typed_key() -> Result<Secret, Failure> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().take(KEY_MAX).read_to_string(&mut text).map_err(io(Path::new("standard input")))?;
    Ok(Secret::typed(&text)?)
}
