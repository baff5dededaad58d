//! The screen with its keyboard, and the serial port: where the console is, how to recognise it, the one-time token; on an installed
//! server a menu.
//!
//! ```text
//!  kernel · caked · node ─▶ gather ─▶ Seen ─┬─▶ visit of tty1 ───▶ terminal
//!                                           └─▶ visit of ttyS0 ──▶ terminal      each with a crate::menu::Menu of its own
//!                               node ◀── orders ◀──┘
//! ```
//!
//! The screen is drawn anew when something changes. A serial port is somebody's log: there only what is new is written, until somebody
//! presses Enter.

use anyhow::Result;
use cake_types::is_reachable;
use nix::ifaddrs::getifaddrs;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use crate::menu::facts::Facts;
use crate::menu::url;
use crate::mode::Mode;

mod gather;
mod orders;
mod terminal;
mod visit;
mod word;

use visit::{Place, attend};

const SCREEN: &str = "/dev/tty1";
const SERIAL: &str = "/dev/ttyS0";

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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build()?;
    runtime.block_on(async {
        let sight = gather::start();
        let screen = attend(Place::Screen, Path::new(SCREEN), sight.clone());
        tokio::join!(screen, attend(Place::Serial, Path::new(SERIAL), sight));
    });
    Ok(())
}

fn write(place: &str, text: &str) {
    // A server without a screen or without a serial port has the other.
    if let Ok(mut file) = File::options().write(true).open(place) {
        let _ = file.write_all(text.as_bytes());
    }
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

/// The text for people in front of the server.
fn screen(mode: Mode, facts: &Facts) -> String {
    let mut text = String::from("\n  cake\n\n");
    let Some(console) = facts.answers() else {
        text += "  Starting.\n";
        return text;
    };
    let _ = writeln!(text, "  {}\n", headline(mode));
    if facts.addresses.is_empty() {
        text += "  No network yet: plug a cable into any port. An address is asked for by DHCP.\n";
        return text;
    }
    for address in &facts.addresses {
        let _ = writeln!(text, "  {}", url(*address));
    }
    let _ = writeln!(text, "\n  fingerprint  {}", console.fingerprint);
    if let Some(token) = &console.setup_token {
        let _ = writeln!(text, "  token        {token}");
    }
    if let Some(code) = qr(&url(facts.addresses[0])) {
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
fn serial(mode: Mode, facts: &Facts) -> String {
    let Some(console) = facts.answers() else { return String::new() };
    let urls: Vec<String> = facts.addresses.iter().map(|address| url(*address)).collect();
    let mut text = format!("\ncake {}: {}\n", console.version, mode.word());
    let _ =
        writeln!(text, "  console      {}", if urls.is_empty() { "no network yet".to_owned() } else { urls.join(" ") });
    let _ = writeln!(text, "  fingerprint  {}", console.fingerprint);
    if let Some(token) = &console.setup_token {
        let _ = writeln!(text, "  token        {token}");
    }
    if mode == Mode::Installed {
        text += "  menu         press Enter\n";
    }
    text
}

/// Two squares to a letter, so that it is square on a screen of text; what is printed dark elsewhere is left dark here.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let picture =
        code.render::<Dense1x2>().quiet_zone(true).dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Some(picture.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::menu::facts::Console;

    fn shown(token: Option<&str>, addresses: &[&str]) -> Facts {
        let console = Console {
            fingerprint: "AB:CD".into(),
            setup_token: token.map(str::to_owned),
            version: "1.2".into(),
            running: true,
        };
        Facts { addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(), console: Some(console), node: None }
    }

    #[test]
    fn a_server_with_an_address_shows_where_it_is() {
        let shown = shown(Some("geheim"), &["192.0.2.7", "2001:db8::7"]);
        let text = screen(Mode::Installer, &shown);
        assert!(
            text.contains("https://192.0.2.7/") && text.contains("https://[2001:db8::7]/") && text.contains("geheim"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 100) && text.lines().count() <= 40, "{text}");
        assert!(
            serial(Mode::Installer, &shown)
                .contains("cake 1.2: installer\n  console      https://192.0.2.7/ https://[2001:db8::7]/\n")
        );
    }

    #[test]
    fn a_server_without_a_cable_says_what_to_do() {
        assert!(screen(Mode::Locked, &shown(None, &[])).contains("plug a cable"));
        let starting = Facts { console: None, ..shown(None, &[]) };
        assert!(
            screen(Mode::Installed, &starting).contains("Starting") && serial(Mode::Installed, &starting).is_empty()
        );
    }
}
