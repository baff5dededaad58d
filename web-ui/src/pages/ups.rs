//! The power supply, as the overview and the settings show it.

use crate::data::NodeView;
use crate::frame::Frame;
use askama::Template;
use cake_types::{UpsFlag, UpsSpec, UpsStatus};

/// What a server hears of its power supply, in words.
pub struct Supply {
    pub server: String,
    pub model: Option<String>,
    /// `Mains power, charging`.
    pub says: String,
    /// `80 %, 23 minutes left`.
    pub battery: Option<String>,
    pub load: Option<String>,
    /// Why that may be old.
    pub problem: Option<&'static str>,
    /// What the NUT server has instead.
    pub offered: Option<String>,
    pub shutdown: Option<&'static str>,
    pub tone: &'static str,
}

pub fn supply(f: &Frame, view: &NodeView) -> Option<Supply> {
    let ups = view.status.as_ref()?.ups.as_ref()?;
    let words: Vec<&str> = ups.flags.iter().map(|flag| f.t(f.id("ups-flag-", flag.as_str()))).collect();
    let bad = ups.is(UpsFlag::OnBattery) || ups.is(UpsFlag::Forced) || ups.shutdown.is_some();
    let comma = f.t("comma");
    Some(Supply {
        server: view.node.meta.name.to_string(),
        model: ups.model.clone(),
        says: words.join(comma),
        battery: battery(f, ups),
        load: ups.load.map(|load| f.tv("percent", "percent", load)),
        problem: ups.problem.map(|problem| f.t(f.id("ups-problem-", problem.as_str()))),
        offered: (!ups.offered.is_empty()).then(|| ups.offered.join(comma)),
        shutdown: ups.shutdown.map(|stage| f.t(f.id("ups-shutdown-", stage.as_str()))),
        tone: if bad { "bad" } else { "good" },
    })
}

fn battery(f: &Frame, ups: &UpsStatus) -> Option<String> {
    let charge = ups.charge.map(|charge| f.tv("percent", "percent", charge));
    let left = ups.runtime.map(|seconds| f.tv("ups-minutes-left", "minutes", seconds / 60));
    let parts: Vec<String> = charge.into_iter().chain(left).collect();
    (!parts.is_empty()).then(|| parts.join(f.t("comma")))
}

/// The region of the settings.
#[derive(Template)]
#[template(path = "parts/ups.html")]
pub struct Region<'a> {
    pub f: &'a Frame,
    pub supplies: Vec<Supply>,
    pub watched: bool,
    /// For If-Match.
    pub etag: String,
}

/// What the form begins with.
pub struct Form {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: String,
    pub minutes: u32,
    pub has_password: bool,
}

impl Form {
    pub fn of(spec: Option<&UpsSpec>) -> Self {
        match spec {
            Some(UpsSpec { host, port, name, user, password, minutes }) => Self {
                host: host.clone(),
                port: *port,
                name: name.clone(),
                user: user.clone().unwrap_or_default(),
                minutes: *minutes,
                has_password: password.is_some(),
            },
            None => Self {
                host: String::new(),
                port: cake_types::UPS_PORT,
                name: String::new(),
                user: String::new(),
                minutes: cake_types::UPS_MINUTES,
                has_password: false,
            },
        }
    }
}
