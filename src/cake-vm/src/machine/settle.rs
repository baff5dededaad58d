//! The two halves of [`Machine::handle`]: note what happened; say the next step.

use super::{
    AfterEnd, Command, Desired, Effect, ExitReason, Failure, FailureCode, Found, Input, LOOP, Machine, Operation,
    OperationId, Outcome, Phase, Power, STEADY, after_end, back_off,
};
use crate::request::Edge;
use std::time::Instant;

impl Machine {
    pub(super) fn note(&mut self, input: Input, now: Instant, effects: &mut Vec<Effect>) {
        match (input, self.phase) {
            (Input::Desired(desired), _) => self.note_desired(desired),
            (Input::Released(generation), _) => self.halted = self.halted.filter(|halted| *halted != generation),
            (Input::Made(result), Phase::Making) => self.note_made(result),
            (Input::Started(Ok(found)), Phase::Starting) => self.note_started(found, now, effects),
            (Input::Started(Err(failure)), Phase::Starting) => self.note_not_started(failure, now, effects),
            (Input::Answered { command, result }, _) => self.note_answer(command, result, now, effects),
            (Input::GuestOff, Phase::Starting | Phase::Running | Phase::Paused | Phase::ShuttingDown { .. }) => {
                self.note_end(ExitReason::Guest, now, effects);
            }
            (Input::GuestCrashed, Phase::Starting | Phase::Running | Phase::Paused | Phase::ShuttingDown { .. }) => {
                self.note_end(ExitReason::Crash, now, effects);
            }
            (Input::Unreached(failure), Phase::Starting) => {
                self.failure = Some(failure);
                self.adopt_at = Some(now + back_off(self.unreached));
                self.unreached = self.unreached.saturating_add(1);
            }
            (Input::DiskTrouble(failure), Phase::Running | Phase::Paused | Phase::ShuttingDown { .. }) => {
                self.note_trouble(failure, now, effects);
            }
            (Input::FoundStopped, Phase::Running | Phase::ShuttingDown { .. })
                if !matches!(self.telling, Some((Command::Stop | Command::Replace(_), _))) =>
            {
                let detail = "QEMU has stopped the guest".into();
                self.note_trouble(Failure { code: FailureCode::Disk, detail }, now, effects);
            }
            (Input::Ended(reason), Phase::Running | Phase::Paused | Phase::ShuttingDown { .. }) => {
                self.note_end(reason, now, effects);
                self.gone(effects);
            }
            // While it starts, the end of the start is told by `Started`.
            (Input::Ended(_), Phase::Ending) => self.gone(effects),
            (Input::Removed(Ok(())), Phase::Removing) => self.phase = Phase::Removed,
            (Input::Removed(Err(failure)), Phase::Removing) => {
                self.failure = Some(failure);
                self.retry_at = Some(now + back_off(self.in_a_row));
                self.in_a_row = self.in_a_row.saturating_add(1);
                self.phase = Phase::Broken;
            }
            (Input::Tick, Phase::ShuttingDown { operation, deadline, ends: true }) if now >= deadline => {
                self.halt_at_once(operation, effects);
            }
            (Input::Tick, Phase::ShuttingDown { operation, deadline, ends: false }) if now >= deadline => {
                self.phase = Phase::Running;
                let failure = Failure {
                    code: FailureCode::GuestIgnoredShutdown,
                    detail: "the guest did not shut down in time".into(),
                };
                effects.push(Effect::Finish { operation, outcome: Outcome::Failed(failure) });
            }
            // Late news about something that is over.
            _ => {}
        }
    }

    fn note_desired(&mut self, desired: Desired) {
        if self.desired.removing {
            // Nothing follows a removal, but one that failed may be asked for again.
            if self.phase == Phase::Broken {
                self.phase = Phase::Unmade;
            }
            return;
        }
        if desired.stamp < self.desired.stamp && !desired.removing {
            return;
        }
        if desired.stamp > self.desired.stamp {
            self.failure = None;
            self.halted = self.halted.filter(|generation| *generation >= desired.stamp.generation);
            // A guest that QEMU has stopped stays so until it is continued, which is now tried at once.
            (self.restarts, self.in_a_row, self.retry_at) = (0, 0, None);
        }
        match self.phase {
            Phase::Broken => self.phase = Phase::Unmade,
            Phase::Making => self.make_again = true,
            _ => {}
        }
        self.desired = desired;
    }

    fn note_made(&mut self, result: Result<(), Failure>) {
        self.killing = false;
        let again = std::mem::take(&mut self.make_again);
        self.phase = match result {
            Ok(()) => Phase::Off,
            // Cancelled, or as good as.
            Err(_) if self.desired.removing => Phase::Off,
            Err(_) if again => Phase::Unmade,
            Err(failure) => {
                self.failure = Some(failure);
                Phase::Broken
            }
        };
    }

    fn note_started(&mut self, found: Found, now: Instant, effects: &mut Vec<Effect>) {
        (self.started_at, self.unreached, self.halt_by) = (Some(now), 0, None);
        match found {
            // Its end was asked for while it started, and comes.
            _ if self.killing => self.phase = Phase::Ending,
            Found::Running => self.phase = Phase::Running,
            Found::Paused => self.phase = Phase::Paused,
            Found::GuestOff => return self.note_end(ExitReason::Guest, now, effects),
            Found::Crashed => return self.note_end(ExitReason::Crash, now, effects),
        }
        self.failure = None;
    }

    fn note_not_started(&mut self, failure: Failure, now: Instant, effects: &mut Vec<Effect>) {
        let asked_for = self.killing;
        self.gone(effects);
        if self.wants_process() && !asked_for && self.halted.is_none() {
            self.failure = Some(failure);
            // Without a policy to try again a newer spec must come; it is not halted, for it never ran.
            if let AfterEnd::StartAgain { .. } = after_end(self.desired.restart, ExitReason::Crash, 0) {
                self.start_again(now);
            } else {
                self.phase = Phase::Broken;
            }
        }
    }

    fn note_answer(&mut self, command: Command, result: Result<(), Failure>, now: Instant, effects: &mut Vec<Effect>) {
        // Killed while it was being told: what becomes of the request is said when the process is gone.
        if self.phase == Phase::Ending && result.is_err() {
            return;
        }
        let Some((told, operation)) = self.telling.take_if(|(told, _)| *told == command) else { return };
        match (&result, told, self.phase) {
            (Ok(()), Command::Stop, Phase::Running) => self.phase = Phase::Paused,
            (Ok(()), Command::Continue, Phase::Paused) => {
                self.forget_trouble();
                self.phase = Phase::Running;
            }
            (Ok(()), Command::PowerButton, phase @ (Phase::Running | Phase::Paused)) => match operation {
                Some(Operation { id, edge: Edge::Halt { within } }) => {
                    self.phase = Phase::ShuttingDown { operation: id, deadline: now + within, ends: true };
                    return;
                }
                Some(Operation { id, edge: Edge::Shutdown { within } }) if phase == Phase::Running => {
                    self.phase = Phase::ShuttingDown { operation: id, deadline: now + within, ends: false };
                    return;
                }
                _ => {}
            },
            // A guest that can't even be asked: root wants its end all the same.
            (Err(_), Command::PowerButton, Phase::Running | Phase::Paused) => {
                if let Some(Operation { id, edge: Edge::Halt { .. } }) = operation {
                    return self.halt_at_once(id, effects);
                }
            }
            // A QEMU that refuses the simplest commands is not under our control: it is ended.
            (Err(failure), Command::Stop | Command::Continue, Phase::Running | Phase::Paused) => {
                self.failure = Some(failure.clone());
                self.note_end(ExitReason::Crash, now, effects);
            }
            _ => {}
        }
        if let Some(operation) = operation {
            let outcome = match result {
                // The disk's trouble came between the button and QEMU's answer: the guest does not run.
                Ok(()) if told == Command::PowerButton => {
                    self.failure.clone().map_or(Outcome::Superseded, Outcome::Failed)
                }
                Ok(()) => Outcome::Done,
                Err(failure) if failure.code == FailureCode::CalledOff => Outcome::Superseded,
                Err(failure) => Outcome::Failed(failure),
            };
            effects.push(Effect::Finish { operation: operation.id, outcome });
        }
    }

    /// QEMU has stopped the guest, which goes on when there is hope.
    fn note_trouble(&mut self, failure: Failure, now: Instant, effects: &mut Vec<Effect>) {
        (self.trouble, self.retry_at) = (true, Some(now + back_off(u32::MAX)));
        match self.phase {
            // Its end comes at its time, with a guest that runs or without.
            Phase::ShuttingDown { ends: true, .. } => {}
            Phase::ShuttingDown { operation, ends: false, .. } => {
                effects.push(Effect::Finish { operation, outcome: Outcome::Failed(failure.clone()) });
                self.phase = Phase::Paused;
            }
            _ => self.phase = Phase::Paused,
        }
        self.failure = Some(failure);
    }

    /// The guest or QEMU came to an end that nobody asked for, or that only the guest was asked for.
    fn note_end(&mut self, reason: ExitReason, now: Instant, effects: &mut Vec<Effect>) {
        let halting = self.is_halting();
        let mut finished = None;
        if let Phase::ShuttingDown { operation, ends, .. } = self.phase {
            let outcome = if ends || reason == ExitReason::Guest { Outcome::Done } else { Outcome::Superseded };
            finished = Some(Effect::Finish { operation, outcome });
        } else if reason == ExitReason::Guest
            && let Some((Command::PowerButton, Some(operation))) =
                self.telling.take_if(|(told, _)| *told == Command::PowerButton)
        {
            // The guest was quicker than QEMU's answer.
            finished = Some(Effect::Finish { operation: operation.id, outcome: Outcome::Done });
        }
        self.forget_trouble();
        if self.started_at.is_some_and(|start| now.duration_since(start) >= STEADY) {
            self.in_a_row = 0;
        }
        if self.wants_process() {
            match after_end(self.desired.restart, reason, self.in_a_row) {
                // root has asked for its end, whatever the policy.
                _ if halting => self.halt(reason, true, effects),
                AfterEnd::Halt => self.halt(reason, false, effects),
                AfterEnd::StartAgain { .. } => {
                    self.start_again(now);
                }
            }
        }
        // Who hears that it is over, and lets the VM start again, must find that it was halted.
        effects.extend(finished);
        self.phase = Phase::Ending;
        self.kill(effects);
    }

    /// Whether root has asked for its end.
    fn is_halting(&self) -> bool {
        let telling = matches!(self.telling, Some((_, Some(Operation { edge: Edge::Halt { .. }, .. }))));
        telling || self.requests.has_halt() || matches!(self.phase, Phase::ShuttingDown { ends: true, .. })
    }

    /// Halts that wait where there is no guest to ask: it stays off.
    fn halt_at_rest(&mut self, effects: &mut Vec<Effect>) {
        for operation in self.requests.take_halts() {
            self.stay_off(effects);
            effects.push(Effect::Finish { operation: operation.id, outcome: Outcome::Done });
        }
    }

    fn stay_off(&mut self, effects: &mut Vec<Effect>) {
        if self.wants_process() && self.halted.is_none() {
            self.halt(ExitReason::Killed, true, effects);
            // That it was to be tried again is no failure any more.
            if self.phase != Phase::Broken {
                self.failure = None;
            }
        }
    }

    /// It stays off until somebody asks again.
    fn halt(&mut self, reason: ExitReason, by_host: bool, effects: &mut Vec<Effect>) {
        let generation = self.desired.stamp.generation;
        (self.halted, self.retry_at) = (Some(generation), None);
        effects.push(Effect::Halt { reason, generation, by_host });
    }

    fn halt_at_once(&mut self, operation: OperationId, effects: &mut Vec<Effect>) {
        if self.wants_process() {
            self.halt(ExitReason::Killed, true, effects);
        }
        self.forget_trouble();
        effects.push(Effect::Finish { operation, outcome: Outcome::Done });
        self.phase = Phase::Ending;
        self.kill(effects);
    }

    fn start_again(&mut self, now: Instant) {
        self.retry_at = Some(now + back_off(self.in_a_row));
        self.restarts += 1;
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row >= LOOP {
            let last = self.failure.take().map(|failure| format!("; the last time: {}", failure.detail));
            let detail = format!("ended {} times in a row{}", self.in_a_row, last.unwrap_or_default());
            self.failure = Some(Failure { code: FailureCode::CrashLoop, detail });
        }
    }

    /// QEMU's process is gone, and with it everything that was asked of it.
    fn gone(&mut self, effects: &mut Vec<Effect>) {
        self.halt_at_rest(effects);
        self.supersede(effects);
        if let Some((_, Some(operation))) = self.telling.take() {
            let outcome = match operation.edge {
                Edge::Halt { .. } => {
                    self.stay_off(effects);
                    Outcome::Done
                }
                Edge::Reset | Edge::Shutdown { .. } | Edge::ReplaceEngine => Outcome::Superseded,
            };
            effects.push(Effect::Finish { operation: operation.id, outcome });
        }
        self.forget_trouble();
        (self.killing, self.started_at, self.adopt_at, self.unreached, self.halt_by) = (false, None, None, 0, None);
        self.phase = Phase::Off;
    }

    /// The disk's trouble was that process's.
    fn forget_trouble(&mut self) {
        if std::mem::take(&mut self.trouble) {
            (self.failure, self.retry_at) = (None, None);
        }
    }

    /// What waits, and what waits for the guest, is overtaken by something stronger.
    fn supersede(&mut self, effects: &mut Vec<Effect>) {
        let superseded = |id| Effect::Finish { operation: id, outcome: Outcome::Superseded };
        self.forget_shutdown(effects);
        effects.extend(self.requests.clear().map(|operation| superseded(operation.id)));
    }

    fn forget_shutdown(&mut self, effects: &mut Vec<Effect>) {
        if let Phase::ShuttingDown { operation, .. } = self.phase {
            effects.push(Effect::Finish { operation, outcome: Outcome::Superseded });
            self.phase = if self.trouble { Phase::Paused } else { Phase::Running };
        }
    }

    /// Whether a QEMU should exist.
    fn wants_process(&self) -> bool {
        !self.desired.removing && self.desired.power != Power::Stopped
    }

    /// Where to go from here.
    pub(super) fn settle(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Unmade | Phase::Making | Phase::Broken | Phase::Off | Phase::Ending) {
            self.halt_at_rest(effects);
        }
        match self.phase {
            Phase::Unmade if self.desired.removing => self.remove(effects),
            Phase::Unmade => {
                self.phase = Phase::Making;
                effects.push(Effect::Make);
            }
            Phase::Making if self.desired.removing && !self.killing => {
                self.killing = true;
                effects.push(Effect::CancelMake);
            }
            Phase::Off if self.desired.removing => self.remove(effects),
            Phase::Broken if self.desired.removing && self.retry_at.is_none_or(|due| now >= due) => {
                self.remove(effects)
            }
            Phase::Off => self.settle_off(now, effects),
            Phase::Starting => self.settle_starting(now, effects),
            Phase::Running | Phase::Paused | Phase::ShuttingDown { .. } => self.settle_alive(now, effects),
            Phase::Making | Phase::Broken | Phase::Ending | Phase::Removing | Phase::Removed => {}
        }
    }

    fn settle_starting(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let ends = !self.wants_process() || self.halt_by.is_some_and(|due| now >= due);
        let ends_now = ends && !self.killing;
        if ends {
            self.kill(effects);
        }
        // The next look also tells of its end.
        if self.adopt_at.take_if(|due| ends_now || now >= *due).is_some() {
            effects.push(Effect::Adopt);
        }
    }

    fn settle_off(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if !self.wants_process() {
            (self.retry_at, self.failure) = (None, None);
        } else if self.halted.is_none() && self.retry_at.is_none_or(|due| now >= due) {
            self.retry_at = None;
            self.phase = Phase::Starting;
            effects.push(Effect::Start { paused: self.desired.power == Power::Paused });
        }
    }

    fn settle_alive(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if !self.wants_process() {
            self.supersede(effects);
            self.kill(effects);
            self.phase = Phase::Ending;
            return;
        }
        if self.telling.is_some() {
            return;
        }
        match (self.desired.power, self.phase) {
            (Power::Paused, Phase::Running | Phase::ShuttingDown { .. }) => {
                self.supersede(effects);
                self.tell(Command::Stop, None, effects);
            }
            (Power::Running, Phase::Paused) if !self.trouble || self.retry_at.is_none_or(|due| now >= due) => {
                self.tell(Command::Continue, None, effects);
            }
            _ => self.next_request(effects),
        }
    }

    fn next_request(&mut self, effects: &mut Vec<Effect>) {
        let Some(operation) = self.requests.take() else { return };
        match (operation.edge, self.phase) {
            (Edge::Reset, _) => {
                // A guest that was reset has forgotten that it was asked.
                self.forget_shutdown(effects);
                effects.push(Effect::Begin { operation: operation.id });
                self.tell(Command::Reset, Some(operation), effects);
            }
            (Edge::Halt { within }, Phase::Running | Phase::ShuttingDown { .. }) if !within.is_zero() => {
                self.forget_shutdown(effects);
                self.tell(Command::PowerButton, Some(operation), effects);
            }
            (Edge::Halt { .. }, _) => {
                self.forget_shutdown(effects);
                self.halt_at_once(operation.id, effects);
            }
            (Edge::Shutdown { .. }, Phase::Running) => self.tell(Command::PowerButton, Some(operation), effects),
            (Edge::ReplaceEngine, Phase::Running) => {
                self.tell(Command::Replace(operation.id), Some(operation), effects);
            }
            (Edge::Shutdown { .. } | Edge::ReplaceEngine, _) => {
                effects.push(Effect::Finish { operation: operation.id, outcome: Outcome::Superseded });
                // Nothing was told, so no answer will come that asks for the one behind it.
                self.next_request(effects);
            }
        }
    }

    fn tell(&mut self, command: Command, operation: Option<Operation>, effects: &mut Vec<Effect>) {
        self.telling = Some((command, operation));
        effects.push(Effect::Tell(command));
    }

    fn kill(&mut self, effects: &mut Vec<Effect>) {
        if !self.killing {
            self.killing = true;
            effects.push(Effect::Kill);
        }
    }

    fn remove(&mut self, effects: &mut Vec<Effect>) {
        self.phase = Phase::Removing;
        (self.failure, self.retry_at) = (None, None);
        effects.push(Effect::Remove);
    }
}
