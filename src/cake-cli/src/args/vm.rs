//! `cake vm …`.

use super::TagCommand;
use cake_types::{ByteSize, ByteSizeError};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum VmCommand {
    Create(Box<CreateArgs>),
    List {
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
    },
    Show {
        #[arg(value_name = "VM")]
        vm: String,
    },
    Start(ManyArgs),
    Shutdown(ManyArgs),
    Stop(ManyArgs),
    Reset(ActArgs),
    Pause(ManyArgs),
    Resume(ManyArgs),
    ReplaceEngine(ManyArgs),
    Adopt(ActArgs),
    Delete(DeleteArgs),
    #[command(subcommand)]
    Tag(TagCommand),
    Rename {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(value_name = "NAME")]
        name: String,
    },
    Set(VmSetArgs),
    #[command(subcommand)]
    Nic(NicCommand),
    #[command(subcommand)]
    Disk(DiskCommand),
    #[command(subcommand)]
    Cd(CdCommand),
    Export(ExportArgs),
    #[command(subcommand)]
    Exports(ExportsCommand),
    Console(ConsoleArgs),
    Screenshot {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    Usage {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(long, value_name = "SPAN", default_value = "hour", value_parser = SPANS)]
        span: String,
    },
}

/// How far back.
pub(super) const SPANS: [&str; 3] = ["hour", "day", "month"];
const PRIORITIES: [&str; 3] = ["low", "normal", "high"];
const SWITCH: [&str; 2] = ["on", "off"];

/// None at all would mean that nothing is asked.
fn memory(text: &str) -> Result<ByteSize, ByteSizeError> {
    match text.parse()? {
        ByteSize(0) => Err(ByteSizeError::Malformed),
        size => Ok(size),
    }
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(long, value_name = "IMAGE")]
    pub image: String,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cpus: Option<u32>,
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<ByteSize>,
    #[arg(long, value_name = "SIZE")]
    pub disk: Option<ByteSize>,
    #[arg(long, value_name = "FIRMWARE")]
    pub firmware: Option<String>,
    #[arg(long, value_name = "on|off", value_parser = SWITCH)]
    pub tpm: Option<String>,
    #[arg(long, value_name = "on|off", value_parser = SWITCH)]
    pub secure_boot: Option<String>,
    #[arg(long, value_name = "IMAGE")]
    pub drivers: Option<String>,
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    #[arg(long, value_name = "PROTOCOL:PORT:PORT")]
    pub forward: Vec<String>,
    #[arg(long, value_name = "WHEN")]
    pub restart: Option<String>,
    #[arg(long, value_name = "low|normal|high", value_parser = PRIORITIES)]
    pub priority: Option<String>,
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    #[arg(long, value_name = "HOST")]
    pub hostname: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Vec<PathBuf>,
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    #[arg(long)]
    pub no_start: bool,
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct VmSetArgs {
    #[arg(value_name = "VM")]
    pub vm: String,
    #[arg(long, value_name = "WHEN")]
    pub restart: Option<String>,
    #[arg(long, value_name = "low|normal|high", value_parser = PRIORITIES)]
    pub priority: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum DiskCommand {
    Add {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(long, value_name = "SIZE")]
        size: ByteSize,
        #[arg(long, value_name = "POOL")]
        pool: Option<String>,
        #[arg(long)]
        no_wait: bool,
    },
    Grow {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(value_name = "NUMBER")]
        number: u32,
        #[arg(long, value_name = "SIZE")]
        size: ByteSize,
        #[arg(long)]
        no_wait: bool,
    },
    Detach {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(value_name = "NUMBER")]
        number: u32,
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[arg(long)]
        no_wait: bool,
    },
    Remove {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(value_name = "NUMBER")]
        number: u32,
        #[arg(long, short)]
        yes: bool,
        #[arg(long)]
        no_wait: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum CdCommand {
    Insert {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(value_name = "IMAGE")]
        image: String,
        #[arg(long)]
        force: bool,
        #[arg(long)]
        no_wait: bool,
    },
    Eject {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(long)]
        force: bool,
        #[arg(long)]
        no_wait: bool,
    },
    Drivers {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(value_name = "IMAGE")]
        image: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum NicCommand {
    Add {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(long, value_name = "NETWORK", default_value = "nat")]
        network: String,
        #[arg(long, value_name = "PROTOCOL:PORT:PORT")]
        forward: Vec<String>,
        #[arg(long)]
        no_wait: bool,
    },
    Remove {
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(value_name = "MAC")]
        mac: String,
        #[arg(long)]
        no_wait: bool,
    },
}

#[derive(Debug, Args)]
pub struct ActArgs {
    #[arg(value_name = "VM")]
    pub vm: String,
    #[arg(long)]
    pub no_wait: bool,
}

/// One VM, or all that a query finds.
#[derive(Debug, Args)]
pub struct ManyArgs {
    #[arg(value_name = "VM", required_unless_present = "query", conflicts_with = "query")]
    pub vm: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub query: Option<String>,
    #[arg(long, short)]
    pub yes: bool,
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    pub what: ManyArgs,
    #[arg(long)]
    pub now: bool,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[arg(value_name = "VM")]
    pub vm: String,
    #[arg(long, value_name = "FORMAT", value_parser = EXPORT_FORMATS, default_value = "ova")]
    pub format: String,
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[arg(long)]
    pub no_wait: bool,
}

const EXPORT_FORMATS: [&str; 2] = ["ova", "qcow2"];

/// Those that are kept on the server.
#[derive(Debug, Subcommand)]
pub enum ExportsCommand {
    List {
        #[arg(value_name = "VM")]
        vm: Option<String>,
    },
    Download {
        #[arg(value_name = "ID")]
        export: Uuid,
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    Delete {
        #[arg(value_name = "ID")]
        export: Uuid,
    },
}

#[derive(Debug, Args)]
pub struct ConsoleArgs {
    #[arg(value_name = "VM")]
    pub vm: String,
    #[arg(long)]
    pub serial: bool,
}
