//! What must hold for all texts that a person or a script can write (names, sizes, queries, answer files), and for all datagrams that
//! a machine in the office can send. Shared by the fuzz targets and by the replay on stable Rust.
#![allow(dead_code, reason = "each target takes the part it needs")]

use cake_planner::mdns::{self, Interface, LinkId, Message, Responder};
use cake_planner::network::{self, Asked, Here};
use cake_planner::query::{Filter, Item, Kind, LENGTH_MAX, Now, NumberField, TextField, TimeField};
use cake_types::{BridgeName, ByteSize, Forward, HostName, Name, SetupAnswers, Tag, limits};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Something to look at with a filter.
struct Web;

impl Item for Web {
    fn kind(&self) -> Kind {
        Kind::Vm
    }

    fn text(&self, field: TextField, is: &mut dyn FnMut(&str) -> bool) -> bool {
        field == TextField::Name && is("Web 會計")
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        (field == NumberField::Memory).then_some(1 << 30)
    }

    fn time(&self, field: TimeField) -> Option<jiff::Timestamp> {
        (field == TimeField::Created).then_some(jiff::Timestamp::UNIX_EPOCH)
    }

    fn says(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        is("Web 會計")
    }
}

/// Every text is refused, or means exactly one thing and says so again.
pub fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = text.parse::<Name>() {
        assert_eq!(name.as_str(), text);
        assert!((1..=limits::NAME_MAX).contains(&text.chars().count()), "{text:?}");
        assert!(!text.contains("..") && text.chars().all(|c| c.is_alphanumeric() || " -_.".contains(c)), "{text:?}");
        let host = HostName::from_name(&name);
        assert_eq!(host.as_str().parse::<HostName>().as_ref(), Ok(&host), "{text:?}");
    }
    if let Ok(host) = text.parse::<HostName>() {
        assert_eq!(host.as_str(), text);
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        assert!(text.len() <= 253 && text.bytes().all(plain), "{text:?}");
    }
    if let Ok(size) = text.parse::<ByteSize>() {
        assert_eq!(size.bytes().to_string().parse::<ByteSize>(), Ok(size));
        assert!(size.to_string().parse::<ByteSize>().is_ok(), "{size} cannot be read again");
    }
    if let Ok(bridge) = text.parse::<BridgeName>() {
        assert_eq!(bridge.as_str(), text);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        assert!((1..=BridgeName::MAX).contains(&text.len()) && text.bytes().all(plain), "{text:?}");
    }
    if let Ok(forward) = text.parse::<Forward>() {
        assert_eq!(forward.to_string(), text);
        assert!(forward.host_port > 0 && forward.guest_port > 0, "{text:?}");
    }
    if let Ok(Some(label)) = mdns::asked(text, "/local_name") {
        assert!(text.to_ascii_lowercase().contains(&label), "{text:?}");
        assert_eq!(mdns::asked(&label, "").ok().flatten().as_ref(), Some(&label));
    }
    let identity = mdns::Identity { product_serial: Some(text.into()), ..mdns::Identity::default() };
    if let Some(label) = mdns::label(&identity) {
        assert_eq!(mdns::asked(&label, "").ok().flatten().as_ref(), Some(&label), "{text:?}");
    }
    let asked = Asked { network: Some(text.into()), forwards: vec![text.into()] };
    assert!(network::nic(&asked, &Here::default()).is_err(), "{text:?} is a network and a forward");
    if let Ok(tag) = text.parse::<Tag>() {
        assert_eq!(tag.as_str(), text);
        let filter = Filter::parse(&format!("tag:{tag}")).expect("a tag needs no quotes");
        assert_eq!(filter.to_string(), format!("tag:{tag}"));
    }
    query(text);
}

/// A query is refused with a reason and a place, or it can be written, and what is written means the same.
fn query(text: &str) {
    match Filter::parse(text) {
        Ok(filter) => {
            assert!(text.len() <= LENGTH_MAX);
            let now = Now { at: jiff::Timestamp::UNIX_EPOCH, zone: &jiff::tz::TimeZone::UTC };
            let found = filter.matches(&Web, &now);
            assert!(found || !filter.is_empty(), "an empty filter finds everything");
            assert!(!found || filter.may_find(Kind::Vm), "{text:?} finds what it can't find");
            let written = filter.to_string();
            if written.len() <= LENGTH_MAX {
                assert_eq!(Filter::parse(&written).as_ref(), Ok(&filter), "{text:?} is written as {written:?}");
            }
        }
        Err(problem) => {
            let column: usize = problem.params["column"].parse().expect("a number");
            assert!((1..=text.chars().count() + 1).contains(&column), "{text:?} is wrong beyond its end");
            assert!(!problem.params["possible"].is_empty(), "{text:?} is refused without saying what is possible");
        }
    }
}

/// Answers that were taken can be given, and a password is never shown.
pub fn answers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(answers) = toml::from_str::<SetupAnswers>(text) else { return };
    assert!(!format!("{answers:?}").contains("password: "), "{answers:?}");
    if answers.check().is_err() {
        return;
    }
    // Whatever is said of servers is taken or refused where it stands.
    if let Err(problem) = cake_planner::setup_servers::check(&answers.servers) {
        assert!(problem.pointer.is_some_and(|pointer| pointer.starts_with("/servers")));
    }
    let administrator = &answers.administrator;
    assert!(administrator.password.is_some() != administrator.password_argon2id.is_some());
    let long = |password: &String| password.chars().count() >= SetupAnswers::PASSWORD_MIN;
    assert!(administrator.password.as_ref().is_none_or(long));
    let path = answers.pool.path.as_deref().unwrap_or("/");
    assert!(path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path}");
}

/// A datagram is refused, or what was read of it can be written and read again. Whatever it is, a responder that is asking for its
/// name and one that has it send little, to nobody but who is on the link, and go on.
pub fn mdns(bytes: &[u8]) {
    if let Ok(Some(message)) = Message::read(bytes) {
        let written = message.write();
        // Compressed more than its sender did it, it is never much longer.
        if written.len() <= mdns::DATAGRAM_MAX {
            assert_eq!(Message::read(&written), Ok(Some(message)));
        }
    }
    let link = LinkId { index: 2, v6: false };
    let interface = Interface {
        index: 2,
        name: "eth0".into(),
        usable: true,
        addresses: vec![
            ([192, 0, 2, 7].into(), 24),
            ([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7].into(), 64),
        ],
    };
    for settles in [false, true] {
        let mut responder = Responder::new("cake-7", 8443, 7);
        responder.set_links(Duration::ZERO, mdns::links(std::slice::from_ref(&interface), [0, 0, 0, 0].into()));
        let mut now = Duration::ZERO;
        while let Some(next) = responder.next().filter(|_| settles || now.is_zero()) {
            now = next;
            responder.tick(now);
        }
        for (from, port) in [([192, 0, 2, 9], 5353), ([192, 0, 2, 9], 40_000), ([198, 51, 100, 9], 5353)] {
            now += Duration::from_secs(2);
            let from = SocketAddr::new(from.into(), port);
            let mut sent = responder.receive(now, link, from, bytes);
            let ticks = std::iter::from_fn(|| {
                now = responder.next()?;
                Some(responder.tick(now))
            });
            sent.extend(ticks.take(16).flatten());
            for send in &sent {
                assert!(send.bytes.len() <= 1500, "{} bytes", send.bytes.len());
                assert!(matches!(Message::read(&send.bytes), Ok(Some(_))));
                assert!(send.to.is_none_or(|to| to == from && to.ip() != IpAddr::from([198, 51, 100, 9])));
            }
            assert!(sent.len() <= 32, "{} datagrams", sent.len());
        }
        assert!(responder.label().starts_with("cake-7"));
    }
}
