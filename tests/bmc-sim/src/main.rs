//! `cake-bmc-sim`: a BMC that is a program. It says where it is and answers until it is ended.

use anyhow::Context;
use cake_bmc_sim::{Description, Sim};
use clap::Parser;
use std::path::PathBuf;

/// A BMC for tests and benches, as a description says. Lines on standard input or a socket move its sensors and make faults.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A TOML file.
    description: PathBuf,
    /// A Unix socket that takes the same lines as standard input.
    #[arg(long)]
    control: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let path = &arguments.description;
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut sim = Sim::start(Description::parse(&text)?).await?;
    if let Some(path) = &arguments.control {
        sim.listen(path).with_context(|| path.display().to_string())?;
    }
    println!("ready {}", sim.address());
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            match sim.control(&line) {
                Ok(said) => println!("ok {said}"),
                Err(said) => println!("error {said}"),
            }
        }
        // Nobody types any more: it goes on until it is ended.
        loop {
            std::thread::park();
        }
    });
    std::future::pending().await
}
