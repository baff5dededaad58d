//! Which rack, and who we are there.
//!
//! Inside a checkout `make up` has written `.cake/cake.toml` (the address and the certificate of the running instance);
//! elsewhere `cake login --url … --ca …` writes the same into `$XDG_CONFIG_HOME/cake/`. The API token that a login made lies
//! beside it, readable by its owner alone; the password is kept nowhere.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A rack that can be asked.
#[derive(Clone, Debug)]
pub struct Instance {
    pub url: String,
    pub ca: Option<PathBuf>,
    /// Where the tokens of this user lie.
    keep: Vec<PathBuf>,
}

/// `cake.toml`.
#[derive(Debug, Serialize, Deserialize)]
struct InstanceFile {
    url: String,
    ca: Option<PathBuf>,
}

/// `tokens.toml`: by address, because one place may know several racks.
#[derive(Debug, Default, Serialize, Deserialize)]
struct TokenFile {
    #[serde(default)]
    instances: BTreeMap<String, Login>,
}

/// What a login left behind.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    pub token: String,
    /// To take it back at logout.
    pub token_id: Option<uuid::Uuid>,
    pub account: String,
}

impl std::fmt::Debug for Login {
    /// Never shows the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Instance {
    /// The rack that was named, else the one of this checkout, else the one of the last login from here.
    pub fn find(url: Option<&str>, ca: Option<&Path>) -> Option<Self> {
        let state = state_directory();
        let own = config_directory();
        let mut keep: Vec<PathBuf> = state.iter().map(|state| state.join("cli")).collect();
        keep.extend(own.clone());
        let known = state.iter().chain(own.iter()).find_map(|place| read_instance(&place.join("cake.toml")));
        let (url, ca) = match (url, known) {
            (Some(url), Some(known)) if known.url == url => (url.to_owned(), ca.map(Into::into).or(known.ca)),
            (Some(url), _) => (url.to_owned(), ca.map(Into::into)),
            (None, Some(known)) => (known.url, ca.map(Into::into).or(known.ca)),
            (None, None) => return None,
        };
        Some(Self { url: url.trim_end_matches('/').to_owned(), ca, keep })
    }

    /// The login that is kept for this rack.
    pub fn login(&self) -> Option<Login> {
        self.keep.iter().find_map(|place| read_tokens(place).instances.remove(&self.url))
    }

    /// Keeps a login in the first place that can be written.
    pub fn keep_login(&self, login: Login) -> anyhow::Result<PathBuf> {
        let mut last = anyhow::anyhow!("neither HOME nor XDG_CONFIG_HOME is set");
        for place in &self.keep {
            let mut tokens = read_tokens(place);
            tokens.instances.insert(self.url.clone(), login.clone());
            match write_private(&place.join("tokens.toml"), &toml::to_string(&tokens)?) {
                Ok(()) => return Ok(place.join("tokens.toml")),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Forgets the login of this rack wherever it is kept.
    pub fn forget_login(&self) -> anyhow::Result<()> {
        for place in &self.keep {
            let mut tokens = read_tokens(place);
            if tokens.instances.remove(&self.url).is_some() {
                write_private(&place.join("tokens.toml"), &toml::to_string(&tokens)?)?;
            }
        }
        Ok(())
    }

    /// After a login to a rack that was named by its address: the next call needs no address.
    pub fn remember(&self) -> anyhow::Result<()> {
        let Some(own) = config_directory().filter(|_| state_directory().is_none()) else { return Ok(()) };
        let ca = self.ca.as_ref().map(fs::canonicalize).transpose()?;
        let file = InstanceFile { url: self.url.clone(), ca };
        write_private(&own.join("cake.toml"), &toml::to_string(&file)?)
    }
}

/// `CAKE_STATE`, else the nearest `.cake` with an instance, from here upwards.
fn state_directory() -> Option<PathBuf> {
    if let Some(state) = std::env::var_os("CAKE_STATE").filter(|state| !state.is_empty()) {
        return Some(PathBuf::from(state)).filter(|state| state.join("cake.toml").is_file());
    }
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|place| place.join(".cake")).find(|place| place.join("cake.toml").is_file())
}

fn config_directory() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").filter(|place| place.is_absolute());
    Some(config.or_else(|| set("HOME").map(|home| home.join(".config")))?.join("cake"))
}

fn read_instance(path: &Path) -> Option<InstanceFile> {
    let mut file: InstanceFile = toml::from_str(&fs::read_to_string(path).ok()?).ok()?;
    // A certificate is named from where the file lies, so that a state directory can be moved.
    file.ca = file.ca.map(|ca| path.parent().map_or_else(|| ca.clone(), |place| place.join(&ca)));
    Some(file)
}

fn read_tokens(place: &Path) -> TokenFile {
    let text = fs::read_to_string(place.join("tokens.toml")).unwrap_or_default();
    toml::from_str(&text).unwrap_or_default()
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let place = path.parent().context("a file lies in a directory")?;
    let failed = || format!("{} can't be written", path.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(place).with_context(failed)?;
    let draft = place.join(format!(".draft-{}", std::process::id()));
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).with_context(failed)?;
    file.write_all(text.as_bytes()).with_context(failed)?;
    fs::rename(&draft, path).with_context(failed)
}
