//! A wire with machines on it: a network namespace that ends with the test, with a bridge, DHCP and files over HTTP.

use super::child::{Child, Gets};
use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::files::Files;

/// The test's own address on the wire; DHCP gives from .100 on.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 91, 0, 1);
const BRIDGE: &str = "wire";

#[derive(Debug)]
pub struct Lan {
    namespace: File,
    folder: tempfile::TempDir,
    plugged: AtomicU8,
}

/// Where a machine is plugged in.
#[derive(Clone, Debug)]
pub(super) struct Plug {
    pub tap: String,
    pub mac: String,
}

impl Lan {
    /// A wire with nothing on it but the test.
    pub fn lay() -> Result<Self> {
        let namespace = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("network namespaces are root's: run this test as root")?;
            // It lives as long as somebody has it open or lives in it: a test that is killed leaves nothing behind.
            anyhow::Ok(File::open("/proc/thread-self/ns/net")?)
        });
        let namespace = namespace.join().expect("this thread does not panic")?;
        let folder = tempfile::Builder::new().prefix("cake-lan-").tempdir()?;
        let lan = Self { namespace, folder, plugged: AtomicU8::new(0) };
        lan.ip(&["link", "set", "lo", "up"])?;
        lan.ip(&["link", "add", BRIDGE, "type", "bridge"])?;
        lan.ip(&["addr", "add", &format!("{HOST}/24"), "dev", BRIDGE])?;
        lan.ip(&["link", "set", BRIDGE, "up"])?;
        Ok(lan)
    }

    pub(super) fn namespace(&self) -> &File {
        &self.namespace
    }

    pub(super) fn plug(&self) -> Result<Plug> {
        let number = self.plugged.fetch_add(1, Ordering::Relaxed);
        let plug = Plug { tap: format!("tap{number}"), mac: format!("52:54:00:ca:4e:{number:02x}") };
        self.ip(&["tuntap", "add", &plug.tap, "mode", "tap"])?;
        self.ip(&["link", "set", &plug.tap, "master", BRIDGE, "up"])?;
        Ok(plug)
    }

    /// A program that is started by this lives on the wire.
    pub fn put(&self, command: &mut Command) -> Result<()> {
        let namespace = self.namespace.try_clone()?;
        // SAFETY: setns is a system call, and the descriptor is open.
        unsafe { command.pre_exec(move || Ok(setns(&namespace, CloneFlags::CLONE_NEWNET)?)) };
        Ok(())
    }

    /// Runs `ip` on the wire.
    fn ip(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new("ip");
        command.args(arguments);
        self.put(&mut command)?;
        let output = command.output().context("ip")?;
        ensure!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// What this does happens on the wire: sockets that are made within it stay there.
    fn within<T: Send>(&self, does: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                setns(&self.namespace, CloneFlags::CLONE_NEWNET)?;
                does()
            });
            there.join().expect("what is done on the wire does not panic")
        })
    }

    /// Files for who asks by HTTP, on port 80.
    pub fn serve(&self) -> Result<Files> {
        Files::on(self.within(|| Ok(std::net::TcpListener::bind((HOST, 80))?))?)
    }

    /// Gives addresses, and to firmware that boots by HTTP this URL.
    pub fn dhcp(&self, boot: Option<&str>) -> Result<Child> {
        let mut command = Command::new("dnsmasq");
        command.args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--port=0",
            "--log-dhcp",
        ]);
        command.args(["--user=root", "--pid-file", "--bind-interfaces", "--log-facility=-"]);
        command.arg(format!("--interface={BRIDGE}")).arg(format!("--dhcp-leasefile={}", self.leases().display()));
        command.arg("--dhcp-range=10.91.0.100,10.91.0.199,255.255.255.0,1h");
        if let Some(url) = boot {
            // The firmware asks with the class HTTPClient, and believes only who answers with it.
            command.args(["--dhcp-vendorclass=set:http,HTTPClient", "--dhcp-option-force=tag:http,60,HTTPClient"]);
            command.arg(format!("--dhcp-boot=tag:http,{url}"));
        }
        let log = self.folder.path().join("dnsmasq.log");
        Child::start(command, &log, Gets { descriptor: None, network: Some(&self.namespace) })
            .context("dnsmasq (Debian's dnsmasq-base)")
    }

    fn leases(&self) -> std::path::PathBuf {
        self.folder.path().join("leases")
    }

    /// The address that DHCP gave to a card.
    pub(super) fn address_of(&self, mac: &str) -> Option<Ipv4Addr> {
        lease(&self.leases(), mac)
    }

    /// A port of this machine's loopback that leads to somebody on the wire, for as long as the runtime lives.
    pub(super) async fn forward(self: &Arc<Self>, to: SocketAddr) -> Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (here, lan) = (listener.local_addr()?, self.clone());
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let lan = lan.clone();
                tokio::spawn(async move {
                    let far = tokio::task::spawn_blocking(move || lan.connect(to)).await??;
                    far.set_nonblocking(true)?;
                    let mut far = tokio::net::TcpStream::from_std(far)?;
                    // Whoever hangs up ends it.
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    anyhow::Ok(())
                });
            }
        });
        Ok(here)
    }

    /// A connection to somebody on the wire.
    pub(super) fn connect(&self, to: SocketAddr) -> Result<TcpStream> {
        self.within(|| Ok(TcpStream::connect(to)?))
    }
}

/// A line is: end, card, address, name, client.
fn lease(file: &Path, mac: &str) -> Option<Ipv4Addr> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find_map(|words| (words.get(1) == Some(&mac)).then(|| words.get(2)?.parse().ok()).flatten())
}
