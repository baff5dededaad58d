//! CDs that are put in and taken out while the guest runs.
//!
//! ```text
//!   look ▸ as asked? ▸ open the tray … the guest opens it ▸ medium out ▸ its node away
//!                                                         ▸ add-fd ▸ node ▸ medium in ▸ close the tray
//! ```
//!
//! It can be killed anywhere and done again: what lies in the drive is asked of QEMU, and a node's name says which image it is.

use crate::assignment::{Assignment, Surroundings};
use crate::devices::{Trouble, raw_node};
use crate::start::failure;
use cake_qmp::commands::{
    BlockdevDel, CloseTray, InsertMedium, OpenTray, QueryBlock, QueryNamedBlockNodes, RemoveMedium,
};
use cake_qmp::{Qmp, QmpError};
use cake_types::{CdStatus, Failure, FailureCode, ImageId};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The guest's drive, and the node of what lay in it when it was started.
pub(crate) const DEVICE: &str = "dev-cd";
const STARTED: &str = "cd";
/// Before the image in the name of a node that came later. QEMU takes 31 characters: an id is written in base 64.
const PREFIX: &str = "cd-";
/// Linux opens the tray at once where nobody uses the CD; nobody should take longer than this to come to a decision.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is known of the drive of a guest that runs.
#[derive(Debug, Default)]
pub(crate) struct Cd {
    /// What lies in it; without, the guest has no drive.
    there: Option<Medium>,
    open: bool,
    /// The guest was asked to open the tray, and when it is late.
    asked: Option<Instant>,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Nothing,
    Image(ImageId),
    /// Nothing that is known any more.
    Other,
}

impl From<Option<ImageId>> for Medium {
    fn from(image: Option<ImageId>) -> Self {
        image.map_or(Self::Nothing, Self::Image)
    }
}

/// What came of a change.
pub(crate) struct Changed {
    there: Option<Medium>,
    open: bool,
    /// The guest was asked to open the tray.
    asked: bool,
    failure: Option<Failure>,
}

impl Cd {
    /// A guest that has just been started has what its record says.
    pub(crate) fn started(assignment: &Assignment) -> Self {
        let spec = &assignment.vm.spec;
        Self { there: spec.hardware.cd.as_ref().map(|_| spec.cd.into()), ..Self::default() }
    }

    pub(crate) fn is_as_asked(&self, assignment: &Assignment) -> bool {
        let spec = &assignment.vm.spec;
        let there = self.there.is_none_or(|there| there == spec.cd.into());
        match self.asked {
            Some(_) => !there && !spec.cd_by_force,
            None => there,
        }
    }

    pub(crate) fn note(&mut self, changed: Changed, now: Instant) {
        let Changed { there, open, asked, failure } = changed;
        (self.there, self.open, self.failure) = (there, open, failure);
        self.asked = asked.then(|| self.asked.unwrap_or(now + PATIENCE));
    }

    /// Whether what waits for the tray can go on.
    pub(crate) fn moved(&mut self, open: bool) -> bool {
        self.open = open;
        open && self.asked.is_some()
    }

    /// When the guest is late; see [`Cd::late`].
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.asked
    }

    /// A guest that did not open the tray in time keeps its CD, and that is said; it is asked again with the next change.
    pub(crate) fn late(&mut self, now: Instant) {
        if self.asked.take_if(|due| *due <= now).is_some() {
            self.failure = Some(failure(FailureCode::CdLocked, "the guest holds its CD drive shut"));
        }
    }

    pub(crate) fn status(&self) -> Option<CdStatus> {
        let image = match self.there? {
            Medium::Image(image) => Some(image),
            Medium::Nothing | Medium::Other => None,
        };
        Some(CdStatus { image, open: self.open, waiting: self.asked.is_some(), failure: self.failure.clone() })
    }
}

/// Brings the drive of a running guest to what it should hold. `started`: where the image was that the QEMU was started with.
pub(crate) async fn settle(
    qmp: &Qmp,
    surroundings: &dyn Surroundings,
    assignment: &Assignment,
    started: Option<&Path>,
) -> Result<Changed, QmpError> {
    let wanted = assignment.vm.spec.cd;
    let Some(seen) = look(qmp).await? else {
        return Ok(Changed { there: None, open: false, asked: false, failure: None });
    };
    // Where it is, if it is here: without that, what lies in the drive stays there.
    let path = match wanted {
        Some(image) => match surroundings.image(image).await {
            Ok(path) => Some((image, path)),
            Err(why) => return Ok(seen.changed(seen.medium(None), false, Some(why))),
        },
        None => None,
    };
    let there = seen.medium(path.as_ref().filter(|(_, path)| Some(path.as_path()) == started).map(|(image, _)| *image));
    if there == wanted.into() {
        return Ok(seen.changed(there, false, None));
    }
    match change(qmp, &seen, path, assignment.vm.spec.cd_by_force).await {
        Ok(true) => {
            let open = look(qmp).await?.is_some_and(|seen| seen.open);
            Ok(Changed { there: Some(wanted.into()), open, asked: false, failure: None })
        }
        Ok(false) => Ok(seen.changed(there, true, None)),
        Err(trouble) => {
            let why = trouble.failure(FailureCode::Disk)?;
            let seen = look(qmp).await?.unwrap_or(seen);
            Ok(seen.changed(seen.medium(None), false, Some(why)))
        }
    }
}

/// The drive, by QEMU's own word.
struct Seen {
    node: Option<String>,
    open: bool,
}

impl Seen {
    /// `started`: the image that the QEMU was started with, if it is known.
    fn medium(&self, started: Option<ImageId>) -> Medium {
        match self.node.as_deref() {
            None => Medium::Nothing,
            Some(STARTED) => started.map_or(Medium::Other, Medium::Image),
            Some(node) => image_of(node).map_or(Medium::Other, Medium::Image),
        }
    }

    fn changed(&self, there: Medium, asked: bool, failure: Option<Failure>) -> Changed {
        Changed { there: Some(there), open: self.open, asked, failure }
    }
}

async fn look(qmp: &Qmp) -> Result<Option<Seen>, QmpError> {
    let devices = qmp.run(&QueryBlock).await?;
    let drive = devices.into_iter().find(|device| device.qdev.as_deref() == Some(DEVICE));
    Ok(drive.map(|drive| Seen {
        node: drive.inserted.map(|medium| medium.node_name.unwrap_or_default()),
        open: drive.tray_open.unwrap_or_default(),
    }))
}

/// Whether it is done; `false`: the guest must open the tray first.
async fn change(qmp: &Qmp, seen: &Seen, image: Option<(ImageId, PathBuf)>, force: bool) -> Result<bool, Trouble> {
    let id = || DEVICE.to_owned();
    if !seen.open {
        qmp.run(&OpenTray { id: id(), force }).await?;
        // One that the guest holds is left shut, without a word.
        if !look(qmp).await?.is_some_and(|seen| seen.open) {
            return Ok(false);
        }
    }
    if seen.node.is_some() {
        qmp.run(&RemoveMedium { id: id() }).await?;
    }
    clear(qmp).await?;
    if let Some((image, path)) = image {
        let node_name = insertable(qmp, image, &path).await?;
        qmp.run(&InsertMedium { id: id(), node_name }).await?;
    }
    qmp.run(&CloseTray { id: id() }).await?;
    Ok(true)
}

/// Takes away the nodes of all CDs, none of which is in the drive now.
async fn clear(qmp: &Qmp) -> Result<(), QmpError> {
    let nodes = qmp.run(&QueryNamedBlockNodes { flat: true }).await?;
    let names = nodes.into_iter().filter_map(|node| node.node_name);
    for node_name in names.filter(|name| name == STARTED || name.starts_with(PREFIX)) {
        qmp.run(&BlockdevDel { node_name }).await?;
    }
    Ok(())
}

/// Gives QEMU an image as a descriptor.
async fn insertable(qmp: &Qmp, image: ImageId, path: &Path) -> Result<String, Trouble> {
    let open = || OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path);
    let file = open().map_err(|error| {
        let path = path.display();
        Trouble::Failed(failure(FailureCode::ImageMissing, format_args!("cannot open {path}: {error}")))
    })?;
    let node_name = node_of(image);
    raw_node(qmp, &node_name, file, ("read-only", true.into())).await?;
    Ok(node_name)
}

fn node_of(image: ImageId) -> String {
    format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(image.0.as_bytes()))
}

fn image_of(node: &str) -> Option<ImageId> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(node.strip_prefix(PREFIX)?.as_bytes()).ok()?;
    Some(ImageId(uuid::Uuid::from_slice(&bytes).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_says_which_image_it_is() {
        let image = ImageId(uuid::Uuid::from_u128(0x01a2_06f1_dfa4_74ca_8721_6c17_6b59_7a83));
        let node = node_of(image);
        assert!(node.len() <= 31, "{node}");
        assert_eq!(image_of(&node), Some(image));
        for other in ["cd", "cd-", "disk0", "cd-AAAA", "cd-!!!!"] {
            assert_eq!(image_of(other), None, "{other}");
        }
    }
}
