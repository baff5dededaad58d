//! net-snmp's agent (Debian: snmpd): an agent that is not ours, which says what a test wants. Other crates' tests include this file.
#![allow(dead_code)] // Not every test that includes it needs all of it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A value as snmpd's `override` takes it: what it stands under, its type, itself.
pub type Row = (String, &'static str, String);

pub fn number(name: &str, value: i64) -> Row {
    (name.to_owned(), "integer", value.to_string())
}

pub fn gauge(name: &str, value: u32) -> Row {
    (name.to_owned(), "uinteger", value.to_string())
}

pub fn text(name: &str, value: &str) -> Row {
    (name.to_owned(), "octet_str", format!("\"{value}\""))
}

/// Octets that are no text: `0x0011223344ff`.
pub fn octets(name: &str, value: &[u8]) -> Row {
    let hex: String = value.iter().map(|octet| format!("{octet:02x}")).collect();
    (name.to_owned(), "octet_str", format!("0x{hex}"))
}

pub struct Snmpd {
    program: Child,
    pub address: SocketAddr,
    pub community: &'static str,
}

impl Snmpd {
    /// `object`: `sysObjectID`, without the leading dot.
    pub fn start(folder: &Path, object: &str, rows: &[Row]) -> Self {
        let port =
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket").local_addr().expect("its address").port();
        Self::start_at(folder, port, object, rows)
    }

    /// Ends it, and starts one that says something else at the same place.
    pub fn say(self, folder: &Path, object: &str, rows: &[Row]) -> Self {
        let port = self.address.port();
        drop(self);
        Self::start_at(folder, port, object, rows)
    }

    pub fn start_at(folder: &Path, port: u16, object: &str, rows: &[Row]) -> Self {
        let community = "cake-read";
        let mut conf =
            format!("rocommunity {community} 127.0.0.1\nsysobjectid .{object}\nsysname strip\nsysdescr a strip\n");
        for (name, kind, value) in rows {
            writeln!(conf, "override .{name} {kind} {value}").expect("text");
        }
        let path = folder.join("snmpd.conf");
        std::fs::write(&path, conf).expect("its configuration");
        let mut program = Command::new("snmpd")
            .args(["-f", "-Lo", "-C", "-c"])
            .arg(&path)
            // Nothing else listens: its own neighbours speak over a socket with a fixed name.
            .args(["-I", "-smux", "--agentXSocket=", "-p"])
            .arg(folder.join("snmpd.pid"))
            .arg(format!("udp:127.0.0.1:{port}"))
            .env("SNMP_PERSISTENT_DIR", folder)
            .env("MIBS", "")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("snmpd is installed");
        // Its first line after the folders that it makes says that it listens.
        let mut lines = BufReader::new(program.stdout.take().expect("a pipe")).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("NET-SNMP version"));
        assert!(ready, "snmpd ended");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { program, address: (Ipv4Addr::LOCALHOST, port).into(), community }
    }

    /// What others' manager finds below `name`: names and values, as `-Oqn` writes them.
    pub fn walked(&self, name: &str) -> Vec<(String, String)> {
        let agent = self.address.to_string();
        let output = Command::new("snmpbulkwalk")
            .args(["-v2c", "-c", self.community, "-m", "", "-M", "", "-Oqnet", &agent, &format!(".{name}")])
            .output()
            .expect("snmp is installed");
        let split = |line: &str| line.split_once(' ').map(|(name, value)| (name[1..].to_owned(), value.to_owned()));
        String::from_utf8_lossy(&output.stdout).lines().filter_map(split).collect()
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A strip of APC with two outlets, one of them on; `volts` come in.
pub fn apc(volts: i64) -> Vec<Row> {
    let at = |rest: &str| format!("1.3.6.1.4.1.318.1.1.26.{rest}");
    vec![
        text(&at("2.1.8.1"), "AP8959EU3"),
        text(&at("2.1.9.1"), "ZA1234567890"),
        text(&at("2.1.6.1"), "v6.9.6"),
        number(&at("4.3.1.5.1"), 46),
        number(&at("6.1.1.7.1"), 16),
        number(&at("6.3.1.4.1"), 2),
        number(&at("6.3.1.5.1"), 21),
        number(&at("6.3.1.6.1"), volts),
        number(&at("6.3.1.7.1"), 46),
        text(&at("9.2.3.1.3.1"), "web 1"),
        text(&at("9.2.3.1.3.2"), "Outlet 2"),
        number(&at("9.2.3.1.5.1"), 2),
        number(&at("9.2.3.1.5.2"), 1),
        number(&at("9.4.3.1.6.1"), 20),
        number(&at("9.4.3.1.7.1"), 455),
        text(&at("10.2.2.1.3.1"), "Rear"),
        number(&at("10.2.2.1.8.1"), 285),
        number(&at("10.2.2.1.9.1"), 4),
        number(&at("10.2.2.1.10.1"), 41),
    ]
}

/// `sysObjectID` of such a strip (PowerNet-MIB, `masterSwitchrPDU2`).
pub const APC: &str = "1.3.6.1.4.1.318.1.3.4.6";
