//! Taps: the node's end of a guest's network card. A tap is not persistent: the kernel takes it away, off its bridge and with its
//! name, when nobody holds its descriptor any more, and the only one who does is QEMU.

use crate::bridge::{exists, link, mtu};
use crate::error::NetError;
use crate::filter;
use cake_types::{BridgeName, MacAddress};
use nix::fcntl::OFlag;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::Mode;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

const PREFIX: &str = "ck";
/// Of the second tap of a card: a guest that changes its QEMU has two for a moment, and then has either.
const BESIDE: &str = "cl";
/// From linux/sockios.h: a port for a bridge.
const SIOCBRADDIF: libc::Ioctl = 0x89a2;

/// What a card's tap is called: its MAC address is in the name, so that nobody has to remember which is whose.
pub fn tap_name(mac: MacAddress) -> String {
    name(PREFIX, mac)
}

fn name(prefix: &str, mac: MacAddress) -> String {
    let [a, b, c, d, e, f] = mac.0;
    format!("{prefix}{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}")
}

/// The names that a card's taps can have.
pub(crate) fn tap_names(mac: MacAddress) -> [String; 2] {
    [PREFIX, BESIDE].map(|prefix| name(prefix, mac))
}

/// The taps that a card has now.
pub(crate) fn taps(mac: MacAddress) -> impl Iterator<Item = String> {
    tap_names(mac).into_iter().filter(|name| link(name).exists())
}

pub(crate) fn mac_of(tap: &str) -> Option<MacAddress> {
    let digits = tap.strip_prefix(PREFIX).or_else(|| tap.strip_prefix(BESIDE)).filter(|digits| digits.len() == 12)?;
    let byte = |index: usize| u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok();
    let mac = MacAddress([byte(0)?, byte(1)?, byte(2)?, byte(3)?, byte(4)?, byte(5)?]);
    tap_names(mac).iter().any(|name| name == tap).then_some(mac)
}

pub(crate) fn is_ours(link: &str) -> bool {
    mac_of(link).is_some()
}

/// Whether the card has a tap here: somebody holds it, or made it persistent.
pub fn is_plugged(mac: MacAddress) -> bool {
    taps(mac).next().is_some()
}

/// Makes the tap of a card, filtered before it carries the first packet, and connects it to the bridge.
pub fn plug(mac: MacAddress, bridge: &BridgeName) -> Result<OwnedFd, NetError> {
    plug_as(&tap_name(mac), mac, bridge)
}

/// The same for a card whose tap another QEMU still has: under the name that is free.
pub fn plug_beside(mac: MacAddress, bridge: &BridgeName) -> Result<OwnedFd, NetError> {
    let [first, second] = tap_names(mac);
    let name = if link(&first).exists() { second } else { first };
    plug_as(&name, mac, bridge)
}

fn plug_as(name: &str, mac: MacAddress, bridge: &BridgeName) -> Result<OwnedFd, NetError> {
    if !exists(bridge) {
        return Err(NetError::NoBridge { bridge: bridge.clone() });
    }
    let tap = open(name)?;
    let control = Control::new()?;
    // As the guest's, with a first byte that makes it the highest of the bridge's ports: the bridge itself takes the lowest, and
    // must not change its own address whenever a guest comes or goes.
    let [_, rest @ ..] = mac.0;
    control.set_address(name, [0xfe, rest[0], rest[1], rest[2], rest[3], rest[4]])?;
    if let Some(mtu) = mtu(bridge) {
        control.set_mtu(name, mtu)?;
    }
    // The node itself has no business on the guest's wire. A kernel without IPv6 has no such file.
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1");
    filter::put_on(name, mac)?;
    control.enslave(name, bridge)?;
    control.set_up(name)?;
    Ok(tap)
}

/// Takes away what may be left of a card: its filter, and a tap that outlived its QEMU because that QEMU had made it persistent.
pub fn unplug(mac: MacAddress) -> Result<(), NetError> {
    for name in tap_names(mac) {
        if link(&name).exists() {
            let tap = open(&name)?;
            // SAFETY: takes a number; the descriptor is a tap's.
            nix::Error::result(unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETPERSIST, 0) })
                .map_err(NetError::errno("let a tap go"))?;
        }
        filter::remove(&filter::table(&name))?;
    }
    Ok(())
}

/// The tap of that name, made if it is not there. One that somebody holds is refused by the kernel.
fn open(name: &str) -> Result<OwnedFd, NetError> {
    let tap = nix::fcntl::open("/dev/net/tun", OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK, Mode::empty())
        .map_err(NetError::errno("open /dev/net/tun"))?;
    let mut request = request(name);
    // With the header of virtio, so that large packets stay whole between guest and node.
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    nix::Error::result(unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })
        .map_err(NetError::errno("make a tap"))?;
    Ok(tap)
}

fn request(name: &str) -> libc::ifreq {
    // SAFETY: an ifreq of zeros is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, byte) in request.ifr_name.iter_mut().zip(name.bytes().take(BridgeName::MAX)) {
        *to = byte.cast_signed();
    }
    request
}

/// The socket through which links are changed (netdevice(7)).
pub(crate) struct Control(OwnedFd);

impl Control {
    pub(crate) fn new() -> Result<Self, NetError> {
        let control = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
        control.map(Self).map_err(NetError::errno("open a control socket"))
    }

    fn ask(&self, what: &'static str, number: libc::Ioctl, mut request: libc::ifreq) -> Result<(), NetError> {
        // SAFETY: the requests used here read one ifreq.
        let asked = unsafe { libc::ioctl(self.0.as_raw_fd(), number, &raw mut request) };
        if asked == 0 { Ok(()) } else { Err(NetError::io(what)(io::Error::last_os_error())) }
    }

    pub(crate) fn set_address(&self, link: &str, address: [u8; 6]) -> Result<(), NetError> {
        let mut asked = request(link);
        // SAFETY: any bytes are a sockaddr.
        let hardware = unsafe { &mut asked.ifr_ifru.ifru_hwaddr };
        hardware.sa_family = libc::ARPHRD_ETHER;
        for (to, byte) in hardware.sa_data.iter_mut().zip(address) {
            *to = byte.cast_signed();
        }
        self.ask("give a link its address", libc::SIOCSIFHWADDR, asked)
    }

    fn set_mtu(&self, link: &str, mtu: i32) -> Result<(), NetError> {
        let mut asked = request(link);
        asked.ifr_ifru.ifru_mtu = mtu;
        self.ask("give a tap its MTU", libc::SIOCSIFMTU, asked)
    }

    fn enslave(&self, link: &str, bridge: &BridgeName) -> Result<(), NetError> {
        let index = nix::net::if_::if_nametoindex(link).map_err(NetError::errno("find a tap"))?;
        let mut asked = request(bridge.as_str());
        asked.ifr_ifru.ifru_ifindex = index.cast_signed();
        self.ask("connect a tap to its bridge", SIOCBRADDIF, asked)
    }

    fn set_up(&self, link: &str) -> Result<(), NetError> {
        let mut asked = request(link);
        asked.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        self.ask("switch a tap on", libc::SIOCSIFFLAGS, asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_is_named_after_its_card() {
        let mac: MacAddress = "ca:4e:12:34:56:78".parse().unwrap();
        assert_eq!(tap_name(mac), "ckca4e12345678");
        assert_eq!(mac_of("ckca4e12345678"), Some(mac));
        assert_eq!(tap_names(mac).map(|name| mac_of(&name)), [Some(mac); 2]);
        for other in ["", "ck", "ckca4e1234567", "ckCA4E12345678", "ck+a4e12345678", "xxca4e12345678", "ck橋橋橋橋"]
        {
            assert_eq!(mac_of(other), None, "{other}");
        }
    }
}
