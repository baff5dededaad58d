//! The part of a VM's task that lets another QEMU take its guest over.
//!
//! ```text
//!   replace ── Replacement::run ──► replaced ── the new QEMU is the VM's ── Replacement::finish ──► tell_end
//!                                          └── the old one goes on ───────────────────────────────┘
//! ```

use super::{Actor, Done, signal, since};
use crate::devices::Devices;
use crate::machine::{Command, Input};
use crate::plan::LaunchPlan;
use crate::serial::{Serial, remember};
use crate::start;
use crate::successor::{self, Course, Old, Replacement, Successor};
use cake_host::process::ExitStatus;
use cake_qmp::Event;
use cake_types::{EngineStatus, Failure, OperationId};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Events of a replacement that may wait.
const NEWS: usize = 64;

/// A guest that changes its QEMU.
#[derive(Default)]
pub(super) struct Replacing {
    /// It is asked for, and something else has to end first.
    pub(super) waits: Option<OperationId>,
    /// It is at work: where the events of the QEMU that has the guest go.
    pub(super) news: Option<mpsc::Sender<Event>>,
    /// From its beginning until what it left is put in order: nothing comes or leaves meanwhile.
    pub(super) work: Option<Arc<Replacement>>,
    /// The QEMU that has the guest ended meanwhile: that is told when the work is over, so that nothing is started in the middle of it.
    pub(super) ended: Option<(u32, Option<ExitStatus>)>,
}

impl Replacing {
    /// What else is asked of the guest waits until this is over, which may take minutes: it is called off, if it still can be.
    pub(super) fn give_way(&self) {
        if let Some(work) = &self.work {
            work.course.call_off();
        }
    }

    /// Whether an event is about it, and heard by it alone.
    pub(super) fn is_told(&self, event: &Event) -> bool {
        let about_it = matches!(event.name.as_str(), "STOP" | "RESUME" | "MIGRATION");
        match &self.news {
            Some(news) if about_it => {
                // Nobody listens any more where it is over.
                let _ = news.try_send(event.clone());
                true
            }
            _ => false,
        }
    }
}

impl Actor {
    /// Lets another QEMU take the guest over.
    pub(super) fn replace(&mut self, operation: OperationId) {
        let answer = move |result| Done::Input(Input::Answered { command: Command::Replace(operation), result });
        if successor::replaced(&self.folder).is_some_and(|replaced| replaced.operation == operation) {
            // By a node that was killed before it could say so.
            return self.work.push(Box::pin(async move { answer(Ok(())) }));
        }
        if self.devices.is_busy() {
            self.replacing.waits = Some(operation);
            return;
        }
        let (Some((qmp, _)), Some(process), true) =
            (&self.monitor, &self.process, self.devices.is_at_rest(&self.assignment))
        else {
            let why = successor::refused("a network card, a disk or a CD of it comes or leaves, or could not");
            return self.work.push(Box::pin(async move { answer(Err(why)) }));
        };
        let (news, heard) = mpsc::channel(NEWS);
        let old = Old { process: process.clone(), qmp: qmp.clone(), news: heard };
        let work = Arc::new(Replacement {
            shared: self.shared.clone(),
            assignment: self.assignment.clone(),
            folder: self.folder.clone(),
            course: Course::new(operation),
        });
        (self.replacing.news, self.replacing.work) = (Some(news), Some(work.clone()));
        self.work.push(Box::pin(async move { Done::Replaced(Box::new(work.run(old).await)) }));
    }

    pub(super) async fn replaced(&mut self, done: Result<Successor, Failure>) {
        let (Some(work), ended) = (self.replacing.work.clone(), self.replacing.ended.take()) else { return };
        self.replacing.news = None;
        let operation = work.course.work().operation;
        match done {
            Ok(Successor { process, qmp, events, serial }) => {
                if std::mem::take(&mut self.kill_at_once) {
                    signal(&process);
                }
                let old = self.process.replace(process.clone());
                (self.started_at, self.version) = (Some(since(&process)), start::version(&qmp));
                // Viewers of the serial port stay; those of the screen have spoken to the QEMU before and come again.
                let port = match &self.serial {
                    Some(before) => before.follow(serial).await.err().ok_or_else(|| before.clone()),
                    None => Ok(serial),
                };
                let serial = match port {
                    Err(before) => before,
                    Ok(port) => {
                        let output = self.folder.output();
                        Serial::serve(port, remember(&output, Vec::new()).await, output)
                    }
                };
                self.speaks(process.clone(), qmp.clone(), events, serial);
                self.devices = Devices::adopted(&self.assignment);
                let old = old.unwrap_or(process);
                self.work.push(Box::pin(async move { Done::Promoted(operation, work.finish(old, qmp).await) }));
            }
            Err(why) => {
                self.kill_at_once = false;
                self.replacing.work = None;
                self.input(Input::Answered { command: Command::Replace(operation), result: Err(why) }).await;
                self.replacing.ended = ended;
                self.tell_end();
            }
        }
    }

    /// Nobody wants it any more: what has not come to the point of no return is undone.
    pub(super) async fn call_off(&mut self) {
        if let Some(work) = &self.replacing.work {
            work.course.call_off();
        } else if let Some(operation) = self.replacing.waits.take() {
            let (command, result) = (Command::Replace(operation), Err(successor::called_off()));
            self.input(Input::Answered { command, result }).await;
        }
        let effects = self.machine.call_off();
        self.obey(effects).await;
    }

    /// Waits until the replacement that is at work is further.
    pub(super) async fn further(work: Option<Arc<Replacement>>) {
        match work {
            Some(work) => work.course.changed.notified().await,
            None => std::future::pending().await,
        }
    }

    /// The replacement is over: that the QEMU ended meanwhile is told now, or what was asked meanwhile is looked at.
    pub(super) fn tell_end(&mut self) {
        match self.replacing.ended.take() {
            Some((pid, status)) => self.work.push(Box::pin(async move { Done::Ended(pid, status) })),
            None => self.settle_devices(),
        }
    }

    /// The engine, as it is told now.
    pub(super) fn engine_now(&self) -> Option<EngineStatus> {
        let work = self.replacing.work.as_ref().map(|work| work.course.work());
        self.engine.clone().map(|engine| EngineStatus { work, ..engine })
    }

    /// Where the QEMU that can be spoken to came from.
    pub(super) fn look_at_engine(&self) -> Option<EngineStatus> {
        let process = self.process.as_ref().filter(|_| self.monitor.is_some())?;
        let plan = LaunchPlan::read(&self.folder.plan())?;
        Some(EngineStatus {
            root: plan.engine.file_name()?.to_string_lossy().into_owned(),
            qemu: self.version.clone(),
            outdated: successor::is_outdated(&plan.engine, &self.shared.settings.engine, process),
            replaced: successor::replaced(&self.folder),
            work: None,
        })
    }
}
