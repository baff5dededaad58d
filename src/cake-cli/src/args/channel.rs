//! `cake channel …`

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    List,
    Show {
        #[arg(value_name = "CHANNEL")]
        channel: String,
    },
    #[command(subcommand)]
    Add(ChannelAddCommand),
    Set(ChannelSetArgs),
    Remove {
        #[arg(value_name = "CHANNEL")]
        channel: String,
    },
    Test {
        #[arg(value_name = "CHANNEL")]
        channel: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ChannelAddCommand {
    Mail {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        mail: ChannelMailArgs,
        #[command(flatten)]
        told: ChannelToldArgs,
    },
    Webhook {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        webhook: ChannelWebhookArgs,
        #[command(flatten)]
        told: ChannelToldArgs,
    },
    Syslog {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "HOST")]
        host: String,
        #[arg(long, value_name = "PORT")]
        port: Option<u16>,
        #[arg(long, value_name = "PROTOCOL")]
        protocol: Option<String>,
        #[command(flatten)]
        told: ChannelToldArgs,
    },
    Snmp {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "HOST")]
        host: String,
        #[arg(long, value_name = "PORT")]
        port: Option<u16>,
        #[arg(long, required = true)]
        community_stdin: bool,
        #[command(flatten)]
        told: ChannelToldArgs,
    },
}

#[derive(Debug, Args)]
pub struct ChannelToldArgs {
    #[arg(long, value_name = "TAG")]
    pub language: Option<String>,
    #[arg(long, value_name = "SEVERITY")]
    pub severity: Option<String>,
}

#[derive(Debug, Args)]
pub struct ChannelMailArgs {
    #[arg(long, value_name = "HOST")]
    pub host: String,
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    #[arg(long, value_name = "WAY")]
    pub security: Option<String>,
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    pub user: Option<String>,
    #[arg(long, requires = "user")]
    pub password_stdin: bool,
    #[arg(long, value_name = "ADDRESS")]
    pub from: String,
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub to: Vec<String>,
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,
    #[arg(long, value_name = "BOOL")]
    pub weekly: Option<bool>,
}

#[derive(Debug, Args)]
pub struct ChannelWebhookArgs {
    #[arg(long, value_name = "TEMPLATE")]
    pub template: String,
    #[arg(long)]
    pub url_stdin: bool,
    #[arg(long)]
    pub token_stdin: bool,
    #[arg(long, value_name = "ID")]
    pub recipient: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,
    #[arg(long, value_name = "BOOL")]
    pub weekly: Option<bool>,
}

#[derive(Debug, Args)]
pub struct ChannelSetArgs {
    #[arg(value_name = "CHANNEL")]
    pub channel: String,
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub told: ChannelToldArgs,
    #[arg(long, conflicts_with = "off")]
    pub on: bool,
    #[arg(long)]
    pub off: bool,
    #[arg(long, value_name = "BOOL")]
    pub weekly: Option<bool>,
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    #[arg(long, value_name = "WAY")]
    pub security: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    #[arg(long)]
    pub password_stdin: bool,
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    pub to: Vec<String>,
    #[arg(long)]
    pub url_stdin: bool,
    #[arg(long)]
    pub token_stdin: bool,
    #[arg(long, value_name = "ID")]
    pub recipient: Option<String>,
    #[arg(long, value_name = "PROTOCOL")]
    pub protocol: Option<String>,
    #[arg(long)]
    pub community_stdin: bool,
}
