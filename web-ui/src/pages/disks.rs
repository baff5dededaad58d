//! `GET /disks`: every disk that there is, those of VMs with their VM, and those that are in none.

use super::drives::Trouble;
use crate::data::{ConsoleData, VmView, VolumeView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::{ByteSize, DiskSpec, PoolId, VolumeState};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "disks.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, "/disks").await;
    f.page(&Page { f: &f, r })
}

#[derive(Template)]
#[template(path = "parts/disk_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    volumes: Vec<Volume>,
    own: Vec<Own>,
    /// VMs that a disk can be given to: id and name.
    vms: Vec<(String, String)>,
}

/// A disk that is a resource of its own.
struct Volume {
    id: String,
    name: String,
    size: ByteSize,
    pool: String,
    /// `pending`, `failed`, `free`, `attached`, `leaving`, `deleting`.
    state: &'static str,
    /// Its VM: id, name, and the disk's number there.
    vm: Option<(String, String, u32)>,
    trouble: Option<Trouble>,
    tags: Vec<String>,
    /// As a field takes them.
    tags_text: String,
    etag: String,
}

impl Volume {
    fn is(&self, state: &str) -> bool {
        self.state == state
    }

    /// Nobody writes to it, and it is as it was asked to be.
    fn can_be_deleted(&self) -> bool {
        matches!(self.state, "free" | "failed")
    }
}

/// A disk that belongs to a VM.
struct Own {
    vm: String,
    vm_name: String,
    number: u32,
    title: String,
    size: ByteSize,
    pool: String,
    boots: bool,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let pools = data.pools().await;
    let pool = |id: PoolId| {
        let known = pools.iter().find(|pool| pool.pool.meta.id == id);
        known.map_or_else(|| "–".into(), |pool| pool.pool.meta.name.to_string())
    };
    let mut volumes = data.volumes().await;
    volumes.sort_by(|a, b| a.volume.meta.name.cmp(&b.volume.meta.name));
    let volumes = volumes.iter().map(|view| volume(f, view, pool(view.volume.spec.pool))).collect();
    let mut all = data.vms().await;
    all.retain(|view| !view.vm.spec.deleting && view.vm.spec.binned.is_none());
    all.sort_by(|a, b| a.vm.meta.name.cmp(&b.vm.meta.name));
    let own = all.iter().flat_map(|view| own(f, view, &pool)).collect();
    let usable = all.iter().filter(|view| !view.orphaned && !view.lost);
    let vms = usable.map(|view| (view.vm.meta.id.to_string(), view.vm.meta.name.to_string())).collect();
    regions.add("disk-rows", &Rows { f, volumes, own, vms });
}

fn volume(f: &Frame, view: &VolumeView, pool: String) -> Volume {
    let VolumeView { volume, state, size, vm, failure, etag } = view;
    Volume {
        id: volume.meta.id.to_string(),
        name: volume.meta.name.to_string(),
        size: *size,
        pool,
        state: state.as_str(),
        vm: vm.as_ref().map(|(id, name, number)| (id.to_string(), name.to_string(), *number)),
        trouble: failure.as_ref().filter(|_| *state == VolumeState::Failed).map(|why| Trouble::new(f, why)),
        tags: volume.spec.tags.iter().map(ToString::to_string).collect(),
        tags_text: show::tags(&volume.spec.tags),
        etag: etag.clone(),
    }
}

fn own(f: &Frame, view: &VmView, pool: &impl Fn(PoolId) -> String) -> Vec<Own> {
    let (meta, spec) = (&view.vm.meta, &view.vm.spec);
    let row = |(index, (number, disk)): (usize, (u32, &DiskSpec))| {
        disk.volume.is_none().then(|| Own {
            vm: meta.id.to_string(),
            vm_name: meta.name.to_string(),
            number,
            title: f.tv("disk-number", "number", number),
            size: disk.size,
            pool: pool(disk.pool),
            boots: spec.boots_from(index),
        })
    };
    spec.numbered_disks().enumerate().filter_map(row).collect()
}

/// Disks that a VM can be given: the call and what it is about.
pub async fn choices(data: &Arc<dyn ConsoleData>) -> Vec<(String, String)> {
    let mut volumes = data.volumes().await;
    volumes.retain(|view| view.state == VolumeState::Free);
    volumes.sort_by(|a, b| a.volume.meta.name.cmp(&b.volume.meta.name));
    let titled = |view: &Arc<VolumeView>| {
        (view.volume.meta.id.to_string(), format!("{} ({})", view.volume.meta.name, view.size))
    };
    volumes.iter().map(titled).collect()
}
