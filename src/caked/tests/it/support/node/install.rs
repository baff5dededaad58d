//! A server that was started from a stick: its disks, and what becomes of an installation.

use super::SimNode;
use cake_node_api::NodeError;
use cake_node_api::install::{InstallAnswer, InstallAsk};
use cake_types::{
    ByteSize, DiskHealth, InstallContent, InstallContentKind, InstallDisk, InstallDisks, InstallJudged, InstallNews,
    InstallOrder, InstallPhase, InstallPlan, InstallPlanDisk, InstallPlanPool, InstallRefusal, InstallState,
    InstallWarning, InstallWhy, ServerBus, ServerDisk,
};

/// What it has of installing.
#[derive(Default)]
pub struct Installing {
    /// It was started from a stick.
    pub here: bool,
    pub disks: Vec<InstallDisk>,
    pub orders: Vec<InstallOrder>,
    /// What the installer told since the last order.
    pub news: Vec<InstallNews>,
    /// The installer lives.
    pub lives: bool,
    pub restarts: u32,
}

/// A disk; with `systems` something is on it.
pub fn disk(serial: &str, gib: u64, systems: &[&str]) -> InstallDisk {
    let disk = ServerDisk {
        name: serial.to_lowercase(),
        model: Some(format!("Model of {serial}")),
        serial: Some(serial.into()),
        size: ByteSize::gib(gib),
        bus: ServerBus::Nvme,
        rotational: false,
        removable: false,
        health: DiskHealth::default(),
    };
    let systems: Vec<String> = systems.iter().map(|system| (*system).to_owned()).collect();
    let free = systems.is_empty();
    let kind = if free { InstallContentKind::Empty } else { InstallContentKind::Partitions };
    let parts = u32::try_from(systems.len()).unwrap();
    let content = InstallContent { kind, free, name: None, version: None, parts, systems };
    InstallDisk { disk, content, unfit: None, used_as: Vec::new(), fits_system: gib >= 8 }
}

impl Installing {
    fn state(&self) -> InstallState {
        let Some(order) = self.orders.last() else { return InstallState::default() };
        let at = jiff::Timestamp::UNIX_EPOCH;
        cake_planner::installation::state(order.operation, at, self.news.clone(), self.lives)
    }

    fn judge(&self, choice: &cake_types::InstallChoice) -> InstallJudged {
        let chosen: Vec<&String> = choice.disks.iter().chain(&choice.pool_disks).collect();
        let find = |serial: &String| self.disks.iter().find(|disk| disk.disk.identity() == serial);
        let why = |serial: &String| match find(serial) {
            None => Some(InstallWhy::Unknown),
            Some(disk) if !disk.content.free && !choice.erase.contains(serial) => Some(InstallWhy::HasData),
            Some(_) => None,
        };
        let refused = chosen.iter().filter_map(|serial| why(serial).map(|why| ((*serial).clone(), why)));
        let refused: Vec<InstallRefusal> = refused
            .map(|(serial, why)| InstallRefusal { serial, why, places: Vec::new(), size: None, least: None })
            .collect();
        if !refused.is_empty() {
            return InstallJudged::Refused(refused);
        }
        let planned = |serial: &String, system: bool| {
            let disk = &find(serial).unwrap().disk;
            let (boot, state) = if system { (2, 8) } else { (0, 0) };
            InstallPlanDisk {
                serial: serial.clone(),
                name: disk.name.clone(),
                size: disk.size,
                system,
                boot: ByteSize::gib(boot),
                state: ByteSize::gib(state),
                pool: ByteSize(disk.size.bytes() - ByteSize::gib(boot + state).bytes()),
            }
        };
        let system = choice.disks.iter().map(|serial| planned(serial, true));
        let disks: Vec<_> = system.chain(choice.pool_disks.iter().map(|serial| planned(serial, false))).collect();
        let pools = vec![InstallPlanPool {
            name: "local".into(),
            level: (choice.disks.len() == 2).then_some(1),
            disks: choice.disks.clone(),
            size: disks[0].pool,
        }];
        let warnings = if choice.disks.len() == 1 { vec![InstallWarning::OneSystemDisk] } else { Vec::new() };
        InstallJudged::Plan(InstallPlan { disks, pools, tpm: true, warnings, steps: 16 })
    }

    fn answer(&mut self, ask: InstallAsk) -> Result<InstallAnswer, NodeError> {
        if !self.here {
            return Err(NodeError::NotInstaller);
        }
        let state = self.state();
        Ok(match ask {
            InstallAsk::Disks | InstallAsk::Plan { .. } if state.phase == InstallPhase::Running => {
                InstallAnswer::Busy(state)
            }
            InstallAsk::Disks => InstallAnswer::Disks(InstallDisks {
                disks: self.disks.clone(),
                least_system: ByteSize::gib(8),
                least_pool: ByteSize::gib(2),
            }),
            InstallAsk::Plan { choice } => InstallAnswer::Judged(self.judge(&choice)),
            InstallAsk::Start { order } => match (state.phase, self.judge(&order.choice)) {
                (InstallPhase::Running, _) => InstallAnswer::Busy(state),
                (InstallPhase::Done, _) => InstallAnswer::AlreadyDone(state),
                (_, InstallJudged::Refused(refusals)) => InstallAnswer::Refused(refusals),
                _ => {
                    self.orders.push(*order);
                    self.news.clear();
                    self.lives = true;
                    InstallAnswer::Accepted
                }
            },
            InstallAsk::State => InstallAnswer::State(state),
            InstallAsk::Cancel if state.cancellable => {
                self.news.push(InstallNews::Failed { detail: "cancelled".into(), cancelled: true });
                self.lives = false;
                InstallAnswer::Accepted
            }
            InstallAsk::Restart if state.phase == InstallPhase::Done => {
                self.restarts += 1;
                InstallAnswer::Accepted
            }
            InstallAsk::Cancel | InstallAsk::Restart => InstallAnswer::NotNow(state),
        })
    }
}

impl SimNode {
    pub fn install_asked(&self, ask: InstallAsk) -> Result<InstallAnswer, NodeError> {
        self.with(|state| state.installing.answer(ask))
    }
}
