//! A foreign client against our codec: the BMC of these tests, whose packets are all made by it, is asked by ipmitool.

#[path = "support/bmc.rs"]
mod bmc;

use anyhow::{Context, Result, ensure};
use bmc::{Bmc, ECHO, Nature, PASSWORD, USER};
use cake_bmc::rmcp::Secret;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Output};
use std::thread::JoinHandle;

/// Answers until it is told to end.
struct Server {
    address: SocketAddr,
    thread: Option<JoinHandle<Bmc>>,
}

impl Server {
    fn start(nature: Nature) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let thread = std::thread::spawn(move || {
            let mut bmc = Bmc::new(nature);
            let mut buffer = [0; 1024];
            // An empty datagram ends it.
            while let Ok((length @ 1.., from)) = socket.recv_from(&mut buffer) {
                if let Some(answer) = bmc.receive(&buffer[..length]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
            bmc
        });
        Ok(Self { address, thread: Some(thread) })
    }

    fn end(&mut self) -> Result<Bmc> {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(&[], self.address)?;
        self.thread.take().context("ended before")?.join().map_err(|_| anyhow::anyhow!("the BMC panicked"))
    }

    fn ipmitool(&self, suite: &str, password: &str, more: &[&str]) -> Result<Output> {
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        let command = format!("{ECHO:#x}");
        Command::new("ipmitool")
            .args([
                "-I", "lanplus", "-N", "2", "-R", "4", "-C", suite, "-H", &host, "-p", &port, "-U", USER, "-P",
                password,
            ])
            .args(more)
            .args(["raw", "0x06", &command, "0xca", "0xfe"])
            .output()
            .context("ipmitool")
    }
}

#[test]
fn ipmitool_speaks_both_suites_with_our_codec() -> Result<()> {
    for (suite, key) in [("3", None), ("17", None), ("3", Some("rackkey")), ("17", Some("rackkey"))] {
        let secret = key.map(|key| Secret::new(key.as_bytes()).context("a short key")).transpose()?;
        let mut server = Server::start(Nature { key: secret, ..Nature::default() })?;
        let key = key.map(|key| ["-k", key]);
        let output = server.ipmitool(suite, PASSWORD, key.as_ref().map_or(&[], |key| &key[..]))?;
        ensure!(output.status.success(), "suite {suite}, {key:?}: {}", String::from_utf8_lossy(&output.stderr));
        ensure!(String::from_utf8_lossy(&output.stdout).trim() == "ca fe");
        let bmc = server.end()?;
        ensure!(bmc.echoed.contains(&vec![0xca, 0xfe]));
        ensure!(bmc.sessions() == 0, "ipmitool closed its session");
    }
    Ok(())
}

#[test]
fn ipmitool_is_refused_with_a_wrong_password() -> Result<()> {
    let mut server = Server::start(Nature::default())?;
    let output = server.ipmitool("17", "wrong", &[])?;
    ensure!(!output.status.success());
    ensure!(server.end()?.echoed.is_empty());
    Ok(())
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.thread.is_some() {
            // A failing test leaves no thread that waits.
            let _ = self.end();
        }
    }
}
