//! LUKS2 by cryptsetup. Keys go by standard input or by memory without a name.

use crate::plan::Tpm;
use crate::secret::Secret;
use crate::tool::{ToolError, Tools};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Keys of 256 random bits and more can't be guessed: the least derivation that LUKS2 knows opens them at once on any processor.
/// systemd-cryptenroll does the same with its recovery keys.
const QUICK: [&str; 4] = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];

#[derive(Debug, thiserror::Error)]
pub enum LuksError {
    #[error("no memory for a key")]
    Memory(#[source] std::io::Error),
    #[error("{device}: what cryptsetup says of its header can't be understood")]
    Header {
        device: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("{0} is not open")]
    NotOpen(String),
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// How a TPM is to hold a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TpmPolicy {
    /// The maker's public key; what it signs for PCR 11 may open the volume.
    pub public_key: PathBuf,
}

/// Is there a TPM 2.0?
pub fn has_tpm() -> bool {
    fs::read_to_string("/sys/class/tpm/tpm0/tpm_version_major").is_ok_and(|version| version.trim() == "2")
}

/// What a TPM of this machine can do; `makers_key`: the maker's key of measurements is known.
pub fn tpm(makers_key: bool) -> Tpm {
    match (has_tpm(), makers_key) {
        (false, _) => Tpm::None,
        (true, false) => Tpm::NoMakersKey,
        (true, true) => Tpm::Ready,
    }
}

/// Makes a volume that the recovery key opens, and marks that key as one, as systemd does.
pub fn format(tools: &Tools<'_>, device: &Path, label: &str, recovery: &Secret) -> Result<(), LuksError> {
    let fixed = ["luksFormat", "--batch-mode", "--type", "luks2", "--cipher", "aes-xts-plain64", "--key-size", "512"];
    // Sectors of 4096 bytes on every disk: XFS writes nothing smaller, and the processor encrypts a block at a time.
    let more = ["--sector-size", "4096", "--key-file", "-", "--label", label];
    let arguments = fixed.into_iter().chain(QUICK).chain(more).map(OsStr::new).chain([device.as_os_str()]);
    tools.run_with("cryptsetup", arguments, recovery.bytes())?;
    let token = json!({ "type": "systemd-recovery", "keyslots": ["0"] }).to_string();
    let import = ["token", "import", "--json-file", "-"].map(OsStr::new);
    tools.run_with("cryptsetup", import.into_iter().chain([device.as_os_str()]), token.as_bytes())?;
    Ok(())
}

/// Lets another key open a volume.
pub fn add_key(tools: &Tools<'_>, device: &Path, known: &Secret, new: &Secret) -> Result<(), LuksError> {
    let (known, new) = (known.lent().map_err(LuksError::Memory)?, new.lent().map_err(LuksError::Memory)?);
    let (known_path, new_path) = (known.path(), new.path());
    let head = ["luksAddKey", "--batch-mode"].into_iter().chain(QUICK).chain(["--key-file"]).map(OsStr::new);
    let tail = [known_path.as_os_str(), device.as_os_str(), new_path.as_os_str()];
    tools.run("cryptsetup", head.chain(tail))?;
    Ok(())
}

/// Makes an empty file system in a volume that is open.
pub fn make_xfs(tools: &Tools<'_>, name: &str, label: &str) -> Result<(), LuksError> {
    let mapped = opened(name)?;
    let fixed = ["-f", "-q", "-m", "reflink=1", "-L", label].map(OsStr::new);
    tools.run("mkfs.xfs", fixed.into_iter().chain([mapped.as_os_str()]))?;
    Ok(())
}

/// Lets the TPM of this machine open a volume, and forgets what an older enrolment held.
///
/// PCR 11 is what systemd-stub measures of the firmware file itself; the maker signs what it will be, so that an update opens the
/// volume as well. PCR 7 (the state of Secure Boot) is left out: the server maker's own updates change it, and nobody signs that.
pub fn enrol_tpm(tools: &Tools<'_>, device: &Path, known: &Secret, policy: &TpmPolicy) -> Result<(), LuksError> {
    let known = known.lent().map_err(LuksError::Memory)?;
    if has_tpm_token(tools, device)? {
        // First, and not in one command with the other: the policy is the same on every TPM, so systemd-cryptenroll would take the
        // key that another TPM holds for this one's and do nothing.
        tools.run("systemd-cryptenroll", [OsStr::new("--wipe-slot=tpm2"), device.as_os_str()])?;
    }
    let arguments = [
        format!("--unlock-key-file={}", known.path().display()),
        "--tpm2-device=auto".into(),
        format!("--tpm2-public-key={}", policy.public_key.display()),
        "--tpm2-public-key-pcrs=11".into(),
        "--tpm2-pcrs=".into(),
        "--tpm2-pcrlock=".into(),
        device.display().to_string(),
    ];
    tools.run("systemd-cryptenroll", arguments)?;
    Ok(())
}

/// Does this key open the volume? Nothing is opened.
pub fn is_key(tools: &Tools<'_>, device: &Path, key: &Secret) -> Result<bool, LuksError> {
    let arguments = ["open", "--test-passphrase", "--type", "luks2", "--key-file", "-"].map(OsStr::new);
    let said = tools.said_with("cryptsetup", arguments.into_iter().chain([device.as_os_str()]), key.bytes())?;
    Ok(said.is_some())
}

/// Opens a volume as the mapping `name`; false where the key is another one.
pub fn open(tools: &Tools<'_>, device: &Path, name: &str, key: &Secret) -> Result<bool, LuksError> {
    if !is_key(tools, device, key)? {
        return Ok(false);
    }
    // What a deleted file took is given back to the disk. It tells how full the disk is, and nothing else.
    let head = ["open", "--type", "luks2", "--allow-discards", "--key-file", "-"].map(OsStr::new);
    let arguments = head.into_iter().chain([device.as_os_str(), OsStr::new(name)]);
    tools.run_with("cryptsetup", arguments, key.bytes())?;
    Ok(true)
}

/// Opens a volume by the TPM of this machine: systemd's token plugin of cryptsetup, which needs no unit and no running systemd. It
/// finds the maker's signature in `/run/systemd/tpm2-pcr-signature.json`.
pub fn open_by_tpm(tools: &Tools<'_>, device: &Path, name: &str) -> Result<(), LuksError> {
    let head = ["open", "--type", "luks2", "--allow-discards", "--token-only", "--token-type", "systemd-tpm2"];
    tools.run("cryptsetup", head.map(OsStr::new).into_iter().chain([device.as_os_str(), OsStr::new(name)]))?;
    Ok(())
}

/// Does any TPM hold a key of this volume?
pub fn has_tpm_token(tools: &Tools<'_>, device: &Path) -> Result<bool, LuksError> {
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(default)]
        tokens: BTreeMap<String, Value>,
    }
    let head = ["luksDump", "--dump-json-metadata"].map(OsStr::new);
    let said = tools.run("cryptsetup", head.into_iter().chain([device.as_os_str()]))?;
    let metadata: Metadata =
        serde_json::from_slice(&said).map_err(|source| LuksError::Header { device: device.to_owned(), source })?;
    Ok(metadata.tokens.values().any(|token| token["type"] == "systemd-tpm2"))
}

/// Closes a mapping.
pub fn close(tools: &Tools<'_>, name: &str) -> Result<(), LuksError> {
    tools.run("cryptsetup", ["close", name])?;
    Ok(())
}

/// The device of a mapping that is open. By the kernel's own list: names in `/dev/mapper` are made and left behind by whoever is there,
/// and that may be udev or nobody.
pub fn mapped(name: &str) -> Option<PathBuf> {
    let called =
        |entry: &fs::DirEntry| fs::read_to_string(entry.path().join("dm/name")).is_ok_and(|own| own.trim_end() == name);
    let found = fs::read_dir("/sys/block").ok()?.flatten().find(called)?;
    Some(Path::new("/dev").join(found.file_name()))
}

/// The device of a mapping that was just opened.
pub fn opened(name: &str) -> Result<PathBuf, LuksError> {
    mapped(name).ok_or_else(|| LuksError::NotOpen(name.to_owned()))
}
