//! The kernel's packet filter, by its own tool. Rules go through standard input, so nothing is in anybody's list of arguments.

use crate::error::NetError;
use serde::Deserialize;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Where Debian keeps it; a daemon's PATH may not have it.
const PATH: &str = "/usr/sbin:/sbin:/usr/bin:/bin";

fn run(arguments: &[&str], input: &str) -> Result<Output, NetError> {
    let mut child = Command::new("nft")
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(NetError::io("run nft"))?;
    // The rules of one link are shorter than a pipe; it says on standard error why it does not read them.
    let _ = child.stdin.take().map(|mut pipe| pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(NetError::io("wait for nft"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("nothing").to_owned();
    Err(NetError::Refused { said })
}

/// All of `rules`, or none.
pub(crate) fn load(rules: &str) -> Result<(), NetError> {
    run(&["-f", "-"], rules).map(|_| ())
}

/// Something that nft lists; what is of no use here is [`Listed::Other`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Listed {
    Table(Table),
    Set(Set),
    #[serde(untagged)]
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
pub(crate) struct Table {
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Set {
    pub table: String,
    #[serde(default)]
    pub elem: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct List {
    nftables: Vec<Listed>,
}

/// `what`: `tables netdev` or `sets netdev`, in words.
pub(crate) fn list(what: &[&str]) -> Result<Vec<Listed>, NetError> {
    let arguments: Vec<&str> = ["-j", "list"].iter().chain(what).copied().collect();
    let output = run(&arguments, "")?;
    Ok(serde_json::from_slice::<List>(&output.stdout)?.nftables)
}
