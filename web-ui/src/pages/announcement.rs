//! The console's name on the network, as the settings show it.

use crate::data::AnnouncementView;
use crate::frame::Frame;
use askama::Template;
use cake_types::{AnnounceState, SystemSettings};

/// The region of the settings.
#[derive(Template)]
#[template(path = "parts/announcement.html")]
pub struct Region<'a> {
    f: &'a Frame,
    state: &'static str,
    /// What is so, in one sentence.
    says: &'static str,
    warns: bool,
    name: Option<String>,
    url: Option<String>,
    addresses: String,
    /// Who has the name that was wished for, and what this one took instead.
    renamed: Option<String>,
    because: Option<String>,
}

pub fn region<'a>(f: &'a Frame, view: AnnouncementView) -> Region<'a> {
    let AnnouncementView { now, url } = view;
    let name = now.name();
    let renamed = now.is_renamed().then(|| {
        let wanted = now.wanted.as_deref().map(cake_types::local).unwrap_or_default();
        f.tvv("announcement-renamed", "wanted", wanted, "name", name.as_deref().unwrap_or_default())
    });
    let addresses: Vec<String> = now.addresses.iter().map(ToString::to_string).collect();
    Region {
        f,
        state: now.state.as_str(),
        says: f.t(f.id("announce-", now.state.as_str())),
        warns: matches!(now.state, AnnounceState::Failed | AnnounceState::NoLink | AnnounceState::Nameless),
        name,
        url,
        addresses: addresses.join(f.t("comma")),
        renamed,
        because: now.because,
    }
}

/// What the form begins with.
pub struct Form {
    pub announce: bool,
    pub local_name: String,
}

impl Form {
    pub fn of(settings: &SystemSettings) -> Self {
        Self { announce: !settings.quiet, local_name: settings.local_name.clone().unwrap_or_default() }
    }
}
