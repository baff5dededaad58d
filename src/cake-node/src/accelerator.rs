//! Whether guests run by KVM here, tried with an ordinary guest: firmware, boot loader, Linux; and which QEMU the engine has.
//!
//! A guest of a few dozen bytes proves too little: there are machines whose KVM runs it, slowly, and gives up in the firmware.

use cake_host::accelerator::{Probe, probe};
use cake_types::Accelerator;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// What the guest prints, and how long it may take: where KVM runs it takes a second or two, but a machine that boots is busy.
const LINE: &str = "cake-tiny: ready";
const LIMIT: Duration = Duration::from_secs(20);
const GUEST: &str = "cake-tiny.raw";

pub async fn find(state: &Path, engine: &Path, images: &Path) -> Accelerator {
    let name = engine.canonicalize().unwrap_or_else(|_| engine.to_owned());
    let request = Probe {
        device: Path::new("/dev/kvm"),
        cache: &state.join("kvm.json"),
        engine: &name.to_string_lossy(),
        line: LINE,
        limit: LIMIT,
    };
    probe(&request, guest(&name, images, "kvm")).await
}

/// QEMU as it will run, without the confinement: the guest is our own, and QEMU has read nothing that is not.
fn guest(engine: &Path, images: &Path, accelerator: &str) -> Command {
    let loader = engine.join("lib64/ld-linux-x86-64.so.2");
    let libraries = [engine.join("usr/lib/x86_64-linux-gnu"), engine.join("usr/lib/x86_64-linux-gnu/pulseaudio")];
    let libraries: Vec<_> = libraries.iter().map(|path| path.to_string_lossy()).collect();
    let mut command = Command::new(loader);
    command.arg("--library-path").arg(libraries.join(":")).arg(engine.join("usr/bin/qemu-system-x86_64"));
    // Debian keeps the firmware of its own source package apart from QEMU's.
    for firmware in ["usr/share/qemu", "usr/share/seabios"] {
        command.arg("-L").arg(engine.join(firmware));
    }
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-m", "192"]);
    command.arg("-machine").arg(format!("q35,accel={accelerator}"));
    let disk = format!("file={},format=raw,if=none,id=disk,readonly=on", images.join(GUEST).display());
    command.args(["-serial", "stdio", "-drive"]).arg(disk).args(["-device", "virtio-blk-pci,drive=disk"]);
    command
}

/// QEMU's version as the engine's list of packages has it.
pub fn qemu_version(engine: &Path) -> String {
    let packages = std::fs::read_to_string(engine.join("usr/share/cake/packages")).unwrap_or_default();
    let version = packages.lines().find_map(|line| line.strip_prefix("qemu-system-x86")?.split_whitespace().last());
    // Without Debian's epoch and revision: 1:10.0.13+ds-0+deb13u1
    let version = version.map(|version| version.split_once(':').map_or(version, |(_, rest)| rest));
    version.map(|version| version.split(['+', '-']).next().unwrap_or(version)).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_host::accelerator::says;

    /// Otherwise a server with KVM would be told that it has none.
    #[tokio::test]
    async fn the_guest_of_the_probe_runs_where_the_accelerator_does() {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/engine");
        let engine = built.join("current").canonicalize().expect("the engine root is built: make engine");
        let command = guest(&engine, &built.join("images"), "tcg");
        says(command, LINE, Duration::from_secs(60)).await.unwrap();
    }
}
