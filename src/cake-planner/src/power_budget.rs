//! The power budget of a rack: which servers are held back, at how many watts, so that all together draw no more than somebody allows.
//!
//! ```text
//!   watts ▲
//!         │━━━━━━━━━━━━━━━━━━ the budget
//!         │- - - - - - - - -  [`Marks::high`]    above: caps are lowered at once, down to …
//!         │- - - - - - - - -  [`Marks::target`]  … here, servers of the lowest priority first
//!         │                                      between high and low nothing changes: a load that wavers moves no cap
//!         │- - - - - - - - -  [`Marks::low`]     below: caps are raised, a step a minute, those of the highest priority first
//! ```
//!
//! What counts is what servers *may* draw: a capped one its cap, any other what it draws now. The plan follows from what is so at
//! present alone (readings, and what servers are held at), so a daemon that begins anew goes on where it was.

use cake_types::{
    BUDGET_LEAST, BUDGET_MOST, CAP_LEAST, CAP_MOST, CapStatus, CapTrouble, Code, HeldBack, PowerCap, Priority, Problem,
    Server, ServerId, ServerStatus,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A reading that is older says what was and not what is.
const FRESH: SignedDuration = SignedDuration::from_secs(90);
/// How long a cap stays as it is before it is raised: a BMC takes some seconds to keep one, a load some more to show what it wants.
pub const CALM: SignedDuration = SignedDuration::from_secs(60);
/// Where a BMC does not say how low it can go, in watts: with less a server would be slow beyond use.
const LEAST_UNSAID: u16 = 100;
/// No server draws more, whatever its BMC says, in watts.
const SILLY: f64 = 100_000.0;

/// A server as the budget looks at it.
#[derive(Clone, Debug)]
pub struct ServerSeen {
    pub id: ServerId,
    /// What it drew when it last said so, in watts, rounded up.
    pub watts: Option<u32>,
    /// Its BMC was heard a moment ago.
    pub fresh: bool,
    /// Its BMC was not asked yet: what it draws will be known in a moment.
    pub pending: bool,
    /// What its BMC says of caps; `None`: not known yet.
    pub cap: Option<CapStatus>,
    /// The person's own cap, in watts.
    pub own: Option<u16>,
    /// What the budget made of it.
    pub held: Option<HeldBack>,
    /// Nothing was changed there for [`CALM`], and it was heard since.
    pub calm: bool,
    /// The highest of the VMs that run on it; `None`: none does.
    pub priority: Option<Priority>,
}

impl ServerSeen {
    /// `refused`: no node watches it.
    pub fn of(
        server: &Server,
        status: Option<&ServerStatus>,
        refused: bool,
        priority: Option<Priority>,
        now: Timestamp,
    ) -> Self {
        let read_at = status.and_then(|status| status.read_at);
        let held = server.spec.held;
        let since =
            |held: HeldBack| now.duration_since(held.since) >= CALM && read_at.is_some_and(|at| at > held.since);
        let asked = refused || status.is_some_and(|status| status.problem.is_some() || status.read_at.is_some());
        Self {
            id: server.meta.id,
            watts: status.and_then(|status| status.watts).and_then(whole),
            fresh: read_at.is_some_and(|at| now.duration_since(at) <= FRESH),
            pending: server.spec.bmc.is_some() && !asked,
            cap: status.and_then(|status| status.cap),
            own: server.spec.cap.and_then(|cap| cap.watts),
            held,
            calm: held.is_none_or(since),
            priority,
        }
    }

    /// The budget's cap, in watts.
    fn at(&self) -> Option<u16> {
        self.held.and_then(|held| held.watts)
    }

    /// The lowest cap that its BMC takes, as far as is known.
    fn least(&self) -> u32 {
        self.cap.and_then(|cap| cap.least).filter(|least| *least > 0).unwrap_or(LEAST_UNSAID).max(CAP_LEAST).into()
    }

    fn most(&self) -> u32 {
        self.cap.and_then(|cap| cap.most).filter(|most| *most > 0).map_or(u32::MAX, u32::from)
    }

    /// The smaller of a cap of the budget's and the person's, in watts.
    fn within(&self, cap: u16) -> u32 {
        self.own.map_or(cap, |own| own.min(cap)).into()
    }

    /// It draws more than it is held at though there was time enough to keep to it.
    fn ignores(&self) -> bool {
        let more = |(cap, watts): (u32, u32)| watts > cap + cap / 20 + 5;
        let cap = self.at().map(|cap| self.within(cap));
        self.calm && cap.zip(self.watts).is_some_and(more)
    }

    /// A lower cap would be kept, as far as is known.
    fn takes_caps(&self) -> bool {
        let able = self.cap.is_some_and(|cap| cap.trouble.is_none());
        able && self.fresh && self.watts.is_some() && !self.ignores()
    }

    /// What it may draw with such a cap of the budget's, as far as is known, in watts.
    fn may_draw(&self, cap: Option<u16>) -> u32 {
        let cap = cap.map(|cap| self.within(cap));
        match (cap, self.watts) {
            (Some(cap), Some(_)) if self.takes_caps() => cap,
            (_, Some(watts)) => watts,
            (cap, None) => cap.unwrap_or(0),
        }
    }

    /// It goes free, and its BMC has no limit of the budget's any more.
    fn forgotten(&self) -> bool {
        let gone = self.own.is_some() || self.cap.is_some_and(|cap| cap.watts.is_none());
        self.at().is_none() && self.calm && gone
    }
}

/// Watts as a whole number; nothing where a BMC says nonsense.
fn whole(watts: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a hundred thousand")]
    (0.0..=SILLY).contains(&watts).then(|| watts.ceil() as u32)
}

/// What is to be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What the budget wants of each server; `None`: nothing, a limit is its BMC's or the person's.
    pub wanted: BTreeMap<ServerId, Option<PowerCap>>,
    /// What the servers draw now, or drew when they last said so, in watts.
    pub drawn: u32,
    /// What they may draw once this is so.
    pub may_draw: u32,
    /// How many do not say what they draw: they are not in the sum.
    pub silent: usize,
}

impl Plan {
    /// More is drawn than the budget allows, and all that can be held back is.
    pub fn exceeds(&self, budget: u32) -> bool {
        self.drawn > budget && self.may_draw > budget
    }

    /// Servers that are held back, and at how many watts.
    pub fn held(&self) -> impl Iterator<Item = (ServerId, u16)> + '_ {
        self.wanted.iter().filter_map(|(id, cap)| Some((*id, cap.as_ref()?.watts?)))
    }
}

/// Between what the sum is kept, in watts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    pub high: u32,
    pub target: u32,
    pub low: u32,
    /// What is given back at once.
    pub step: u32,
}

impl Marks {
    pub fn of(budget: u32) -> Self {
        let below = |percent: u32| budget - budget.saturating_mul(percent) / 100;
        Self { high: below(2), target: below(5), low: below(10), step: budget / 20 }
    }
}

/// Whether somebody may ask for it. Without one nothing is held back.
pub fn checked(budget: Option<u32>) -> Result<Option<u32>, Problem> {
    match budget {
        Some(watts) if !(BUDGET_LEAST..=BUDGET_MOST).contains(&watts) => {
            let problem = Problem::new(Code::OutOfRange).with("field", "power_budget");
            Err(problem.with("min", BUDGET_LEAST).with("max", BUDGET_MOST).at("/power_budget"))
        }
        budget => Ok(budget),
    }
}

/// What the budget wants of each server. Without one, that all go free.
pub fn plan(budget: Option<u32>, servers: &[ServerSeen]) -> Plan {
    let changes = budget.map_or_else(|| all_free(servers), |budget| changes(Marks::of(budget), servers));
    let wanted: BTreeMap<ServerId, Option<PowerCap>> =
        servers.iter().map(|seen| (seen.id, wanted(seen, changes.get(&seen.id).copied()))).collect();
    let after = |seen: &ServerSeen| seen.may_draw(wanted[&seen.id].and_then(|cap| cap.watts));
    Plan {
        may_draw: sum(servers.iter().map(after)),
        drawn: sum(servers.iter().filter_map(|seen| seen.watts)),
        silent: servers.iter().filter(|seen| seen.watts.is_none()).count(),
        wanted,
    }
}

/// Caps that become others, in watts; nothing: the server goes free.
type Changes = BTreeMap<ServerId, Option<u16>>;

fn sum(watts: impl Iterator<Item = u32>) -> u32 {
    watts.fold(0, u32::saturating_add)
}

fn all_free(servers: &[ServerSeen]) -> Changes {
    servers.iter().filter(|seen| seen.at().is_some()).map(|seen| (seen.id, None)).collect()
}

fn changes(marks: Marks, servers: &[ServerSeen]) -> Changes {
    let now = sum(servers.iter().map(|seen| seen.may_draw(seen.at())));
    if now > marks.high {
        return lowered(servers, now - marks.target, |_| true);
    }
    // What is not known yet may be much, and what was changed has yet to show.
    if servers.iter().any(|seen| seen.pending || (seen.fresh && !seen.calm)) {
        return Changes::new();
    }
    if now < marks.low { raised(servers, marks.target - now, marks) } else { in_order(servers, marks) }
}

/// Caps that free so many watts: those of the lowest priority go down to their least before the next are touched, and among equals
/// those that draw most come first.
fn lowered(servers: &[ServerSeen], mut need: u32, takes: impl Fn(&ServerSeen) -> bool) -> Changes {
    let mut changes = Changes::new();
    let able: Vec<&ServerSeen> = servers.iter().filter(|seen| seen.takes_caps() && takes(seen)).collect();
    for priority in able.iter().map(|seen| seen.priority).collect::<BTreeSet<_>>() {
        let of_it = able.iter().filter(|seen| seen.priority == priority);
        let group: Vec<(&ServerSeen, u32)> = of_it.map(|seen| (*seen, seen.may_draw(seen.at()))).collect();
        let freed = |level: u32| sum(group.iter().map(|(seen, now)| now.saturating_sub(level.max(seen.least()))));
        let level = highest(group.iter().map(|(_, now)| *now).max().unwrap_or(0), |level| freed(level) >= need);
        for (seen, now) in &group {
            let cap = level.max(seen.least()).min(seen.most().max(seen.least()));
            if cap < *now {
                changes.insert(seen.id, Some(watts(cap)));
            }
        }
        need = need.saturating_sub(freed(level));
        if need == 0 {
            break;
        }
    }
    changes
}

/// Caps that give so many watts back, at most a step: those of the highest priority first, and among equals the lowest.
fn raised(servers: &[ServerSeen], spare: u32, marks: Marks) -> Changes {
    let spare = spare.min(marks.step);
    let held: Vec<(&ServerSeen, u32)> = held(servers).collect();
    let Some(top) = held.iter().map(|(seen, _)| seen.priority).max() else { return Changes::new() };
    let group: Vec<&(&ServerSeen, u32)> = held.iter().filter(|(seen, _)| seen.priority == top).collect();
    let given = |level: u32| sum(group.iter().map(|(_, cap)| level.saturating_sub(*cap)));
    let bottom = group.iter().map(|(_, cap)| *cap).min().unwrap_or(0);
    let level = bottom + highest(spare, |more| given(bottom + more) <= spare).max(1);
    let next = |(seen, cap): &&(&ServerSeen, u32)| {
        let (cap, enough) = (level.max(*cap), seen.watts.unwrap_or(0).saturating_add(2 * marks.step));
        let free = cap >= enough.min(seen.most()).min(seen.own.map_or(u32::MAX, u32::from));
        (seen.id, (!free).then(|| watts(cap)))
    };
    group.iter().map(next).collect()
}

/// A VM may have come to a server, or gone, since: one of a lower priority makes room for one that is held back and wants more.
fn in_order(servers: &[ServerSeen], marks: Marks) -> Changes {
    let wants = |seen: &ServerSeen, cap: u32| seen.watts.is_some_and(|watts| watts.saturating_add(watts / 10) >= cap);
    let top = held(servers).filter(|(seen, cap)| wants(seen, *cap)).map(|(seen, _)| seen.priority).max();
    top.map_or_else(Changes::new, |top| lowered(servers, marks.step, |seen| seen.priority < top))
}

/// Those whose caps can be raised.
fn held(servers: &[ServerSeen]) -> impl Iterator<Item = (&ServerSeen, u32)> {
    let fresh = servers.iter().filter(|seen| seen.fresh && seen.watts.is_some());
    fresh.filter_map(|seen| Some((seen, u32::from(seen.at()?))))
}

/// The highest number up to `most` that is right, where all lower ones are right too; 0 where none is.
fn highest(most: u32, right: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        (low, high) = if right(middle) { (middle, high) } else { (low, middle - 1) };
    }
    low
}

fn watts(cap: u32) -> u16 {
    u16::try_from(cap).unwrap_or(u16::MAX).clamp(CAP_LEAST, CAP_MOST)
}

fn wanted(seen: &ServerSeen, change: Option<Option<u16>>) -> Option<PowerCap> {
    let unsupported = seen.cap.is_some_and(|cap| cap.trouble == Some(CapTrouble::Unsupported));
    match change.unwrap_or(seen.at()).filter(|_| !unsupported) {
        Some(watts) => Some(PowerCap { watts: Some(watts) }),
        None => (seen.held.is_some() && !(unsupported || seen.forgotten())).then_some(PowerCap { watts: None }),
    }
}

#[cfg(test)]
#[path = "power_budget_tests.rs"]
mod tests;
