//! The control daemon: an unprivileged user's program that serves the API and the console of one rack.
//!
//! It puts the rooms together and knows nothing that they know: [`serve`] starts them, [`tls`] is the certificate that browsers
//! see, [`console`] lets the pages read the board, [`answers`] set up a running instance from a file.

mod answers;
mod console;
mod instance;
mod serve;
mod tls;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "caked", version, about = "The control daemon of cake: API and web console")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and the console until SIGTERM.
    Serve(serve::Options),
    /// Print where the instance answers, as JSON.
    Status {
        /// caked's own directory.
        #[arg(long)]
        state: PathBuf,
    },
    /// Answer the wizard of the running instance from a file, and print the recovery key once.
    Setup {
        /// caked's own directory.
        #[arg(long)]
        state: PathBuf,
        /// The answers, in TOML.
        #[arg(long)]
        file: PathBuf,
    },
    /// Print the OpenAPI document.
    Openapi,
}

fn main() -> anyhow::Result<()> {
    // First of all: every use of TLS needs a provider, and there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Arguments::parse().command {
        Command::Serve(options) => runtime(2)?.block_on(serve::serve(options)),
        Command::Status { state } => {
            println!("{}", serde_json::to_string_pretty(&instance::status(&state)?)?);
            Ok(())
        }
        Command::Setup { state, file } => runtime(1)?.block_on(answers::answer(&state, &file)),
        Command::Openapi => {
            println!("{}", cake_api::openapi_json());
            Ok(())
        }
    }
}

fn runtime(workers: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
}
