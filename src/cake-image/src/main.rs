//! `cake-image`: what image/scripts/image.sh asks while it builds. It changes one tree and writes the papers; packages, squashfs and
//! signatures are made by Debian's own tools.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::fs;
use std::path::PathBuf;

mod debian;
mod lock;
mod needed;
mod papers;
mod recipe;
mod tree;

use recipe::Recipe;

#[derive(Parser)]
#[command(version, about = "Asked by the build of the appliance's image")]
struct Cli {
    /// What the root is made of
    #[arg(long, default_value = "image/appliance.toml", global = true)]
    recipe: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The names of all packages, with commas between
    Packages,
    /// The kernel parameters
    Parameters,
    /// The drivers of the initramfs
    Drivers,
    /// Makes of a tree with packages the appliance's root: what goes out goes, units are switched on and off
    Configure { tree: PathBuf },
    /// Refuses a tree in which a program or library lacks a library
    CheckLinks { tree: PathBuf },
    /// Compares the packages that were taken with the lock, shows the difference, writes the new lock
    Lock {
        /// What apt says of the packages that were taken (`apt-cache show`)
        #[arg(long)]
        taken: PathBuf,
        #[arg(long)]
        lock: PathBuf,
        /// Refuse a difference instead
        #[arg(long)]
        locked: bool,
    },
    /// The software bill of materials, as SPDX 2.3 JSON
    Sbom(Papers),
    /// Every part with its licence
    Licences {
        #[command(flatten)]
        papers: Papers,
        /// The directory with NAME/copyright of every Debian package
        #[arg(long)]
        copyright: PathBuf,
    },
}

#[derive(clap::Args)]
struct Papers {
    #[arg(long)]
    taken: PathBuf,
    /// What `cargo metadata` says
    #[arg(long)]
    cargo: PathBuf,
    #[arg(long)]
    release: String,
    /// Seconds since 1970 at which it was made, so that two builds say the same
    #[arg(long)]
    epoch: i64,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let recipe = || Recipe::read(&cli.recipe);
    match cli.command {
        Command::Packages => println!("{}", recipe()?.package_names().join(",")),
        Command::Parameters => println!("{}", recipe()?.parameter_words().join(" ")),
        Command::Drivers => println!("{}", recipe()?.drivers.initramfs.join("\n")),
        Command::Configure { tree } => tree::configure(&tree, &recipe()?)?,
        Command::CheckLinks { tree } => needed::check(&tree)?,
        Command::Lock { taken, lock, locked } => lock::compare(&debian::read(&taken)?, &lock, locked)?,
        Command::Sbom(papers) => println!("{}", papers::sbom(&parts(&papers)?, &papers.release, papers.epoch)?),
        Command::Licences { papers, copyright } => {
            print!("{}", papers::licences(&parts(&papers)?, &copyright, &papers.release))
        }
    }
    Ok(())
}

fn parts(papers: &Papers) -> Result<papers::Parts> {
    let cargo = fs::read_to_string(&papers.cargo).with_context(|| format!("read {}", papers.cargo.display()))?;
    Ok(papers::Parts { debian: debian::read(&papers.taken)?, crates: papers::crates(&cargo)? })
}
