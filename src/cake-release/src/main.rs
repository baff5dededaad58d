//! `cake-release`: keys and signed repositories for who makes releases of cake.

use anyhow::{Context, Result};
use cake_release::{Artefact, Keys, Purpose, Repository, Terms, share, uname};
use cake_update::{Policy, Version};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Makes keys and signs the repositories that appliances update from.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Seconds since 1970 from which everything is dated, for the same bytes each time; now, where it is not given.
    #[arg(long, env = "SOURCE_DATE_EPOCH", global = true)]
    date: Option<i64>,
}

#[derive(Subcommand)]
enum Command {
    /// Make keys and their first root (1.root.json, which firmware is built with).
    Keys {
        dir: PathBuf,
        /// Marks the keys as test keys: no appliance that was released takes what they sign.
        #[arg(long)]
        test: bool,
        /// Days for which the root is good.
        #[arg(long, default_value_t = 3650)]
        days: u32,
    },
    /// Replace keys and make the next root.
    Rotate {
        dir: PathBuf,
        /// The roles whose keys are replaced; without any the root is only renewed.
        #[arg(value_parser = ["root", "targets", "snapshot", "timestamp"])]
        roles: Vec<String>,
        #[arg(long, default_value_t = 3650)]
        days: u32,
    },
    /// Sign a repository, one version above the one that is in the folder already.
    Repository(Signing),
    /// Say how much of an update somebody fetches who has the old file.
    Share { old: PathBuf, new: PathBuf },
}

#[derive(Args)]
struct Signing {
    #[arg(long)]
    keys: PathBuf,
    #[arg(long)]
    out: PathBuf,
    /// The version of the image: the first FILE that ends in .efi.
    #[arg(long)]
    version: Version,
    /// The version of the Linux kernel in the image; read from the image where it is not given.
    #[arg(long)]
    kernel: Option<String>,
    /// The oldest version that may still be installed.
    #[arg(long)]
    minimum: Option<Version>,
    /// A version that may not be installed; may be given several times. What an earlier repository forbade stays forbidden.
    #[arg(long)]
    bad: Vec<Version>,
    /// What is in the repository already goes: releases, and which versions are forbidden.
    #[arg(long)]
    only: bool,
    /// Days for which the repository is good.
    #[arg(long, default_value_t = 400)]
    days: u32,
    /// Days for which its timestamp is good: sign again before. Sticks are used long after they were written.
    #[arg(long, default_value_t = 400)]
    timestamp_days: u32,
    /// The image, and other files to be signed with it.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let now = match cli.date {
        Some(seconds) => DateTime::from_timestamp(seconds, 0).context("the date is out of range")?,
        None => DateTime::<Utc>::from(SystemTime::now()),
    };
    let after = |days: u32| now + TimeDelta::days(i64::from(days));
    match cli.command {
        Command::Keys { dir, test, days } => {
            let purpose = if test { Purpose::Test } else { Purpose::Release };
            Keys::make(&dir, purpose, after(days))?;
            println!("keys and 1.root.json are in {}; keep the root's key off-line", dir.display());
        }
        Command::Rotate { dir, roles, days } => {
            let mut keys = Keys::open(&dir)?;
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            keys.rotate(&roles, after(days))?;
            println!("{}.root.json is in {}; sign the repository again", keys.roots().count(), dir.display());
        }
        Command::Repository(signing) => sign(signing, after)?,
        Command::Share { old, new } => {
            let (fetched, all) = share(&old, &new)?;
            println!("{fetched} of {all} bytes are fetched ({:.1} %)", fetched as f64 * 100.0 / all.max(1) as f64);
        }
    }
    Ok(())
}

fn sign(signing: Signing, after: impl Fn(u32) -> DateTime<Utc>) -> Result<()> {
    let keys = Keys::open(&signing.keys)?;
    let artefacts = artefacts(&signing)?;
    let terms = Terms {
        expires: after(signing.days),
        timestamp_expires: after(signing.timestamp_days),
        policy: Policy { minimum: signing.minimum, bad: signing.bad },
        keep: !signing.only,
    };
    let version = Repository::new(&signing.out).write(&keys, &artefacts, &terms)?;
    println!("{} holds version {version} of the repository", signing.out.display());
    Ok(())
}

/// The first `.efi` is the image.
fn artefacts(signing: &Signing) -> Result<Vec<Artefact>> {
    let is_image = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "efi");
    let image = signing.files.iter().find(is_image);
    let artefact = |path: &PathBuf| match Some(path) == image {
        true => {
            Ok(Artefact::Image { path: path.clone(), version: signing.version.clone(), kernel: kernel(signing, path)? })
        }
        false => Ok(Artefact::Other(path.clone())),
    };
    signing.files.iter().map(artefact).collect()
}

fn kernel(signing: &Signing, image: &Path) -> Result<String> {
    if let Some(kernel) = &signing.kernel {
        return Ok(kernel.clone());
    }
    uname(image)?.with_context(|| format!("{} does not say its kernel's version: give --kernel", image.display()))
}
