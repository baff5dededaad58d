//! Guests behind NAT speak with the node's own sockets: QEMU opens a connection for each of theirs. What only listens on the
//! loopback interface relies on being reached by nobody else, so QEMU, which is known by its user, must not open one there.

use crate::error::NetError;
use crate::nft::{self, Listed};
use cake_types::{Forward, Protocol};
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;

const TABLE: &str = "cake-guests";

/// Everything that leaves by the loopback interface: 127.0.0.0/8, ::1 and the node's own addresses. Answers to who came in through a
/// forward go out. `resolvers`: name servers on this machine, asked by QEMU on the guests' behalf.
fn rules(users: &Range<u32>, resolvers: &[IpAddr]) -> String {
    let (first, last) = (users.start, users.end - 1);
    let resolver = |address: &IpAddr| {
        let family = if address.is_ipv4() { "ip" } else { "ip6" };
        format!(
            "    meta skuid {first}-{last} oifname \"lo\" {family} daddr {address} meta l4proto {{ tcp, udp }} th dport 53 accept\n"
        )
    };
    let resolvers: String = resolvers.iter().filter(|address| address.is_loopback()).map(resolver).collect();
    format!(
        "add table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  chain to-node {{
    type filter hook output priority 0; policy accept;
{resolvers}    meta skuid {first}-{last} oifname \"lo\" ct direction original reject
  }}
}}
"
    )
}

/// Keeps the QEMUs of `users` away from what listens on this machine. Again is the same.
pub fn guard(users: &Range<u32>) -> Result<(), NetError> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    nft::load(&rules(users, &resolvers(&text)))
}

/// Whether it stands: a firewall that is loaded anew empties everybody's tables.
pub fn is_guarded() -> Result<bool, NetError> {
    let listed = nft::list(&["tables", "inet"])?;
    Ok(listed.iter().any(|listed| matches!(listed, Listed::Table(table) if table.name == TABLE)))
}

/// The name servers of a resolv.conf(5).
fn resolvers(text: &str) -> Vec<IpAddr> {
    let words = text.lines().map(|line| line.split_whitespace());
    let addresses =
        words.filter_map(|mut words| (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()));
    addresses.flatten().collect()
}

/// Whether a forward's port can be listened at now.
pub fn port_is_free(forward: Forward) -> Result<(), NetError> {
    let at = (Ipv4Addr::UNSPECIFIED, forward.host_port);
    let bound = match forward.protocol {
        Protocol::Tcp => TcpListener::bind(at).map(|_| ()),
        Protocol::Udp => UdpSocket::bind(at).map(|_| ()),
    };
    bound.map_err(|_| NetError::PortTaken { forward })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_on_this_machine_is_asked_and_nothing_else() {
        let text = "# nameserver 127.0.0.9\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch example\nnameserver ::1\nnameserver x\n";
        let rules = rules(&(1000..2000), &resolvers(text));
        let accepted: Vec<&str> = rules.lines().filter(|line| line.ends_with("accept")).map(str::trim).collect();
        let rest = "meta l4proto { tcp, udp } th dport 53 accept";
        assert_eq!(
            accepted,
            [
                format!("meta skuid 1000-1999 oifname \"lo\" ip daddr 127.0.0.53 {rest}"),
                format!("meta skuid 1000-1999 oifname \"lo\" ip6 daddr ::1 {rest}")
            ]
        );
    }
}
