//! What must hold for all texts that a person or a script can write: names, sizes, queries, answer files. Shared by the fuzz
//! targets and by the replay on stable Rust.
#![allow(dead_code, reason = "each target takes the half it needs")]

use cake_planner::network::{self, Asked, Here};
use cake_planner::query::{Filter, Item, Kind, LENGTH_MAX, Now, NumberField, TextField, TimeField};
use cake_types::{BridgeName, ByteSize, Forward, HostName, Name, SetupAnswers, Tag, limits};

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
    let administrator = &answers.administrator;
    assert!(administrator.password.is_some() != administrator.password_argon2id.is_some());
    let long = |password: &String| password.chars().count() >= SetupAnswers::PASSWORD_MIN;
    assert!(administrator.password.as_ref().is_none_or(long));
    let path = answers.pool.path.as_deref().unwrap_or("/");
    assert!(path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path}");
}
