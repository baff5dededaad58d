//! The commands as data. Their help is in the catalogue, under `cli-cmd-…` and `cli-arg-…`: see [`crate::words`].

mod account;
mod channel;
mod pdu;
mod server;
mod storage;
mod switch;
mod system;
mod vm;

pub use account::*;
pub use channel::*;
pub use pdu::*;
pub use server::*;
pub use storage::*;
pub use switch::*;
pub use system::*;
pub use vm::*;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

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
    Server(ServerCommand),
    #[command(subcommand)]
    Pdu(PduCommand),
    #[command(subcommand)]
    Switch(SwitchCommand),
    #[command(subcommand)]
    Ups(UpsCommand),
    #[command(subcommand)]
    Task(TaskCommand),
    #[command(subcommand)]
    Alert(AlertCommand),
    Cause,
    Week,
    #[command(subcommand)]
    Channel(ChannelCommand),
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
