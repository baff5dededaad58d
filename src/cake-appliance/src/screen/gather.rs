//! What the screen knows, gathered from the kernel, from caked and from this server's node.

use cake_node_api::{ClientError, NodeClient, Observed};
use cake_types::{NodeStatus, Power, VmStatus};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::sleep;

use super::addresses;
use crate::answers::{self, CAKED};
use crate::menu::facts::{Console, Facts, Guest, Node, is_failing};
use crate::mode::{Mode, RUN, STATE};
use crate::{locked, program, release};

/// How old what is shown may be, but for what the node tells by itself.
const LOOK: Duration = Duration::from_secs(3);
/// Where this server's node listens.
pub const NODE: &str = "/run/cake/node.sock";

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `None` until it is known.
    pub mode: Option<Mode>,
    pub facts: Facts,
}

pub type Sight = watch::Receiver<Seen>;

/// Looks from now on, within the runtime that this is called in.
pub fn start() -> Sight {
    let (seen, sight) = watch::channel(Seen::default());
    tokio::spawn(look(seen.clone()));
    tokio::spawn(follow(seen));
    sight
}

fn tell(seen: &watch::Sender<Seen>, change: impl FnOnce(&mut Seen)) {
    seen.send_if_modified(|seen| {
        let before = seen.clone();
        change(seen);
        *seen != before
    });
}

async fn look(seen: watch::Sender<Seen>) {
    let mut told = Told::default();
    loop {
        let looked = tokio::task::spawn_blocking(move || {
            let mode = Mode::read(Path::new(RUN));
            let console = if mode == Some(Mode::Locked) { locked_page() } else { told.console() };
            (told, mode, console, addresses())
        });
        let Ok((back, mode, console, addresses)) = looked.await else { return };
        told = back;
        tell(&seen, |seen| (seen.mode, seen.facts.console, seen.facts.addresses) = (mode, console, addresses));
        sleep(LOOK).await;
    }
}

/// What caked said last. It is asked again when one of the files changes that it answers from: a program that is started every few
/// seconds, for ever, is work for nobody.
#[derive(Default)]
struct Told {
    files: [Option<SystemTime>; 2],
    console: Option<Console>,
}

impl Told {
    fn console(&mut self) -> Option<Console> {
        // The wizard waits for nobody while its answers are being given.
        if answers::pending() {
            return None;
        }
        let state = Path::new(STATE).join("caked");
        let modified = |name| std::fs::metadata(state.join(name)).and_then(|file| file.modified()).ok();
        let files = ["instance.json", "setup-token"].map(modified);
        let answers = self.console.as_ref().is_some_and(|console| console.running);
        if !answers || files != self.files {
            (self.files, self.console) = (files, ask(&state));
        }
        self.console.clone()
    }
}

fn ask(state: &Path) -> Option<Console> {
    let said = program::run(CAKED, &["status", "--state", &state.display().to_string()]).ok()?;
    serde_json::from_str(&said).ok()
}

/// The one page that a locked server has.
fn locked_page() -> Option<Console> {
    let fingerprint = std::fs::read_to_string(locked::FINGERPRINT).ok()?;
    Some(Console { fingerprint, setup_token: None, version: release::version().ok()?, running: true })
}

/// What the node of an installed server tells, for as long as it does.
async fn follow(seen: watch::Sender<Seen>) {
    let mut mode = seen.subscribe();
    loop {
        if mode.wait_for(|seen| seen.mode == Some(Mode::Installed)).await.is_err() {
            return;
        }
        let Err(_silent) = listen(&seen).await;
        tell(&seen, |seen| seen.facts.node = None);
        sleep(LOOK).await;
    }
}

async fn listen(seen: &watch::Sender<Seen>) -> Result<std::convert::Infallible, ClientError> {
    let client = NodeClient::connect(Path::new(NODE)).await?;
    let mut observation = client.observe().await?;
    let (mut node, mut whole) = (Node::default(), false);
    loop {
        let observed = observation.next().await?;
        whole |= matches!(observed, Observed::SnapshotEnd);
        hear(&mut node, observed);
        if whole {
            tell(seen, |seen| {
                if seen.facts.node.as_ref() != Some(&node) {
                    seen.facts.node = Some(node.clone());
                }
            });
        }
    }
}

fn hear(node: &mut Node, observed: Observed) {
    match observed {
        Observed::Node(status) => {
            let NodeStatus { host_name, host, .. } = *status;
            (node.name, node.host) = (host_name, host.unwrap_or_default());
        }
        Observed::Vm(record) => {
            let VmStatus { state, halted_by, .. } = record.status;
            let guest = Guest {
                name: record.vm.meta.name.to_string(),
                state,
                asked: record.vm.spec.power == Power::Running,
                halted: halted_by.is_some(),
            };
            node.guests.insert(record.vm.meta.id, guest);
        }
        Observed::VmStatus { id, status } => {
            if let Some(guest) = node.guests.get_mut(&id) {
                (guest.state, guest.halted) = (status.state, status.halted_by.is_some());
            }
        }
        Observed::VmRemoved(removed) => drop(node.guests.remove(&removed.id)),
        Observed::Pool { id, status } => {
            if status.available {
                node.missing_pools.remove(&id);
            } else {
                node.missing_pools.insert(id, status.path);
            }
        }
        Observed::Disks { disks } => {
            let failing = disks.into_iter().filter(|disk| is_failing(&disk.health));
            node.failing_disks = failing.map(|disk| disk.name).collect();
        }
        _ => {}
    }
}
