//! A BMC on the network, as a server has one: alive while the server is off, and it switches the server on. OpenIPMI's `ipmi_sim`,
//! an implementation that is not ours; the system speaks to the same one through KCS.

use super::child::{Child, Gets};
use anyhow::{Context, Result, ensure};
use nix::sys::stat::Mode;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;

pub const USER: &str = "admin";
pub const PASSWORD: &str = "cakepass";
/// What ipmi_sim calls when the power is asked for or changed: `get WHAT…`, `set WHAT VALUE…`. What is set goes to the test, line by
/// line; what is asked for stands in a file that the test keeps.
const HOOK: &str = r#"#!/bin/sh
room=$(dirname "$0") verb=$1
shift
case $verb in
    get) for what in "$@"; do echo "$what:$(cat "$room/$what" 2>/dev/null || echo 0)"; done ;;
    set) while [ $# -ge 2 ]; do echo "$1 $2" >>"$room/wishes"; shift 2; done ;;
esac
"#;
const SENSORS: &str = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nsel_enable 0x20 1000 0x0a\n\
                       mc_enable 0x20\n";

#[derive(Debug)]
pub struct Bmc {
    _process: Child,
    room: PathBuf,
    lan: u16,
    system: u16,
    wishes: BufReader<pipe::Receiver>,
}

/// What somebody asked of the server through its BMC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    On,
    Off,
    Reset,
    /// As by its power button.
    ShutDown,
    /// Something that is no power: a boot device, a light.
    Other,
}

impl Bmc {
    /// Starts it; its server is off.
    pub(super) fn start(room: PathBuf) -> Result<Self> {
        fs::create_dir_all(room.join("memory/ipmi_sim/server"))?;
        let pipe = room.join("wishes");
        nix::unistd::mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
        // For both ways, so that it does not end when a writer does.
        let wishes = pipe::OpenOptions::new().read_write(true).open_receiver(&pipe)?;
        fs::write(room.join("hook"), HOOK)?;
        fs::set_permissions(room.join("hook"), fs::Permissions::from_mode(0o755))?;
        fs::write(room.join("bmc.emu"), SENSORS)?;
        // ipmi_sim can't be told to choose its ports: these were free a moment ago.
        let lan = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let system = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        fs::write(room.join("lan.conf"), configuration(&room, lan, system))?;
        let mut command = Command::new("ipmi_sim");
        command.arg("-n").arg("-c").arg(room.join("lan.conf")).arg("-f").arg(room.join("bmc.emu"));
        command.arg("-s").arg(room.join("memory"));
        let process =
            Child::start(command, &room.join("bmc.log"), Gets::default()).context("ipmi_sim (Debian's openipmi)")?;
        Ok(Self { _process: process, room, lan, system, wishes: BufReader::new(wishes) })
    }

    /// Where it speaks IPMI; user [`USER`], password [`PASSWORD`], cipher suite 3.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.lan).into()
    }

    /// Where QEMU's `ipmi-bmc-extern` connects to.
    pub(super) fn system(&self) -> u16 {
        self.system
    }

    pub(super) fn tell_power(&self, on: bool) -> Result<()> {
        // Whole or not at all: the hook may look at any time.
        fs::write(self.room.join("power.new"), if on { "1\n" } else { "0\n" })?;
        Ok(fs::rename(self.room.join("power.new"), self.room.join("power"))?)
    }

    /// What somebody asks for next.
    pub(super) async fn wish(&mut self) -> Result<Wish> {
        let mut line = String::new();
        self.wishes.read_line(&mut line).await?;
        Ok(match line.trim() {
            "power 1" => Wish::On,
            "power 0" => Wish::Off,
            "reset 1" => Wish::Reset,
            "shutdown 1" => Wish::ShutDown,
            _ => Wish::Other,
        })
    }
}

/// What ipmitool, which is not ours, says to a BMC and hears.
pub async fn ipmitool(bmc: SocketAddr, arguments: &[&str]) -> Result<String> {
    let (host, port) = (bmc.ip().to_string(), bmc.port().to_string());
    let mut command = tokio::process::Command::new("ipmitool");
    command.args(["-I", "lanplus", "-C", "3", "-H", &host, "-p", &port, "-U", USER, "-P", PASSWORD]).args(arguments);
    let output = command.kill_on_drop(true).output().await.context("ipmitool")?;
    ensure!(output.status.success(), "ipmitool {arguments:?}: {output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

fn configuration(room: &Path, lan: u16, system: u16) -> String {
    let room = room.display();
    let levels: String = ["user", "operator", "admin"].map(|level| format!("    allowed_auths_{level} md5\n")).concat();
    format!(
        "name \"server\"\nset_working_mc 0x20\n  startlan 1\n    addr 127.0.0.1 {lan}\n    priv_limit admin\n{levels}    \
         guid ca4e0000000000000000000000000001\n  endlan\n  serial 15 127.0.0.1 {system} codec VM\n  \
         chassis_control \"{room}/hook\"\n  startnow false\n  user 1 false \"\" \"\" user 10 md5\n  \
         user 2 true \"{USER}\" \"{PASSWORD}\" admin 10 md5\n"
    )
}
