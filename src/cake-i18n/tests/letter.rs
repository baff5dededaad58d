//! What people read of alerts in their mail, word by word.

use cake_i18n::Catalogue;
use cake_i18n::letter::From;
use cake_types::{
    Alert, AlertId, AlertKind, AlertTurn, CauseEvidence, CauseGuess, CauseKind, CauseReport, CauseSign, CauseThing,
    CauseVerdict, EvidenceKind, Grouping, Language, Letter, Message, MessageItem, Severity, Subject, Symptom,
    ThingKind, Tone,
};
use jiff::{Timestamp, tz::TimeZone};
use std::collections::BTreeMap;
use uuid::Uuid;

fn item(turn: AlertTurn, name: &str, kind: AlertKind, severity: Severity) -> MessageItem {
    let subject = Subject { kind: "pool".into(), id: Uuid::nil(), name: name.into() };
    let params = [("percent", "91"), ("free", "9 GiB"), ("size", "100 GiB")];
    let params: BTreeMap<String, String> = params.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
    let since = Timestamp::from_second(1_800_000_000).unwrap();
    let id = AlertId::of(kind, &subject, None);
    MessageItem {
        turn,
        alert: Alert { id, kind, severity, subject, params, since, acknowledged: None, silenced: None },
    }
}

fn letter(message: &Message, language: Language) -> Letter {
    let zone = TimeZone::get("Asia/Taipei").unwrap();
    Catalogue::get(language).letter(message, &From { name: "Rack 1", url: "https://rack.local/", zone: &zone })
}

fn read(letter: &Letter) -> String {
    let parts = letter.parts.iter().map(|part| format!("{}\n  {}", part.title, part.lines.join("\n  ")));
    let lines: Vec<String> = parts.chain(letter.closing.iter().cloned()).collect();
    format!("{}\n\n{}", letter.subject, lines.join("\n"))
}

#[test]
fn several_turns_are_one_letter_in_both_languages() {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let items = vec![
        item(AlertTurn::Worse, "local", AlertKind::PoolSpace, Severity::Error),
        item(AlertTurn::Ended, "web", AlertKind::VmCrashed, Severity::Error),
    ];
    let message = Message { items, more: 3, quiet_until: Some(at), ..Message::test(Uuid::nil(), at) };
    let message = Message { test: false, ..message };
    assert_eq!(
        read(&letter(&message, Language::English)),
        "Rack 1: Worse, now Error: local – Storage pool nearly full, and 4 more\n\n\
         Worse, now Error: local – Storage pool nearly full\n  \
         The storage pool is 91 % full: 9 GiB free of 100 GiB.\n  \
         Empty the bin, delete VMs and images that nobody needs, or move the pool to a larger disk. Guests are paused when nothing is left.\n  \
         Since 15 Jan 2027, 16:00.\n\
         Over: web – VM crashed\n  \
         Since 15 Jan 2027, 16:00.\n\
         And 3 more, not named here: see the console.\n\
         That was much within an hour. The next message comes at 16:00 at the earliest; until then see the console."
    );
    let chinese = read(&letter(&message, Language::ChineseTaiwan));
    assert!(chinese.starts_with("「Rack 1」惡化為錯誤：「local」儲存池快滿了，另有4項變化\n"), "{chinese}");
    assert!(
        chinese.contains("已結束：「web」虛擬機器當掉\n  從2027年1月15日 下午4:00開始。\n另有3項未列出"),
        "{chinese}"
    );
}

#[test]
fn a_cause_says_what_to_do_and_what_lies_beneath_it() {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let items = vec![
        item(AlertTurn::Began, "local", AlertKind::PoolSpace, Severity::Warning),
        item(AlertTurn::Began, "web", AlertKind::VmNoSpace, Severity::Error),
        item(AlertTurn::Began, "db", AlertKind::VmCrashed, Severity::Error),
    ];
    let thing = |kind, name: &str| CauseThing { kind, name: name.into(), subject: None };
    let guess = CauseGuess { cause: CauseKind::PoolFills, thing: thing(ThingKind::Pool, "local"), confidence: 92 };
    let sign = CauseSign { thing: thing(ThingKind::Vm, "web"), symptom: Symptom::PausedNoSpace };
    let report = CauseReport {
        verdict: CauseVerdict::Known(guess.clone()),
        since: at,
        evidence: vec![CauseEvidence { how: EvidenceKind::For, sign: sign.clone(), at: Some(at) }],
        servers: Vec::new(),
        vms: 1,
        projects: Vec::new(),
    };
    let beneath = items[..2].iter().map(|item| item.alert.id.clone()).collect();
    let causes = vec![Grouping { cause: Some(report), beneath }];
    let message = Message { items, causes, test: false, ..Message::test(Uuid::nil(), at) };
    let english = letter(&message, Language::English);
    assert_eq!(english.subject, "Rack 1: 2 alerts, likeliest cause: Storage pool full, and 1 more");
    let [head] = &english.heads[..] else { panic!("one cause: {english:?}") };
    assert_eq!((head.tone, head.parts), (Tone::Error, 2));
    assert_eq!(
        head.lines,
        [
            "The storage pool local has filled up. (92 %)",
            "Empty the bin, delete VMs and images that nobody needs, or move the pool to a larger disk. Paused guests go on by themselves.",
            "Seen: VM web is paused for want of space (15 Jan 2027, 16:00)",
        ]
    );
    let blocks: Vec<(bool, usize)> = english.blocks().iter().map(|block| (block.beneath, block.lines.len())).collect();
    assert_eq!(blocks, [(false, 3), (true, 2), (true, 2), (false, 3)]);
    let chinese = letter(&message, Language::ChineseTaiwan);
    assert_eq!(chinese.subject, "「Rack 1」2則警示，最可能的原因：儲存池已滿，另有1項變化");
    // Where it is not known, it says so, and what it could be.
    let mut thin = message;
    let verdict = CauseVerdict::NotKnown { between: vec![guess], tell: vec![sign] };
    thin.causes[0].cause.as_mut().unwrap().verdict = verdict;
    let english = letter(&thin, Language::English);
    assert_eq!(english.heads[0].title, "2 alerts that belong together, cause not known");
    assert_eq!(english.heads[0].lines[1], "It could be: The storage pool local has filled up. (92 %)");
}

#[test]
fn one_turn_is_its_own_subject_and_a_test_says_that_it_is_one() {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    for (turn, subject) in [
        (AlertTurn::Began, "Rack 1: Error: web – VM crashed"),
        (AlertTurn::Passed, "Rack 1: Was so for a moment: web – VM crashed"),
        (AlertTurn::Flaps, "Rack 1: Comes and goes: web – VM crashed"),
    ] {
        let items = vec![item(turn, "web", AlertKind::VmCrashed, Severity::Error)];
        let message = Message { items, test: false, ..Message::test(Uuid::nil(), at) };
        assert_eq!(letter(&message, Language::English).subject, subject);
    }
    let test = letter(&Message::test(Uuid::nil(), at), Language::ChineseTaiwan);
    assert_eq!(read(&test), "「Rack 1」測試訊息\n\n這是測試訊息：這個cake的警示會送到這裡。");
    assert_eq!(test.severity, Severity::Info);
}
