//! What this root says of itself (os-release(5)).

use anyhow::{Context, Result};
use std::fs;

const FILE: &str = "/usr/lib/os-release";

/// The version that runs.
pub fn version() -> Result<String> {
    let text = fs::read_to_string(FILE).with_context(|| format!("read {FILE}"))?;
    field(&text, "IMAGE_VERSION").context("this root does not say which version it is")
}

fn field(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_may_stand_in_quotes() {
        let text = "NAME=cake\nIMAGE_VERSION_X=9\nIMAGE_VERSION=\"1.2.3\"\n";
        assert_eq!(field(text, "IMAGE_VERSION").unwrap(), "1.2.3");
        assert_eq!(field(text, "VERSION"), None);
    }
}
