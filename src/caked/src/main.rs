//! The control daemon's command line.

use anyhow::Result;
use cake_daemon::{limits, log, memory, ready};
use caked::serve::{Options, Running};
use caked::{setup, status};
use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// The control daemon of cake. It needs no privileges.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the daemon until SIGTERM or SIGINT.
    Serve {
        /// Where its own files are.
        #[arg(long)]
        state: PathBuf,
        /// The socket of cake-node.
        #[arg(long)]
        node_socket: PathBuf,
        /// Address and port of the console; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:8443")]
        https: SocketAddr,
        /// A file that is there while this server runs from a stick: the wizard installs then, and sets nothing up.
        #[arg(long, value_name = "FILE")]
        installer: Option<PathBuf>,
        /// An open descriptor that gets one line, `ready {…}`, when the console answers.
        #[arg(long)]
        ready_fd: Option<RawFd>,
    },
    /// Tells where the console is, as JSON; with the one-time token until set-up is done.
    Status {
        #[arg(long)]
        state: PathBuf,
    },
    /// Answers the wizard of the running daemon from a TOML file and prints the recovery key.
    Setup {
        #[arg(long)]
        state: PathBuf,
        #[arg(long)]
        file: PathBuf,
    },
    /// Prints the OpenAPI document.
    Openapi,
}

fn main() -> Result<()> {
    memory::spare(2);
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Arguments::parse().command {
        Command::Serve { state, node_socket, https, installer, ready_fd } => {
            limits::raise_open_files()?;
            log::to_stderr();
            runtime()?.block_on(serve(Options { state, node_socket, https, installer }, ready_fd))
        }
        Command::Status { state } => {
            println!("{}", serde_json::to_string_pretty(&status::status(&state)?)?);
            Ok(())
        }
        Command::Setup { state, file } => {
            let key = runtime()?.block_on(setup::answer_from_file(&state, &file))?;
            println!("{key}");
            Ok(())
        }
        Command::Openapi => {
            print!("{}", cake_api::document());
            Ok(())
        }
    }
}

/// Two workers serve a rack; small stacks and few blocking threads keep an idle daemon small.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .thread_stack_size(512 * 1024)
        .enable_all()
        .build()
}

async fn serve(mut options: Options, ready_fd: Option<RawFd>) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut running = Running::start(&options).await?;
    let answer = serde_json::json!({
        "url": running.instance.url,
        "fingerprint": running.instance.fingerprint,
        "version": running.instance.version,
        "set_up": running.is_set_up(),
    });
    ready::tell(ready_fd, &format!("ready {answer}"))?;
    tokio::spawn(memory::stay_small());
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = running.begin_anew() => {}
        }
        // Where it was, whichever port was free then.
        options.https = running.address;
        running.stop().await;
        running = Running::start(&options).await?;
    }
    tracing::info!("ending");
    running.stop().await;
    Ok(())
}
