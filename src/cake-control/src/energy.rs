//! The energy of servers: this month and the last, as people of the rack's time zone reckon, and whose it is now.

use cake_planner::power::{self, Months};
use cake_types::{Energy, EnergyPrice, Name, NodeId, Problem, ServerEnergy, ServerId, VmId};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use crate::board::{Board, ServerEntry};
use crate::error;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::settings::Settings;

/// What the node said is good for so long: pages that are looked at do not ask it again and again.
const FRESH: Duration = Duration::from_secs(30);

pub struct EnergyReader {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    settings: Arc<Settings>,
    said: tokio::sync::Mutex<Option<Said>>,
}

struct Said {
    until: Instant,
    months: Months,
    servers: Vec<ServerEnergy>,
}

/// The energy of the rack.
#[derive(Clone, Debug)]
pub struct EnergyReport {
    pub months: Months,
    pub now: Timestamp,
    /// What a kilowatt-hour costs, where the settings say so.
    pub price: Option<EnergyPrice>,
    /// Those that say what they draw, or said so in these months.
    pub servers: Vec<EnergyOfServer>,
    /// The parts of VMs in what the servers draw that they run on, in watts, the largest first.
    pub vms: Vec<EnergyOfVm>,
}

#[derive(Clone, Debug)]
pub struct EnergyOfServer {
    pub id: ServerId,
    pub name: Name,
    /// What it draws now.
    pub watts: Option<f64>,
    pub this_month: Energy,
    pub last_month: Energy,
    pub since_start: Energy,
}

#[derive(Clone, Debug)]
pub struct EnergyOfVm {
    pub id: VmId,
    pub name: Name,
    pub watts: f64,
}

impl EnergyReport {
    /// What part of a month is known of a server: of the time that has passed.
    pub fn known(&self, energy: Energy, this: bool) -> f64 {
        let Months { last, this: begin, next } = self.months;
        let period = if this { (begin, next) } else { (last, begin) };
        power::known_part(energy, period, self.now.as_second())
    }

    /// Of all servers: what is not known of one is not known of a part of them.
    pub fn total(&self, this: bool) -> Energy {
        let of = |server: &EnergyOfServer| if this { server.this_month } else { server.last_month };
        let count = self.servers.len().max(1) as f64;
        self.servers.iter().map(of).fold(Energy::default(), |sum, part| Energy {
            joules: sum.joules + part.joules,
            known: sum.known + part.known / count,
        })
    }

    /// What is drawn now by all that say so.
    pub fn watts(&self) -> Option<f64> {
        let known: Vec<f64> = self.servers.iter().filter_map(|server| server.watts).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }
}

impl EnergyReader {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>, settings: Arc<Settings>) -> Self {
        Self { ledger, nodes, settings, said: tokio::sync::Mutex::default() }
    }

    fn board(&self) -> &Board {
        &self.ledger.board
    }

    /// What each server has drawn since its node began to watch it: nothing else is asked for.
    pub async fn since_start(&self) -> Result<Vec<EnergyOfServer>, Problem> {
        let said = self.nodes.require()?.client.energy(Vec::new()).await.map_err(error::node)?;
        Ok(self.board().servers().iter().filter_map(|entry| of_server(entry, &said)).collect())
    }

    pub async fn report(&self) -> Result<EnergyReport, Problem> {
        let now = self.ledger.now();
        let months = power::months(now, &self.settings.zone());
        let said = self.said(months).await?;
        let servers = self.board().servers();
        let of = |entry: &Arc<ServerEntry>| of_server(entry, &said);
        let price = self.settings.energy_price();
        Ok(EnergyReport { months, now, price, servers: servers.iter().filter_map(of).collect(), vms: self.vms() })
    }

    async fn said(&self, months: Months) -> Result<Vec<ServerEnergy>, Problem> {
        // Whoever asks meanwhile gets the same answer.
        let mut said = self.said.lock().await;
        if let Some(said) = said.as_ref().filter(|said| said.until > Instant::now() && said.months == months) {
            return Ok(said.servers.clone());
        }
        let periods = vec![(months.this, months.next), (months.last, months.this)];
        let servers = self.nodes.require()?.client.energy(periods).await.map_err(error::node)?;
        *said = Some(Said { until: Instant::now() + FRESH, months, servers: servers.clone() });
        Ok(servers)
    }

    /// Every VM runs on the one node that there is.
    fn vms(&self) -> Vec<EnergyOfVm> {
        let node = |node: NodeId| self.board().server_of(node).and_then(|entry| drawn(&entry));
        let nodes = self.board().nodes();
        let Some(watts) = nodes.iter().find_map(|entry| node(entry.node.meta.id)) else { return Vec::new() };
        let vms = self.board().vms();
        let alive = vms.iter().filter(|entry| entry.state().is_alive());
        let busy = |usage: Option<cake_types::Usage>| usage.map_or(0, |usage| usage.cpu_permille);
        let busy: Vec<(VmId, u32)> =
            alive.map(|entry| (entry.id(), busy(entry.status.as_ref().and_then(|status| status.usage)))).collect();
        let mut shares = power::shares(watts, &busy);
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        let named = |(id, watts): (VmId, f64)| {
            let entry = self.board().vm(id)?;
            Some(EnergyOfVm { id, name: entry.vm.meta.name.clone(), watts })
        };
        shares.into_iter().filter_map(named).collect()
    }
}

/// What it draws now; nothing while it is not heard.
fn drawn(entry: &ServerEntry) -> Option<f64> {
    entry.status.as_ref().filter(|status| status.problem.is_none())?.watts
}

fn of_server(entry: &ServerEntry, said: &[ServerEnergy]) -> Option<EnergyOfServer> {
    let (id, name, watts) = (entry.id(), entry.server.meta.name.clone(), drawn(entry));
    let found = said.iter().find(|said| said.server == id);
    let period = |at: usize| found.and_then(|said| said.periods.get(at)).copied().unwrap_or_default();
    let (this_month, last_month) = (period(0), period(1));
    let since_start = found.map(|said| said.since_start).unwrap_or_default();
    let known = watts.is_some() || [this_month, last_month, since_start].iter().any(|energy| energy.known > 0.0);
    known.then_some(EnergyOfServer { id, name, watts, this_month, last_month, since_start })
}
