//! What the kernel gives: its interfaces, its command line, its log, its drivers.

use cake_init::{Failure, Step};
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use std::fs::{self, File};
use std::io::Write;

/// Drivers that the root itself needs, unpacked, in the order in which they load.
const DRIVERS: &str = "/drivers";

/// A line in the kernel's log, from where it reaches every console.
pub fn say(line: &str) {
    // Level 3 (error) of syslog: shown in spite of `quiet`.
    if let Ok(mut log) = File::options().write(true).open("/dev/kmsg") {
        // One call of write is one record.
        let _ = log.write_all(format!("<3>cake-init: {line}\n").as_bytes());
    }
}

pub fn mount_interfaces() -> Result<(), Failure> {
    let rigid = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV;
    for (kind, place, flags) in [
        ("proc", "/proc", rigid),
        ("sysfs", "/sys", rigid),
        ("devtmpfs", "/dev", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC),
        ("tmpfs", "/run", MsFlags::MS_NOSUID | MsFlags::MS_NODEV),
    ] {
        fs::create_dir_all(place).step(format!("make {place}"))?;
        let options = (kind == "tmpfs").then_some("mode=755");
        mount(Some(kind), place, Some(kind), flags, options).step(format!("mount {place}"))?;
    }
    Ok(())
}

pub fn command_line() -> Result<String, Failure> {
    fs::read_to_string("/proc/cmdline").step("read the kernel's command line")
}

/// Loads every driver of the initramfs. One that is there already is no error: it may be built in.
pub fn load_drivers() -> Result<(), Failure> {
    let order = fs::read_to_string(format!("{DRIVERS}/order")).step("read the order of drivers")?;
    for name in order.lines() {
        let file = File::open(format!("{DRIVERS}/{name}")).step(format!("open the driver {name}"))?;
        match finit_module(file, c"", ModuleInitFlags::empty()) {
            Ok(()) | Err(nix::Error::EEXIST) => {}
            Err(error) => return Err(error).step(format!("load the driver {name}")),
        }
    }
    Ok(())
}
