//! A guest's serial console: type, and wait for what it says.

use crate::DEADLINE;
use anyhow::{Context, Result, bail};
use cake_client::{Client, Console, ConsoleReader, ConsoleWriter};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// An attached console, and everything that came from it so far.
#[derive(Debug)]
pub struct Terminal {
    reader: ConsoleReader,
    writer: ConsoleWriter,
    seen: String,
    /// Up to where a wait has already matched.
    read: usize,
    /// So long the guest may say nothing of what is waited for.
    patience: Duration,
}

impl Terminal {
    pub async fn open(client: &Client, vm: &str) -> Result<Self> {
        Ok(Self::over(client.console(vm).await?))
    }

    pub fn over(console: Console) -> Self {
        let (reader, writer) = console.split();
        Self { reader, writer, seen: String::new(), read: 0, patience: DEADLINE }
    }

    /// For a guest within an emulated server, which is emulated twice.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Everything seen.
    pub fn seen(&self) -> &str {
        &self.seen
    }

    pub async fn type_in(&mut self, text: &str) -> Result<()> {
        Ok(self.writer.send(text.as_bytes()).await?)
    }

    /// Waits until the guest has said `text` after what was matched before.
    pub async fn expect(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(at) = self.seen[self.read..].find(text) {
                self.read += at + text.len();
                return Ok(());
            }
            match timeout_at(deadline, self.reader.next()).await {
                Ok(bytes) => {
                    let bytes =
                        bytes?.with_context(|| format!("the console ended before {text:?}: {:?}", self.seen))?;
                    self.seen.push_str(&String::from_utf8_lossy(&bytes));
                }
                Err(_) => bail!("{text:?} did not come; what came is {:?}", self.seen),
            }
        }
    }

    /// Waits for the shell of a cake-tiny guest.
    pub async fn shell(&mut self) -> Result<()> {
        self.expect("ready on").await?;
        self.type_in("\n").await?;
        self.expect("# ").await
    }

    /// Waits until a cake-tiny guest listens for its power button.
    pub async fn power_button(&mut self) -> Result<()> {
        self.command("until ls -l /proc/$(pidof acpid)/fd 2>/dev/null | grep -q input; do :; done").await?;
        Ok(())
    }

    /// Runs a command in the guest's shell; its output is awaited by a mark that the typed line does not hold.
    pub async fn command(&mut self, command: &str) -> Result<String> {
        let from = self.seen.len();
        self.type_in(&format!("{command}; echo do''ne\n")).await?;
        self.expect("done").await?;
        Ok(self.seen[from..].to_owned())
    }
}
