//! Switches.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum SwitchCommand {
    List,
    Show {
        #[arg(value_name = "SWITCH")]
        switch: String,
    },
    Add(SwitchAddArgs),
    Set(SwitchSetArgs),
    Remove {
        #[arg(value_name = "SWITCH")]
        switch: String,
        #[arg(long, short)]
        yes: bool,
    },
    AcceptCabling {
        #[arg(value_name = "SWITCH")]
        switch: String,
    },
}

#[derive(Debug, Args)]
pub struct SwitchAddArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub host: String,
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    #[arg(long)]
    pub community_stdin: bool,
}

#[derive(Debug, Args)]
pub struct SwitchSetArgs {
    #[arg(value_name = "SWITCH")]
    pub switch: String,
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub host: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    #[arg(long)]
    pub community_stdin: bool,
}
