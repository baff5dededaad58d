//! The plan of a moment, and a rack that lives by it: servers with loads of their own, which draw what they want or their cap.

use super::*;
use uuid::Uuid;

const ABLE: CapStatus = CapStatus { watts: None, least: Some(150), most: Some(800), trouble: None };

fn id(number: usize) -> ServerId {
    ServerId(Uuid::from_u128(number as u128 + 1))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Heard just now, able, and left alone so far.
fn server(number: usize, watts: u32, priority: Option<Priority>) -> ServerSeen {
    ServerSeen {
        id: id(number),
        watts: Some(watts),
        fresh: true,
        pending: false,
        cap: Some(ABLE),
        own: None,
        held: None,
        calm: true,
        priority,
    }
}

fn held(mut seen: ServerSeen, watts: u16) -> ServerSeen {
    seen.held = Some(HeldBack { watts: Some(watts), since: at(0) });
    seen.cap = seen.cap.map(|cap| CapStatus { watts: Some(watts), ..cap });
    seen
}

fn caps(plan: &Plan) -> Vec<(ServerId, u16)> {
    plan.held().collect()
}

/// Numbers that look like chance and are the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn up_to(&mut self, most: u32) -> u32 {
        (self.next() % (u64::from(most) + 1)) as u32
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.up_to(many - 1) == 0
    }

    fn priority(&mut self) -> Option<Priority> {
        [None, Some(Priority::Low), Some(Priority::Normal), Some(Priority::High)][self.up_to(3) as usize]
    }

    /// Any state that a rack may be found in.
    fn rack(&mut self) -> Vec<ServerSeen> {
        (0..=self.up_to(11) as usize).map(|number| self.server(number)).collect()
    }

    fn server(&mut self, number: usize) -> ServerSeen {
        let mut seen = server(number, self.up_to(900), self.priority());
        if self.one_in(3) {
            seen = held(seen, 150 + self.up_to(650) as u16);
        }
        if self.one_in(5) {
            seen.own = Some(150 + self.up_to(650) as u16);
        }
        if self.one_in(5) {
            let trouble = CapTrouble::ALL[self.up_to(3) as usize];
            seen.cap = (!self.one_in(5)).then_some(CapStatus { trouble: Some(trouble), ..ABLE });
        }
        seen.fresh = !self.one_in(6);
        seen.calm = seen.held.is_none() || !self.one_in(4);
        seen.pending = self.one_in(20);
        if seen.pending || self.one_in(12) {
            seen.watts = None;
        }
        seen
    }
}

#[test]
fn a_budget_has_bounds() {
    assert_eq!(checked(None).unwrap(), None);
    for (watts, taken) in
        [(0, false), (49, false), (50, true), (1_000_000, true), (1_000_001, false), (u32::MAX, false)]
    {
        let checked = checked(Some(watts));
        assert_eq!(checked.is_ok(), taken, "{watts}");
        if let Err(problem) = checked {
            assert_eq!((problem.code, problem.params["min"].as_str()), (Code::OutOfRange, "50"));
            assert_eq!((problem.params["max"].as_str(), problem.params["field"].as_str()), ("1000000", "power_budget"));
        }
    }
}

#[test]
fn the_lowest_go_down_to_their_least_before_the_next_are_touched() {
    let rack = || {
        vec![
            server(0, 400, Some(Priority::High)),
            server(1, 400, Some(Priority::Normal)),
            server(2, 400, Some(Priority::Low)),
            server(3, 400, None),
        ]
    };
    // The target is five per cent below, and nothing happens up to two per cent below.
    for (budget, expected) in [
        (1700, vec![]),
        (1640, vec![]),
        (1600, vec![(id(3), 320)]),
        (1400, vec![(id(2), 380), (id(3), 150)]),
        (1200, vec![(id(2), 190), (id(3), 150)]),
        (1000, vec![(id(1), 250), (id(2), 150), (id(3), 150)]),
        (700, vec![(id(0), 215), (id(1), 150), (id(2), 150), (id(3), 150)]),
        (600, vec![(id(0), 150), (id(1), 150), (id(2), 150), (id(3), 150)]),
    ] {
        let plan = plan(Some(budget), &rack());
        assert_eq!(caps(&plan), expected, "{budget}");
        assert!(plan.may_draw <= budget && !plan.exceeds(budget), "{budget}: {plan:?}");
    }
    // More than this can't be done, and it is said.
    let least = plan(Some(500), &rack());
    assert_eq!((least.drawn, least.may_draw, least.exceeds(500)), (1600, 600, true));
    assert!(least.held().all(|(_, watts)| watts == 150) && least.held().count() == 4);
}

#[test]
fn among_equals_who_draws_most_comes_first() {
    let rack = [server(0, 700, None), server(1, 500, None), server(2, 200, None)];
    assert_eq!(caps(&plan(Some(1300), &rack)), [(id(0), 535)]);
    assert_eq!(caps(&plan(Some(1000), &rack)), [(id(0), 375), (id(1), 375)]);
}

#[test]
fn who_can_not_be_capped_is_counted_and_left_alone() {
    let mut unsupported = server(0, 500, None);
    unsupported.cap = Some(CapStatus { trouble: Some(CapTrouble::Unsupported), ..CapStatus::default() });
    let mut old = server(1, 500, None);
    old.fresh = false;
    let mut unknown = server(2, 500, None);
    unknown.cap = None;
    let mut ignores = held(server(3, 500, None), 300);
    let able = server(4, 500, Some(Priority::High));
    let rack =
        |ignores: &ServerSeen| vec![unsupported.clone(), old.clone(), unknown.clone(), ignores.clone(), able.clone()];
    let plan_of = |ignores: &ServerSeen| plan(Some(2400), &rack(ignores));
    assert_eq!(
        caps(&plan_of(&ignores)),
        [(id(3), 300), (id(4), 280)],
        "only who can is held back, and the other's cap stays"
    );
    // A cap of a moment ago may not be kept yet.
    ignores.calm = false;
    assert_eq!(caps(&plan_of(&ignores)), [(id(3), 300)]);
}

#[test]
fn a_persons_cap_holds_beside_it() {
    let mut own = server(0, 290, None);
    own.own = Some(300);
    let rack = [own.clone(), server(1, 400, Some(Priority::Low))];
    assert_eq!(caps(&plan(Some(600), &rack)), [(id(0), 170)]);
    // What the person allows is less than what the budget does: it is free again.
    let rack = [held(own, 295), server(1, 200, None)];
    let plan = plan(Some(2000), &rack);
    assert_eq!(plan.wanted[&id(0)], Some(PowerCap { watts: None }));
    let spec = |cap: Option<Option<u16>>, held: Option<Option<u16>>| cake_types::ServerSpec {
        cap: cap.map(|watts| PowerCap { watts }),
        held: held.map(|watts| HeldBack { watts, since: at(0) }),
        ..Default::default()
    };
    for (cap, held, told) in [
        (None, None, None),
        (Some(Some(300)), None, Some(Some(300))),
        (Some(None), None, Some(None)),
        (None, Some(Some(200)), Some(Some(200))),
        (Some(Some(300)), Some(Some(200)), Some(Some(200))),
        (Some(Some(150)), Some(Some(200)), Some(Some(150))),
        (Some(None), Some(Some(200)), Some(Some(200))),
        (None, Some(None), Some(None)),
        (Some(Some(300)), Some(None), Some(Some(300))),
    ] {
        let effective = spec(cap, held).effective_cap().map(|cap| cap.watts);
        assert_eq!(effective, told, "{cap:?} {held:?}");
    }
}

#[test]
fn going_free_is_over_when_the_bmc_has_forgotten_the_limit() {
    let mut seen = held(server(0, 200, None), 200);
    let free = Some(PowerCap { watts: None });
    assert_eq!(plan(None, std::slice::from_ref(&seen)).wanted[&id(0)], free);
    seen.held = Some(HeldBack { watts: None, since: at(0) });
    assert_eq!(plan(None, std::slice::from_ref(&seen)).wanted[&id(0)], free, "a limit is still in force");
    seen.cap = Some(ABLE);
    assert_eq!(plan(None, std::slice::from_ref(&seen)).wanted[&id(0)], None);
    seen.calm = false;
    assert_eq!(plan(None, &[seen]).wanted[&id(0)], free, "it said so before");
}

#[test]
fn what_a_server_says_is_taken_for_what_it_is_worth() {
    let now = at(1_000);
    let meta = cake_types::Meta {
        id: id(0),
        project: cake_types::ProjectName::default(),
        name: "m1".parse().unwrap(),
        generation: cake_types::Generation::FIRST,
        created_at: now,
        updated_at: now,
    };
    let mut server = Server { meta, spec: Default::default() };
    let stamp = cake_types::Stamp { epoch: cake_types::Epoch(1), generation: cake_types::Generation::FIRST };
    let mut status = ServerStatus::unheard(stamp);
    let of = |server: &Server, status: &ServerStatus| ServerSeen::of(server, Some(status), false, None, now);
    assert!(!of(&server, &status).pending, "there is nobody to ask");
    for (watts, known) in [
        (Some(200.2), Some(201)),
        (Some(0.0), Some(0)),
        (Some(-1.0), None),
        (Some(f64::NAN), None),
        (Some(f64::INFINITY), None),
        (Some(1e9), None),
        (None, None),
    ] {
        status.watts = watts;
        assert_eq!(of(&server, &status).watts, known, "{watts:?}");
    }
    for (ago, fresh) in [(0, true), (90, true), (91, false)] {
        status.read_at = Some(at(1_000 - ago));
        assert_eq!(of(&server, &status).fresh, fresh, "{ago}");
    }
    for (since, read, calm) in [(100, 990, true), (941, 990, false), (940, 990, true), (940, 930, false)] {
        server.spec.held = Some(HeldBack { watts: Some(200), since: at(since) });
        status.read_at = Some(at(read));
        assert_eq!(of(&server, &status).calm, calm, "{since} {read}");
    }
}

/// Whatever is found: less than the budget is left alone, the order is kept, and the sum is within the budget where that can be.
#[test]
fn any_rack_is_brought_within_its_budget_in_order() {
    let unsupported = |seen: &ServerSeen| seen.cap.is_some_and(|cap| cap.trouble == Some(CapTrouble::Unsupported));
    let mut dice = Dice(1);
    for round in 0..20_000 {
        let rack = dice.rack();
        let budget = 50 + dice.up_to(7_000);
        let plan = plan(Some(budget), &rack);
        let now = sum(rack.iter().map(|seen| seen.may_draw(seen.at())));
        let least = |seen: &ServerSeen| {
            // A cap that its BMC can't have says nothing.
            let now = if unsupported(seen) { seen.watts.unwrap_or(0) } else { seen.may_draw(seen.at()) };
            if seen.takes_caps() { now.min(seen.least()) } else { now }
        };
        let possible = sum(rack.iter().map(least)) <= budget;
        assert_eq!(plan.may_draw <= budget, possible, "{round}: {budget} {rack:#?} {plan:?}");
        for seen in &rack {
            let cap = plan.wanted[&seen.id].and_then(|cap| cap.watts);
            let lower = |cap: Option<u16>| cap.map_or(u32::MAX, u32::from);
            let (before, after) = (lower(seen.at()), lower(cap));
            assert!(after >= before || seen.takes_caps(), "{round}: {seen:?} {cap:?}");
            assert!(after >= before || after >= seen.least(), "{round}: {seen:?} {cap:?}");
            assert!(after >= before || now > budget / 10 * 8, "{round}: there was room {seen:?} {cap:?}");
            let below = |other: &&ServerSeen| other.takes_caps() && other.priority < seen.priority;
            let spent =
                |other: &ServerSeen| other.may_draw(plan.wanted[&other.id].and_then(|cap| cap.watts)) <= other.least();
            assert!(
                after >= before || rack.iter().filter(below).all(spent),
                "{round}: {seen:?} before others {rack:#?}"
            );
            let unsure = rack.iter().any(|seen| seen.pending);
            assert!(
                after <= before || unsupported(seen) || (seen.fresh && !unsure && now < budget),
                "{round}: {seen:?} {cap:?}"
            );
        }
        let again = super::plan(Some(budget), &rack);
        assert_eq!(again, plan, "the same of the same");
    }
}

/// A server that lives: what it would like to draw, and what it is told.
struct Living {
    least: u32,
    most: u32,
    priority: Option<Priority>,
    wants: u32,
    held: Option<HeldBack>,
    /// How often its cap became another one.
    moved: u32,
}

impl Living {
    fn cap(&self) -> Option<u16> {
        self.held.and_then(|held| held.watts)
    }

    fn draws(&self) -> u32 {
        self.cap().map_or(self.wants, |cap| self.wants.min(cap.into()))
    }
}

/// A rack that is read each ten seconds.
struct Rack {
    now: i64,
    budget: u32,
    servers: Vec<Living>,
}

impl Rack {
    fn drawn(&self) -> u32 {
        self.servers.iter().map(Living::draws).sum()
    }

    fn seen(&self) -> Vec<ServerSeen> {
        let of = |(number, living): (usize, &Living)| {
            let mut seen = server(number, living.draws(), living.priority);
            let (least, most) = (Some(living.least as u16), Some(living.most as u16));
            seen.cap = Some(CapStatus { watts: living.cap(), least, most, trouble: None });
            seen.held = living.held;
            seen.calm = living.held.is_none_or(|held| at(self.now).duration_since(held.since) >= CALM);
            seen
        };
        self.servers.iter().enumerate().map(of).collect()
    }

    /// A reading, a plan, and ten seconds.
    fn round(&mut self) -> Plan {
        let plan = plan(Some(self.budget), &self.seen());
        for (number, living) in self.servers.iter_mut().enumerate() {
            let (wanted, before) = (plan.wanted[&id(number)], living.held);
            if wanted != before.map(|held| PowerCap { watts: held.watts }) {
                living.moved += u32::from(wanted.and_then(|cap| cap.watts) != living.cap());
                living.held = wanted.map(|cap| HeldBack { watts: cap.watts, since: at(self.now) });
            }
        }
        self.now += 10;
        plan
    }

    fn moved(&self) -> u32 {
        self.servers.iter().map(|living| living.moved).sum()
    }
}

fn rack(dice: &mut Dice) -> Rack {
    let living = |dice: &mut Dice| Living {
        least: 120 + dice.up_to(80),
        most: 600 + dice.up_to(300),
        priority: dice.priority(),
        wants: 100 + dice.up_to(500),
        held: None,
        moved: 0,
    };
    let servers: Vec<Living> = (0..6).map(|_| living(dice)).collect();
    Rack { now: 0, budget: 1_400 + dice.up_to(1_200), servers }
}

#[test]
fn a_steady_load_comes_to_rest_within_the_budget() {
    let mut dice = Dice(7);
    for round in 0..300 {
        let mut rack = rack(&mut dice);
        let wanted: u32 = rack.servers.iter().map(|living| living.wants).sum();
        rack.round();
        rack.round();
        assert!(rack.drawn() <= rack.budget, "{round}: within two rounds");
        for _ in 0..600 {
            rack.round();
            assert!(rack.drawn() <= rack.budget, "{round}: and it stays there");
        }
        let moved = rack.moved();
        for _ in 0..600 {
            rack.round();
        }
        assert_eq!(rack.moved(), moved, "{round}: no cap moves any more");
        if wanted <= rack.budget / 100 * 89 {
            assert!(rack.servers.iter().all(|living| living.cap().is_none()), "{round}: there is room for all");
        }
    }
}

/// A load that wavers by a few per cent moves no cap once it has come to rest.
#[test]
fn caps_do_not_flap() {
    let mut dice = Dice(11);
    for round in 0..100 {
        let mut rack = rack(&mut dice);
        let base: Vec<u32> = rack.servers.iter().map(|living| living.wants).collect();
        let waver = |rack: &mut Rack, dice: &mut Dice| {
            for (living, base) in rack.servers.iter_mut().zip(&base) {
                living.wants = base * (100 - 3 + dice.up_to(6)) / 100;
            }
            rack.round();
        };
        for _ in 0..600 {
            waver(&mut rack, &mut dice);
        }
        let moved = rack.moved();
        // Ten hours.
        for _ in 0..3_600 {
            waver(&mut rack, &mut dice);
        }
        assert!(rack.moved() - moved <= 12, "{round}: {} times", rack.moved() - moved);
    }
}

/// Loads that jump: over the budget for a round or two, then not; and a cap is raised once a minute at most.
#[test]
fn loads_that_jump_are_caught_within_a_few_rounds() {
    let mut dice = Dice(13);
    for _ in 0..60 {
        let mut rack = rack(&mut dice);
        let mut over = 0;
        for _ in 0..2_000 {
            if dice.one_in(40) {
                let which = dice.up_to(5) as usize;
                rack.servers[which].wants = 80 + dice.up_to(620);
            }
            let before: Vec<Option<HeldBack>> = rack.servers.iter().map(|living| living.held).collect();
            let plan = rack.round();
            let caps = before.iter().zip(&rack.servers);
            for (before, after) in caps.filter_map(|(before, living)| Some(((*before)?, living.held?))) {
                let risen = after.watts.unwrap_or(u16::MAX) > before.watts.unwrap_or(u16::MAX);
                assert!(!risen || after.since.duration_since(before.since) >= CALM, "raised too soon");
            }
            over = if rack.drawn() > rack.budget { over + 1 } else { 0 };
            assert!(over <= 2 || plan.exceeds(rack.budget), "{over} rounds over the budget");
        }
    }
}

/// A VM of a high priority comes to a server that is held back: others make room for it, step by step.
#[test]
fn who_became_important_is_let_go() {
    let living = |priority| Living { least: 150, most: 800, priority, wants: 400, held: None, moved: 0 };
    let servers = vec![living(None), living(Some(Priority::Normal)), living(Some(Priority::Low))];
    let mut rack = Rack { now: 0, budget: 1_000, servers };
    for _ in 0..300 {
        rack.round();
    }
    assert_eq!((rack.servers[0].draws(), rack.servers[1].draws()), (150, 400));
    rack.servers[0].priority = Some(Priority::High);
    for _ in 0..600 {
        rack.round();
        assert!(rack.drawn() <= 1_000);
    }
    assert!(rack.servers[0].draws() >= 390, "{}", rack.servers[0].draws());
    assert_eq!(rack.servers[2].draws(), 150);
}

/// A daemon that begins anew before its servers were heard lifts nothing.
#[test]
fn nothing_is_lifted_before_readings_have_come() {
    let mut unheard = held(server(0, 0, None), 200);
    (unheard.watts, unheard.fresh, unheard.pending, unheard.cap) = (None, false, true, None);
    let mut other = held(server(1, 200, None), 200);
    other.fresh = true;
    let before = plan(Some(2_000), &[unheard.clone(), other.clone()]);
    assert_eq!(caps(&before), [(id(0), 200), (id(1), 200)]);
    unheard.pending = false;
    let dark = plan(Some(2_000), &[unheard, other]);
    assert_eq!(caps(&dark), [(id(0), 200), (id(1), 300)], "one that stays silent keeps nobody else");
}
