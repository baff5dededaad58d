//! One BMC, in the worker: read again and again, asked and ordered in between.
//!
//! ```text
//!   connect ──► read ──► say ──► wait ──┐        heard: 10 s from start to start
//!      ▲         ▲                      │        not heard: 10 s, 20 s, … 60 s, with what was so before and since when
//!      │         └──────────────────────┤        refused: never again by itself, so that nobody is locked out
//!      └── the session broke            └─► an order or a question comes first
//! ```

use super::wire::{Said, Target, Trouble};
use super::{ask, bounds, cap};
use async_trait::async_trait;
use cake_bmc::redfish::Fingerprint;
use cake_bmc::sdr::SdrCache;
use cake_bmc::{Bmc, BmcError, Completion, EventLog, Kept, TransportError};
use cake_node_api::ServerLog;
use cake_planner::{power, trend};
use cake_types::{
    BmcProblem, FailureCode, OperationId, PowerCap, ServerAsk, ServerId, ServerStatus, ServerVerb, Stamp,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// From the start of one reading to that of the next.
pub const EVERY: Duration = Duration::from_secs(10);
/// The longest pause before a BMC is tried again that was not heard.
const SELDOM: Duration = Duration::from_secs(60);
/// A BMC that needs longer for all of its sensors is not heard.
const PATIENCE: Duration = Duration::from_secs(120);
/// A server's power is looked at so long after an order.
const AFTER_ORDER: Duration = Duration::from_secs(2);

/// How often it is looked whether a cap is still in force.
const CAP_EVERY: Duration = Duration::from_secs(60);

/// Makes a connection to a BMC, or the promise of one: the first question opens it.
#[async_trait(?Send)]
pub trait Connect {
    async fn connect(&self, id: ServerId, target: &Target, remembered: &Remembered)
    -> Result<Box<dyn Bmc>, BmcProblem>;
}

/// What an earlier connection left ([`Bmc::kept`]), as it lies on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<SdrCache>,
    /// A fingerprint in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl Remembered {
    pub fn certificate(&self) -> Option<Fingerprint> {
        self.certificate.as_deref().and_then(Fingerprint::parse)
    }

    /// Whether it is what `kept` says.
    fn is(&self, kept: &Kept<'_>) -> bool {
        self.records.as_ref() == kept.records && self.certificate() == kept.certificate
    }
}

impl From<Kept<'_>> for Remembered {
    fn from(Kept { records, certificate }: Kept<'_>) -> Self {
        Self { records: records.cloned(), certificate: certificate.map(|print| print.to_string()) }
    }
}

/// What is asked in between.
#[derive(Debug)]
pub enum Ask {
    /// What is wished for of the same BMC is another by now.
    Wish {
        stamp: Stamp,
        cap: Option<PowerCap>,
    },
    Do {
        operation: OperationId,
        verb: ServerVerb,
    },
    Log {
        ask: u64,
        after: Option<String>,
    },
    Parts {
        ask: u64,
    },
    Redfish {
        ask: u64,
        what: ServerAsk,
    },
}

/// Where things are said.
#[async_trait]
pub trait Listener: Send + Sync {
    async fn hear(&self, said: Said);
}

pub struct Watch<L> {
    id: ServerId,
    target: Target,
    status: ServerStatus,
    bmc: Option<Box<dyn Bmc>>,
    /// For the next connection.
    remembered: Remembered,
    /// The password in use is the target's other one.
    swapped: bool,
    /// Both were tried by themselves: no third time.
    both_tried: bool,
    /// Readings that failed in a row.
    failed: u32,
    /// How much it may draw, and when that is looked at next.
    cap: Option<PowerCap>,
    cap_due: Instant,
    listener: L,
}

impl<L: Listener> Watch<L> {
    /// `kept`: what was said to be kept before ([`Said::Keep`]).
    pub fn new(
        id: ServerId,
        stamp: Stamp,
        (target, cap): (Target, Option<PowerCap>),
        kept: Option<&str>,
        listener: L,
    ) -> Self {
        let remembered = kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let (status, cap_due) = (ServerStatus::unheard(stamp), Instant::now());
        let (bmc, failed, swapped, both_tried) = (None, 0, false, false);
        Self { id, target, status, bmc, remembered, swapped, both_tried, failed, cap, cap_due, listener }
    }

    /// Until nobody can ask any more: then the BMC is told that the session is over.
    pub async fn run(mut self, connect: &dyn Connect, mut asks: mpsc::Receiver<Ask>) {
        let mut due = Instant::now();
        loop {
            let asked = tokio::select! {
                biased;
                ask = asks.recv() => match ask {
                    Some(ask) => Some(ask),
                    None => break,
                },
                () = tokio::time::sleep_until(due), if !self.is_refused() => None,
            };
            let began = Instant::now();
            match asked {
                Some(ask) => {
                    let ordered = matches!(ask, Ask::Do { .. });
                    if matches!(ask, Ask::Wish { .. }) {
                        due = began;
                    }
                    self.answer(ask, connect).await;
                    if ordered {
                        self.look(connect).await;
                        due = began + AFTER_ORDER;
                    }
                }
                None => {
                    self.look(connect).await;
                    due = began + self.pause();
                }
            }
        }
        if let Some(mut bmc) = self.bmc {
            bmc.close().await;
        }
    }

    fn is_refused(&self) -> bool {
        self.status.problem == Some(BmcProblem::Refused)
    }

    fn pause(&self) -> Duration {
        EVERY.saturating_mul(self.failed.max(1)).min(SELDOM)
    }

    /// One reading.
    async fn look(&mut self, connect: &dyn Connect) {
        let mut read = timeout(PATIENCE, self.read(connect)).await;
        if matches!(read, Ok(Err(BmcProblem::Refused))) && self.try_other() {
            read = timeout(PATIENCE, self.read(connect)).await;
        }
        let problem = match read {
            Ok(Ok(())) => None,
            Ok(Err(problem)) => Some(problem),
            Err(_) => Some(BmcProblem::Silent),
        };
        self.status.problem = problem;
        if problem.is_some() {
            self.failed = self.failed.saturating_add(1);
            self.bmc = None;
        } else {
            (self.failed, self.status.read_at) = (0, Some(Timestamp::now()));
        }
        let status = Box::new(self.status.clone());
        self.listener.hear(Said::Status { id: self.id, status }).await;
    }

    /// The other password, where there is one and it was not tried yet.
    fn try_other(&mut self) -> bool {
        let other = !self.both_tried && self.target.next.is_some();
        if other {
            (self.both_tried, self.bmc) = (true, None);
            self.swap();
        }
        other
    }

    fn swap(&mut self) {
        if let Some(next) = &mut self.target.next {
            std::mem::swap(&mut self.target.password, next);
            self.swapped = !self.swapped;
        }
    }

    /// Sets the password that is kept beside the one in use, and proves it by a session of its own. Done again after a kill: a BMC that
    /// refuses the one of before may have the new one already.
    async fn set_password(&mut self, connect: &dyn Connect) -> Result<(), Trouble> {
        let Some(next) = self.target.next.clone() else {
            return Err(Trouble { code: FailureCode::Internal, detail: "no other password is known".into() });
        };
        if !self.swapped {
            let user = self.target.user.clone();
            let changed = match self.connected(connect).await {
                Ok(bmc) => bmc.change_password(&user, &next).await,
                Err(BmcProblem::Refused) => Ok(()),
                Err(problem) => return Err(unheard(problem)),
            };
            match changed {
                Ok(()) | Err(BmcError::Transport(TransportError::Refused)) => {}
                Err(error) => return Err(trouble(&error)),
            }
            self.swap();
        }
        self.leave().await;
        let proven = match self.connected(connect).await {
            Ok(bmc) => bmc.device().await.map(drop).map_err(|error| trouble(&error)),
            Err(problem) => Err(unheard(problem)),
        };
        if proven.is_err() {
            // Not proven: the one of before is the one to go on with, and the next reading says whether it is taken.
            self.leave().await;
            self.swap();
            self.both_tried = false;
        }
        proven
    }

    async fn leave(&mut self) {
        if let Some(mut bmc) = self.bmc.take() {
            bmc.close().await;
        }
    }

    async fn read(&mut self, connect: &dyn Connect) -> Result<(), BmcProblem> {
        if self.bmc.is_none() {
            let bmc = connect.connect(self.id, &self.target, &self.remembered).await?;
            let bmc = self.bmc.insert(bmc);
            self.status.device = Some(bmc.device().await.map_err(|error| problem(&error))?);
        }
        let Some(bmc) = &mut self.bmc else { return Err(BmcProblem::Silent) };
        let reading = bmc.read().await.map_err(|error| problem(&error))?;
        let log = match bmc.events(self.status.newest_event.as_deref()).await {
            Ok(log) => log,
            // Not every BMC has a log, and none is unwell for it.
            Err(BmcError::Unsupported | BmcError::Completion(_)) => Default::default(),
            Err(error) => return Err(problem(&error)),
        };
        // What was there at the first look, or in a log that begins anew, may be old.
        if self.status.read_at.is_some() && !log.anew {
            let errors = log.events.iter().filter(|event| trend::is_memory_error(event)).count();
            let errors = u32::try_from(errors).unwrap_or(u32::MAX);
            self.status.memory_errors = self.status.memory_errors.saturating_add(errors);
        }
        if let Some(last) = log.events.last() {
            self.status.newest_event = Some(last.id.clone());
        } else if log.anew {
            self.status.newest_event = None;
        }
        self.status.chassis = reading.chassis;
        self.status.sensors = bounds::sensors(reading.sensors);
        if self.cap_due <= Instant::now() {
            self.cap_due = Instant::now() + CAP_EVERY;
            match cap::keep(bmc.as_mut(), self.cap).await {
                Ok(cap) => self.status.cap = Some(cap),
                // What was measured is so all the same; a session that broke is noticed by the next reading.
                Err(error) => tracing::debug!(server = %self.id, %error, "a cap can't be asked for"),
            }
        }
        self.status.watts = power::draw(reading.watts, &self.status.sensors);
        self.keep().await;
        Ok(())
    }

    /// What is new is kept on the disk: sensor records need many round trips.
    async fn keep(&mut self) {
        let Some(bmc) = &self.bmc else { return };
        let kept = bmc.kept();
        if !self.remembered.is(&kept) {
            self.remembered = kept.into();
            let records = serde_json::to_string(&self.remembered).unwrap_or_default();
            self.listener.hear(Said::Keep { id: self.id, records }).await;
        }
    }

    async fn answer(&mut self, ask: Ask, connect: &dyn Connect) {
        let said = match ask {
            Ask::Wish { stamp, cap } => return self.wish(stamp, cap),
            Ask::Do { operation, verb: ServerVerb::SetPassword } => {
                Said::Done { operation, result: self.set_password(connect).await }
            }
            Ask::Do { operation, verb } => {
                let result = match self.connected(connect).await {
                    Ok(bmc) => carry_out(bmc, verb).await.map_err(|error| trouble(&error)),
                    Err(problem) => Err(unheard(problem)),
                };
                Said::Done { operation, result }
            }
            Ask::Log { ask, after } => Said::Log { ask, log: self.log(connect, after).await },
            Ask::Parts { ask } => {
                let parts = match self.connected(connect).await {
                    Ok(bmc) => bmc.parts().await.map(bounds::parts).map_err(|error| problem(&error)),
                    Err(problem) => Err(problem),
                };
                Said::Parts { ask, parts }
            }
            Ask::Redfish { ask, what } => {
                let answer = match self.connected(connect).await {
                    Ok(bmc) => ask::answer(bmc.as_mut(), what).await,
                    Err(problem) => Err(problem),
                };
                Said::Answer { ask, answer }
            }
        };
        self.listener.hear(said).await;
    }

    /// Looked at anew, and a BMC that has refused us is tried once more: whoever wishes may know better.
    fn wish(&mut self, stamp: Stamp, cap: Option<PowerCap>) {
        (self.status.stamp, self.cap, self.cap_due, self.both_tried) = (stamp, cap, Instant::now(), false);
        self.status.problem = self.status.problem.filter(|_| !self.is_refused());
    }

    /// A BMC that has refused us is not asked with the same words again.
    async fn connected(&mut self, connect: &dyn Connect) -> Result<&mut Box<dyn Bmc>, BmcProblem> {
        if self.is_refused() {
            return Err(BmcProblem::Refused);
        }
        if self.bmc.is_none() {
            self.bmc = Some(connect.connect(self.id, &self.target, &self.remembered).await?);
        }
        self.bmc.as_mut().ok_or(BmcProblem::Silent)
    }

    async fn log(&mut self, connect: &dyn Connect, after: Option<String>) -> Result<ServerLog, BmcProblem> {
        let bmc = self.connected(connect).await?;
        let log = bmc.events(after.as_deref()).await.map_err(|error| problem(&error))?;
        let EventLog { events, anew: _, overflowed, full } = log;
        let (events, more) = bounds::events(events);
        Ok(ServerLog { events, overflowed: overflowed || more, full })
    }
}

async fn carry_out(bmc: &mut Box<dyn Bmc>, verb: ServerVerb) -> Result<(), BmcError> {
    match verb {
        ServerVerb::Power { chassis } => bmc.power(chassis).await,
        ServerVerb::Identify { seconds } => {
            bmc.identify(seconds.map(|seconds| Duration::from_secs(seconds.into()))).await
        }
        ServerVerb::Boot { device, once, uefi } => bmc.set_boot(device, once, uefi).await,
        ServerVerb::Restore { restore } => bmc.set_restore(restore).await,
        ServerVerb::ClearEvents => bmc.clear_events().await,
        // It is more than one call.
        ServerVerb::SetPassword => Err(BmcError::Unsupported),
    }
}

pub(super) fn problem(error: &BmcError) -> BmcProblem {
    match error {
        BmcError::Transport(error) => error.problem(),
        BmcError::Completion(Completion::INSUFFICIENT_PRIVILEGE) => BmcProblem::Forbidden,
        BmcError::Completion(_)
        | BmcError::Unsupported
        | BmcError::Answer(_)
        | BmcError::Redfish { .. }
        | BmcError::NoSystem => BmcProblem::Garbled,
    }
}

fn unheard(problem: BmcProblem) -> Trouble {
    Trouble { code: code_of(problem), detail: problem.as_str().into() }
}

const fn code_of(problem: BmcProblem) -> FailureCode {
    match problem {
        BmcProblem::Refused | BmcProblem::Forbidden => FailureCode::BmcRefused,
        BmcProblem::Garbled | BmcProblem::Cipher | BmcProblem::Another | BmcProblem::Certificate => {
            FailureCode::BmcFailed
        }
        BmcProblem::Silent | BmcProblem::NoAddress | BmcProblem::Busy | BmcProblem::NoDevice | BmcProblem::Worker => {
            FailureCode::BmcSilent
        }
    }
}

pub(super) fn trouble(error: &BmcError) -> Trouble {
    let code = match error {
        BmcError::Transport(TransportError::Silent) => FailureCode::BmcSilent,
        BmcError::Transport(error) => code_of(error.problem()),
        BmcError::Unsupported => FailureCode::BmcUnsupported,
        BmcError::Completion(Completion::INSUFFICIENT_PRIVILEGE) => FailureCode::BmcRefused,
        BmcError::Completion(_) | BmcError::Answer(_) | BmcError::Redfish { .. } | BmcError::NoSystem => {
            FailureCode::BmcFailed
        }
    };
    Trouble { code, detail: crate::chain(error) }
}
