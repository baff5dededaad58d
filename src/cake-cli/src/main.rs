//! The `cake` command: everything that the API offers, from a terminal or a script.
//!
//! Start from [`args::Cli`], the commands as data; [`run`] hands each to the module of its noun.
//!
//! ```text
//!  words ── language, help, refusals ─┐
//!  args ── clap ──► run ──► vm · bulk · console · look · search · account · system ──► cake-client ──► /v1
//!  instance ── which rack, whose ─────┘                │
//!                                          output · progress · failure (exit code)
//! ```
//!
//! It does not know what a VM may do or who may do it: it asks the API and shows the answer. Passwords come from a prompt or
//! from standard input, never from the arguments, which every process on a machine can read.

mod account;
mod alert;
mod announcement;
mod args;
mod backup;
mod bin;
mod bulk;
mod cause;
mod certificate;
mod change;
mod channel;
mod console;
mod context;
mod drive;
mod export;
mod failure;
mod fetch;
mod host;
mod image;
mod installation;
mod instance;
mod look;
mod nic;
mod node_network;
mod output;
mod pdu;
mod progress;
mod search;
mod server;
mod server_budget;
mod server_cap;
mod server_console;
mod server_disks;
mod server_drives;
mod server_history;
mod server_look;
mod server_redfish;
mod server_scan;
mod sticks;
mod switch;
mod system;
mod update;
mod ups;
mod usage;
mod vm;
mod volume;
mod week;
mod words;

use args::{Cli, Command};
use clap::FromArgMatches;
use context::Context;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let words = words::choose(&arguments);
    let command = words::command(words);
    let parsed = command.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return words::refuse(words, &error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(words, false),
    };
    let json = cli.global.json;
    match runtime.block_on(run(cli, words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(words, json),
    }
}

async fn run(cli: Cli, words: &'static cake_i18n::Words) -> Result<(), Failure> {
    let context = Context::new(cli.global, words);
    match cli.command {
        Command::Login(args) => account::login(&context, args).await,
        Command::Logout => account::logout(&context).await,
        Command::Whoami => account::whoami(&context).await,
        Command::Token(command) => account::token(&context, command).await,
        Command::Account(command) => account::account(&context, command).await,
        Command::Vm(command) => vm::run(&context, command).await,
        Command::Image(command) => image::run(&context, command).await,
        Command::Volume(command) => volume::run(&context, command).await,
        Command::Bin(command) => bin::run(&context, command).await,
        Command::Pool(command) => look::pool(&context, command).await,
        Command::Server(command) => server::run(&context, command).await,
        Command::Pdu(command) => pdu::run(&context, command).await,
        Command::Switch(command) => switch::run(&context, command).await,
        Command::Node(command) => look::node(&context, command).await,
        Command::Task(command) => look::task(&context, command).await,
        Command::Ups(command) => ups::run(&context, command).await,
        Command::Alert(command) => alert::run(&context, command).await,
        Command::Channel(command) => channel::run(&context, command).await,
        Command::Cause => cause::run(&context).await,
        Command::Week => week::run(&context).await,
        Command::Event(command) => look::event(&context, command).await,
        Command::Audit(command) => look::audit(&context, command).await,
        Command::Query(args) => search::query(&context, args).await,
        Command::Saved(command) => search::saved(&context, command).await,
        Command::Settings(command) => system::settings(&context, command).await,
        Command::Setup(command) => installation::run(&context, command).await,
        Command::System(command) => backup::run(&context, command).await,
        Command::Completion { shell } => system::completion(shell),
        Command::Version => system::version(&context).await,
    }
}
