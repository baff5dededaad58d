//! Answering the wizard of a running instance from a file: the same request that the wizard's last page sends.

use crate::instance::Instance;
use anyhow::{Context, anyhow, bail};
use cake_client::{Client, Error, Trust};
use cake_control::setup::{parse_answers, read_token};
use std::path::Path;

pub async fn answer(state: &Path, file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let answers = parse_answers(&text).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    let instance = Instance::read(state)?;
    let token = match read_token(state) {
        Ok(token) => token,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!("set-up is already done"),
        Err(error) => return Err(error).context("the set-up token can't be read"),
    };
    let client = Client::new(&instance.url, &Trust::file(&instance.ca)?)?;
    match client.set_up(&token, &answers).await {
        Ok(done) => {
            println!("recovery key  {}\n\nKeep it away from this machine: with it, sealed secrets can be read again.", done.value.recovery_key);
            Ok(())
        }
        Err(Error::Remote(refusal)) => {
            bail!("{}: {}. {}", file.display(), refusal.title, refusal.detail.unwrap_or_default())
        }
        Err(error) => Err(error.into()),
    }
}
