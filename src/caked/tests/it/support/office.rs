//! An office in a test: this thread moves into a network namespace of its own, with a cable to another machine.
//!
//! ```text
//!   caked's namespace                              the other machine's
//!     eth0 10.9.0.2, fd00:9::2 ──── veth ──────────  eth0 10.9.0.1, fd00:9::1
//! ```

use nix::sched::{CloneFlags, unshare};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What the other machine runs: an implementation of multicast DNS that is not ours (Debian: python3-zeroconf).
const NEIGHBOUR: &str = include_str!("neighbour.py");

pub struct Office {
    other: Child,
}

/// A program on the other machine that tells line by line what it sees; ended with this.
pub struct Neighbour {
    child: Child,
    lines: UnboundedReceiver<String>,
}

impl Office {
    /// From here on this thread, and whatever it starts, is in the office. The cable is plugged in; there is no address yet.
    pub fn open() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let other = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo there; exec sleep infinity"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut office = Self { other };
        office.other.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
        let move_away = format!("link set eth1 netns {}", office.other.id());
        for line in ["link set lo up", "link add eth0 type veth peer name eth1", &move_away, "link set eth0 up"] {
            ip(line);
        }
        for line in ["link set lo up", "link set eth1 name eth0", "link set eth0 up", "addr add 10.9.0.1/24 dev eth0"] {
            run(office.other("ip").args(line.split(' ')));
        }
        run(office.other("ip").args("addr add fd00:9::1/64 dev eth0 nodad".split(' ')));
        office
    }

    /// By DHCP, so to speak.
    pub fn addresses_come(&self) {
        ip("addr add 10.9.0.2/24 dev eth0");
        ip("addr add fd00:9::2/64 dev eth0 nodad");
    }

    pub fn other(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.other.id().to_string(), "--net", program]);
        command
    }

    pub fn neighbour(&self, words: &[&str]) -> Neighbour {
        let mut command = self.other("/usr/bin/python3");
        command.args(["-u", "-c", NEIGHBOUR]).args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3");
        // Read by a thread of its own: this one is caked's.
        let (said, lines) = unbounded_channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).all(|line| said.send(line).is_ok()));
        Neighbour { child, lines }
    }
}

impl Neighbour {
    /// Reads until it says such a line. Whoever waits in vain is ended by the test runner.
    pub async fn until(&mut self, good: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.lines.recv().await.expect("the neighbour has gone");
            if good(&line) {
                return line;
            }
        }
    }

    pub fn hears(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// All that it says until it has done what it was asked for.
    pub async fn ends(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.lines.recv().await {
            lines.push(line);
        }
        assert!(self.child.wait().unwrap().success(), "{lines:?}");
        lines
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.other.kill();
        let _ = self.other.wait();
    }
}

pub fn ip(line: &str) {
    run(Command::new("ip").args(line.split(' ')));
}

/// What it said.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A network namespace with one address that is none of loopback's; the threads of the runtime live in it.
pub fn in_a_network<F: Future<Output = ()>>(host: &str, test: impl FnOnce() -> F) {
    // As the program does it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    for arguments in ["link set lo up", &format!("address add {host}/32 dev lo")] {
        assert!(Command::new("ip").args(arguments.split(' ')).status().unwrap().success(), "{arguments}");
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
}
