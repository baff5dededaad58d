//! The commands as data. Their help is in the catalogue, under `cli-cmd-…` and `cli-arg-…`: see [`crate::words`].

use cake_types::ByteSize;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;
use uuid::Uuid;

#[derive(Debug, Parser)]
#[command(name = "cake", version, disable_help_subcommand = true, disable_version_flag = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Debug, Args)]
pub struct Global {
    #[arg(long, global = true, display_order = 901)]
    pub json: bool,
    #[arg(long, global = true, display_order = 902, env = "CAKE_URL", hide_env = true, value_name = "URL")]
    pub url: Option<String>,
    #[arg(long, global = true, display_order = 903, env = "CAKE_CA", hide_env = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    #[arg(long, global = true, display_order = 904, env = "CAKE_TOKEN_FILE", hide_env = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    #[arg(long, global = true, display_order = 905, value_name = "TAG")]
    pub lang: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Login(LoginArgs),
    Logout,
    Whoami,
    #[command(subcommand)]
    Vm(VmCommand),
    #[command(subcommand)]
    Image(ImageCommand),
    #[command(subcommand)]
    Volume(VolumeCommand),
    #[command(subcommand)]
    Bin(BinCommand),
    #[command(subcommand)]
    Pool(PoolCommand),
    #[command(subcommand)]
    Node(NodeCommand),
    #[command(subcommand)]
    Ups(UpsCommand),
    #[command(subcommand)]
    Task(TaskCommand),
    #[command(subcommand)]
    Alert(AlertCommand),
    #[command(subcommand)]
    Event(EventCommand),
    #[command(subcommand)]
    Audit(AuditCommand),
    Query(QueryArgs),
    #[command(subcommand)]
    Saved(SavedCommand),
    #[command(subcommand)]
    Token(TokenCommand),
    #[command(subcommand)]
    Account(AccountCommand),
    #[command(subcommand)]
    Settings(SettingsCommand),
    #[command(subcommand)]
    System(SystemCommand),
    #[command(subcommand)]
    Setup(SetupCommand),
    Completion {
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    Version,
}

#[derive(Debug, Args)]
pub struct LoginArgs {
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    #[arg(long)]
    pub password_stdin: bool,
}

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
const SPANS: [&str; 3] = ["hour", "day", "month"];
const SWITCH: [&str; 2] = ["on", "off"];

#[derive(Debug, Args)]
pub struct CreateArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(long, value_name = "IMAGE")]
    pub image: String,
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub cpus: u32,
    #[arg(long, value_name = "SIZE", default_value = "512MiB")]
    pub memory: ByteSize,
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
pub enum VolumeCommand {
    List,
    Show {
        #[arg(value_name = "VOLUME")]
        volume: String,
    },
    Create {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "SIZE")]
        size: ByteSize,
        #[arg(long, value_name = "POOL")]
        pool: Option<String>,
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
    },
    Grow {
        #[arg(value_name = "VOLUME")]
        volume: String,
        #[arg(long, value_name = "SIZE")]
        size: ByteSize,
        #[arg(long)]
        no_wait: bool,
    },
    Rename {
        #[arg(value_name = "VOLUME")]
        volume: String,
        #[arg(value_name = "NAME")]
        name: String,
    },
    Attach {
        #[arg(value_name = "VOLUME")]
        volume: String,
        #[arg(value_name = "VM")]
        vm: String,
        #[arg(long)]
        no_wait: bool,
    },
    Detach {
        #[arg(value_name = "VOLUME")]
        volume: String,
        #[arg(long)]
        no_wait: bool,
    },
    Download {
        #[arg(value_name = "VOLUME")]
        volume: String,
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    Delete {
        #[arg(value_name = "VOLUME")]
        volume: String,
        #[arg(long)]
        now: bool,
        #[arg(long, short)]
        yes: bool,
    },
    #[command(subcommand)]
    Tag(TagCommand),
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

#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    List,
    Upload(UploadArgs),
    Fetch(FetchArgs),
    Download {
        #[arg(value_name = "IMAGE")]
        image: String,
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    Delete {
        #[arg(value_name = "IMAGE")]
        image: String,
        #[arg(long)]
        now: bool,
        #[arg(long, short)]
        yes: bool,
    },
    #[command(subcommand)]
    Tag(TagCommand),
}

#[derive(Debug, Subcommand)]
pub enum BinCommand {
    List,
    Restore {
        #[arg(value_name = "NAME")]
        what: String,
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    Delete {
        #[arg(value_name = "NAME")]
        what: String,
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct UploadArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[arg(long, value_name = "OS")]
    pub os: Option<String>,
    #[arg(long, value_name = "SUM")]
    pub sha256: Option<String>,
}

#[derive(Debug, Args)]
pub struct FetchArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(value_name = "URL")]
    pub url: String,
    #[arg(long, value_name = "OS")]
    pub os: Option<String>,
    #[arg(long, value_name = "SUM")]
    pub sha256: Option<String>,
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Subcommand)]
pub enum TagCommand {
    Add(TagArgs),
    Remove(TagArgs),
}

#[derive(Debug, Args)]
pub struct TagArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(required = true, value_name = "TAG")]
    pub tag: Vec<String>,
}

#[derive(Debug, Args)]
pub struct QueryArgs {
    #[arg(required_unless_present = "saved", conflicts_with = "saved", value_name = "TEXT")]
    pub text: Vec<String>,
    #[arg(long, value_name = "NAME")]
    pub saved: Option<String>,
    #[arg(long)]
    pub csv: bool,
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
}

#[derive(Debug, Subcommand)]
pub enum SavedCommand {
    List,
    Save {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
    },
    Rename {
        #[arg(value_name = "OLD")]
        old: String,
        #[arg(value_name = "NAME")]
        name: String,
    },
    Delete {
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum PoolCommand {
    List,
}

#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    List,
    Show {
        #[arg(value_name = "NODE")]
        node: String,
    },
    Usage {
        #[arg(value_name = "NODE")]
        node: String,
        #[arg(long, value_name = "SPAN", default_value = "hour", value_parser = SPANS)]
        span: String,
    },
}

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
pub enum TokenCommand {
    Create {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
    },
    List,
    Delete {
        #[arg(value_name = "TOKEN")]
        token: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    List,
    Create {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "ROLE", default_value = "viewer")]
        role: String,
        #[arg(long)]
        password_stdin: bool,
    },
    Passwd {
        #[arg(value_name = "NAME")]
        name: Option<String>,
        #[arg(long)]
        password_stdin: bool,
    },
    Delete {
        #[arg(value_name = "NAME")]
        name: String,
    },
    Calendar {
        #[arg(value_name = "CALENDAR")]
        calendar: Calendar,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Calendar {
    Gregorian,
    Minguo,
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
}

#[derive(Debug, Subcommand)]
pub enum SystemCommand {
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
