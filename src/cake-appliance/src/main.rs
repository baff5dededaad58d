//! `cake-appliance`: what the appliance does besides running cake. Each sub-command is a unit of systemd.
//!
//! ```text
//! boot ──▶ from a stick or the network: installer, the state is in memory
//!     └──▶ from a system disk: the state is unlocked and mounted, or the server stays locked
//! asked-* ▶ cake-node: what the wizard of a stick asks for
//! locked-page ▶ open: one page that takes the recovery key
//! answers ▶ the wizard's answers that the installer left, once
//! next-root the root of another version, beside the one that runs: cake-node starts all programs from it
//! health ─▶ the version that runs is blessed, or given up
//! screen ─▶ tty1 and the serial port: where the console is, and the menu of an installed server
//! ```

use anyhow::Result;
use cake_install::exit;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

mod answers;
mod asked;
mod boot;
mod health;
mod locked;
mod medium;
mod menu;
mod mode;
mod next_root;
mod program;
mod release;
mod screen;
mod unattended;

#[derive(Parser)]
#[command(version, about = "What the appliance does besides running cake")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Finds this server's state and says in /run/cake/mode what it is
    Boot,
    /// Installs by the answer file that lies on the stick
    Install,
    /// Prints which disks this server has, for the wizard
    AskedDisks,
    /// Prints what the choice on standard input comes to, for the wizard
    AskedPlan,
    /// Installs by the answers in a folder, as the wizard asked for
    AskedRun { folder: PathBuf },
    /// Gives caked the answers that the installer left
    Answers,
    /// Shows on the screen and the serial port where the console is, and a menu once this server is installed
    Screen,
    /// Says whether this version is good; one that is not is given up
    Health,
    /// Makes ready, at /run/nextroot, the root of the version that cake-node wants
    NextRoot,
    /// Serves the page of a locked server
    LockedPage,
    /// Opens the state of a locked server with the recovery key on standard input
    Open,
}

fn main() -> ExitCode {
    let done: Result<()> = match Cli::parse().command {
        Command::Boot => boot::boot(),
        Command::Install => unattended::install(),
        Command::AskedDisks => asked::disks(),
        Command::AskedPlan => asked::plan(),
        Command::AskedRun { folder } => asked::run(&folder),
        Command::Answers => answers::give(),
        Command::Screen => screen::show(),
        Command::Health => health::check(),
        Command::NextRoot => next_root::make(),
        Command::LockedPage => locked::page(),
        Command::Open => locked::open(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cake-appliance: {error:#}");
            if error.is::<asked::NoMedium>() { ExitCode::from(exit::NO_MEDIUM) } else { ExitCode::FAILURE }
        }
    }
}
