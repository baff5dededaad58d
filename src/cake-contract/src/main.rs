//! Checks a root against `image/contract.toml`.

use anyhow::{Context, Result, bail};
use cake_contract::buildroot::{self, Setting};
use cake_contract::contract::Root;
use cake_contract::root::Trees;
use cake_contract::{Contract, Miss, fragment, root};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Whether a root has what cake needs. Tells of every miss at once.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true)]
struct Arguments {
    /// What cake needs
    #[arg(long, global = true, default_value = "image/contract.toml")]
    contract: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Looks into a root of Debian packages
    Root {
        tree: PathBuf,
        /// The root of the virtual machines, where it is another tree
        #[arg(long)]
        engine: Option<PathBuf>,
        /// The kernel's configuration, where /boot has none
        #[arg(long)]
        kernel_config: Option<PathBuf>,
    },
    /// Expands the defconfigs of a BR2_EXTERNAL folder; builds nothing
    Buildroot {
        /// Buildroot itself
        #[arg(long)]
        tree: PathBuf,
        #[arg(long, default_value = "buildroot-config")]
        external: PathBuf,
        #[arg(long, default_value = "target/buildroot")]
        output: PathBuf,
        /// Linux: tries the kernel's options too
        #[arg(long)]
        linux: Option<PathBuf>,
    },
    /// Writes the kernel options of the roots from source
    Fragments {
        #[arg(long, default_value = "buildroot-config")]
        external: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let contract = Contract::read(&arguments.contract)?;
    match arguments.command {
        Command::Root { tree, engine, kernel_config } => {
            let config =
                kernel_config.map(|path| std::fs::read_to_string(&path).with_context(|| path.display().to_string()));
            let config = config.transpose()?;
            if !tree.is_dir() {
                bail!("{} is no directory", tree.display());
            }
            let engine = engine.as_deref().unwrap_or(&tree);
            let misses = root::check(&contract, Trees { root: &tree, engine, kernel_config: config.as_deref() });
            Ok(verdict(&tree.display().to_string(), &misses))
        }
        Command::Buildroot { tree, external, output, linux } => {
            let absolute = |path: PathBuf| std::path::absolute(path);
            let linux = linux.map(absolute).transpose()?;
            let setting =
                Setting { tree: absolute(tree)?, external: absolute(external)?, output: absolute(output)?, linux };
            let mut worst = ExitCode::SUCCESS;
            for root in Root::FROM_SOURCE {
                let misses = buildroot::check(&setting, &contract, root)?;
                let code = verdict(&format!("cake_{}_defconfig", root.name()), &misses);
                if !misses.is_empty() {
                    worst = code;
                }
            }
            Ok(worst)
        }
        Command::Fragments { external } => write_fragments(&contract, &external),
    }
}

fn write_fragments(contract: &Contract, external: &Path) -> Result<ExitCode> {
    for root in Root::FROM_SOURCE {
        let path = external.join(fragment::path(root));
        std::fs::write(&path, fragment::fragment(contract, root)).with_context(|| path.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verdict(what: &str, misses: &[Miss]) -> ExitCode {
    for miss in misses {
        println!("{what}: {miss}");
    }
    if misses.is_empty() {
        println!("{what}: has everything that the contract asks for");
        return ExitCode::SUCCESS;
    }
    println!("{what}: {} missing", misses.len());
    ExitCode::FAILURE
}
