//! `cake login`, `cake account …`, `cake token …`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct LoginArgs {
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    #[arg(long)]
    pub password_stdin: bool,
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
    LetIn {
        #[arg(value_name = "NAME")]
        name: String,
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
