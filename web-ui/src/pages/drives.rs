//! A VM's drives: what lies in the CD drive, and what else could.

use crate::data::{ConsoleData, ImageView, VmView};
use crate::frame::Frame;
use askama::Template;
use cake_types::{ImageFormat, ImageId};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "parts/vm_drives.html")]
pub struct Drives<'a> {
    f: &'a Frame,
    vm: String,
    cd: Option<Cd>,
    can: bool,
}

struct Cd {
    /// What shall lie in it, by name.
    image: Option<String>,
    /// The same change again, by force.
    by_force: String,
    /// What is under way.
    state: Option<&'static str>,
    trouble: Option<Trouble>,
    /// The guest holds it: only force helps.
    held: bool,
}

/// Why something is not as asked.
pub struct Trouble {
    pub code: &'static str,
    pub what: &'static str,
    pub next: &'static str,
    pub detail: String,
}

impl Trouble {
    pub fn new(f: &Frame, failure: &cake_types::Failure) -> Self {
        Self {
            code: failure.code.as_str(),
            what: f.words.failure(failure.code),
            next: f.words.failure_next(failure.code),
            detail: failure.detail.clone(),
        }
    }
}

pub async fn drives<'a>(data: &Arc<dyn ConsoleData>, f: &'a Frame, view: &'a VmView) -> Drives<'a> {
    let cd = match view.vm.spec.hardware.cd {
        Some(_) => Some(cd(f, view, &data.images().await)),
        None => None,
    };
    Drives { f, vm: view.vm.meta.id.to_string(), cd, can: f.may_manage() && !view.orphaned }
}

fn cd(f: &Frame, view: &VmView, images: &[Arc<ImageView>]) -> Cd {
    let id = view.vm.spec.cd;
    let name = |id: ImageId| {
        let known = images.iter().find(|view| view.image.meta.id == id);
        known.map_or_else(|| f.t("cd-unknown").to_owned(), |view| view.image.meta.name.to_string())
    };
    let so = view.status.as_ref().and_then(|status| status.cd.as_ref());
    let failure = so.and_then(|so| so.failure.as_ref());
    let state = match so {
        None => None,
        Some(_) if failure.is_some() => None,
        Some(so) if so.waiting => Some(f.t("cd-waiting")),
        Some(so) if so.image != id => Some(f.t("cd-changing")),
        Some(so) => so.open.then(|| f.t("cd-opened")),
    };
    Cd {
        image: id.map(name),
        by_force: serde_json::json!({ "image": id, "force": true }).to_string(),
        state,
        trouble: failure.map(|failure| Trouble::new(f, failure)),
        held: so.is_some_and(|so| so.waiting || so.image != id && failure.is_some()),
    }
}

/// CDs that can be put in: id and name.
pub async fn choices(data: &Arc<dyn ConsoleData>) -> Vec<(String, String)> {
    let images = data.images().await;
    let usable = |view: &&Arc<ImageView>| {
        let there = view.status.as_ref().is_some_and(|status| status.available);
        there && view.image.binned.is_none() && view.image.spec.format == ImageFormat::Iso
    };
    let named = |view: &Arc<ImageView>| (view.image.meta.id.to_string(), view.image.meta.name.to_string());
    images.iter().filter(usable).map(named).collect()
}
