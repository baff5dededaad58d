//! `GET /servers/{server}`: one physical machine: how it is, what it measures, and what can be done with it.

use super::energy::{self, Said};
use super::server_health::{self, Trouble};
use super::{EventRows, TaskRows, rack, sensors, server_cap, server_history, servers};
use crate::data::{ConsoleData, DeviceView, ServerView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{self, Mark};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_planner::device;
use cake_planner::maker;
use cake_planner::server::ServerHealth;
use cake_types::{
    BmcAccess, BmcProblem, BmcSpec, BootDevice, DRAW, PowerRestore, Problem, RackPlace, ServerStatus, authority,
};
use std::sync::Arc;

/// Tasks and events of a server that its page shows.
const SHOWN: usize = 8;

/// By id or by name.
pub async fn find(data: &Arc<dyn ConsoleData>, text: &str) -> Option<Arc<ServerView>> {
    match text.parse() {
        Ok(id) => data.server(id).await,
        Err(_) => data.servers().await.into_iter().find(|view| view.server.meta.name.as_str() == text),
    }
}

#[derive(Template)]
#[template(path = "server.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    id: String,
    name: &'a str,
    note: &'a str,
    place: Option<RackPlace>,
    /// There is one to ask.
    has_bmc: bool,
    /// What it is asked for when somebody opens it: its address, its title, and what there is to say of it.
    asks: Vec<(&'static str, &'static str, &'static str)>,
    bmc: BmcForm,
    accesses: Vec<(&'static str, &'static str)>,
    devices: Vec<(&'static str, &'static str)>,
    restores: Vec<(&'static str, &'static str, bool)>,
    /// cake's own machine can't be forgotten.
    is_node: bool,
    cap: server_cap::Form,
}

/// What the form of the BMC begins with.
pub struct BmcForm {
    /// Somebody said something before.
    pub known: bool,
    /// It is asked by the kernel's own device: there is no address to type.
    pub local: bool,
    pub access: &'static str,
    pub host: String,
    pub port: Option<u16>,
    pub user: String,
    pub has_password: bool,
    pub has_key: bool,
}

impl BmcForm {
    pub fn of(spec: Option<&BmcSpec>) -> Self {
        let Some(BmcSpec { access, host, port, user, password, key, weak: _, next: _ }) = spec else {
            let access = BmcAccess::Auto.as_str();
            return Self {
                known: false,
                local: false,
                access,
                host: String::new(),
                port: None,
                user: String::new(),
                has_password: false,
                has_key: false,
            };
        };
        Self {
            known: true,
            local: *access == BmcAccess::Local,
            access: access.as_str(),
            host: host.clone(),
            port: Some(*port).filter(|port| *port != 0),
            user: user.clone(),
            has_password: password.is_some(),
            has_key: key.is_some(),
        }
    }
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let Some(view) = find(&data, &id).await else {
        return super::error::problem(&data, &f, Problem::not_found("server", id)).await;
    };
    let r = super::regions(&data, &f, &format!("/servers/{}", view.server.meta.id)).await;
    let spec = &view.server.spec;
    let restore = view.status.as_ref().and_then(|status| status.chassis?.restore);
    f.page(&Page {
        f: &f,
        r,
        id: view.server.meta.id.to_string(),
        name: view.server.meta.name.as_str(),
        note: &spec.note,
        place: spec.place,
        has_bmc: has_bmc(&view),
        asks: asks(spec.bmc.as_ref()),
        bmc: BmcForm::of(spec.bmc.as_ref()),
        accesses: servers::accesses(&f),
        devices: BootDevice::ALL.iter().map(|device| word(&f, "boot-device-", device.as_str())).collect(),
        restores: PowerRestore::ALL
            .iter()
            .map(|policy| {
                let (value, title) = word(&f, "power-restore-", policy.as_str());
                (value, title, restore == Some(*policy))
            })
            .collect(),
        is_node: view.node.is_some(),
        cap: server_cap::form(&f, &view),
    })
}

/// What takes Redfish is not offered where that is not spoken.
fn asks(bmc: Option<&BmcSpec>) -> Vec<(&'static str, &'static str, &'static str)> {
    let ipmi = [("log", "server-log", "server-log-text"), ("parts", "server-parts", "server-parts-text")];
    let redfish = [
        ("drives", "server-drives", "server-drives-text"),
        ("media", "server-media", "server-media-text"),
        ("firmware", "server-firmware", "server-firmware-text"),
        ("bios", "server-bios", "server-bios-text"),
    ];
    let speaks = bmc.is_some_and(|bmc| matches!(bmc.access, BmcAccess::Auto | BmcAccess::Redfish));
    ipmi.into_iter().chain(redfish.into_iter().filter(|_| speaks)).collect()
}

fn word(f: &Frame, prefix: &str, word: &'static str) -> (&'static str, &'static str) {
    (word, f.t(f.id(prefix, word)))
}

pub fn has_bmc(view: &ServerView) -> bool {
    view.health != ServerHealth::NoBmc
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, view: &ServerView, regions: &mut Regions) {
    let vms = data.vms().await;
    let guests: Vec<&str> =
        vms.iter().filter(|vm| show::vm_state(vm).is_alive()).map(|vm| vm.vm.meta.name.as_str()).collect();
    regions.add("server-head", &head(f, view, &guests));
    regions.add("server-state", &state(f, view));
    regions.add("server-sensors", &sensors::sensors(f, view.server.meta.id, view.status.as_ref()));
    let energy = data.energy().await;
    let energy = energy::of_server(f, energy.as_ref(), view.server.meta.id);
    let feeds = feeds(f, view, &data.devices().await);
    regions.add("server-facts", &facts(f, view, rack::guests(&vms), feeds, energy));
    let (tasks, events) = super::activity(data, f, view.server.meta.id.0, SHOWN).await;
    regions.add("server-tasks", &TaskRows { f, tasks, empty: f.t("server-no-tasks") });
    regions.add("server-events", &EventRows { f, events, empty: f.t("server-no-events") });
}

/// What a page of a server says when it was removed meanwhile.
pub fn gone(f: &Frame, regions: &mut Regions) {
    regions.add("server-head", &Gone { f });
}

#[derive(Template)]
#[template(path = "parts/server_gone.html")]
struct Gone<'a> {
    f: &'a Frame,
}

#[derive(Template)]
#[template(path = "parts/server_head.html")]
struct Head<'a> {
    f: &'a Frame,
    id: String,
    name: &'a str,
    etag: &'a str,
    mark: Mark,
    sentence: String,
    verbs: Vec<Verb>,
    /// Whether the light can be lit, and put out.
    light: (bool, bool),
    lit: bool,
    /// The node, when VMs can be told first.
    polite: bool,
    /// Its serial port can be asked for.
    console: bool,
}

/// A button of the power.
struct Verb {
    word: &'static str,
    icon: &'static str,
    title: &'static str,
    /// It ends what runs: asked before, by a title, a text and a verb.
    asks: Option<(String, String, &'static str)>,
}

fn head<'a>(f: &'a Frame, view: &'a ServerView, guests: &[&str]) -> Head<'a> {
    let heard = view.status.as_ref().filter(|status| status.problem.is_none());
    let chassis = heard.and_then(|status| status.chassis);
    let words: &[&'static str] = match chassis.map(|chassis| chassis.on) {
        Some(true) => &["soft", "cycle", "reset", "off"],
        Some(false) => &["on"],
        None => &[],
    };
    let identify = chassis.filter(|_| f.may_operate()).map(|chassis| chassis.identify);
    let may = f.may_administer();
    Head {
        f,
        id: view.server.meta.id.to_string(),
        name: view.server.meta.name.as_str(),
        etag: &view.etag,
        mark: server_health::mark(f, view),
        sentence: sentence(f, view),
        verbs: words.iter().filter(|_| may).map(|word| verb(f, view, word, guests)).collect(),
        light: identify.map_or((false, false), |lit| (lit != Some(true), lit != Some(false))),
        lit: identify == Some(Some(true)),
        console: f.may_operate() && has_bmc(view),
        polite: may && view.node.is_some() && chassis.is_some_and(|chassis| chassis.on),
    }
}

fn verb(f: &Frame, view: &ServerView, word: &'static str, guests: &[&str]) -> Verb {
    let icon = match word {
        "on" => "start",
        "soft" => "shutdown",
        "cycle" | "reset" => "reset",
        _ => "stop",
    };
    let asks = (word != "on").then(|| {
        let who = match (&view.node, guests) {
            (None, _) => f.t("server-guests-unknown").to_owned(),
            (Some(_), []) => f.t("server-guests-none").to_owned(),
            (Some(_), names) => f.tvv("server-guests", "count", names.len(), "names", names.join(f.t("comma"))),
        };
        let text = format!("{who}{}{}", f.t("sentence-gap"), f.t(f.id2("server-verb-", word, "-text")));
        let title = f.tv(f.id2("server-verb-", word, "-title"), "name", &view.server.meta.name);
        (title, text, f.t(f.id2("server-verb-", word, "-yes")))
    });
    Verb { word, icon, title: f.t(f.id2("server-verb-", word, "-button")), asks }
}

/// Its health in one sentence.
fn sentence(f: &Frame, view: &ServerView) -> String {
    let Some(status) = &view.status else { return unheard(f, view) };
    if view.health == ServerHealth::NoBmc {
        return f.t("server-says-no-bmc").into();
    }
    let Some(read_at) = status.read_at else { return unheard(f, view) };
    if status.problem.is_some() {
        return f.tv("server-says-not-since", "age", f.age(&read_at));
    }
    let count = server_health::troubles(f, view).len();
    let power = status.chassis.map(|chassis| f.t(if chassis.on { "server-says-on" } else { "server-says-off" }));
    let how = match count {
        0 => f.t("server-says-well").to_owned(),
        count => f.tv("server-says-troubles", "count", count),
    };
    [power.map(str::to_owned), Some(how)].into_iter().flatten().collect::<Vec<_>>().join(f.t("sentence-gap"))
}

fn unheard(f: &Frame, view: &ServerView) -> String {
    f.t(match (has_bmc(view), view.status.as_ref().and_then(|status| status.problem)) {
        (false, _) => "server-says-no-bmc",
        (true, None) => "server-says-waiting",
        (true, Some(_)) => "server-says-never",
    })
    .into()
}

/// The evidence: what is the matter, or why nothing is known, and what to do about it.
#[derive(Template)]
#[template(path = "parts/server_state.html")]
struct StateRegion<'a> {
    f: &'a Frame,
    id: String,
    etag: &'a str,
    silence: Option<Silence>,
    troubles: Vec<Trouble>,
    bmc: BmcForm,
    laboratory: bool,
}

struct Silence {
    code: &'static str,
    why: &'static str,
    next: &'static str,
    /// The last good reading.
    read: Option<String>,
    /// A new password is the remedy, and may be given right here.
    ask: bool,
}

fn state<'a>(f: &'a Frame, view: &'a ServerView) -> StateRegion<'a> {
    let status = view.status.as_ref();
    let problem = status.and_then(|status| Some((status, status.problem?)));
    StateRegion {
        f,
        id: view.server.meta.id.to_string(),
        etag: &view.etag,
        silence: problem.map(|(status, problem)| silence(f, view, status, problem)),
        troubles: if problem.is_some() { Vec::new() } else { server_health::troubles(f, view) },
        bmc: BmcForm::of(view.server.spec.bmc.as_ref()),
        laboratory: status.and_then(|status| status.device.as_ref()).is_some_and(|device| device.laboratory),
    }
}

fn silence(f: &Frame, view: &ServerView, status: &ServerStatus, problem: BmcProblem) -> Silence {
    let code = problem.as_str();
    let local = view.server.spec.bmc.as_ref().is_none_or(|bmc| bmc.access == BmcAccess::Local);
    let refused = problem == BmcProblem::Refused;
    let ask = refused && !local && f.may_administer();
    Silence {
        code,
        why: f.t(f.id("bmc-problem-", code)),
        next: if refused && !ask { f.t("server-next-ask") } else { f.t(f.id("server-next-", code)) },
        read: status.read_at.map(|at| f.time(&at)),
        ask,
    }
}

#[derive(Template)]
#[template(path = "parts/server_facts.html")]
struct Facts<'a> {
    f: &'a Frame,
    node: Option<String>,
    guests: Option<String>,
    row: servers::Row,
    /// Where what it drew is shown.
    history: String,
    /// Of this month and the last.
    energy: (Option<Said>, Option<Said>),
    place: Option<RackPlace>,
    feeds: Vec<Feed>,
    note: &'a str,
    reached: Option<Reached>,
    restore: Option<&'static str>,
    cap: server_cap::Shown,
    maker: Option<String>,
    product: Option<String>,
    firmware: Option<String>,
    protocol: Option<String>,
    guid: Option<String>,
    read: Option<(String, String)>,
}

/// Where one of its supplies hangs.
struct Feed {
    name: Option<String>,
    id: String,
    pdu: String,
    outlet: String,
    /// `on, 123 W`
    says: Option<String>,
}

fn feeds(f: &Frame, view: &ServerView, devices: &[Arc<DeviceView>]) -> Vec<Feed> {
    let seen: Vec<_> = devices.iter().map(|device| device.seen()).collect();
    let feed = |supply: device::Supply<'_>| {
        let on = supply.reading.and_then(|reading| reading.on);
        let watts = supply.reading.and_then(|reading| reading.watts);
        let said = [
            on.map(|on| f.t(if on { "server-on" } else { "server-off" }).to_owned()),
            watts.map(|watts| f.words.measured(watts, "watt")),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        Feed {
            name: supply.feed().map(str::to_owned),
            id: supply.device.meta.id.to_string(),
            pdu: supply.device.meta.name.to_string(),
            outlet: supply.outlet.to_owned(),
            says: (!said.is_empty()).then(|| said.join(f.t("comma"))),
        }
    };
    device::supplies(view.server.meta.id, &seen).into_iter().map(feed).collect()
}

/// How its BMC is spoken with.
struct Reached {
    access: &'static str,
    /// Where, and as whom; of its own device nothing.
    at: Option<(String, String)>,
    no_password: bool,
}

fn facts<'a>(
    f: &'a Frame,
    view: &'a ServerView,
    guests: usize,
    feeds: Vec<Feed>,
    energy: (Option<Said>, Option<Said>),
) -> Facts<'a> {
    let (spec, status) = (&view.server.spec, view.status.as_ref());
    let device = status.and_then(|status| status.device.as_ref());
    let row = servers::Row::of(f, view, guests);
    let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Facts {
        f,
        node: row.node.clone(),
        guests: row.guests.clone(),
        row,
        history: server_history::address(view.server.meta.id, DRAW),
        energy,
        place: spec.place,
        feeds,
        note: &spec.note,
        reached: spec.bmc.as_ref().map(|bmc| reached(f, bmc)),
        restore: status
            .and_then(|status| status.chassis?.restore)
            .map(|restore| f.t(f.id("power-restore-", restore.as_str()))),
        cap: server_cap::shown(f, view),
        maker: device.and_then(|device| device.manufacturer).map(|number| match maker::name(number) {
            Some(name) => name.to_owned(),
            None => f.tv("server-maker-number", "number", number),
        }),
        product: device.and_then(|device| device.product).map(|product| format!("{product:#06x}")),
        firmware: device.and_then(|device| filled(&device.firmware)),
        protocol: device.and_then(|device| filled(&device.protocol)),
        guid: device.and_then(|device| device.guid).map(|guid| guid.to_string()),
        read: status.and_then(|status| status.read_at).map(|at| (f.age(&at), f.time_exact(&at))),
    }
}

fn reached(f: &Frame, bmc: &BmcSpec) -> Reached {
    let BmcSpec { access, host, port, user, password, key: _, weak: _, next: _ } = bmc;
    let local = *access == BmcAccess::Local;
    Reached {
        access: f.t(f.id("bmc-access-", access.as_str())),
        at: (!local).then(|| (authority(host, *port), user.clone())),
        no_password: !local && password.is_none(),
    }
}
