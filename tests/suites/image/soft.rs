//! By hand.

use anyhow::{Context, Result, ensure};
use cake_tests::appliance::{self, BOOT, installed, log_in, server};
use cake_tests::pvh;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn by_hand() -> Result<()> {
    let install = "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"";
    let mut machine = installed(server("soft").second_serial(), install).await?;
    machine.power_on().await?;
    let administrator = log_in(&mut machine).await?;
    let task = administrator.create_vm(&pvh("web", true)).await?;
    administrator.wait_task(task.id, |_| {}).await?;
    let vm = administrator.vm("web").await?;
    let pid = vm.pid.context("pid")?;
    for round in 0..2 {
        eprintln!("round {round} pid {pid}");
        let script = "set -x; systemctl status cake-vms.slice | head -40; mkdir -p /run/nextroot /run/t; mount -t tmpfs -o size=20% tmpfs /run/t; mkdir /run/t/u /run/t/w; ls /run/cake; cat /proc/mounts; mkdir -p /run/sq; mount -t squashfs -o ro /dev/loop0 /run/sq; mount -t overlay cake /run/nextroot -o lowerdir=/run/sq,upperdir=/run/t/u,workdir=/run/t/w; umount -l /run/t /run/sq; ip addr; cat /proc/uptime; systemctl soft-reboot\n";
        machine.shell()?.type_in(script).await?;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let administrator = log_in(&mut machine).await;
        machine.shell()?.type_in(&format!("set -x; cat /proc/uptime; ip addr; cat /proc/mounts; ps ax | head -80; ls -l /proc/{pid}/; systemctl --failed; losetup -a; free -m; journalctl -b -n 250 --no-pager; echo finished\n")).await?;
        let _ = tokio::time::timeout(Duration::from_secs(100), machine.shell()?.first_of(&["+ echo finished\nfinished"])).await;
        let administrator = administrator?;
        let vm = appliance::until(BOOT, async || Ok(administrator.vm("web").await?.value), |vm| vm.state == "running").await?;
        ensure!(vm.pid == Some(pid), "{vm:?}");
    }
    machine.passed()
}
