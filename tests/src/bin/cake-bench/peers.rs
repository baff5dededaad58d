//! Rows of others, where they are installed: libvirt starts and stops the same guest; Incus lists what it has.

use anyhow::{Result, anyhow, ensure};
use cake_tests::Instance;
use cake_tests::table::{Goal, Samples, Table};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What others fail at is told below the table, which is about cake.
pub fn measure(table: &mut Table, instance: &Instance, rounds: usize) {
    let libvirt = match here("virsh", &["-c", "qemu:///system", "version"]) {
        true => libvirt(table, instance, rounds),
        false => Err(anyhow!("not installed, or its daemon does not answer")),
    };
    let incus = match here("incus", &["list", "--format", "json"]) {
        true => incus(table, rounds),
        false => Err(anyhow!("not installed, or its daemon does not answer")),
    };
    for (name, result) in [("libvirt", libvirt), ("Incus", incus)] {
        if let Err(error) = result {
            table.note(format!("{name}: {error:#}"));
        }
    }
}

fn here(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn timed(program: &str, arguments: &[&str]) -> Result<Duration> {
    let begun = Instant::now();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(begun.elapsed())
}

/// The same kernel, memory and machine type; the command's own start is in the figure, as it is for whoever types it.
fn libvirt(table: &mut Table, instance: &Instance, rounds: usize) -> Result<()> {
    let kernel = instance.place().images.join("cake-pvh.elf");
    let domain = format!(
        "<domain type='qemu'><name>cake-bench</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
         <os><type arch='x86_64' machine='q35'>hvm</type><kernel>{}</kernel></os>
         <devices><serial type='pty'/><memballoon model='none'/></devices></domain>",
        kernel.display()
    );
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), domain)?;
    let path = file.path().to_string_lossy();
    let (mut start, mut stop) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        start.push(timed("virsh", &["-c", "qemu:///system", "create", &path])?);
        stop.push(timed("virsh", &["-c", "qemu:///system", "destroy", "cake-bench"])?);
    }
    table.row("libvirt: virsh create, the same guest", Samples::times(&start), None, Goal::None, "");
    table.row("libvirt: virsh destroy", Samples::times(&stop), None, Goal::None, "");
    Ok(())
}

fn incus(table: &mut Table, rounds: usize) -> Result<()> {
    let lists = (0..rounds).map(|_| timed("incus", &["list", "--format", "json"])).collect::<Result<Vec<_>>>()?;
    table.row("Incus: list of what is there", Samples::times(&lists), None, Goal::None, "");
    Ok(())
}
