//! A VM's place on the network, as it is asked for, and whether the node has it.

use cake_types::limits::{FORWARD_PORT_MIN, FORWARDS_MAX};
use cake_types::{BridgeStatus, Code, Forward, NicSpec, Problem, Protocol, UPLINK_BRIDGE};

/// What a network card is asked to be connected to, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `none`, `nat`, `bridge:NAME`. Left out: the server's own network where it has one to be bridged to and no port is to lead to
    /// the guest, else `nat`.
    pub network: Option<String>,
    /// `tcp:8080:80`: protocol, port of the node, port of the guest.
    pub forwards: Vec<String>,
}

/// What a node has to be connected to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here<'a> {
    pub bridges: &'a [BridgeStatus],
    /// Ports of cake itself.
    pub own_ports: &'a [u16],
    /// Forwards of all VMs, with their VMs' names.
    pub forwards: &'a [(Forward, String)],
}

const PREFIX: &str = "bridge:";

/// The card that is asked for; `None` is "no card".
pub fn nic(asked: &Asked, here: &Here<'_>) -> Result<Option<NicSpec>, Problem> {
    let Asked { network, forwards } = asked;
    let uplink = here.bridges.iter().any(|bridge| bridge.name.as_str() == UPLINK_BRIDGE);
    let network = match network.as_deref() {
        None if uplink && forwards.is_empty() => "bridge:uplink",
        asked => asked.unwrap_or("nat"),
    };
    let forwards =
        forwards.iter().enumerate().map(|(index, text)| forward(text, index)).collect::<Result<Vec<_>, _>>()?;
    match network {
        "nat" => {
            check(&forwards, here)?;
            Ok(Some(NicSpec::Nat { forwards }))
        }
        _ if !forwards.is_empty() => Err(Problem::invalid("forwards", "forwards-need-nat").at("/forwards")),
        "none" => Ok(None),
        bridge => {
            let bridge = bridge.strip_prefix(PREFIX);
            let bridge = bridge.ok_or_else(|| Problem::invalid("network", "network").at("/network"))?;
            let known = here.bridges.iter().find(|known| known.name.as_str() == bridge);
            let known = known.ok_or_else(|| no_such_bridge(bridge, here))?;
            Ok(Some(NicSpec::Bridged { bridge: known.name.clone() }))
        }
    }
}

fn no_such_bridge(asked: &str, here: &Here<'_>) -> Problem {
    // What a person typed is shown to the people who read the answer: not more of it than a name is long.
    let shown: String = asked.chars().take(NAME_SHOWN).collect();
    let names: Vec<&str> = here.bridges.iter().map(|bridge| bridge.name.as_str()).collect();
    let have = if names.is_empty() { "–".to_owned() } else { names.join(" ") };
    Problem::new(Code::NoSuchBridge).with("name", shown).with("have", have).at("/network")
}

const NAME_SHOWN: usize = 32;

fn forward(text: &str, index: usize) -> Result<Forward, Problem> {
    text.parse().map_err(|_| Problem::invalid("forwards", "forward").at(&format!("/forwards/{index}")))
}

/// Ports that a guest may be given: none of the system's, none of cake's own, none of another's, each once.
fn check(forwards: &[Forward], here: &Here<'_>) -> Result<(), Problem> {
    if forwards.len() > FORWARDS_MAX {
        return Err(Problem::invalid("forwards", "too-many").at("/forwards"));
    }
    for (index, forward) in forwards.iter().enumerate() {
        let Forward { protocol, host_port: port, guest_port: _ } = *forward;
        let refuse = |code| Problem::new(code).with("port", port).at(&format!("/forwards/{index}"));
        if port < FORWARD_PORT_MIN {
            return Err(refuse(Code::PortPrivileged).with("least", FORWARD_PORT_MIN));
        }
        if protocol == Protocol::Tcp && here.own_ports.contains(&port) {
            return Err(refuse(Code::PortOurs));
        }
        let same = |other: &Forward| (other.protocol, other.host_port) == (protocol, port);
        if forwards[..index].iter().any(same) {
            return Err(Problem::invalid("forwards", "forward-twice").at(&format!("/forwards/{index}")));
        }
        if let Some((_, vm)) = here.forwards.iter().find(|(other, _)| same(other)) {
            return Err(refuse(Code::PortTaken).with("vm", vm));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(network: &str, forwards: &[&str]) -> Result<Option<NicSpec>, Code> {
        let bridge = BridgeStatus { name: "br0".parse().unwrap(), up: true, addresses: vec![], members: vec![] };
        let here =
            Here { bridges: &[bridge], own_ports: &[8443], forwards: &[("tcp:8081:80".parse().unwrap(), "db".into())] };
        let network = Some(network.to_owned()).filter(|text| !text.is_empty());
        let asked = Asked { network, forwards: forwards.iter().map(ToString::to_string).collect() };
        nic(&asked, &here).map_err(|problem| problem.code)
    }

    #[test]
    fn what_is_there_can_be_had() {
        let nat = |forwards: &[&str]| {
            Ok(Some(NicSpec::Nat { forwards: forwards.iter().map(|text| text.parse().unwrap()).collect() }))
        };
        assert_eq!(ask("", &[]), nat(&[]));
        assert_eq!(ask("none", &[]), Ok(None));
        assert_eq!(ask("bridge:br0", &[]), Ok(Some(NicSpec::Bridged { bridge: "br0".parse().unwrap() })));
        // UDP and TCP do not share ports.
        let ports = ["tcp:8080:80", "udp:8080:80", "udp:8081:53", "udp:8443:1"];
        assert_eq!(ask("nat", &ports), nat(&ports));
    }

    #[test]
    fn on_a_server_of_cake_s_own_a_guest_is_a_machine_among_the_others() {
        let bridge =
            |name: &str| BridgeStatus { name: name.parse().unwrap(), up: true, addresses: vec![], members: vec![] };
        let bridges = [bridge("br0"), bridge(UPLINK_BRIDGE)];
        let here = Here { bridges: &bridges, own_ports: &[], forwards: &[] };
        let on = |network: Option<&str>, forwards: &[&str]| {
            let forwards = forwards.iter().map(ToString::to_string).collect();
            nic(&Asked { network: network.map(str::to_owned), forwards }, &here).unwrap()
        };
        let uplink = Some(NicSpec::Bridged { bridge: UPLINK_BRIDGE.parse().unwrap() });
        assert_eq!(on(None, &[]), uplink);
        assert!(matches!(on(None, &["tcp:8080:80"]), Some(NicSpec::Nat { .. })));
        assert!(matches!(on(Some("nat"), &[]), Some(NicSpec::Nat { .. })));
        assert_eq!(on(Some("none"), &[]), None);
    }

    #[test]
    fn what_is_not_is_refused() {
        for (network, forwards, code) in [
            ("token-ring", &[][..], Code::Invalid),
            ("bridge:br1", &[], Code::NoSuchBridge),
            ("bridge:br0,script=/bin/sh", &[], Code::NoSuchBridge),
            ("bridge:", &[], Code::NoSuchBridge),
            ("none", &["tcp:8080:80"], Code::Invalid),
            ("bridge:br0", &["tcp:8080:80"], Code::Invalid),
            ("nat", &["tcp:80:80"], Code::PortPrivileged),
            ("nat", &["tcp:1023:80"], Code::PortPrivileged),
            ("nat", &["tcp:8443:443"], Code::PortOurs),
            ("nat", &["tcp:8081:80"], Code::PortTaken),
            ("nat", &["tcp:9000:80", "tcp:9000:81"], Code::Invalid),
            ("nat", &["tcp:9000:80,hostfwd=tcp::9001"], Code::Invalid),
        ] {
            assert_eq!(ask(network, forwards), Err(code), "{network} {forwards:?}");
        }
    }
}
