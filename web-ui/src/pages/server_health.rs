//! How servers are: one mark, what is the matter, and the rack in one sentence.

use super::sensors::{self, Said};
use crate::data::ServerView;
use crate::frame::Frame;
use crate::show::Mark;
use askama::Template;
use cake_planner::server::{self, ServerHealth};
use cake_types::{ServerStatus, Severity};
use std::cmp::Reverse;
use std::sync::Arc;

/// What is so now. Of what was read before its BMC fell silent only its own page tells, with the time.
pub fn now(view: &ServerView) -> Option<&ServerStatus> {
    view.status.as_ref().filter(|status| status.problem.is_none())
}

pub fn is_on(view: &ServerView) -> Option<bool> {
    Some(now(view)?.chassis?.on)
}

pub fn needs_attention(view: &ServerView) -> bool {
    match view.health {
        ServerHealth::Warning | ServerHealth::Critical => true,
        ServerHealth::Unheard => view.status.as_ref().is_some_and(|status| status.problem.is_some()),
        ServerHealth::NoBmc | ServerHealth::Well => false,
    }
}

pub fn mark(f: &Frame, view: &ServerView) -> Mark {
    let key = view.health.as_str();
    let (icon, tone) = match view.health {
        ServerHealth::Well => ("good", "good"),
        ServerHealth::Warning => ("warning", "warn"),
        ServerHealth::Critical => ("error", "bad"),
        ServerHealth::NoBmc => ("stopped", "off"),
        // Nobody has heard of it yet: that is no trouble.
        ServerHealth::Unheard if !needs_attention(view) => {
            return Mark { key: "waiting", word: f.t("server-waiting"), icon: "busy", tone: "busy" };
        }
        ServerHealth::Unheard => ("lost", "warn"),
    };
    Mark { key, word: f.t(f.id("server-health-", key)), icon, tone }
}

/// Something that is not as it should be.
pub struct Trouble {
    pub mark: Mark,
    /// The sensor's.
    pub name: Option<String>,
    pub what: Said,
}

/// All of it, the worst first.
pub fn troubles(f: &Frame, view: &ServerView) -> Vec<Trouble> {
    let Some(status) = &view.status else { return Vec::new() };
    if let Some(problem) = status.problem {
        let what = Said { text: f.t(f.id("bmc-problem-", problem.as_str())).into(), raw: false };
        return vec![Trouble { mark: mark(f, view), name: None, what }];
    }
    let faults = status.chassis.iter().flat_map(server::faults).map(|fault| Trouble {
        mark: severe(f, fault.severity()),
        name: Some(f.t("server-chassis").into()),
        what: Said { text: f.t(f.id("chassis-fault-", fault.as_str())).into(), raw: false },
    });
    let sensors = server::troubles(status).into_iter().map(|sensor| Trouble {
        mark: sensors::mark(f, sensor.state),
        name: Some(sensor.name.clone()),
        what: sensors::trouble(f, sensor),
    });
    let weak = server::weak(&view.server.spec, view.status.as_ref()).map(|weak| Trouble {
        mark: severe(f, Severity::Warning),
        name: Some(f.t("server-password").into()),
        what: Said { text: f.t(f.id("bmc-weak-", weak.as_str())).into(), raw: false },
    });
    let mut all: Vec<Trouble> = sensors.chain(faults).chain(weak).collect();
    all.sort_by_key(|trouble| trouble.mark.tone != "bad");
    all
}

/// The worst.
pub fn trouble(f: &Frame, view: &ServerView) -> Option<Trouble> {
    troubles(f, view).into_iter().next()
}

pub fn severe(f: &Frame, severity: Severity) -> Mark {
    let (key, icon, tone) = match severity {
        Severity::Info => ("info", "info", "off"),
        Severity::Warning => ("warning", "warning", "warn"),
        Severity::Error => ("error", "error", "bad"),
    };
    Mark { key, word: f.words.severity(severity), icon, tone }
}

/// The rack in one sentence, and its facts in another.
pub struct Health {
    pub mark: Mark,
    pub sentence: String,
    pub facts: String,
}

pub fn health(f: &Frame, all: &[Arc<ServerView>]) -> Health {
    let bad = all.iter().filter(|view| needs_attention(view)).count();
    let known = all.iter().any(|view| view.health == ServerHealth::Well);
    let worst = all.iter().filter(|view| needs_attention(view)).map(|view| view.health).max();
    let (sentence, icon, tone) = match (bad, known) {
        (0, true) => (f.t("rack-well").to_owned(), "good", "good"),
        (0, false) => (f.t("rack-unknown").to_owned(), "stopped", "off"),
        _ if worst == Some(ServerHealth::Critical) => (f.tv("rack-attention", "count", bad), "error", "bad"),
        _ => (f.tv("rack-attention", "count", bad), "warning", "warn"),
    };
    let on = all.iter().filter(|view| is_on(view) == Some(true)).count();
    let watts: f64 = all.iter().filter_map(|view| now(view)?.watts).sum();
    let mut facts = vec![f.tv("count-servers", "count", all.len()), f.tv("rack-on", "count", on)];
    facts.extend((watts > 0.0).then(|| f.words.measured(watts.round(), "watt")));
    Health {
        mark: Mark { key: tone, word: "", icon, tone },
        sentence,
        facts: format!("{}{}", facts.join(f.t("comma")), f.t("full-stop")),
    }
}

/// For the overview: once one server at least has a BMC.
pub fn line(f: &Frame, all: &[Arc<ServerView>]) -> Option<Health> {
    all.iter().any(|view| view.health != ServerHealth::NoBmc).then(|| health(f, all))
}

#[derive(Template)]
#[template(path = "parts/rack_health.html")]
pub struct HealthRegion<'a> {
    f: &'a Frame,
    health: Health,
    bad: Vec<Bad>,
    /// There are more than are shown.
    more: usize,
}

struct Bad {
    id: String,
    name: String,
    trouble: Trouble,
}

/// Servers whose trouble stands above the rack; the list has them all.
const SHOWN: usize = 6;

pub fn region<'a>(f: &'a Frame, all: &[Arc<ServerView>]) -> HealthRegion<'a> {
    let mut bad: Vec<_> = all.iter().filter(|view| needs_attention(view)).collect();
    bad.sort_by_key(|view| (Reverse(view.health), view.server.meta.id));
    let rows = bad.iter().take(SHOWN).filter_map(|view| {
        let meta = &view.server.meta;
        Some(Bad { id: meta.id.to_string(), name: meta.name.to_string(), trouble: trouble(f, view)? })
    });
    HealthRegion { f, health: health(f, all), bad: rows.collect(), more: bad.len().saturating_sub(SHOWN) }
}
