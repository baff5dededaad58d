use super::*;
use cake_types::{Code, Vm, VmState};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const NOW: &str = "2026-11-23T08:00:00Z";

fn web() -> Vm {
    let text = include_str!("../../../cake-types/tests/golden/vm-direct.json");
    let mut vm: Vm = serde_json::from_str(text).unwrap();
    vm.meta.name = "Web 1".parse().unwrap();
    vm.meta.created_at = "2026-11-20T16:30:00Z".parse().unwrap();
    vm.spec.memory = cake_types::ByteSize::gib(8);
    vm.spec.tags = cake_types::tags(["accounts", "team-a"]).unwrap();
    vm
}

fn found(query: &str) -> bool {
    let (vm, zone) = (web(), TimeZone::get("Asia/Taipei").unwrap());
    let now = Now { at: NOW.parse().unwrap(), zone: &zone };
    let item = VmItem { vm: &vm, state: VmState::Running, orphaned: false, outdated: Some(true) };
    Filter::parse(query).unwrap_or_else(|problem| panic!("{query}: {problem}")).matches(&item, &now)
}

#[test]
fn finds_what_was_meant() {
    for (query, is) in [
        ("", true),
        ("web", true),
        ("WEB kind:vm", true),
        ("name:\"web 1\" name=\"WEB 1\"", true),
        ("name=web", false),
        ("\"eb 1\"", true),
        ("state:running,paused memory>4GiB", true),
        ("memory>=8GiB memory<=8GiB memory:8GiB", true),
        ("memory<8GiB", false),
        ("cpus:1 cpus<2", true),
        ("-state:stopped", true),
        ("-web", false),
        ("engine:outdated", true),
        ("engine:current", false),
        ("tag:accounts", true),
        ("tag:account", false),
        ("account", true),
        ("tag:a,team-a", true),
        ("kind:task", false),
        ("kind:task OR web", true),
        ("mail OR (web -tag:accounts)", false),
        ("-(mail OR tag:test)", true),
        // In Taipei it was made on the 21st, half an hour after midnight.
        ("created:2026-11-21", true),
        ("created>2026-11-21", false),
        ("created>=2026-11-21 created<=2026-11-21", true),
        ("created<2026-11-21T00:30", false),
        ("created:2026-11-21T00:30", true),
        ("created:2026-11-20T16:30:00Z", true),
        ("created<today", true),
        ("created<yesterday", true),
        ("age<7d age>2d", true),
        ("age<=1d", false),
        ("ended>2026-01-01", false),
        ("-ended>2026-01-01", true),
        ("firmware:direct", true),
        ("free>0", false),
    ] {
        assert_eq!(found(query), is, "{query}");
    }
}

#[test]
fn says_what_is_wrong_where_and_what_is_possible() {
    for (query, column, reason, possible) in [
        ("web \"open", 5, Reason::Quote, "\""),
        ("web colour:red", 5, Reason::Field, "memory"),
        ("會計 colour:red", 4, Reason::Field, "memory"),
        ("state:runing", 7, Reason::Value, "running"),
        ("state:running,", 15, Reason::Missing, "running"),
        ("kind:vms", 6, Reason::Value, "vm, image"),
        ("memory>lots", 8, Reason::Size, "4GiB"),
        ("memory>", 8, Reason::Missing, "4GiB"),
        ("cpus>4GiB", 6, Reason::Number, "16"),
        ("name>3", 5, Reason::Compare, ":"),
        ("created>soon", 9, Reason::Time, "yesterday"),
        ("created>2026-02-30", 9, Reason::Time, "2026-11-01"),
        ("age:7d", 4, Reason::Compare, "<"),
        ("age<7", 5, Reason::Age, "7d"),
        ("(web", 5, Reason::Parenthesis, ")"),
        ("web)", 4, Reason::Parenthesis, "web"),
        ("web OR", 7, Reason::Missing, "web"),
        ("OR web", 1, Reason::Missing, "web"),
        ("()", 2, Reason::Missing, "web"),
        ("web -", 6, Reason::Missing, "web"),
        ("--web", 2, Reason::Missing, "web"),
        ("\"\"", 1, Reason::Missing, "web"),
        (&"a ".repeat(33), 65, Reason::TooMany, "32"),
        (&"(".repeat(9), 9, Reason::TooDeep, "8"),
        (&"x".repeat(513), 1, Reason::TooLong, "512"),
    ] {
        let problem = Filter::parse(query).unwrap_err();
        let said = (problem.code, problem.params["column"].as_str(), problem.params["reason"].as_str());
        assert_eq!(said, (Code::BadQuery, column.to_string().as_str(), reason.as_str()), "{query}");
        assert!(problem.params["possible"].contains(possible), "{query}: {}", problem.params["possible"]);
    }
}

#[test]
fn what_cannot_be_found_need_not_be_read() {
    for (query, kinds) in [
        ("", &Kind::ALL[..]),
        ("web", &Kind::ALL),
        ("kind:vm,image web", &[Kind::Vm, Kind::Image]),
        (
            "-kind:vm",
            &[Kind::Image, Kind::Volume, Kind::Pool, Kind::Node, Kind::Task, Kind::Event, Kind::Audit, Kind::Account],
        ),
        ("memory>1GiB", &[Kind::Vm, Kind::Image, Kind::Node]),
        ("severity:error OR role:viewer", &[Kind::Event, Kind::Account]),
        ("-(kind:vm OR -tag:a)", &[Kind::Image, Kind::Volume]),
        ("size>1GiB pool:local", &[Kind::Volume]),
    ] {
        let filter = Filter::parse(query).unwrap();
        let found: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| filter.may_find(*kind)).collect();
        assert_eq!(found, kinds, "{query}");
    }
    assert_eq!(Filter::parse("web OR mail").unwrap().of_kind(Kind::Vm).to_string(), "kind:vm (web OR mail)");
}

#[test]
fn every_reason_has_its_words_in_every_language() {
    for language in cake_types::Language::ALL {
        let words = cake_i18n::Catalogue::get(language);
        for reason in Reason::ALL {
            assert!(words.has(&format!("reason-{}", reason.as_str())), "{reason:?} in {}", language.tag());
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}", "\\PC{1,8}", Just("OR".to_owned()), Just("-x".to_owned()), Just("a\\\"b".to_owned())]
}

fn compare() -> impl Strategy<Value = Compare> {
    proptest::sample::select(vec![Compare::Equal, Compare::Above, Compare::AtLeast, Compare::Below, Compare::AtMost])
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        Just(Moment::Today),
        Just(Moment::Yesterday),
        (1i16..9999, 1i8..13, 1i8..29).prop_map(|(y, m, d)| Moment::Day(Date::constant(y, m, d))),
        (1i16..9999, 0i8..24, 0i8..60).prop_map(|(y, h, m)| Moment::Minute(DateTime::constant(y, 2, 3, h, m, 0, 0))),
        (0i64..4_000_000_000).prop_map(|second| Moment::Second(Timestamp::from_second(second).unwrap())),
    ]
}

fn test() -> impl Strategy<Value = Expr> {
    let texts = proptest::sample::select(TextField::ALL.to_vec()).prop_flat_map(|field| {
        let value = match field.vocabulary() {
            Some(known) => proptest::sample::select(known.to_vec()).prop_map(str::to_owned).boxed(),
            None => word().boxed(),
        };
        let values = proptest::collection::vec(value, 1..4);
        (values, any::<bool>()).prop_map(move |(any, exact)| Test::Text {
            field,
            exact: exact && field.is_searched(),
            any,
        })
    });
    let number = (proptest::sample::select(NumberField::ALL.to_vec()), compare(), any::<u64>(), 0u32..60);
    let number =
        number.prop_map(|(field, compare, value, shift)| Test::Number { field, compare, value: value << shift });
    let time = (proptest::sample::select(TimeField::ALL.to_vec()), compare(), moment());
    let time = time.prop_map(|(field, compare, value)| Test::Time { field, compare, value });
    let age = (compare(), 0i64..1_000_000_000);
    let age = age.prop_filter("only inequalities", |(compare, _)| *compare != Compare::Equal);
    let age = age.prop_map(|(compare, seconds)| Test::Age { compare, seconds });
    prop_oneof![word().prop_map(Test::Word), texts, number, time, age].prop_map(Expr::Test)
}

fn expr() -> impl Strategy<Value = Expr> {
    test().prop_recursive(3, 12, 3, |inner| {
        let not = inner.clone().prop_filter("no double minus", |inner| !matches!(inner, Expr::Not(_)));
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| parse::flat(parts, Expr::All)),
            proptest::collection::vec(inner, 2..4).prop_map(|parts| parse::flat(parts, Expr::Any)),
            not.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(expr in expr()) {
        let filter = Filter { expr };
        let text = filter.to_string();
        if text.len() <= LENGTH_MAX {
            prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
        }
    }

    #[test]
    fn what_is_read_is_written_and_read_as_the_same(text in "[a-z:=<>()\"\\\\, 0-9OR-]{0,60}") {
        if let Ok(filter) = Filter::parse(&text) {
            let again = filter.to_string();
            prop_assert_eq!(Filter::parse(&again), Ok(filter), "{}", again);
        }
    }

    #[test]
    fn never_panics(text in "\\PC{0,80}") {
        let _ = Filter::parse(&text);
    }
}
