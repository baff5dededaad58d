//! Power distribution units.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum PduCommand {
    List,
    Show {
        #[arg(value_name = "PDU")]
        pdu: String,
    },
    Add(PduAddArgs),
    Set(PduSetArgs),
    Remove {
        #[arg(value_name = "PDU")]
        pdu: String,
        #[arg(long, short)]
        yes: bool,
    },
}

/// What is said of a new one and of one that is known alike.
#[derive(Debug, Args)]
pub struct PduArgs {
    #[arg(long, value_name = "FEED")]
    pub feed: Option<String>,
    #[arg(long, value_name = "AMPERES")]
    pub rated_amps: Option<u16>,
    #[arg(long, value_name = "OUTLET=SERVER")]
    pub outlet: Vec<String>,
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    #[arg(long)]
    pub community_stdin: bool,
}

#[derive(Debug, Args)]
pub struct PduAddArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub host: String,
    #[command(flatten)]
    pub said: PduArgs,
}

#[derive(Debug, Args)]
pub struct PduSetArgs {
    #[arg(value_name = "PDU")]
    pub pdu: String,
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub host: Option<String>,
    #[command(flatten)]
    pub said: PduArgs,
}
