//! The screen and the serial port: where the console is, how to recognise it, and the one-time token.
//!
//! What is shown is drawn anew when it changes. The screen (tty1) is cleared for that; a serial port is somebody's log, so there only
//! what is new is written.

use anyhow::Result;
use cake_types::is_reachable;
use nix::ifaddrs::getifaddrs;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde::Deserialize;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::answers::CAKED;
use crate::mode::{Mode, RUN, STATE};
use crate::{answers, locked, program, release};

const SCREEN: &str = "/dev/tty1";
const SERIAL: &str = "/dev/ttyS0";
/// How old what is shown may be.
const LOOK: Duration = Duration::from_secs(3);

/// What `caked status` says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Console {
    fingerprint: String,
    setup_token: Option<String>,
    version: String,
    running: bool,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    mode: Mode,
    addresses: Vec<IpAddr>,
    console: Option<Console>,
}

/// A line for whoever watches, on the screen and the serial port, and for the journal.
pub fn say(line: &str) {
    show_once(line);
    println!("{line}");
}

/// A line for whoever watches now, kept nowhere.
pub fn show_once(line: &str) {
    for place in [SCREEN, SERIAL] {
        write(place, &format!("cake: {line}\r\n"));
    }
}

pub fn show() -> Result<()> {
    let (mut before, mut told) = (None, Told::default());
    loop {
        let now = look(&mut told);
        if now != before {
            if let Some(shown) = &now {
                write(SCREEN, &format!("\x1b[H\x1b[2J{}", screen(shown)));
                write(SERIAL, &serial(shown).replace('\n', "\r\n"));
            }
            before = now;
        }
        std::thread::sleep(LOOK);
    }
}

fn write(place: &str, text: &str) {
    // A server without a screen or without a serial port has the other.
    if let Ok(mut file) = File::options().write(true).open(place) {
        let _ = file.write_all(text.as_bytes());
    }
}

fn look(told: &mut Told) -> Option<Shown> {
    let mode = Mode::read(Path::new(RUN))?;
    let console = if mode == Mode::Locked { locked_page() } else { told.console() };
    Some(Shown { mode, addresses: addresses(), console })
}

/// What caked said last. It is asked again when one of the files changes that it answers from: a program that is started every few
/// seconds, for ever, is work for nobody.
#[derive(Default)]
struct Told {
    files: [Option<SystemTime>; 2],
    console: Option<Console>,
}

impl Told {
    fn console(&mut self) -> Option<Console> {
        // The wizard waits for nobody while its answers are being given.
        if answers::pending() {
            return None;
        }
        let state = Path::new(STATE).join("caked");
        let modified = |name| std::fs::metadata(state.join(name)).and_then(|file| file.modified()).ok();
        let files = ["instance.json", "setup-token"].map(modified);
        let answers = self.console.as_ref().is_some_and(|console| console.running);
        if !answers || files != self.files {
            (self.files, self.console) = (files, ask(&state));
        }
        self.console.clone()
    }
}

fn ask(state: &Path) -> Option<Console> {
    let said = program::run(CAKED, &["status", "--state", &state.display().to_string()]).ok()?;
    serde_json::from_str(&said).ok()
}

/// The one page that a locked server has.
fn locked_page() -> Option<Console> {
    let fingerprint = std::fs::read_to_string(locked::FINGERPRINT).ok()?;
    Some(Console { fingerprint, setup_token: None, version: release::version().ok()?, running: true })
}

/// Addresses that a browser elsewhere can use, IPv4 first.
pub fn addresses() -> Vec<IpAddr> {
    let Ok(all) = getifaddrs() else { return Vec::new() };
    let mut found: Vec<IpAddr> = all
        .filter_map(|interface| {
            let address = interface.address?;
            let four = address.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
            four.or_else(|| address.as_sockaddr_in6().map(|six| IpAddr::V6(Ipv6Addr::from(six.ip().octets()))))
        })
        .filter(|address| is_reachable(*address))
        .collect();
    found.sort_by_key(|address| (address.is_ipv6(), *address));
    found.dedup();
    found
}

fn url(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => format!("https://{four}/"),
        IpAddr::V6(six) => format!("https://[{six}]/"),
    }
}

/// The text for people in front of the server.
fn screen(shown: &Shown) -> String {
    let mut text = String::from("\n  cake\n\n");
    let Some(console) = shown.console.as_ref().filter(|console| console.running) else {
        text += "  Starting.\n";
        return text;
    };
    let _ = writeln!(text, "  {}\n", headline(shown.mode));
    if shown.addresses.is_empty() {
        text += "  No network yet: plug a cable into any port. An address is asked for by DHCP.\n";
        return text;
    }
    for address in &shown.addresses {
        let _ = writeln!(text, "  {}", url(*address));
    }
    let _ = writeln!(text, "\n  fingerprint  {}", console.fingerprint);
    if let Some(token) = &console.setup_token {
        let _ = writeln!(text, "  token        {token}");
    }
    if let Some(code) = qr(&url(shown.addresses[0])) {
        let _ = write!(text, "\n{code}\n");
    }
    text
}

fn headline(mode: Mode) -> &'static str {
    match mode {
        Mode::Installer => "Nothing is installed yet. Open this address in a browser on another computer:",
        Mode::Installed => "The console of this server:",
        Mode::Locked => "This server's state is locked. Its recovery key opens it:",
    }
}

/// One block, for a log: words that programs look for do not change.
fn serial(shown: &Shown) -> String {
    let Some(console) = shown.console.as_ref().filter(|console| console.running) else { return String::new() };
    let urls: Vec<String> = shown.addresses.iter().map(|address| url(*address)).collect();
    let mut text = format!("\ncake {}: {}\n", console.version, shown.mode.word());
    let _ =
        writeln!(text, "  console      {}", if urls.is_empty() { "no network yet".to_owned() } else { urls.join(" ") });
    let _ = writeln!(text, "  fingerprint  {}", console.fingerprint);
    if let Some(token) = &console.setup_token {
        let _ = writeln!(text, "  token        {token}");
    }
    text
}

/// Two squares to a letter, so that it is square on a screen of text.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let picture =
        code.render::<Dense1x2>().quiet_zone(true).dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
    Some(picture.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(token: Option<&str>, addresses: &[&str]) -> Shown {
        let console = Console {
            fingerprint: "AB:CD".into(),
            setup_token: token.map(str::to_owned),
            version: "1.2".into(),
            running: true,
        };
        Shown {
            mode: Mode::Installer,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            console: Some(console),
        }
    }

    #[test]
    fn a_server_with_an_address_shows_where_it_is() {
        let shown = shown(Some("geheim"), &["192.0.2.7", "2001:db8::7"]);
        let text = screen(&shown);
        assert!(
            text.contains("https://192.0.2.7/") && text.contains("https://[2001:db8::7]/") && text.contains("geheim"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 100) && text.lines().count() <= 40, "{text}");
        assert!(
            serial(&shown).contains("cake 1.2: installer\n  console      https://192.0.2.7/ https://[2001:db8::7]/\n")
        );
    }

    #[test]
    fn a_server_without_a_cable_says_what_to_do() {
        assert!(screen(&shown(None, &[])).contains("plug a cable"));
        let starting = Shown { console: None, ..shown(None, &[]) };
        assert!(screen(&starting).contains("Starting") && serial(&starting).is_empty());
    }
}
