//! How far a replacement is, and whether it can still be called off.
//!
//! ```text
//!   open ── call_off ──► called off      the new QEMU is ended, the guest goes on in the old one
//!    └───── decide ────► decided         nobody can call it off any more: the guest is the new one's
//! ```

use crate::start::failure;
use cake_types::{ByteSize, EngineStep, EngineWork, Failure, FailureCode, OperationId};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    CalledOff,
    Decided,
}

/// Written by the replacement, read and called off by the VM's task.
pub(crate) struct Course {
    now: Mutex<(EngineWork, Fate)>,
    /// It is at another step, or further in it.
    pub(crate) changed: Notify,
    called_off: Notify,
}

impl Course {
    pub(crate) fn new(operation: OperationId) -> Self {
        let work = EngineWork { operation, step: EngineStep::Start, done: ByteSize(0), total: ByteSize(0) };
        Self { now: Mutex::new((work, Fate::Open)), changed: Notify::new(), called_off: Notify::new() }
    }

    fn now(&self) -> MutexGuard<'_, (EngineWork, Fate)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn work(&self) -> EngineWork {
        self.now().0
    }

    pub(super) fn step(&self, step: EngineStep) {
        self.copied(step, ByteSize(0), ByteSize(0));
    }

    /// So much of the guest's memory is copied.
    pub(super) fn copied(&self, step: EngineStep, done: ByteSize, total: ByteSize) {
        let mut now = self.now();
        now.0 = EngineWork { step, done, total, ..now.0 };
        self.changed.notify_one();
    }

    /// It shall not be done; `false` where it is too late to say so.
    pub(crate) fn call_off(&self) -> bool {
        let mut now = self.now();
        if now.1 == Fate::Decided {
            return false;
        }
        now.1 = Fate::CalledOff;
        self.called_off.notify_one();
        true
    }

    /// Waits until it is called off.
    pub(super) async fn called_off(&self) -> Failure {
        while self.now().1 != Fate::CalledOff {
            self.called_off.notified().await;
        }
        called_off()
    }

    /// From here on it can't be called off.
    pub(super) fn decide(&self) -> Result<(), Failure> {
        let mut now = self.now();
        if now.1 == Fate::CalledOff {
            return Err(called_off());
        }
        now.1 = Fate::Decided;
        Ok(())
    }

    /// The new QEMU has not run after all.
    pub(super) fn reopen(&self) {
        self.now().1 = Fate::Open;
    }

    pub(super) fn is_decided(&self) -> bool {
        self.now().1 == Fate::Decided
    }
}

pub(crate) fn called_off() -> Failure {
    failure(FailureCode::CalledOff, "called off")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course() -> Course {
        Course::new(OperationId(uuid::Uuid::nil()))
    }

    #[tokio::test]
    async fn what_is_decided_is_not_called_off_and_the_other_way_round() {
        let decided = course();
        decided.decide().unwrap();
        assert!(!decided.call_off() && decided.is_decided());
        decided.reopen();
        assert!(decided.call_off());
        assert_eq!(decided.called_off().await.code, FailureCode::CalledOff);
        assert_eq!(decided.decide().unwrap_err().code, FailureCode::CalledOff);
        assert!(!decided.is_decided());
    }

    #[tokio::test]
    async fn who_waits_for_its_end_hears_of_it_and_of_each_step() {
        let course = std::sync::Arc::new(course());
        let waits = tokio::spawn({
            let course = course.clone();
            async move { course.called_off().await }
        });
        course.copied(EngineStep::Copy, ByteSize(1), ByteSize(4));
        course.changed.notified().await;
        let work = course.work();
        assert_eq!((work.step, work.done, work.total), (EngineStep::Copy, ByteSize(1), ByteSize(4)));
        assert!(course.call_off());
        waits.await.unwrap();
    }
}
