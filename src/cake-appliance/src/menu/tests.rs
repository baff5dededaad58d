use super::facts::{Console, Guest, Node};
use super::*;
use cake_types::{
    HostStatus, Leaving, PortNeighbor, SlotStanding, Sourced, UpdateSlot, UpdateStatus, UplinkPort, UplinkSource,
    UplinkStatus, UplinkTrial, VmId, VmState,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn facts() -> Facts {
    let fingerprint = vec!["AB"; 32].join(":");
    let console = Console { fingerprint, setup_token: None, version: "1.2.3".into(), running: true };
    let guest = |name: &str, state| {
        (VmId::now(), Guest { name: name.into(), state, asked: state == VmState::Running, halted: false })
    };
    let port = UplinkPort {
        name: "eno1".into(),
        mac: "52:54:00:00:00:01".parse().unwrap(),
        driver: None,
        carrier: true,
        speed: Some(1000),
        bonded: true,
        active: true,
        neighbor: Some(PortNeighbor { system: Some("switch\u{1b}[2J".into()), port: None }),
    };
    let address = Sourced { value: "192.0.2.7/24".parse().unwrap(), source: UplinkSource::Dhcp };
    let uplink = UplinkStatus { ports: vec![port], addresses: vec![address], ..UplinkStatus::default() };
    let slot =
        |version: &str, standing| UpdateSlot { version: version.into(), standing, good: true, disks: 1, failure: None };
    let slots = vec![slot("1.2.3", SlotStanding::Running), slot("1.2.2", SlotStanding::Previous)];
    let update = UpdateStatus { running: "1.2.3".into(), disks: 1, slots, ..UpdateStatus::default() };
    let host = HostStatus { uplink: Some(uplink.into()), update: Some(update.into()), ..HostStatus::default() };
    let guests = [guest("web", VmState::Running), guest("mail", VmState::Running), guest("old", VmState::Stopped)];
    let node = Node { name: "rack-a".into(), host, guests: guests.into(), ..Node::default() };
    let addresses = vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    Facts { addresses, console: Some(console), node: Some(node) }
}

fn node(facts: &mut Facts) -> &mut Node {
    facts.node.as_mut().unwrap()
}

fn trying(applied: bool) -> (Facts, OperationId) {
    let (mut facts, operation) = (facts(), OperationId::now());
    let until = NOW + SignedDuration::from_secs(42);
    let trial = UplinkTrial { operation, spec: UplinkSpec::default(), seconds: 90, until, applied, before: Vec::new() };
    node(&mut facts).host.uplink.as_mut().unwrap().trial = Some(trial);
    (facts, operation)
}

fn text(menu: &Menu, facts: &Facts) -> String {
    menu.draw(facts, NOW, Size::USUAL, false).lines.join("\n")
}

fn said(text: &str) -> Result<Done, String> {
    Ok(Done::Said(text.into()))
}

/// Presses these one after the other; `\n` is Enter and `!` is Esc.
fn press(menu: &mut Menu, facts: &Facts, keys: &str) -> Step {
    let key = |c| match c {
        '\n' => Key::Enter,
        '!' => Key::Escape,
        c => Key::Char(c),
    };
    keys.chars().map(|c| menu.press(key(c), facts)).last().unwrap()
}

#[test]
fn the_status_says_where_the_console_is_and_how_the_server_is() {
    let shown = text(&Menu::default(), &facts());
    for said in ["rack-a", "1.2.3", "https://192.0.2.7/", "https://[2001:db8::7]/", "Health: good. 2 VMs running."] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(shown.contains("Enter: menu") && !shown.contains("Token"), "{shown}");
    let console = facts().console.map(|c| Console { setup_token: Some("geheim".into()), ..c });
    assert!(text(&Menu::default(), &Facts { console, ..facts() }).contains("geheim"));
    let unplugged = text(&Menu::default(), &Facts { addresses: Vec::new(), ..facts() });
    assert!(unplugged.contains("plug a cable"), "{unplugged}");
    assert!(text(&Menu::default(), &Facts::default()).contains("Health: starting."));
}

#[test]
fn a_code_for_telephones_stands_beside_where_it_fits() {
    let menu = Menu::default();
    let drawn = |columns, rows| menu.draw(&facts(), NOW, Size { columns, rows }, true).lines.join("\n");
    let usual = drawn(80, 24);
    assert!(usual.contains('█') && usual.contains("https://192.0.2.7/") && usual.contains("Enter: menu"), "{usual}");
    assert!(!drawn(60, 24).contains('█') && !drawn(80, 16).contains('█'));
    // Nobody answers there: there is nothing to point at.
    let silent = Facts { console: None, ..facts() };
    assert!(!menu.draw(&silent, NOW, Size::USUAL, true).lines.concat().contains('█'));
}

#[test]
fn nothing_is_shut_down_before_yes_is_typed_beside_the_names_of_what_runs() {
    let (mut menu, facts) = (Menu::default(), facts());
    press(&mut menu, &facts, "\n41");
    let shown = text(&menu, &facts);
    assert!(shown.contains("2 VMs run:") && shown.contains("web") && shown.contains("mail"), "{shown}");
    assert!(!shown.contains("old") && shown.contains("Type yes"), "{shown}");
    for keys in ["\n", "no\n", "y\n", "yes"] {
        menu.press(Key::Clear, &facts);
        assert_eq!(press(&mut menu, &facts, keys), Step::Stay, "{keys:?}");
    }
    assert_eq!(press(&mut menu, &facts, "\n"), Step::Order(Order::Leave(LeavingWay::PowerOff)));
    // Nothing is ordered twice.
    assert_eq!(press(&mut menu, &facts, "yes\n"), Step::Stay);
    menu.heard(Err("the disk is full".into()));
    assert!(text(&menu, &facts).contains("Not done: the disk is full"));
    assert_eq!(press(&mut menu, &facts, "2yes\n"), Step::Order(Order::Leave(LeavingWay::Reboot)));
}

#[test]
fn a_server_that_goes_off_shows_how_far_it_is_and_can_be_called_back_until_its_vms_are_off() {
    let (mut menu, mut facts, operation) = (Menu::default(), facts(), OperationId::now());
    let leaving = Leaving { operation, way: LeavingWay::PowerOff, stage: LeavingStage::Guests, guests: 3, left: 1 };
    node(&mut facts).host.leaving = Some(leaving.clone());
    let shown = text(&menu, &facts);
    assert!(shown.contains("2 of 3 are off") && shown.contains("1  Call it off"), "{shown}");
    assert_eq!(press(&mut menu, &facts, "1"), Step::Order(Order::Stay(operation)));
    menu.heard(said("Called off."));
    node(&mut facts).host.leaving = Some(Leaving { stage: LeavingStage::Host, left: 0, ..leaving });
    let shown = text(&menu, &facts);
    assert!(shown.contains("All VMs are off") && !shown.contains("Call it off"), "{shown}");
    assert_eq!(press(&mut menu, &facts, "1\n"), Step::Stay);
}

#[test]
fn ports_and_addresses_are_shown_and_what_a_neighbour_says_draws_nothing() {
    let (mut menu, facts) = (Menu::default(), facts());
    press(&mut menu, &facts, "\n1");
    let shown = text(&menu, &facts);
    assert!(
        shown.contains("eno1") && shown.contains("1000 Mbit/s") && shown.contains("192.0.2.7/24 (dhcp)"),
        "{shown}"
    );
    assert!(shown.contains("at switch?[2J") && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn another_network_is_typed_tried_and_kept_by_a_key_here() {
    let (mut menu, facts) = (Menu::default(), facts());
    press(&mut menu, &facts, "\n11");
    menu.press(Key::Right, &facts);
    press(&mut menu, &facts, "\n192.0.2\n\n\n\n\n\n\n");
    assert!(text(&menu, &facts).contains("! Address/prefix: 192.0.2 is not written as"), "{}", text(&menu, &facts));
    let step = press(&mut menu, &facts, ".9/24\n\n\n\n\n\n\n");
    let Step::Order(Order::TryNetwork(spec)) = step else { panic!("{step:?} {}", text(&menu, &facts)) };
    assert_eq!(spec.addresses, ["192.0.2.9/24".parse().unwrap()]);
    menu.heard(said("It is being set up."));
    // Until the server has it, nobody can have seen that it is right.
    let (early, operation) = trying(false);
    let shown = text(&menu, &early);
    assert!(shown.contains("in 42 s") && !shown.contains("Keep this network"), "{shown}");
    let (mut applied, _) = trying(true);
    node(&mut applied).host.uplink.as_mut().unwrap().trial.as_mut().unwrap().operation = operation;
    assert!(text(&menu, &applied).contains("1  Keep this network"));
    let kept = Step::Order(Order::SettleNetwork { operation, keep: true });
    assert_eq!(press(&mut menu.clone(), &applied, "1"), kept);
    assert_eq!(press(&mut menu, &applied, "2"), Step::Order(Order::SettleNetwork { operation, keep: false }));
}

#[test]
fn the_network_of_the_beginning_is_one_key_away() {
    let (mut menu, facts) = (Menu::default(), facts());
    assert_eq!(press(&mut menu, &facts, "\n12"), Step::Order(Order::TryNetwork(Box::default())));
}

#[test]
fn a_word_for_an_administrator_is_shown_until_it_is_over_or_left() {
    let (mut menu, facts) = (Menu::default(), facts());
    assert_eq!(press(&mut menu, &facts, "\n21"), Step::Order(Order::MakeWord));
    let word = Word { text: "cbdefghi-jklnrtuv-cbde".into(), until: NOW + SignedDuration::from_mins(15) };
    menu.heard(Ok(Done::Word(word)));
    let shown = text(&menu, &facts);
    assert!(shown.contains("cbdefghi-jklnrtuv-cbde") && shown.contains("https://192.0.2.7/let-in"), "{shown}");
    assert!(shown.contains("15 more minutes"), "{shown}");
    let over = menu.draw(&facts, NOW + SignedDuration::from_mins(15), Size::USUAL, false).lines.join("\n");
    assert!(over.contains("over") && !over.contains("cbdefghi"), "{over}");
    assert_eq!(press(&mut menu, &facts, "\n1"), Step::Stay);
    assert_eq!(press(&mut menu, &facts, "!"), Step::Order(Order::ForgetWord));
    assert!(!text(&menu, &facts).contains("cbdefghi"));
    // Before anybody is an administrator there is nobody to let in.
    let console = facts.console.clone().map(|console| Console { setup_token: Some("geheim".into()), ..console });
    let fresh = Facts { console, ..facts };
    let mut menu = Menu::default();
    assert_eq!(press(&mut menu, &fresh, "\n21\n"), Step::Stay);
    assert!(text(&menu, &fresh).contains("answer the wizard"));
}

#[test]
fn the_version_before_is_named_with_what_going_back_means() {
    let (mut menu, mut facts) = (Menu::default(), facts());
    press(&mut menu, &facts, "\n3");
    let shown = text(&menu, &facts);
    assert!(shown.contains("Version 1.2.3 runs.") && shown.contains("restarts with version 1.2.2"), "{shown}");
    assert_eq!(press(&mut menu, &facts, "1yes\n"), Step::Order(Order::GoBack));
    let mut menu = Menu::default();
    node(&mut facts).host.update.as_mut().unwrap().slots.truncate(1);
    assert_eq!(press(&mut menu, &facts, "\n31yes\n"), Step::Stay);
    assert!(text(&menu, &facts).contains("nothing to go back to"));
}

#[test]
fn everything_is_destroyed_only_by_the_servers_name() {
    let (mut menu, facts) = (Menu::default(), facts());
    press(&mut menu, &facts, "\n5");
    let shown = text(&menu, &facts);
    assert!(shown.contains("lost for good") && shown.contains("Type rack-a") && shown.contains("web"), "{shown}");
    for keys in ["\n", "yes\n", "rack\n", "rack-b\n"] {
        menu.press(Key::Clear, &facts);
        assert_eq!(press(&mut menu, &facts, keys), Step::Stay, "{keys:?}");
    }
    menu.press(Key::Clear, &facts);
    assert_eq!(press(&mut menu, &facts, "Rack-A\n"), Step::Order(Order::Reset));
}

#[test]
fn a_silent_agent_is_told_of_and_the_power_still_obeys() {
    let (mut menu, facts) = (Menu::default(), Facts { node: None, ..facts() });
    assert!(text(&menu, &facts).contains("does not answer"));
    press(&mut menu, &facts, "\n1");
    assert!(text(&menu, &facts).contains("started anew by itself"));
    press(&mut menu, &facts, "041");
    assert!(text(&menu, &facts).contains("they are switched off"), "{}", text(&menu, &facts));
    assert_eq!(press(&mut menu, &facts, "yes\n"), Step::Order(Order::Leave(LeavingWay::PowerOff)));
}

#[test]
fn arrows_digits_and_escape_lead_everywhere_and_back() {
    let (mut menu, facts) = (Menu::default(), facts());
    for key in [Key::Enter, Key::Down, Key::Down, Key::Down, Key::Up, Key::Enter] {
        assert_eq!(menu.press(key, &facts), Step::Stay);
    }
    assert!(text(&menu, &facts).contains("Previous version"));
    assert_eq!(press(&mut menu, &facts, "!!"), Step::Stay);
    assert!(menu.is_at_rest());
    assert_eq!(press(&mut menu, &facts, "!"), Step::Close);
    press(&mut menu, &facts, "\n1");
    menu.leave();
    assert!(menu.is_at_rest());
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        6 => "[ -~]".prop_map(|text| Key::Char(text.chars().next().unwrap_or(' '))),
        4 => prop::sample::select(vec![Key::Up, Key::Down, Key::Left, Key::Right, Key::Backspace, Key::Clear, Key::Redraw]),
        4 => Just(Key::Enter),
        1 => Just(Key::Escape),
        4 => "[0-5]".prop_map(|text| Key::Char(text.chars().next().unwrap_or('0'))),
    ]
}

proptest! {
    /// Whatever is pressed and whatever is known, what is drawn fits, and holds nothing that moves a cursor.
    #[test]
    fn whatever_is_pressed_what_is_drawn_fits(
        keys in prop::collection::vec(any_key(), 0..60),
        columns in 1usize..140,
        rows in 1usize..60,
        known in 0..4,
    ) {
        let facts = match known {
            0 => facts(),
            1 => trying(true).0,
            2 => Facts { node: None, ..facts() },
            _ => Facts::default(),
        };
        let mut menu = Menu::default();
        for key in keys {
            if let Step::Order(order) = menu.press(key, &facts) {
                if let Order::TryNetwork(spec) = &order {
                    prop_assert!(cake_planner::uplink::check(spec, None).is_ok());
                }
                menu.heard(said("done"));
            }
            let drawing = menu.draw(&facts, NOW, Size { columns, rows }, true);
            prop_assert!(drawing.lines.len() <= rows);
            for line in &drawing.lines {
                prop_assert!(line.chars().count() <= columns && !line.chars().any(char::is_control), "{line:?}");
            }
            if let Some((row, column)) = drawing.cursor {
                prop_assert!(row < rows && column < columns);
            }
        }
    }

    /// Nothing that ends something happens without the word: digits and Enter alone never do it.
    #[test]
    fn digits_and_enter_alone_end_nothing(keys in prop::collection::vec("[0-9\n!]", 0..80)) {
        let (mut menu, facts) = (Menu::default(), facts());
        for key in keys {
            let step = press(&mut menu, &facts, &key);
            prop_assert!(!matches!(step, Step::Order(Order::Leave(_) | Order::GoBack | Order::Reset)), "{:?}", menu);
            if matches!(step, Step::Order(_)) {
                menu.heard(said(""));
            }
        }
    }
}
