//! A VM's drives: its disks, what lies in the CD drive, and what else could.

use crate::data::{ConsoleData, ImageView, PoolView, VmView};
use crate::frame::Frame;
use askama::Template;
use cake_types::{ByteSize, DiskSpec, ImageFormat, ImageId};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "parts/vm_drives.html")]
pub struct Drives<'a> {
    f: &'a Frame,
    vm: String,
    name: &'a str,
    etag: &'a str,
    disks: Vec<Disk>,
    cd: Option<Cd>,
    /// The CD with drivers, by name.
    drivers: Option<String>,
    can: bool,
}

struct Disk {
    number: u32,
    title: String,
    size: ByteSize,
    pool: String,
    boots: bool,
    /// What is under way.
    state: Option<&'static str>,
    trouble: Option<Trouble>,
    /// What is lost with it, where it can be taken away now.
    remove: Option<String>,
    /// It can be taken out and kept now.
    detach: bool,
    /// What it is called, where it is a resource of its own: then it is only taken out here, and deleted where all disks are.
    volume: Option<String>,
    /// Only while the VM is off.
    built_in: bool,
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
    let spec = &view.vm.spec;
    let images = if spec.hardware.cd.is_some() || spec.drivers.is_some() { data.images().await } else { Vec::new() };
    let cd = spec.hardware.cd.as_ref().map(|_| cd(f, view, &images));
    let drivers = spec.drivers.map(|id| image_name(f, &images, id));
    let can = f.may_manage() && !view.orphaned;
    let (pools, volumes) = (data.pools().await, data.volumes().await);
    let mut disks = disks(f, view, &pools, can);
    for (disk, spec) in disks.iter_mut().zip(&view.vm.spec.disks) {
        let known = volumes.iter().find(|known| spec.volume == Some(known.volume.meta.id));
        disk.volume = known.map(|known| known.volume.meta.name.to_string());
    }
    let meta = &view.vm.meta;
    Drives { f, vm: meta.id.to_string(), name: meta.name.as_str(), etag: &view.etag, disks, cd, drivers, can }
}

fn disks(f: &Frame, view: &VmView, pools: &[Arc<PoolView>], can: bool) -> Vec<Disk> {
    let spec = &view.vm.spec;
    let so = view.status.as_ref().map(|status| status.disks.as_slice()).unwrap_or_default();
    let alive = view.status.as_ref().is_some_and(|status| status.state.is_alive());
    let row = |(index, (number, disk)): (usize, (u32, &DiskSpec))| {
        let status = so.iter().find(|status| status.number == number);
        let failure = status.and_then(|status| status.failure.as_ref());
        let state = match status {
            _ if !alive || failure.is_some() => None,
            None => Some(f.t("disk-coming")),
            Some(status) if status.leaving => Some(f.t("disk-leaving")),
            Some(status) => (status.size < disk.size).then(|| f.t("disk-growing")),
        };
        let device = spec.hardware.disks.get(index);
        let free = !alive || device.is_some_and(|device| spec.hardware.is_on_port(device.address));
        let pool = pools.iter().find(|pool| pool.pool.meta.id == disk.pool);
        Disk {
            number,
            title: f.tv("disk-number", "number", number),
            size: disk.size,
            pool: pool.map_or_else(|| "–".into(), |pool| pool.pool.meta.name.to_string()),
            boots: spec.boots_from(index),
            state,
            trouble: failure.map(|failure| Trouble::new(f, failure)),
            detach: can && !spec.boots_from(index) && free,
            volume: None,
            remove: (can && !spec.boots_from(index) && free && disk.volume.is_none())
                .then(|| f.tv("disk-remove-text", "size", disk.size)),
            built_in: can && !spec.boots_from(index) && !free,
        }
    };
    spec.numbered_disks().enumerate().map(row).collect()
}

/// Disks that can be made larger: number and title with the size.
pub fn growable(f: &Frame, view: &VmView) -> Vec<(u32, String)> {
    let titled = |(number, disk): (u32, &DiskSpec)| {
        (number, format!("{} ({})", f.tv("disk-number", "number", number), disk.size))
    };
    view.vm.spec.numbered_disks().map(titled).collect()
}

fn image_name(f: &Frame, images: &[Arc<ImageView>], id: ImageId) -> String {
    let known = images.iter().find(|view| view.image.meta.id == id);
    known.map_or_else(|| f.t("cd-unknown").to_owned(), |view| view.image.meta.name.to_string())
}

fn cd(f: &Frame, view: &VmView, images: &[Arc<ImageView>]) -> Cd {
    let id = view.vm.spec.cd;
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
        image: id.map(|id| image_name(f, images, id)),
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
