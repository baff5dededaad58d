//! `cake-node`: the daemon, the helper that becomes QEMU, the workers, and root's own tools.

use anyhow::{Context, Result};
use cake_daemon::{limits, log, memory};
use cake_node::admin::{self, Alive};
use cake_node::ask_disk::ask_disk;
use cake_node::convert::{Place, convert_image, export_disk};
use cake_node::serve::{InstallerOptions, Options, serve};
use cake_node::servers::worker::bmc_worker;
use cake_node::updates::Given;
use cake_node::updates::worker::update_worker;
use cake_storage::stick::Wanted;
use cake_storage::stick::worker::{list_stick, read_stick};
use cake_storage::worker::{Depth, inspect_image, read_package};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

#[derive(Parser)]
#[command(version, about = "The root agent of a cake server")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the node API until told to end; guests go on running
    Serve(Serve),
    /// Become the QEMU that a plan describes (used by the launcher)
    ExecVm { plan: PathBuf },
    /// Do one confined job (used by the daemon)
    #[command(subcommand)]
    Worker(WorkerKind),
    /// List the VMs that are running: id, name, state, pid
    Vms {
        #[command(flatten)]
        state: State,
    },
    /// Ask all guests to shut down, and end those that do not; none of them starts again by itself
    StopVms {
        #[command(flatten)]
        state: State,
        /// How long guests have
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Do not ask
        #[arg(long)]
        now: bool,
    },
    /// Give the console's administrator a new password, asked for twice, or read from standard input
    ResetAdmin {
        #[command(flatten)]
        state: State,
        #[arg(long, default_value = "admin")]
        name: String,
        /// Make a password and print it
        #[arg(long)]
        generate: bool,
    },
}

#[derive(Args)]
struct State {
    /// Where the node keeps its state; without it $CAKE_STATE/node, the nearest .cake/node upward, or /var/lib/cake/node
    #[arg(long)]
    state: Option<PathBuf>,
}

impl State {
    fn path(self) -> PathBuf {
        let cake_state = std::env::var_os("CAKE_STATE").map(PathBuf::from);
        let here = std::env::current_dir().unwrap_or_default();
        self.state.unwrap_or_else(|| admin::default_state(cake_state, &here))
    }
}

#[derive(Args)]
struct Serve {
    /// Where the node keeps what it must not forget
    #[arg(long)]
    state: PathBuf,
    /// The engine root: QEMU and its firmware
    #[arg(long)]
    engine: PathBuf,
    /// The directory of images
    #[arg(long)]
    images: PathBuf,
    /// The node API's Unix socket
    #[arg(long)]
    socket: PathBuf,
    /// Who may speak to the node besides root
    #[arg(long)]
    allow_user: Option<String>,
    /// Gets `ready` and is closed when the node answers
    #[arg(long)]
    ready_fd: Option<i32>,
    #[arg(long, value_enum, default_value_t)]
    launcher: LauncherChoice,
    #[arg(long, value_enum, default_value_t)]
    accelerator: AcceleratorChoice,
    /// This machine is cake's own: power it off when its power supply runs out
    #[arg(long)]
    appliance: bool,
    /// Puts cake on this server's own disks when the wizard asks for it, if the file `installer` lies in --run
    #[arg(long, value_name = "PROGRAM")]
    installer: Option<PathBuf>,
    /// Where what this start of the server is stands, and an installation tells of itself
    #[arg(long, value_name = "DIRECTORY", default_value = "/run/cake")]
    run: PathBuf,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum LauncherChoice {
    #[default]
    Auto,
    Detached,
    Systemd,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum AcceleratorChoice {
    /// KVM if a guest really runs with it, else TCG
    #[default]
    Auto,
    Tcg,
}

#[derive(Subcommand)]
enum WorkerKind {
    /// Look into the image at standard input and read all of it
    #[command(name = "inspect-image")]
    Inspect,
    /// Look into the image at standard input
    #[command(name = "glance-at-image")]
    Glance,
    /// Say what is in the VM in one file at standard input
    #[command(name = "read-package")]
    ReadPackage,
    /// Make a raw disk (standard output) of the image at standard input, or of the part of it that is a disk
    #[command(name = "convert-image")]
    Convert {
        format: String,
        engine: PathBuf,
        #[arg(requires = "length")]
        offset: Option<u64>,
        length: Option<u64>,
    },
    /// Make a disk that others read (standard output) of the raw disk at standard input
    #[command(name = "export-disk")]
    Export { format: String, engine: PathBuf },
    /// Ask a disk of this machine for its health
    #[command(name = "ask-disk")]
    AskDisk { name: String, engine: PathBuf },
    /// Say which images are on the stick at standard input
    #[command(name = "list-stick")]
    ListStick,
    /// Check for newer firmware, or bring it to the system disks, as standard input says
    Update {
        #[arg(long)]
        anchor: PathBuf,
        #[arg(long)]
        memory: PathBuf,
        /// A boot partition that is mounted already, instead of those of this installation
        #[arg(long)]
        esp: Vec<PathBuf>,
        /// Something may be changed on the boot partitions
        #[arg(long)]
        write: bool,
    },
    /// Speak to BMCs over the sockets that come by standard input
    Bmc,
    /// Write a file of the stick at standard input to standard output
    #[command(name = "read-stick")]
    ReadStick(ReadStick),
}

#[derive(Args)]
struct ReadStick {
    #[arg(long)]
    partition: u32,
    #[arg(long)]
    volume: String,
    #[arg(long)]
    path: String,
    #[arg(long)]
    size: u64,
    #[arg(long)]
    modified: Option<i64>,
    #[arg(long)]
    from: u64,
}

fn main() -> ExitCode {
    // The helper is on the way of every start of a VM: nothing is made that it does not need.
    let mut words = std::env::args_os().skip(1);
    if let (Some(command), Some(plan), None) = (words.next(), words.next(), words.next())
        && command == "exec-vm"
    {
        return exec_vm(Path::new(&plan));
    }
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cake-node: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn worker(kind: WorkerKind) -> Result<()> {
    match kind {
        WorkerKind::Inspect => Ok(inspect_image(Depth::All)?),
        WorkerKind::Glance => Ok(inspect_image(Depth::Headers)?),
        WorkerKind::ReadPackage => Ok(read_package()?),
        WorkerKind::Convert { format, engine, offset, length } => {
            let place = offset.zip(length).map(|(offset, length)| Place { offset, length });
            match convert_image(&format, place, &engine)? {}
        }
        WorkerKind::Export { format, engine } => match export_disk(&format, &engine)? {},
        WorkerKind::AskDisk { name, engine } => match ask_disk(&name, &engine)? {},
        WorkerKind::Update { anchor, memory, esp, write } => {
            Ok(update_worker(&anchor, &Given { memory, esps: esp, write })?)
        }
        WorkerKind::Bmc => Ok(bmc_worker()?),
        WorkerKind::ListStick => Ok(list_stick()?),
        WorkerKind::ReadStick(ReadStick { partition, volume, path, size, modified, from }) => {
            Ok(read_stick(&Wanted { partition, volume, path, size, modified }, from)?)
        }
    }
}

fn exec_vm(plan: &Path) -> ExitCode {
    let Err(error) = cake_vm::exec::exec_vm(plan);
    let code = error.exit_code();
    eprintln!("cake-node exec-vm: {:#}", anyhow::Error::new(error));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(options) => serve_here(options),
        Command::ExecVm { plan } => Err(cake_vm::exec::exec_vm(&plan).err().context("QEMU was not executed")?.into()),
        Command::Worker(kind) => worker(kind),
        Command::Vms { state } => runtime()?.block_on(async {
            for Alive { id, name, state, process } in admin::alive(&state.path()).await? {
                println!("{id} {name} {} {}", state.as_str(), process.pid());
            }
            Ok(())
        }),
        Command::StopVms { state, seconds, now } => {
            let patience = Duration::from_secs(if now { 0 } else { seconds });
            runtime()?.block_on(admin::stop(&state.path(), patience))
        }
        Command::ResetAdmin { state, name, generate } => admin::reset_admin(&state.path(), &name, generate),
    }
}

/// One thread: what blocks has threads of its own, and the rest waits.
fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().thread_stack_size(512 * 1024).build().context("start the runtime")
}

fn serve_here(options: Serve) -> Result<()> {
    memory::spare(1);
    limits::raise_open_files().context("raise the limit of open files")?;
    log::to_stderr();
    let Serve { state, engine, images, socket, allow_user, ready_fd, launcher, accelerator, appliance, installer, run } =
        options;
    let installer = installer.map(|program| InstallerOptions { program, run });
    let launcher = match launcher {
        LauncherChoice::Auto => cake_host::launch::Choice::Automatic,
        LauncherChoice::Detached => cake_host::launch::Choice::Detached,
        LauncherChoice::Systemd => cake_host::launch::Choice::Systemd,
    };
    let tcg = accelerator == AcceleratorChoice::Tcg;
    let options = Options { state, engine, images, socket, allow_user, ready_fd, launcher, tcg, appliance, installer };
    runtime()?.block_on(serve(options))
}
