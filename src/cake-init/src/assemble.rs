//! A read-only squashfs under a writable layer in memory.

use crate::root::Attached;
use crate::{Failure, Step};
use nix::mount::{MsFlags, mount};
use std::fs;

/// The writable layer holds what the running system changes in /etc and /var, a few MiB; it must not be able to fill the memory.
const LAYER_OPTIONS: &str = "mode=755,size=20%";

/// Where what is mounted.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The root as it was signed.
    pub signed: &'a str,
    pub layer: &'a str,
    /// Both together.
    pub root: &'a str,
}

/// Mounts the root of `device` under a writable layer.
pub fn mount_root(device: &Attached, Places { signed, layer, root }: &Places<'_>) -> Result<(), Failure> {
    for place in [signed, layer, root] {
        fs::create_dir_all(place).step(format!("make {place}"))?;
    }
    let quiet = MsFlags::MS_NODEV;
    mount(Some(device.path()), *signed, Some("squashfs"), MsFlags::MS_RDONLY | quiet, None::<&str>)
        .step("mount the root")?;
    mount(Some("tmpfs"), *layer, Some("tmpfs"), quiet, Some(LAYER_OPTIONS)).step("mount the writable layer")?;
    let (upper, work) = (format!("{layer}/upper"), format!("{layer}/work"));
    fs::create_dir(&upper).step("make the writable layer")?;
    fs::create_dir(&work).step("make the writable layer")?;
    let options = format!("lowerdir={signed},upperdir={upper},workdir={work}");
    mount(Some("cake"), *root, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .step("put the layer over the root")
}
