//! Where the built programs and the engine are.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The checkout.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// The engine root of `make engine`, or that of `CAKE_ENGINE_DIR`.
pub(crate) fn engine() -> Result<PathBuf> {
    let engine = engine_folder().join("current");
    ensure!(engine.join("usr").is_dir(), "there is no engine root: run make engine");
    Ok(engine)
}

fn engine_folder() -> PathBuf {
    std::env::var_os("CAKE_ENGINE_DIR").map_or_else(|| workspace().join("target/engine"), PathBuf::from)
}

/// The programs of one build, and the engine root with its images.
#[derive(Clone, Debug)]
pub struct Place {
    pub programs: PathBuf,
    pub engine: PathBuf,
    pub images: PathBuf,
}

impl Place {
    /// The programs that were built beside this test, or those of `CAKE_BUILT`; the engine of `make engine`.
    pub fn find() -> Result<Self> {
        let programs = match std::env::var_os("CAKE_BUILT") {
            Some(built) => PathBuf::from(built),
            None => {
                let test = std::env::current_exe()?;
                let deps = test.parent().context("a program lies in a directory")?;
                if deps.ends_with("deps") { deps.parent().unwrap_or(deps).into() } else { deps.into() }
            }
        };
        for program in ["cake", "caked", "cake-node"] {
            let path = programs.join(program);
            ensure!(path.is_file(), "{} is not built: run make build", path.display());
        }
        let images = std::env::var_os("CAKE_IMAGES_DIR").map(PathBuf::from);
        let (engine, images) = (engine()?, images.unwrap_or_else(|| engine_folder().join("images")));
        ensure!(images.join("cake-tiny.toml").is_file(), "there is no cake-tiny: run make engine");
        Ok(Self { programs, engine, images })
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}
