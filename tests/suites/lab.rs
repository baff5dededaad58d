//! The laboratory of `make up LAB=1`, asked by a client that is not ours: real BMCs (ipmi_sim) over loopback, real machines (QEMU).

use anyhow::{Context, Result, bail, ensure};
use cake_bmc::discover::{Range, Tempo, discover};
use cake_tests::{DEADLINE, Process, workspace};
use std::fs;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The user of BMCs and machines here: every Debian has it.
const USER: &str = "daemon";
const SERVERS: [&str; 3] = ["lab-1", "lab-2", "lab-3"];
/// What cake-tiny writes on its console when it has booted.
const BOOTED: &str = "cake-tiny: ready on";

/// A laboratory in a directory of its own.
struct Lab {
    directory: tempfile::TempDir,
    engine: PathBuf,
}

impl Lab {
    fn new() -> Result<Self> {
        ensure!(nix::unistd::geteuid().is_root(), "mount namespaces are root's: run this test as root");
        let engine = std::env::var_os("CAKE_ENGINE_DIR").map(PathBuf::from);
        let engine = engine.unwrap_or_else(|| workspace().join("target/engine"));
        let directory = tempfile::Builder::new().prefix("cake-").tempdir()?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        // As if they had been switched off before: one machine is enough, and all that a busy one can take.
        for server in &SERVERS[1..] {
            fs::create_dir_all(directory.path().join("lab").join(server))?;
            fs::write(directory.path().join("lab").join(server).join("power"), "0\n")?;
        }
        Ok(Self { directory, engine })
    }

    fn path(&self, part: &str) -> PathBuf {
        self.directory.path().join(part)
    }

    /// A script of image/lab with what `make` would have in its environment, and nothing else.
    fn script(&self, name: &str, arguments: &[&str]) -> Result<std::process::Output> {
        let mut command = Command::new(workspace().join("image/lab").join(name));
        command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("CAKE_STATE", self.directory.path()).env("CAKE_USER", USER).env("CAKE_ENGINE_DIR", &self.engine);
        if let Some(images) = std::env::var_os("CAKE_IMAGES_DIR") {
            command.env("CAKE_IMAGES_DIR", images);
        }
        // There is no cake that could be told of the servers.
        command.env("CAKE_BUILT", self.path("nothing")).stdin(Stdio::null());
        Ok(command.output()?)
    }

    fn ok(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let output = self.script(name, arguments)?;
        ensure!(output.status.success(), "{name} {arguments:?}: {output:?}");
        Ok(String::from_utf8(output.stdout)?)
    }

    fn read(&self, part: &str) -> Result<String> {
        let path = self.path(part);
        Ok(fs::read_to_string(&path).with_context(|| path.display().to_string())?.trim().to_owned())
    }

    /// What ipmitool says to a server's BMC, and hears.
    fn ipmitool(&self, server: &str, arguments: &[&str]) -> Result<String> {
        let (port, password) = (self.read(&format!("lab/{server}/port"))?, self.path("lab/password"));
        let mut command = Command::new("ipmitool");
        command.args(["-I", "lanplus", "-C", "3", "-H", "127.0.0.1", "-p", &port, "-U", "admin", "-f"]).arg(password);
        let output = command.args(arguments).output().context("ipmitool")?;
        ensure!(output.status.success(), "ipmitool {arguments:?} to {server}: {output:?}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A process that a pid file names.
    fn process(&self, file: &str) -> Option<Process> {
        let note = self.read(file).ok()?;
        Process::find(note.split(' ').next()?.parse().ok()?)
    }

    fn machine(&self, server: &str) -> Option<Process> {
        self.process(&format!("lab/{server}/machine.pid"))
    }

    fn bmc(&self, server: &str) -> Result<Process> {
        self.process(&format!("run/{server}.pid")).with_context(|| format!("the BMC of {server} runs"))
    }

    /// How often a machine has said that it booted.
    fn boots(&self, server: &str) -> usize {
        let console = fs::read(self.path(&format!("lab/{server}/console.log"))).unwrap_or_default();
        String::from_utf8_lossy(&console).matches(BOOTED).count()
    }
}

impl Drop for Lab {
    /// Whatever a failed test left behind: the BMCs first.
    fn drop(&mut self) {
        SERVERS.iter().filter_map(|server| self.bmc(server).ok()).for_each(Process::kill);
        SERVERS.iter().filter_map(|server| self.machine(server)).for_each(Process::kill);
    }
}

/// Asks until it is so. There is nobody who would tell: BMCs poll their sensors themselves, twice a second.
fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        if let Some(found) = look()? {
            return Ok(found);
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    bail!("{what}: not within {} s", DEADLINE.as_secs())
}

/// The column of a sensor's line in `ipmitool sensor`.
fn column(text: &str, sensor: &str, at: usize) -> Option<String> {
    let line = text.lines().find(|line| line.split('|').next().is_some_and(|name| name.trim() == sensor))?;
    Some(line.split('|').nth(at)?.trim().to_owned())
}

#[test]
fn a_laboratory_has_real_power_sensors_and_an_end() -> Result<()> {
    let lab = Lab::new()?;
    let up = lab.ok("up.sh", &[])?;
    for server in SERVERS {
        let port = lab.read(&format!("lab/{server}/port"))?;
        ensure!(up.contains(&format!("127.0.0.1:{port}  user admin")), "{up}");
        // A new server is on.
        ensure!(lab.machine(server).is_some() == (server == SERVERS[0]), "{server}");
    }
    secrets_stay_secret(&lab)?;

    // Again changes nothing.
    let processes = |lab: &Lab| SERVERS.map(|server| (lab.bmc(server).ok(), lab.machine(server)));
    let before = processes(&lab);
    let again = lab.ok("up.sh", &[])?;
    ensure!(again.contains("lab-1 is running") && processes(&lab) == before, "{again}");

    a_scan_finds_it(&lab)?;
    it_says_what_it_is(&lab)?;
    power_is_a_machine(&lab)?;
    its_serial_port_is_a_console(&lab)?;
    a_file_becomes_a_reading_and_an_event(&lab)?;
    what_is_wrong_moves_nothing(&lab)?;

    // Down leaves no process, and up finds what was there.
    let running: Vec<_> = processes(&lab).into_iter().flat_map(|(bmc, machine)| [bmc, machine]).flatten().collect();
    ensure!(running.len() == 4, "{running:?}");
    lab.ok("down.sh", &[])?;
    ensure!(!running.iter().any(|process| process.is_alive()), "{running:?}");
    let port = lab.read("lab/lab-1/port")?;
    lab.ok("up.sh", &[])?;
    ensure!(lab.read("lab/lab-1/port")? == port);
    let log = lab.ipmitool("lab-1", &["sel", "elist"])?;
    ensure!(log.contains("Reading 95 > Threshold 90"), "a log outlives its BMC: {log}");
    ensure!(lab.machine("lab-1").is_some() && lab.machine("lab-3").is_none(), "as they were");
    lab.ok("down.sh", &[])?;
    ensure!(processes(&lab).iter().all(|(bmc, machine)| bmc.is_none() && machine.is_none()));
    Ok(())
}

/// Neither in an argument nor in a file that others read.
fn secrets_stay_secret(lab: &Lab) -> Result<()> {
    let password = lab.read("lab/password")?;
    ensure!(password.len() == 16);
    for server in SERVERS {
        let arguments = fs::read(format!("/proc/{}/cmdline", lab.bmc(server)?.pid))?;
        ensure!(!String::from_utf8_lossy(&arguments).contains(&password));
        ensure!(lab.read(&format!("lab/{server}/lan.conf"))?.contains(&password), "its own file has it");
    }
    let files = [lab.path("lab/password"), lab.path("lab/lab-1/lan.conf")];
    for path in &files {
        ensure!(fs::metadata(path)?.permissions().mode().trailing_zeros() >= 6, "{} is its owner's", path.display());
    }
    Ok(())
}

/// As the servers' own worker asks: by presence pings, without a login.
fn a_scan_finds_it(lab: &Lab) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for server in SERVERS {
        let (ip, port) = (IpAddr::from([127, 0, 0, 1]), lab.read(&format!("lab/{server}/port"))?.parse()?);
        let range = Range::new(ip, ip, port)?;
        let found = runtime.block_on(async {
            let socket = tokio::net::UdpSocket::bind((ip, 0)).await?;
            discover(&socket, &range, Tempo { rounds: 50, ..Tempo::default() }).await
        })?;
        ensure!(found.len() == 1 && found[0].ipmi, "{server}: {found:?}");
    }
    Ok(())
}

fn it_says_what_it_is(lab: &Lab) -> Result<()> {
    let plate = lab.ipmitool("lab-2", &["fru", "print", "0"])?;
    for line in [
        "Product Manufacturer  : cake laboratory",
        "Board Mfg             : cake laboratory",
        "Product Serial        : LAB-2",
    ] {
        ensure!(plate.contains(line), "{plate}");
    }
    let said = |server| lab.ipmitool(server, &["mc", "guid"]);
    ensure!(said("lab-1")? != said("lab-2")?, "no two servers are one");
    let sensors = until("every sensor was read", || {
        let text = lab.ipmitool("lab-2", &["sensor"])?;
        Ok((!text.contains("| na         |")).then_some(text))
    })?;
    ensure!(sensors.lines().count() == 22, "{sensors}");
    for (sensor, value, critical) in
        [("Inlet Temp", "23.000", "40.000"), ("Rail 12V", "12.060", "13.200"), ("Total Power", "236.000", "800.000")]
    {
        ensure!(column(&sensors, sensor, 1).as_deref() == Some(value), "{sensors}");
        ensure!(column(&sensors, sensor, 8).as_deref() == Some(critical), "{sensors}");
    }
    ensure!(column(&sensors, "PSU 1 Status", 3).as_deref() == Some("0x0100"), "present: {sensors}");
    ensure!(lab.ipmitool("lab-2", &["sel", "list"])?.trim().is_empty(), "nothing has happened");
    Ok(())
}

fn power_is_a_machine(lab: &Lab) -> Result<()> {
    let power = |verb: &str| lab.ipmitool("lab-1", &["chassis", "power", verb]);
    let first = lab.machine("lab-1").context("it is on")?;
    let program = fs::read(format!("/proc/{}/cmdline", first.pid))?;
    ensure!(String::from_utf8_lossy(&program).contains("qemu-system-x86_64"));
    power("off")?;
    ensure!(!first.is_alive() && power("status")?.contains("is off"));
    lab.ipmitool("lab-1", &["chassis", "bootdev", "disk"])?;
    power("on")?;
    let second = lab.machine("lab-1").context("it is on again")?;
    ensure!(second != first && power("status")?.contains("is on"));

    // Reset: the same QEMU boots once more.
    until("the first boot", || Ok((lab.boots("lab-1") == 1).then_some(())))?;
    power("reset")?;
    until("the second boot", || Ok((lab.boots("lab-1") == 2).then_some(())))?;
    ensure!(second.is_alive() && lab.machine("lab-1") == Some(second));

    // Soft: its own system ends it. A button that is pressed before that system listens is pressed for nothing: so again.
    until("its system has shut down", || {
        let pressed = power("soft");
        if second.is_alive() {
            pressed?;
            return Ok(None);
        }
        Ok(Some(()))
    })?;
    ensure!(power("status")?.contains("is off"));
    power("on")?;
    let third = lab.machine("lab-1").context("on")?;
    power("cycle")?;
    until("off, a moment, on", || Ok(lab.machine("lab-1").filter(|machine| *machine != third)))?;
    Ok(())
}

/// What the machine says while it boots comes out of its BMC, to a client that is not ours.
fn its_serial_port_is_a_console(lab: &Lab) -> Result<()> {
    lab.ipmitool("lab-1", &["chassis", "power", "on"])?;
    // ipmi_sim looks for the serial port once, when somebody asks for it: a machine that was started a moment ago has none yet.
    until("it has booted", || Ok((lab.boots("lab-1") == 1).then_some(())))?;
    let (port, password) = (lab.read("lab/lab-1/port")?, lab.path("lab/password"));
    let command =
        format!("ipmitool -I lanplus -C 3 -H 127.0.0.1 -p {port} -U admin -f {} sol activate", password.display());
    // ipmitool wants a terminal.
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &command, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = terminal.spawn().context("script (util-linux)")?;
    let (mut keys, mut out) = (client.stdin.take().context("a pipe")?, client.stdout.take().context("a pipe")?);
    let (said, hear) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = out.read(&mut bytes) {
            if said.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut seen = String::new();
    let mut expect = |text: &str| {
        let began = Instant::now();
        while !seen.contains(text) {
            let left = DEADLINE.saturating_sub(began.elapsed());
            let more = hear.recv_timeout(left).with_context(|| format!("{text:?} in {seen:?}"))?;
            seen.push_str(&String::from_utf8_lossy(&more));
        }
        let end = seen.find(text).map_or(0, |at| at + text.len());
        seen.drain(..end);
        anyhow::Ok(())
    };
    expect("SOL Session operational")?;
    lab.ipmitool("lab-1", &["chassis", "power", "reset"])?;
    expect(BOOTED)?;
    // What is typed before the shell has opened its terminal is lost, as on any machine.
    expect("# ")?;
    keys.write_all(b"\recho serial-$((40 + 2))\r")?;
    expect("serial-42")?;
    keys.write_all(b"\r~.")?;
    client.wait()?;
    drop(keys);
    reading.join().map_err(|_| anyhow::anyhow!("the reader"))
}

fn a_file_becomes_a_reading_and_an_event(lab: &Lab) -> Result<()> {
    let cpu = |wanted: &str| {
        until(wanted, || {
            let text = lab.ipmitool("lab-1", &["sensor", "reading", "CPU Temp"])?;
            Ok(column(&text, "CPU Temp", 1).filter(|value| value == wanted))
        })
    };
    lab.ok("set.sh", &["lab-1", "cpu", "95"])?;
    cpu("95")?;
    let log = until("the event", || {
        let text = lab.ipmitool("lab-1", &["sel", "elist"])?;
        Ok(text.contains("Upper Critical going high | Asserted | Reading 95 > Threshold 90").then_some(text))
    })?;
    ensure!(log.contains("CPU Temp") && !log.contains("Pre-Init"), "its clock was set: {log}");
    let told = lab.ok("set.sh", &["lab-1"])?;
    ensure!(told.lines().any(|line| line.split_whitespace().eq(["cpu", "95", "degrees_C"])), "{told}");
    lab.ok("set.sh", &["lab-1", "cpu", "begin"])?;
    cpu("48")?;

    lab.ok("set.sh", &["lab-1", "psu2", "unplugged"])?;
    until("the power supply's event", || {
        let text = lab.ipmitool("lab-1", &["sel", "elist"])?;
        Ok((text.contains("PSU 2 Status") && text.contains("AC lost | Asserted")).then_some(()))
    })
}

fn what_is_wrong_moves_nothing(lab: &Lab) -> Result<()> {
    let before = lab.ok("set.sh", &["lab-1"])?;
    for (arguments, said) in [
        (&["lab-1", "cpu", "999"][..], "ends at 255"),
        (&["lab-1", "cpu", "hot"], "takes a number"),
        (&["lab-1", "psu1", "tired"], "is one of"),
        (&["lab-1", "soul", "1"], "no sensor is called"),
        (&["lab-9", "cpu", "50"], "there is no lab-9"),
        (&["../run", "cpu", "50"], "set.sh SERVER"),
        (&[], "set.sh SERVER"),
    ] {
        let output = lab.script("set.sh", arguments)?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && text.contains(said), "{arguments:?}: {output:?}");
    }
    ensure!(lab.ok("set.sh", &["lab-1"])? == before);
    ensure!(Path::new("/run/cake-lab").is_dir(), "the mount point stays");
    ensure!(fs::read_dir("/run/cake-lab")?.next().is_none(), "what is mounted there is seen in the laboratory alone");
    Ok(())
}
