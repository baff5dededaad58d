//! The servers, what happens on them, and cake itself.

use super::vm::SPANS;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::path::PathBuf;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    List,
    Show {
        #[arg(value_name = "NODE")]
        node: String,
    },
    Disks {
        #[arg(value_name = "NODE")]
        node: String,
        #[arg(long)]
        read: bool,
    },
    Sticks {
        #[arg(value_name = "NODE")]
        node: String,
    },
    Usage {
        #[arg(value_name = "NODE")]
        node: String,
        #[arg(long, value_name = "SPAN", default_value = "hour", value_parser = SPANS)]
        span: String,
    },
    Set(NodeSetArgs),
    /// Words in `cli-cmd-node-network-*`.
    #[command(subcommand)]
    Network(NodeNetworkCommand),
    Clock {
        #[arg(value_name = "NODE")]
        node: String,
        #[arg(value_name = "TIME")]
        time: Option<Timestamp>,
    },
    Reboot(LeaveArgs),
    /// Starts the version that is next while VMs go on running.
    SoftReboot {
        #[arg(value_name = "NODE")]
        node: String,
        #[arg(long, short)]
        yes: bool,
    },
    PowerOff(LeaveArgs),
}

#[derive(Debug, Args)]
pub struct NodeSetArgs {
    #[arg(value_name = "NODE")]
    pub node: String,
    #[arg(long, value_name = "NAME")]
    pub host_name: Option<String>,
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    #[arg(long, value_name = "on|off", value_parser = SWITCH)]
    pub ntp: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum NodeNetworkCommand {
    Show {
        #[arg(value_name = "NODE")]
        node: String,
    },
    Try(NodeNetworkArgs),
    Confirm {
        #[arg(value_name = "NODE")]
        node: String,
    },
    Cancel {
        #[arg(value_name = "NODE")]
        node: String,
    },
}

#[derive(Debug, Args)]
pub struct NodeNetworkArgs {
    #[arg(value_name = "NODE")]
    pub node: String,
    #[arg(long, conflicts_with_all = ["address", "gateway"])]
    pub dhcp: bool,
    #[arg(long, value_name = "ADDRESS/BITS", required_unless_present = "dhcp")]
    pub address: Vec<String>,
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Vec<String>,
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Vec<String>,
    #[arg(long, value_name = "DOMAIN")]
    pub search: Vec<String>,
    #[arg(long, value_name = "NUMBER")]
    pub vlan: Option<u32>,
    #[arg(long = "port", value_name = "NAME|MAC")]
    pub links: Vec<String>,
    #[arg(long, value_name = "MODE", value_parser = BONDS)]
    pub bond: Option<String>,
    #[arg(long, value_name = "BYTES")]
    pub mtu: Option<u32>,
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<u32>,
}

/// How several ports are one.
const BONDS: [&str; 2] = ["active-backup", "lacp"];

#[derive(Debug, Args)]
pub struct LeaveArgs {
    #[arg(value_name = "NODE")]
    pub node: String,
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<u32>,
    #[arg(long, short)]
    pub yes: bool,
}

/// What a switch can be.
const SWITCH: [&str; 2] = ["on", "off"];

#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    List {
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    Show {
        #[arg(value_name = "TASK")]
        task: Uuid,
    },
    Cancel {
        #[arg(value_name = "TASK")]
        task: Uuid,
    },
    Wait {
        #[arg(value_name = "TASK")]
        task: Uuid,
    },
}

#[derive(Debug, Subcommand)]
pub enum AlertCommand {
    List,
    Acknowledge {
        #[arg(value_name = "ALERT")]
        alert: String,
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    Unacknowledge {
        #[arg(value_name = "ALERT")]
        alert: String,
    },
    Silence {
        #[arg(value_name = "ALERT")]
        alert: String,
        #[arg(long = "for", value_name = "TIME")]
        span: String,
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    Unsilence {
        #[arg(value_name = "ALERT")]
        alert: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum EventCommand {
    List {
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        #[arg(long, short)]
        follow: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    List {
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
}

#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    Show,
    Set {
        #[arg(required = true, value_name = "KEY=VALUE")]
        change: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum UpsCommand {
    Show,
    Set(UpsSetArgs),
    Remove,
}

#[derive(Debug, Args)]
pub struct UpsSetArgs {
    #[arg(long, value_name = "HOST")]
    pub host: String,
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    #[arg(long, value_name = "NAME")]
    pub name: String,
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    #[arg(long, requires = "user")]
    pub password_stdin: bool,
    #[arg(long, value_name = "MINUTES")]
    pub minutes: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    Show,
    Upload {
        #[arg(value_name = "CHAIN")]
        chain: PathBuf,
        #[arg(value_name = "KEY")]
        key: Option<PathBuf>,
    },
    Csr {
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[arg(long, value_name = "TEXT")]
        organization: Option<String>,
    },
    Reset,
    Authority,
}

#[derive(Debug, Subcommand)]
pub enum SetupCommand {
    Status,
    Disks(TokenArg),
    Plan {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        token: TokenArg,
    },
    Install {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        token: TokenArg,
    },
    Progress(TokenArg),
    Cancel(TokenArg),
    Restart(TokenArg),
}

/// The wizard's one-time token, from the screen of the server.
#[derive(Debug, Args)]
pub struct TokenArg {
    #[arg(long, value_name = "FILE")]
    pub setup_token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    Announcement,
    #[command(subcommand)]
    Certificate(CertificateCommand),
    Backup {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[arg(long, value_name = "FILE")]
        recovery_key_file: Option<PathBuf>,
    },
    #[command(subcommand)]
    Backups(BackupsCommand),
    #[command(subcommand)]
    Update(UpdateCommand),
    SupportBundle {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[arg(long, short)]
        yes: bool,
    },
    Restore {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[arg(long, value_name = "FILE")]
        setup_token_file: Option<PathBuf>,
        #[arg(long, value_name = "FILE")]
        recovery_key_file: Option<PathBuf>,
    },
}

/// The firmware of the server.
#[derive(Debug, Subcommand)]
pub enum UpdateCommand {
    Status,
    #[command(group(clap::ArgGroup::new("place").required(true).args(["url", "stick", "none"])))]
    Source {
        #[arg(value_name = "URL")]
        url: Option<String>,
        #[arg(long, value_name = "ID")]
        stick: Option<String>,
        #[arg(long)]
        none: bool,
    },
    Check {
        #[arg(long)]
        no_wait: bool,
    },
    Apply {
        #[arg(value_name = "VERSION")]
        version: Option<String>,
        #[arg(long)]
        no_wait: bool,
    },
    GoBack {
        #[arg(long, short)]
        yes: bool,
    },
    Remove {
        #[arg(value_name = "VERSION")]
        version: String,
    },
}

/// Those that are kept on the server.
#[derive(Debug, Subcommand)]
pub enum BackupsCommand {
    List,
    Download {
        #[arg(value_name = "ID")]
        backup: Uuid,
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    Delete {
        #[arg(value_name = "ID")]
        backup: Uuid,
    },
}
