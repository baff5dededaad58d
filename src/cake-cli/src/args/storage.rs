//! `cake image …`, `cake volume …`, `cake pool …`, `cake bin …`.

use super::TagCommand;
use cake_types::ByteSize;
use clap::{Args, Subcommand};
use std::path::PathBuf;

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
pub enum ImageCommand {
    List,
    Upload(UploadArgs),
    Fetch(FetchArgs),
    FromStick(FromStickArgs),
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

/// What is said of a file, whichever way it comes.
#[derive(Debug, Args)]
pub struct AboutArgs {
    #[arg(long, value_name = "OS")]
    pub os: Option<String>,
    #[arg(long, value_name = "SUM")]
    pub sha256: Option<String>,
}

#[derive(Debug, Args)]
pub struct UploadArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub about: AboutArgs,
}

#[derive(Debug, Args)]
pub struct FetchArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(value_name = "URL")]
    pub url: String,
    #[command(flatten)]
    pub about: AboutArgs,
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct FromStickArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(value_name = "PATH")]
    pub path: String,
    #[arg(long, value_name = "STICK")]
    pub stick: Option<String>,
    #[command(flatten)]
    pub about: AboutArgs,
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Subcommand)]
pub enum PoolCommand {
    List,
}
