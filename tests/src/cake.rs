//! The `cake` program, as a person or a script runs it.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The program with an environment of its own.
#[derive(Clone, Debug)]
pub struct Cake {
    program: PathBuf,
    place: Finds,
    language: String,
}

/// How it finds its instance.
#[derive(Clone, Debug)]
enum Finds {
    /// `CAKE_STATE` names its state.
    Told(PathBuf),
    /// It is started in this directory of a checkout and has to look for itself.
    Inside(PathBuf),
}

/// What a call said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Cake {
    /// Finds its instance through `CAKE_STATE`.
    pub fn new(program: PathBuf, state: &Path) -> Self {
        Self { program, place: Finds::Told(state.into()), language: "C.UTF-8".into() }
    }

    /// Started somewhere in a checkout, as a person does, and told nothing.
    pub fn inside(program: PathBuf, directory: &Path) -> Self {
        Self { program, place: Finds::Inside(directory.into()), language: "C.UTF-8".into() }
    }

    /// With another `LC_ALL`.
    #[must_use]
    pub fn in_locale(mut self, locale: &str) -> Self {
        self.language = locale.into();
        self
    }

    /// The command, for who wants its pipes.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear();
        let home = match &self.place {
            Finds::Told(state) => {
                command.env("CAKE_STATE", state);
                state
            }
            Finds::Inside(directory) => {
                command.current_dir(directory);
                directory
            }
        };
        command
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("HOME", home)
            .env("LC_ALL", &self.language)
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Result<Said> {
        self.run_with(arguments, b"").await
    }

    /// Runs it with this on standard input.
    pub async fn run_with(&self, arguments: &[&str], input: &[u8]) -> Result<Said> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{}", self.program.display()))?;
        let mut pipe = child.stdin.take().context("a pipe was asked for")?;
        let input = input.to_vec();
        let typing = tokio::spawn(async move {
            // A program that does not read its input has ended; what it said is what counts.
            let _ = pipe.write_all(&input).await;
        });
        let output = child.wait_with_output().await?;
        typing.await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) })
    }

    /// Runs it and expects success.
    pub async fn ok(&self, arguments: &[&str]) -> Result<Said> {
        let said = self.run(arguments).await?;
        ensure!(said.code == 0, "cake {} ended with {}: {}{}", arguments.join(" "), said.code, said.out, said.err);
        Ok(said)
    }

    /// Runs it with `--json` and reads its answer.
    pub async fn json(&self, arguments: &[&str]) -> Result<Value> {
        let mut all = arguments.to_vec();
        all.push("--json");
        let said = self.ok(&all).await?;
        serde_json::from_str(&said.out).with_context(|| said.out.clone())
    }
}
