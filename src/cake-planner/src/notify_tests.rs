use super::*;
use cake_types::{
    AlertKind, CauseGuess, CauseKind, CauseReport, CauseThing, CauseVerdict, ChannelId, ChannelSpec, Generation,
    Language, MailSecurity, MailSpec, Meta, Severity, Subject, ThingKind, Way,
};
use proptest::prelude::*;
use std::fmt::Write;
use uuid::Uuid;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn channel() -> Channel {
    let mail = MailSpec {
        host: "mail.example.com".into(),
        port: 587,
        security: MailSecurity::Starttls,
        user: None,
        password: None,
        from: "cake@example.com".into(),
        to: vec!["it@example.com".into()],
        authority: None,
    };
    Channel {
        meta: Meta {
            id: ChannelId(Uuid::from_u128(7)),
            project: Default::default(),
            name: "mail".parse().unwrap(),
            generation: Generation::FIRST,
            created_at: at(0),
            updated_at: at(0),
        },
        spec: ChannelSpec {
            way: Way::Mail(mail),
            language: Language::English,
            least: Severity::Warning,
            on: true,
            weekly: false,
        },
    }
}

fn alert(name: &str, severity: Severity) -> Alert {
    let number = name.bytes().fold(100u128, |sum, byte| sum * 256 + u128::from(byte));
    let subject = Subject { kind: "vm".into(), id: Uuid::from_u128(number), name: name.into() };
    let id = AlertId::of(AlertKind::VmCrashed, &subject, None);
    let kind = AlertKind::VmCrashed;
    Alert { id, kind, severity, subject, params: BTreeMap::new(), since: at(0), acknowledged: None, silenced: None }
}

/// A rack whose time goes on as a test says, with a transcript of what is told.
struct World {
    second: i64,
    channel: Channel,
    open: Alerts,
    silenced: BTreeSet<AlertId>,
    busy: bool,
    told: Told,
    waiting: Waiting,
    said: String,
    messages: Vec<Draft>,
}

impl World {
    fn new() -> Self {
        Self {
            second: 0,
            channel: channel(),
            open: Alerts::new(),
            silenced: BTreeSet::new(),
            busy: false,
            told: Told::default(),
            waiting: Waiting::default(),
            said: String::new(),
            messages: Vec::new(),
        }
    }

    fn begins(&mut self, name: &str) {
        self.is(name, Severity::Error);
    }

    fn is(&mut self, name: &str, severity: Severity) {
        let alert = alert(name, severity);
        self.open.insert(alert.id.clone(), alert);
        self.look();
    }

    fn ends(&mut self, name: &str) {
        self.open.remove(&alert(name, Severity::Error).id);
        self.look();
    }

    /// Looks, and gives when it wants to look again.
    fn look(&mut self) -> Option<Timestamp> {
        let seen = Seen {
            now: at(self.second),
            channel: &self.channel,
            open: &self.open,
            silenced: &self.silenced,
            busy: self.busy,
        };
        let next = look(&seen, self.told.clone(), self.waiting.clone());
        (self.told, self.waiting) = (next.told, next.waiting);
        if let Some(draft) = next.draft {
            let item = |item: &MessageItem| format!("{} {}", item.turn.as_str(), item.alert.subject.name);
            let items: Vec<String> = draft.items.iter().map(item).collect();
            let _ = write!(self.said, "{}s: {}", self.second, items.join(", "));
            if draft.more > 0 {
                let _ = write!(self.said, ", and {} more", draft.more);
            }
            if let Some(until) = draft.quiet_until {
                let _ = write!(self.said, "; then quiet until {}s", until.duration_since(at(0)).as_secs());
            }
            self.said.push('\n');
            self.messages.push(draft);
        }
        next.look_at
    }

    /// Time goes on, and it is looked again exactly when it was asked for.
    fn passes(&mut self, seconds: i64) {
        let end = self.second + seconds;
        while let Some(look_at) = self.look() {
            let next = look_at.duration_since(at(0)).as_secs();
            if next > end || next <= self.second {
                break;
            }
            self.second = next;
        }
        self.second = end;
        self.look();
    }

    /// As if cake was killed: what only waited is gone.
    fn restarts(&mut self) {
        self.waiting = Waiting::default();
    }
}

#[test]
fn what_begins_together_is_one_message_and_its_end_is_told() {
    let mut world = World::new();
    world.begins("web");
    world.passes(2);
    world.begins("db");
    world.is("log", Severity::Info);
    world.passes(60);
    world.ends("web");
    world.passes(60);
    world.is("mail", Severity::Warning);
    world.passes(60);
    world.is("mail", Severity::Error);
    world.passes(60);
    assert_eq!(world.said, "7s: began db, began web\n67s: ended web\n127s: began mail\n187s: worse mail\n");
}

#[test]
fn a_message_waits_for_what_follows_but_not_for_ever() {
    let mut world = World::new();
    for number in 0..10 {
        world.begins(&format!("vm{number}"));
        world.passes(4);
    }
    world.passes(60);
    let sizes: Vec<usize> = world.messages.iter().map(|message| message.items.len()).collect();
    assert_eq!(sizes, [5, 5], "{}", world.said);
    assert!(world.said.starts_with("20s:") && world.said.lines().nth(1).unwrap().starts_with("40s:"), "{}", world.said);
}

#[test]
fn what_has_one_cause_stands_beneath_it() {
    let mut world = World::new();
    for name in ["web", "db", "log", "own"] {
        world.begins(name);
    }
    world.passes(10);
    let id = |name: &str| alert(name, Severity::Error).id;
    let guess = CauseGuess {
        cause: CauseKind::PoolFills,
        thing: CauseThing { kind: ThingKind::Pool, name: "local".into(), subject: None },
        confidence: 92,
    };
    let report = CauseReport {
        verdict: CauseVerdict::Known(guess),
        since: at(0),
        evidence: Vec::new(),
        servers: Vec::new(),
        vms: 2,
        projects: Vec::new(),
    };
    let group =
        |names: &[&str]| Grouping { cause: Some(report.clone()), beneath: names.iter().map(|n| id(n)).collect() };
    let groups = vec![group(&["web", "log"]), group(&["own"]), group(&["old", "older"])];
    let draft = world.messages[0].clone().because(groups);
    let order: Vec<&str> = draft.items.iter().map(|item| item.alert.subject.name.as_str()).collect();
    assert_eq!(order, ["log", "web", "db", "own"], "the rest as before");
    assert_eq!(
        draft.causes,
        [group(&["web", "log"])],
        "one alert is its own cause, and what was told is not told again"
    );
    // What is over has no cause any more.
    world.ends("web");
    world.ends("log");
    world.passes(10);
    assert_eq!(world.messages[1].clone().because(vec![group(&["web", "log"])]).causes, []);
}

#[test]
fn a_thousand_in_a_second_are_one_message_that_says_so() {
    let mut world = World::new();
    for number in 0..1000 {
        let alert = alert(&format!("vm{number}"), Severity::Error);
        world.open.insert(alert.id.clone(), alert);
    }
    world.passes(1);
    assert!(world.messages.is_empty());
    world.passes(4);
    assert_eq!(world.messages.len(), 1);
    assert_eq!((world.messages[0].items.len(), world.messages[0].more), (ITEMS, 1000 - ITEMS));
    // What could not be remembered waits for room, and is no second storm.
    world.passes(3600);
    assert_eq!(world.messages.len(), 1);
    // All is over before it could be told: one message as well.
    let mut world = World::new();
    for number in 0..1000 {
        let alert = alert(&format!("vm{number}"), Severity::Error);
        world.open.insert(alert.id.clone(), alert);
    }
    world.look();
    world.open.clear();
    world.passes(60);
    assert_eq!(world.messages.len(), 1);
    assert!(world.messages[0].items.iter().all(|item| item.turn == AlertTurn::Passed));
}

#[test]
fn what_comes_and_goes_is_told_once_and_again_when_it_is_calm() {
    let mut world = World::new();
    for _ in 0..20 {
        world.begins("web");
        world.passes(60);
        world.ends("web");
        world.passes(60);
    }
    let expected = "5s: began web\n65s: ended web\n125s: began web\n185s: ended web\n245s: began web\n305s: ended web\n\
                    365s: flaps web\n";
    assert_eq!(world.said, expected);
    world.said.clear();
    world.passes(4000);
    assert_eq!(
        world.said, "4145s: ended web\n",
        "half an hour after its last end at 2340 s, as soon as it was gathered"
    );
    world.begins("web");
    world.passes(10);
    assert!(world.said.ends_with("6405s: began web\n"), "{}", world.said);
}

#[test]
fn a_channel_has_so_many_messages_an_hour_and_the_last_says_so() {
    let mut world = World::new();
    for number in 0..60 {
        world.begins(&format!("vm{number}"));
        world.passes(60);
    }
    let last = world.said.lines().nth(AN_HOUR - 1).unwrap();
    assert_eq!(last, "665s: began vm11; then quiet until 3605s");
    assert_eq!(world.said.lines().count(), AN_HOUR);
    world.passes(60);
    // As many as waited.
    let next = world.said.lines().nth(AN_HOUR).unwrap();
    assert!(next.starts_with("3605s: began vm12, began vm13,"), "{next}");
    assert!(next.contains("and 28 more"), "{next}");
}

#[test]
fn who_is_silenced_or_off_or_knows_already_is_not_told() {
    let mut world = World::new();
    world.silenced.insert(alert("web", Severity::Error).id);
    world.begins("web");
    world.passes(60);
    assert_eq!(world.said, "");
    world.silenced.clear();
    world.passes(60);
    assert_eq!(world.said, "65s: began web\n", "the silence is over, and it is still so");
    // It ends under another silence: that is told after it.
    world.silenced.insert(alert("web", Severity::Error).id);
    world.ends("web");
    world.passes(60);
    world.silenced.clear();
    world.passes(60);
    assert_eq!(world.said, "65s: began web\n185s: ended web\n");
    world.channel.spec.on = false;
    world.begins("db");
    world.passes(60);
    world.channel.spec.on = true;
    world.passes(60);
    assert!(world.said.ends_with("305s: began db\n"), "{}", world.said);
    // Somebody was faster than the message.
    let id = alert("log", Severity::Error).id;
    world.begins("log");
    world.open.get_mut(&id).unwrap().acknowledged =
        Some(cake_types::Acknowledgement { at: at(1), by: cake_types::Actor::System, note: None });
    world.passes(60);
    assert!(world.said.ends_with("305s: began db\n"), "{}", world.said);
    // Its own failure is not told by itself.
    let own = Subject { kind: "channel".into(), id: world.channel.meta.id.0, name: "mail".into() };
    let id = AlertId::of(AlertKind::ChannelFails, &own, None);
    world
        .open
        .insert(id.clone(), Alert { id, kind: AlertKind::ChannelFails, subject: own, ..alert("x", Severity::Error) });
    world.passes(60);
    assert!(world.said.ends_with("305s: began db\n"), "{}", world.said);
}

#[test]
fn what_waits_behind_a_message_that_does_not_arrive_becomes_one() {
    let mut world = World::new();
    world.busy = true;
    world.begins("web");
    world.passes(600);
    world.begins("db");
    world.restarts();
    world.passes(600);
    assert_eq!(world.said, "");
    world.busy = false;
    world.passes(10);
    assert_eq!(world.said, "1200s: began db, began web\n");
}

#[test]
fn a_message_that_never_arrived_was_never_told() {
    let mut world = World::new();
    world.begins("web");
    world.passes(10);
    let message = world.messages[0].clone().message(Uuid::nil(), at(5));
    unlearn(&mut world.told, &message);
    world.passes(10);
    assert_eq!(world.said, "5s: began web\n15s: began web\n");
    assert_eq!(again_after(1), SignedDuration::from_secs(1));
    assert_eq!(again_after(4), SignedDuration::from_secs(8));
    assert_eq!(again_after(1000), HOUR);
}

proptest! {
    /// Whatever happens, once it is quiet the receivers know what is so; and no hour has more messages than it may.
    #[test]
    fn receivers_know_what_is_so_in_the_end(steps in prop::collection::vec((0u8..12, any::<bool>(), 0i64..400, any::<bool>()), 0..120)) {
        let mut world = World::new();
        let mut times = Vec::new();
        for (name, begins, seconds, restarts) in steps {
            let name = format!("vm{name}");
            if begins { world.begins(&name) } else { world.ends(&name) }
            if restarts {
                world.restarts();
            }
            let before = world.messages.len();
            world.passes(seconds);
            times.extend(std::iter::repeat_n(world.second, world.messages.len() - before));
        }
        world.passes(4 * 3600);
        let so: BTreeSet<&AlertId> = world.open.keys().collect();
        let known: BTreeSet<&AlertId> =
            world.told.known.iter().filter(|(_, known)| known.over.is_none()).map(|(id, _)| id).collect();
        prop_assert_eq!(so, known);
        for sent in world.told.sent.windows(AN_HOUR + 1) {
            prop_assert!(sent[AN_HOUR].duration_since(sent[0]) >= HOUR);
        }
        // Nobody hears of an end without a beginning.
        let mut begun = BTreeSet::new();
        for item in world.messages.iter().flat_map(|message| &message.items) {
            match item.turn {
                AlertTurn::Ended => prop_assert!(begun.contains(&item.alert.id)),
                _ => drop(begun.insert(item.alert.id.clone())),
            }
        }
    }
}
