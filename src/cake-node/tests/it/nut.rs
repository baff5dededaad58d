//! A power supply without one: NUT's own server and its `dummy-ups` driver, which says what a file says.

use anyhow::{Context, Result, bail};
use cake_types::UpsSpec;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Where Debian's package nut-server has its programs.
const PROGRAMS: &str = "/lib/nut";
pub const USER: &str = "cake";
pub const PASSWORD: &str = "ge heim";

/// Ended when dropped.
pub struct Nut {
    folder: TempDir,
    driver: Child,
    server: Child,
    pub port: u16,
}

impl Nut {
    pub async fn start(says: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let place = folder.path();
        let write = |name: &str, text: String| std::fs::write(place.join(name), text);
        write("rack.dev", says.into())?;
        write("ups.conf", format!("[rack]\ndriver = dummy-ups\nport = {}\n", place.join("rack.dev").display()))?;
        write("upsd.conf", format!("LISTEN 127.0.0.1 {port}\n"))?;
        write("upsd.users", format!("[{USER}]\npassword = \"{PASSWORD}\"\nupsmon secondary\n"))?;
        let mut driver = program(place, "dummy-ups", &["-a", "rack"])?;
        // The server finds the driver's socket, or looks for it again only after a while.
        if let Err(error) = until(|| place.join("dummy-ups-rack").exists()).await {
            let _ = driver.kill();
            return Err(error.context("dummy-ups"));
        }
        let server = program(place, "upsd", &[])?;
        let nut = Self { folder, driver, server, port };
        until(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await.context("upsd")?;
        Ok(nut)
    }

    /// What the power supply says from now on; the driver looks at the file every other second.
    pub fn says(&self, text: &str) -> Result<()> {
        let (new, path) = (self.folder.path().join("rack.new"), self.folder.path().join("rack.dev"));
        std::fs::write(&new, text)?;
        Ok(std::fs::rename(new, path)?)
    }

    pub fn spec(&self, minutes: u32) -> UpsSpec {
        let (host, name) = ("127.0.0.1".into(), "rack".into());
        UpsSpec { host, port: self.port, name, user: None, password: None, minutes }
    }
}

fn program(place: &Path, name: &str, arguments: &[&str]) -> Result<Child> {
    let log = std::fs::File::create(place.join(format!("{name}.log")))?;
    let mut command = Command::new(Path::new(PROGRAMS).join(name));
    command.args(arguments).args(["-F", "-u", "root"]);
    for variable in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
        command.env(variable, place);
    }
    let started = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
    started.with_context(|| format!("{PROGRAMS}/{name} is missing: install nut-server (image/build.list)"))
}

async fn until(so: impl Fn() -> bool) -> Result<()> {
    for _ in 0..600 {
        if so() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("it does not begin")
}

impl Drop for Nut {
    fn drop(&mut self) {
        for child in [&mut self.server, &mut self.driver] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
