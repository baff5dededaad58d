//! The machine's own network, where the machine is cake's: systemd-networkd is told what is to be, and a new network returns to the
//! one before unless somebody confirms it.
//!
//! ```text
//!  start ──► a trial of before is over (restarted) ──► what the installation left, if nobody has said anything yet
//!  try ────► node.db (before anything is done) ──► files ▸ reload ──► confirmed ──► holds
//!                                                        └─► time is over · cancelled · node started anew ──► the one before
//!  a link or an address changed · now and then ──► ports, neighbours, addresses ──► board
//! ```
//!
//! What holds is always what `node.db` says: killed anywhere, the next start brings the machine to it.

use crate::admit;
use crate::database::{Confirmed, DatabaseError};
use crate::listen::listen;
use crate::service::Node;
use cake_host::uplink::{self as host, Described};
use cake_node_api::NodeError;
use cake_types::{
    Epoch, HandsOff, OperationId, UPLINK_BOND, UPLINK_BRIDGE, UPLINK_VLAN, UplinkEnd, UplinkSpec, UplinkStatus,
    UplinkTrial,
};
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Between two looks at what nobody tells of: neighbours, name servers.
const LOOK: Duration = Duration::from_secs(15);
/// Links and addresses change in bursts: one look for all of it.
const CALM: Duration = Duration::from_millis(300);
/// Before a new network is tried: whoever asked for it hears where the console will be while the old one still carries the answer.
const NOTICE: Duration = Duration::from_secs(1);
/// After networkd has read its files: until then addresses may still be those of before.
const SETTLED: Duration = Duration::from_secs(3);
/// Longest file of the installation that is read, in bytes.
const FILE_MAX: u64 = 64 << 10;
/// Devices that keep what they were made with: made anew when their file changes.
const DEVICES: [(&str, &str); 2] = [("20-cables.netdev", UPLINK_BOND), ("21-management.netdev", UPLINK_VLAN)];

/// What could not be done, in English.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error("a link can't be made anew")]
    Remove(#[source] cake_net::NetError),
    #[error("files of systemd-networkd can't be written")]
    Files(#[source] std::io::Error),
    #[error("systemd-networkd does not take them")]
    Reload(#[source] cake_host::system_settings::SettingsError),
}

/// Tries a network. The trial is on the disk when this returns.
pub async fn attempt(
    node: &Node,
    epoch: Epoch,
    operation: OperationId,
    spec: UplinkSpec,
    seconds: u32,
) -> Result<(), NodeError> {
    let held = now(node);
    admit::uplink(node.hands_off, &spec, seconds, &held.ports)?;
    let until = Timestamp::now() + Duration::from_secs(seconds.into());
    let before = held.addresses.iter().map(|own| own.value.address).collect();
    let trial = UplinkTrial { operation, spec, seconds, applied: false, until, before };
    if node.house.database.try_uplink(epoch, trial.clone()).await? {
        node.house.board.change_host(|host| host.uplink.get_or_insert_default().trial = Some(trial));
    }
    node.networks.send_replace(());
    Ok(())
}

/// Ends a trial: it holds from now on, or it was nothing.
pub async fn settle(node: &Node, epoch: Epoch, operation: OperationId, keep: bool) -> Result<(), NodeError> {
    let end = if keep { UplinkEnd::Confirmed } else { UplinkEnd::Cancelled };
    node.house.database.settle_uplink(epoch, operation, end, Timestamp::now()).await?;
    tell(node).await?;
    node.networks.send_replace(());
    Ok(())
}

fn now(node: &Node) -> UplinkStatus {
    node.house.board.node().host.and_then(|host| host.uplink).map(|uplink| *uplink).unwrap_or_default()
}

/// Before anything is told: what a start means for what was tried. `setup`: what the installation left.
pub async fn after_start(node: &Node, setup: &Path) -> Result<(), DatabaseError> {
    let database = &node.house.database;
    if let Some(trial) = database.uplink_trial().await? {
        tracing::warn!("a network was being tried when this program ended: the one before holds");
        database.end_uplink(trial.operation, UplinkEnd::Restarted, Timestamp::now()).await?;
    }
    if node.hands_off.is_none() && database.uplink().await?.is_none() {
        match installed(&setup.join("network.toml")) {
            Ok(Some(spec)) => database.begin_uplink(spec).await?,
            Ok(None) => {}
            Err(because) => tracing::error!("the network that was asked for at the installation: {because}"),
        }
    }
    tell(node).await
}

/// The network of the answer file; `None` where there was none.
fn installed(path: &Path) -> Result<Option<UplinkSpec>, String> {
    let length = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if length > FILE_MAX {
        return Err("the file is too large".into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let spec: UplinkSpec = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
    cake_planner::uplink::check(&spec, None).map_err(|problem| cake_planner::uplink::english(&problem))?;
    Ok(Some(spec))
}

/// What is written down, on the board.
async fn tell(node: &Node) -> Result<(), DatabaseError> {
    let database = &node.house.database;
    let Confirmed { spec, generation } = database.uplink().await?.unwrap_or_default();
    let (trial, ended) = (database.uplink_trial().await?, database.uplink_ended().await?);
    node.house.board.change_host(|host| {
        let held = host.uplink.get_or_insert_default();
        (held.spec, held.generation, held.trial, held.ended) = (spec, generation, trial, ended);
    });
    Ok(())
}

/// Sees to the network for as long as the node runs; `asked` says that something may be new.
pub async fn run(node: Arc<Node>, mut asked: watch::Receiver<()>) {
    let listening = cake_net::Changes::new().and_then(|changes| listen("uplink", move || changes.wait()));
    let changed = listening.unwrap_or_else(|error| {
        tracing::error!(%error, "the kernel does not tell of its links: {error}");
        Arc::new(Notify::new())
    });
    let mut keeper = Keeper { node: &node, told: None, told_at: Instant::now(), trial: None };
    loop {
        asked.mark_unchanged();
        if let Err(error) = keeper.bring().await {
            tracing::error!(error = crate::chain(&error), "the network that is to be can't be read: {error}");
        }
        look(&node, keeper.is_applied()).await;
        let pause = keeper.trial.map_or(LOOK, |(_, end)| LOOK.min(end.saturating_duration_since(Instant::now())));
        let pause = if keeper.trial.is_some() && !keeper.is_applied() { pause.min(SETTLED) } else { pause };
        tokio::select! {
            () = changed.notified() => tokio::time::sleep(CALM).await,
            asked = asked.changed() => if asked.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

struct Keeper<'a> {
    node: &'a Node,
    /// What networkd was told by this program.
    told: Option<UplinkSpec>,
    /// When it was.
    told_at: Instant,
    /// The trial that is under way, and when it is over. By a clock that nobody sets.
    trial: Option<(OperationId, Instant)>,
}

impl Keeper<'_> {
    /// What is tried is what the machine has.
    fn is_applied(&self) -> bool {
        self.trial.is_some() && self.told.is_some() && self.told_at.elapsed() >= SETTLED
    }

    /// Brings the machine to what is written down.
    async fn bring(&mut self) -> Result<(), DatabaseError> {
        if self.node.hands_off.is_some() {
            return Ok(());
        }
        let database = &self.node.house.database;
        let trial = database.uplink_trial().await?;
        let is_new = |trial: &UplinkTrial| self.trial.is_none_or(|(operation, _)| operation != trial.operation);
        if trial.as_ref().is_some_and(is_new) {
            tokio::time::sleep(NOTICE).await;
        }
        self.trial = trial.as_ref().map(|trial| match self.trial {
            Some((operation, end)) if operation == trial.operation => (operation, end),
            _ => (trial.operation, Instant::now() + Duration::from_secs(trial.seconds.into())),
        });
        let expired = self.trial.filter(|(_, end)| *end <= Instant::now());
        if let Some((operation, _)) = expired {
            return self.back(operation, UplinkEnd::Expired).await;
        }
        let confirmed = database.uplink().await?.unwrap_or_default().spec;
        let wanted = trial.map_or(confirmed, |trial| trial.spec);
        let refused = self.apply(wanted).await;
        match (self.trial, refused) {
            (Some((operation, _)), Some(_)) => self.back(operation, UplinkEnd::Failed).await,
            _ => Ok(()),
        }
    }

    /// A trial is over: what was confirmed before holds again.
    async fn back(&mut self, operation: OperationId, end: UplinkEnd) -> Result<(), DatabaseError> {
        let database = &self.node.house.database;
        if database.end_uplink(operation, end, Timestamp::now()).await? {
            tracing::warn!(end = end.as_str(), "the network that was tried is gone: the one before returns");
        }
        self.trial = None;
        let confirmed = database.uplink().await?.unwrap_or_default().spec;
        self.apply(confirmed).await;
        tell(self.node).await
    }

    /// Tells networkd, unless it was told. `Some`: why it could not be, which is tried again at the next look.
    async fn apply(&mut self, spec: UplinkSpec) -> Option<String> {
        if self.told.as_ref() == Some(&spec) {
            return None;
        }
        let refused = match apply(&spec).await {
            Ok(()) => {
                (self.told, self.told_at) = (Some(spec), Instant::now());
                None
            }
            Err(error) => {
                let because = crate::chain(&error);
                tracing::error!(error = because, "the network is not as it is to be: {error}");
                self.told = None;
                Some(because)
            }
        };
        let why = refused.clone();
        self.node.house.board.change_host(|host| host.uplink.get_or_insert_default().refused = why);
        refused
    }
}

async fn apply(spec: &UplinkSpec) -> Result<(), ApplyError> {
    let (folder, files) = (Path::new(host::FOLDER), cake_planner::uplink::files(spec));
    let ours = &cake_planner::uplink::FILES;
    let changed = host::changed(folder, ours, &files).map_err(ApplyError::Files)?;
    // Before the files: killed in between, they still differ and it is done again.
    for (_, link) in DEVICES.iter().filter(|(file, _)| changed.contains(*file)) {
        // The kernel takes a bond apart in the call, and this thread is everybody's.
        let anew = || cake_net::keep_address(UPLINK_BRIDGE).and_then(|()| cake_net::remove_link(link));
        let removed = tokio::task::spawn_blocking(anew).await;
        removed.map_err(|error| ApplyError::Files(error.into()))?.map_err(ApplyError::Remove)?;
    }
    host::put(folder, ours, &files).map_err(ApplyError::Files)?;
    host::reload().await.map_err(ApplyError::Reload)
}

/// Tells what is so. Off the appliance only what the kernel shows of the ports.
async fn look(node: &Node, applied: bool) {
    let mut ports = host::ports();
    let described = match node.hands_off {
        None => {
            let heard = host::neighbors().await;
            for port in &mut ports {
                port.neighbor = heard.get(&port.name).cloned();
            }
            addresses(node).await
        }
        Some(HandsOff::NotAppliance | HandsOff::NoSystemd) => Described::default(),
    };
    let Described { addresses, gateways, dns } = described;
    node.house.board.change_host(|host| {
        let held = host.uplink.get_or_insert_default();
        (held.ports, held.addresses, held.gateways, held.dns) = (ports, addresses, gateways, dns);
        if let Some(trial) = &mut held.trial {
            trial.applied = applied;
        }
    });
}

/// Of the link that has the server's address now.
async fn addresses(node: &Node) -> Described {
    let held = now(node);
    let spec = held.trial.as_ref().map_or(&held.spec, |trial| &trial.spec);
    let link = if spec.vlan.is_some() { UPLINK_VLAN } else { UPLINK_BRIDGE };
    match host::described(link).await {
        Ok(described) => described,
        Err(error) => {
            tracing::debug!(error = crate::chain(&error), "systemd-networkd says nothing of {link}");
            Described::default()
        }
    }
}
