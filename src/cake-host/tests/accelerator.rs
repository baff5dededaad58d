//! The KVM probe with the engine root's QEMU and the smallest guest.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use cake_host::accelerator::{GuestFailure, Probe, check_device, probe, says};
use cake_types::{Accelerator, TcgReason};
use tokio::process::Command;

const LINE: &str = "cake-pvh: up";
/// In a mount namespace of its own: the engine root gets the devices and images that it does not hold itself.
const INSIDE: &str = r#"
mount -t tmpfs tmpfs "$0/dev" && mount --bind "$1" "$0/vm" || exit 1
[ ! -e /dev/kvm ] || { : >"$0/dev/kvm" && mount --bind /dev/kvm "$0/dev/kvm"; } || exit 1
shift
exec chroot "$0" /usr/bin/qemu-system-x86_64 "$@"
"#;

fn built(variable: &str, path: &str, file: &str, script: &str) -> Result<PathBuf> {
    let folder = std::env::var_os(variable)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/engine").join(path), PathBuf::from);
    let missing = folder.join(file);
    ensure!(missing.exists(), "{} is missing: run image/scripts/{script}, or set {variable}", missing.display());
    Ok(folder)
}

fn guest(accelerator: &str, cpu: &str) -> Result<Command> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", INSIDE]);
    command.arg(built("CAKE_ENGINE", "current", "usr/bin/qemu-system-x86_64", "engine-root.sh")?);
    command.arg(built("CAKE_IMAGES_DIR", "images", "cake-pvh.elf", "cake-tiny.sh")?);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-m", "32"]);
    command.args(["-accel", accelerator, "-cpu", cpu, "-serial", "stdio", "-kernel", "/vm/cake-pvh.elf"]);
    Ok(command)
}

#[tokio::test]
async fn a_guest_that_runs_is_heard() -> Result<()> {
    Ok(says(guest("tcg", "qemu64")?, LINE, Duration::from_secs(60)).await?)
}

#[tokio::test]
async fn a_guest_that_does_not_run_is_given_up() -> Result<()> {
    let mut silent = Command::new("sleep");
    silent.arg("1000");
    let failure = says(silent, LINE, Duration::from_millis(50)).await.expect_err("silent");
    ensure!(matches!(failure, GuestFailure::TimedOut(_)), "{failure:?}");

    let failure = says(guest("nonsense", "qemu64")?, LINE, Duration::from_secs(60)).await.expect_err("refused by QEMU");
    ensure!(matches!(&failure, GuestFailure::Ended { complaint } if complaint.contains("nonsense")), "{failure:?}");

    let mut chatter = Command::new("yes");
    chatter.arg("nothing of interest");
    let failure = says(chatter, LINE, Duration::from_secs(60)).await.expect_err("the wrong words");
    ensure!(matches!(failure, GuestFailure::Ended { .. }), "{failure:?}");

    let failure = says(Command::new("/nowhere/nothing"), LINE, Duration::from_secs(60)).await.expect_err("no program");
    ensure!(matches!(failure, GuestFailure::Start(_)), "{failure:?}");
    Ok(())
}

#[tokio::test]
async fn this_machine_gives_one_answer_per_boot_and_engine() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("accelerator");
    let device = Path::new("/dev/kvm");
    let question = Probe { device, cache: &cache, engine: "one", line: LINE, limit: Duration::from_secs(30) };
    let first = probe(&question, guest("kvm", "host")?).await;
    if let Err(because) = check_device(device) {
        ensure!(first == Accelerator::Tcg { because } && !cache.exists(), "{first:?}");
        return Ok(());
    }
    // The guest decides, and what it said is believed until the next boot: this one would have to run for ever.
    let mut silent = Command::new("sleep");
    silent.arg("1000");
    let asked = Instant::now();
    ensure!(probe(&question, silent).await == first, "the answer is kept");
    ensure!(asked.elapsed() < question.limit, "nobody was asked again");

    let mut other = Command::new("echo");
    other.arg(LINE);
    let question = Probe { engine: "another", ..question };
    ensure!(probe(&question, other).await == Accelerator::Kvm, "another engine is tried anew");
    Ok(())
}

/// A machine that was busy at boot is asked once more; then silence is an answer.
#[tokio::test]
async fn silence_is_believed_the_second_time() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (cache, device) = (folder.path().join("accelerator"), Path::new("/dev/kvm"));
    if check_device(device).is_err() {
        return Ok(());
    }
    let question = |engine| Probe { device, cache: &cache, engine, line: LINE, limit: Duration::from_millis(100) };
    let silent = || {
        let mut command = Command::new("sleep");
        command.arg("1000");
        command
    };
    let speaks = || {
        let mut command = Command::new("echo");
        command.arg(LINE);
        command
    };
    let tcg = Accelerator::Tcg { because: TcgReason::GuestDidNotRun };
    let patient = Duration::from_secs(60);
    ensure!(probe(&question("one"), silent()).await == tcg);
    ensure!(probe(&Probe { limit: patient, ..question("one") }, speaks()).await == Accelerator::Kvm);
    ensure!(probe(&question("another"), silent()).await == tcg);
    ensure!(probe(&question("another"), silent()).await == tcg);
    ensure!(probe(&Probe { limit: patient, ..question("another") }, speaks()).await == tcg, "now it is known");
    Ok(())
}

#[test]
fn no_device_is_no_kvm() -> Result<()> {
    let folder = tempfile::tempdir()?;
    ensure!(check_device(&folder.path().join("kvm")) == Err(TcgReason::NoDevice));
    ensure!(check_device(Path::new("/dev/null")) == Err(TcgReason::NoDevice));
    Ok(())
}
