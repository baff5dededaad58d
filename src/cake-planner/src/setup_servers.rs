//! Servers that the answers of set-up name: checked as those that people add later are, before anything is changed.

use crate::{bmc_password, names, server};
use cake_types::{BmcAccess, BmcSpec, Code, IPMI_PORT, Name, Problem, Sealed, ServerId, ServerSpec, SetupServer};
use std::collections::BTreeSet;

/// More than stand in any rack; everything above is a mistake.
pub const SETUP_SERVERS_MAX: usize = 100;

/// Where the mistake stands: `/servers/0/bmc`.
fn at(index: usize, field: &str) -> String {
    format!("/servers/{index}/{field}")
}

/// `10.0.0.1`, `10.0.0.1:6230`, `bmc-1.example`, `fd00::1`, `[fd00::1]:623`.
fn host_and_port(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    if text.parse::<std::net::Ipv6Addr>().is_ok() || (text.starts_with('[') && text.ends_with(']')) {
        return (text, None);
    }
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match text.rsplit_once(':') {
        Some((host, port)) if digits(port) => (host, Some(port)),
        _ => (text, None),
    }
}

fn bmc(said: &SetupServer, index: usize) -> Result<(String, u16, String), Problem> {
    let access = BmcAccess::Auto;
    let (host, port) = host_and_port(&said.bmc);
    let host = server::host(access, host).map_err(|problem| problem.at(&at(index, "bmc")))?;
    let out = || Problem::new(Code::OutOfRange).with("field", "port").with("min", 1).with("max", u16::MAX);
    let port = match port {
        None => IPMI_PORT,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| out().at(&at(index, "bmc")))?,
    };
    let user = server::user(access, &said.user).map_err(|problem| problem.at(&at(index, "user")))?;
    server::password(access, &said.password).map_err(|problem| problem.at(&at(index, "password")))?;
    Ok((host, port, user))
}

/// Whether all of them can be added; nothing is sealed yet.
pub fn check(servers: &[SetupServer]) -> Result<(), Problem> {
    designed(servers, &[], |_| Ok(None)).map(drop)
}

/// What they become beside the servers that there are. `sealed` seals a password to whoever may read it.
pub fn designed(
    servers: &[SetupServer],
    there: &[(ServerId, Name, ServerSpec)],
    sealed: impl Fn(&str) -> Result<Option<Sealed<String>>, Problem>,
) -> Result<Vec<(Name, ServerSpec)>, Problem> {
    if servers.len() > SETUP_SERVERS_MAX {
        let problem = Problem::new(Code::OutOfRange).with("field", "servers").with("min", 0);
        return Err(problem.with("max", SETUP_SERVERS_MAX).at("/servers"));
    }
    let mut known = there.to_vec();
    let mut taken: BTreeSet<String> = there.iter().map(|(_, name, _)| names::fold(name)).collect();
    let mut made = Vec::new();
    for (index, said) in servers.iter().enumerate() {
        let name = names::name(said.name.as_str(), &at(index, "name"))?;
        if !taken.insert(names::fold(&name)) {
            let problem = Problem::new(Code::NameTaken).with("kind", "server").with("name", &name);
            return Err(problem.at(&at(index, "name")));
        }
        let (host, port, user) = bmc(said, index)?;
        let weak = bmc_password::weakness(&user, &said.password);
        let bmc = BmcSpec { access: BmcAccess::Auto, host, port, user, password: None, key: None, weak, next: None };
        let mut spec = ServerSpec { bmc: Some(bmc), ..ServerSpec::default() };
        server::fits(&spec, None, &known).map_err(|problem| problem.at(&at(index, "bmc")))?;
        if let Some(bmc) = spec.bmc.as_mut().filter(|_| !said.password.is_empty()) {
            bmc.password = sealed(&said.password)?;
        }
        known.push((ServerId(uuid::Uuid::nil()), name.clone(), spec.clone()));
        made.push((name, spec));
    }
    Ok(made)
}

/// For whoever wrote the file and reads what is wrong at a terminal; the API says it in every language.
pub fn english(problem: &Problem) -> String {
    let fact = |name: &str| problem.params.get(name).map_or("", String::as_str);
    let taken = || format!("the server {} has that already", fact("name"));
    match (problem.code, fact("reason"), fact("field")) {
        (Code::NameTaken, ..) => "another server is called so".into(),
        (Code::BmcTaken, ..) => taken(),
        (Code::OutOfRange, _, "port") => "a port is a number from 1 to 65535".into(),
        (Code::OutOfRange, _, "servers") => format!("there are at most {SETUP_SERVERS_MAX} servers"),
        (_, "bmc-host", _) => "a BMC is a DNS name or an address, with the port of IPMI where that is not 623".into(),
        (_, "bmc-user", _) => "the user of a BMC has at most 16 letters, digits and signs, no spaces".into(),
        (_, "bmc-password", _) => "the password of a BMC has at most 20 characters".into(),
        (_, "name-id", _) => "a name that looks like an id can be reached by nobody".into(),
        _ => problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::WeakPassword;

    fn said(name: &str, bmc: &str, user: &str, password: &str) -> SetupServer {
        SetupServer { name: name.parse().unwrap(), bmc: bmc.into(), user: user.into(), password: password.into() }
    }

    #[test]
    fn they_become_what_people_would_have_added() {
        let all = [
            said("a", "10.0.0.5", "ops", "x7RkT9mQw2"),
            said("b", "10.0.0.5:6230", "root", "calvin"),
            said("c", "[fd00::5]:624", "", ""),
            said("d", "fd00::6", "", ""),
            said("e", "bmc.example", "ops", "x7RkT9mQw2"),
        ];
        let made = designed(&all, &[], |_| Ok(None)).unwrap();
        let places: Vec<_> = made
            .iter()
            .map(|(_, spec)| spec.bmc.as_ref().map(|bmc| (bmc.host.as_str(), bmc.port, bmc.weak)).unwrap())
            .collect();
        assert_eq!(
            places,
            [
                ("10.0.0.5", 623, None),
                ("10.0.0.5", 6230, Some(WeakPassword::Default)),
                ("fd00::5", 624, Some(WeakPassword::Empty)),
                ("fd00::6", 623, Some(WeakPassword::Empty)),
                ("bmc.example", 623, None),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        let good = said("a", "10.0.0.5", "ops", "x7RkT9mQw2");
        for (bad, code, pointer) in [
            (said("A", "10.0.0.6", "", ""), Code::NameTaken, "/servers/1/name"),
            (said("b", "10.0.0.5", "", ""), Code::BmcTaken, "/servers/1/bmc"),
            (said("b", "", "", ""), Code::Invalid, "/servers/1/bmc"),
            (said("b", "http://10.0.0.6", "", ""), Code::Invalid, "/servers/1/bmc"),
            (said("b", "10.0.0.6:0", "", ""), Code::OutOfRange, "/servers/1/bmc"),
            (said("b", "10.0.0.6:70000", "", ""), Code::OutOfRange, "/servers/1/bmc"),
            (said("b", "10.0.0.6", "a b", ""), Code::Invalid, "/servers/1/user"),
            (said("b", "10.0.0.6", "ops", "a password of 21 byte"), Code::Invalid, "/servers/1/password"),
        ] {
            let problem = check(&[good.clone(), bad.clone()]).expect_err(&bad.bmc);
            assert_eq!((problem.code, problem.pointer.as_deref()), (code, Some(pointer)), "{bad:?}");
        }
        let many: Vec<_> =
            (0..=SETUP_SERVERS_MAX).map(|n| said(&format!("s{n}"), &format!("10.1.{n}.1"), "", "")).collect();
        assert_eq!(check(&many).expect_err("too many").code, Code::OutOfRange);
        assert!(check(&many[1..]).is_ok() && check(&[]).is_ok());
        let there = (ServerId(uuid::Uuid::from_u128(1)), "a".parse().unwrap(), ServerSpec::default());
        let taken = designed(&[good], &[there], |_| Ok(None)).expect_err("the machine itself is called so");
        assert_eq!(taken.code, Code::NameTaken);
    }
}
