//! One session with one BMC, without socket, clock and source of randomness.

use super::active::{Active, Arrival, Outstanding, Purpose};
use super::login::{Context, Known, LoggingIn, Verdict};
use super::model::{Counters, Login, Outcome, Output, Privilege, Ticket, the_same};
use super::pace::{Attempt, Pace, RoundTrip};
use crate::message::{Completion, Request, Response, TransportError, net_fn};
use crate::rmcp::{Packet, PayloadType};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const GET_DEVICE_ID: u8 = 0x01;
const SET_SESSION_PRIVILEGE: u8 = 0x3b;
/// How often a step of a login is sent before the login begins anew.
const TRIES: u32 = 3;
/// How often the BMC may make one login begin anew.
const ROUNDS: u32 = 6;
/// How long a BMC may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);
/// More would use the numbers of those that were given up lately.
const OUTSTANDING_MAX: usize = 60;
/// Requests that may wait for their turn.
const WAITING_MAX: usize = 64;

struct Waiting {
    ticket: Ticket,
    request: Request,
    deadline: Instant,
}

enum Phase {
    Out,
    LoggingIn { login: Box<LoggingIn>, attempt: Attempt, rounds: u32 },
    In(Box<Active>),
}

pub struct Machine {
    login: Login,
    pace: Pace,
    known: Known,
    random: StdRng,
    /// The lower half of our session ids.
    slot: u16,
    /// Our id of the session now.
    console_session: u32,
    phase: Phase,
    trip: RoundTrip,
    waiting: VecDeque<Waiting>,
    next_ticket: u64,
    outstanding_max: usize,
    /// The BMC refused the password: it is not asked again, lest it locks the user out.
    refused: bool,
    pub counters: Counters,
}

impl Machine {
    /// `slot` is not zero: the lower half of every session id that the BMC will send to. `seed`: from the system's source.
    pub fn new(login: Login, pace: Pace, slot: u16, seed: [u8; 32]) -> Self {
        Self {
            login,
            pace,
            known: Known { suites: Vec::new(), privilege: Privilege::Administrator },
            random: StdRng::from_seed(seed),
            slot,
            console_session: slot.into(),
            phase: Phase::Out,
            trip: RoundTrip::default(),
            waiting: VecDeque::new(),
            next_ticket: 0,
            outstanding_max: pace.outstanding.clamp(1, OUTSTANDING_MAX),
            refused: false,
            counters: Counters::default(),
        }
    }

    /// The privilege that the user has, as far as is known.
    pub fn privilege(&self) -> Privilege {
        self.known.privilege
    }

    /// Hands a request over; its outcome comes with this ticket.
    pub fn send(&mut self, request: &Request, now: Instant, output: &mut Output) -> Ticket {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        if self.refused || self.waiting.len() >= WAITING_MAX {
            let error = if self.refused { TransportError::Refused } else { TransportError::Busy };
            output.outcomes.push(Outcome::Response(ticket, Err(error)));
            return ticket;
        }
        self.counters.requests += 1;
        if let Phase::In(active) = &self.phase
            && active.outstanding.is_empty()
            && active.seems_lost(now, &self.pace)
        {
            // Found out by requests that nobody waited for to the end.
            self.lose(output);
        }
        self.waiting.push_back(Waiting { ticket, request: request.clone(), deadline: now + self.pace.total });
        self.advance(now, output);
        ticket
    }

    /// Nobody waits for this request any more.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|waiting| waiting.ticket != ticket);
        if let Phase::In(active) = &mut self.phase {
            active.outstanding.retain(|outstanding| outstanding.purpose != Purpose::Caller(ticket));
        }
    }

    /// Sends a payload of serial over LAN. `false`: there is no session.
    pub fn send_sol(&mut self, payload: &[u8], output: &mut Output) -> bool {
        let Phase::In(active) = &mut self.phase else { return false };
        output.datagrams.push(active.seal(PayloadType::Sol, payload, &mut self.random));
        true
    }

    /// Ends the session; [`Outcome::Ended`] follows.
    pub fn close(&mut self, now: Instant, output: &mut Output) {
        let Phase::In(active) = &mut self.phase else {
            self.give_up_login(now, output);
            return self.end(output);
        };
        let callers = std::mem::take(&mut active.outstanding);
        let request = active.close_request();
        active.ready = false;
        let attempt = Attempt::new(now, self.trip.wait(&self.pace));
        let packet = active.request((Purpose::Close, request), now + FAREWELL, attempt, &mut self.random);
        output.datagrams.push(packet);
        let waiting = self.waiting.drain(..).map(|waiting| waiting.ticket);
        for ticket in callers.into_iter().filter_map(|outstanding| outstanding.caller()).chain(waiting) {
            output.outcomes.push(Outcome::Response(ticket, Err(TransportError::Silent)));
        }
    }

    /// A datagram of the BMC's address.
    pub fn receive(&mut self, datagram: &[u8], now: Instant, output: &mut Output) {
        match &mut self.phase {
            Phase::Out => self.counters.unmatched += 1,
            Phase::LoggingIn { .. } => self.receive_login(datagram, now, output),
            Phase::In(_) => self.receive_session(datagram, now, output),
        }
        self.advance(now, output);
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant, output: &mut Output) {
        self.expire(now, output);
        match &self.phase {
            Phase::Out => {}
            Phase::LoggingIn { attempt, .. } => {
                if attempt.due <= now {
                    self.login_is_due(now, output);
                }
            }
            Phase::In(_) => self.session_is_due(now, output),
        }
        self.advance(now, output);
    }

    /// When [`Machine::tick`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Out => None,
            Phase::LoggingIn { attempt, .. } => Some(attempt.due),
            Phase::In(active) if active.outstanding.is_empty() => Some(active.heard + self.pace.keep_alive),
            Phase::In(active) => {
                active.outstanding.iter().map(|waiting| waiting.attempt.due.min(waiting.deadline)).min()
            }
        };
        self.waiting.iter().map(|waiting| waiting.deadline).chain(phase).min()
    }

    /// Sends what may be sent.
    fn advance(&mut self, now: Instant, output: &mut Output) {
        match &mut self.phase {
            Phase::Out if self.waiting.is_empty() => {}
            Phase::Out => self.begin_login(0, now, output),
            Phase::LoggingIn { .. } => {}
            Phase::In(active) => {
                while active.ready && active.outstanding.len() < self.outstanding_max {
                    let Some(Waiting { ticket, request, deadline }) = self.waiting.pop_front() else { break };
                    let attempt = Attempt::new(now, self.trip.wait(&self.pace));
                    let packet =
                        active.request((Purpose::Caller(ticket), request), deadline, attempt, &mut self.random);
                    output.datagrams.push(packet);
                }
            }
        }
    }

    fn begin_login(&mut self, rounds: u32, now: Instant, output: &mut Output) {
        self.give_up_login(now, output);
        // Another id each time, so that nothing of an older session is taken for this one's.
        self.console_session = u32::from(self.random.random::<u16>()) << 16 | u32::from(self.slot);
        let Self { login, known, random, .. } = self;
        let login = Box::new(LoggingIn::new(&mut Context { login, known, random }, self.console_session));
        output.datagrams.push(login.packet.clone());
        let attempt = Attempt::new(now, self.trip.wait(&self.pace));
        self.phase = Phase::LoggingIn { login, attempt, rounds };
    }

    /// Leaves the BMC no session that is in nobody's hands: it has room for a few only.
    fn give_up_login(&mut self, now: Instant, output: &mut Output) {
        let Self { login: who, known, random, .. } = self;
        if let Phase::LoggingIn { login, .. } = &self.phase {
            output.datagrams.extend(login.farewell(&mut Context { login: who, known, random }, now));
            self.phase = Phase::Out;
        }
    }

    fn receive_login(&mut self, datagram: &[u8], now: Instant, output: &mut Output) {
        let Self { login: who, known, random, .. } = self;
        let Phase::LoggingIn { login, attempt, rounds } = &mut self.phase else { return };
        let rounds = *rounds;
        match login.receive(datagram, &mut Context { login: who, known, random }) {
            Err(_) => self.counters.broken += 1,
            Ok(Verdict::Unmatched) => self.counters.unmatched += 1,
            Ok(Verdict::Next) => {
                self.trip.answered(attempt, now);
                output.datagrams.push(login.packet.clone());
                *attempt = Attempt::new(now, self.trip.wait(&self.pace));
            }
            Ok(Verdict::In { keys, managed_session }) => {
                self.trip.answered(attempt, now);
                self.counters.logins += 1;
                self.phase = Phase::In(Box::new(Active::new(keys, managed_session, now)));
                self.set_privilege(now, output);
            }
            Ok(Verdict::Anew) if rounds < ROUNDS => self.begin_login(rounds + 1, now, output),
            Ok(Verdict::Anew) => self.fail(TransportError::Garbled("every login must begin anew"), output),
            Ok(Verdict::Failed { error, farewell }) => {
                output.datagrams.extend(farewell);
                self.fail(error, output);
            }
        }
    }

    fn login_is_due(&mut self, now: Instant, output: &mut Output) {
        let Self { login: who, known, random, .. } = self;
        let Phase::LoggingIn { login, attempt, rounds } = &mut self.phase else { return };
        if self.waiting.is_empty() {
            return self.give_up_login(now, output);
        }
        self.trip.lost();
        self.outstanding_max = 1;
        self.counters.repeated += 1;
        if attempt.tries >= TRIES {
            if login.may_have_been_answered() {
                let rounds = *rounds;
                return self.begin_login(rounds, now, output);
            }
            if login.go_on_without_list(&mut Context { login: who, known, random }) {
                *attempt = Attempt::new(now, self.trip.wait(&self.pace));
                return output.datagrams.push(login.packet.clone());
            }
        }
        attempt.again(now, self.trip.wait(&self.pace));
        output.datagrams.push(login.packet.clone());
    }

    /// A session starts as a user's, whatever the login asked for.
    fn set_privilege(&mut self, now: Instant, output: &mut Output) {
        let Phase::In(active) = &mut self.phase else { return };
        if self.known.privilege == Privilege::User {
            active.ready = true;
            return;
        }
        let request = Request::new(net_fn::APP, SET_SESSION_PRIVILEGE, [self.known.privilege as u8]);
        let attempt = Attempt::new(now, self.trip.wait(&self.pace));
        let deadline = now + self.pace.total;
        output.datagrams.push(active.request((Purpose::Privilege, request), deadline, attempt, &mut self.random));
    }

    fn receive_session(&mut self, datagram: &[u8], now: Instant, output: &mut Output) {
        let Phase::In(active) = &mut self.phase else { return };
        let packet = match Packet::parse(datagram) {
            Ok(packet) => packet,
            // What was asked before the login may be answered twice.
            Err(_) => return self.counters.broken += 1,
        };
        if packet.session == 0 {
            return self.counters.unmatched += 1;
        }
        if packet.session != self.console_session {
            return self.counters.unauthentic += 1;
        }
        match active.receive(&packet, now) {
            Arrival::Unauthentic => self.counters.unauthentic += 1,
            Arrival::Replayed => self.counters.replayed += 1,
            Arrival::Unmatched => self.counters.unmatched += 1,
            Arrival::Sol(sequence, payload) => output.outcomes.push(Outcome::Sol(sequence, payload)),
            Arrival::Response(outstanding, response) => self.answered(&outstanding, response, now, output),
        }
    }

    fn answered(&mut self, outstanding: &Outstanding, response: Response, now: Instant, output: &mut Output) {
        self.trip.answered(&outstanding.attempt, now);
        match outstanding.purpose {
            Purpose::Caller(ticket) => output.outcomes.push(Outcome::Response(ticket, Ok(response))),
            Purpose::KeepAlive => {}
            Purpose::Close => self.end(output),
            Purpose::Privilege if response.completion == Completion::OK => {
                if let Phase::In(active) = &mut self.phase {
                    active.ready = true;
                }
            }
            Purpose::Privilege => {
                // Administrator or Operator: there is a lower one.
                self.known.privilege = self.known.privilege.lower().unwrap_or(Privilege::User);
                self.set_privilege(now, output);
            }
        }
    }

    fn session_is_due(&mut self, now: Instant, output: &mut Output) {
        let Phase::In(active) = &mut self.phase else { return };
        if active.outstanding.is_empty() {
            if active.worn_out() {
                return self.lose(output);
            }
            if active.heard + self.pace.keep_alive <= now {
                let attempt = Attempt::new(now, self.trip.wait(&self.pace));
                let request = (Purpose::KeepAlive, Request::new(net_fn::APP, GET_DEVICE_ID, []));
                output.datagrams.push(active.request(request, now + self.pace.total, attempt, &mut self.random));
            }
            return;
        }
        let lost = |waiting: &Outstanding| match waiting.purpose {
            Purpose::Close => waiting.deadline <= now,
            _ => now.saturating_duration_since(waiting.attempt.started) >= self.pace.lost,
        };
        if active.outstanding.iter().any(lost) {
            return self.lose(output);
        }
        for index in 0..active.outstanding.len() {
            if active.outstanding[index].attempt.due <= now {
                self.trip.lost();
                self.outstanding_max = 1;
                self.counters.repeated += 1;
                output.datagrams.push(active.again(index, now, (&self.pace, &self.trip), &mut self.random));
            }
        }
    }

    /// Requests whose patience is over.
    fn expire(&mut self, now: Instant, output: &mut Output) {
        let mut late: Vec<Ticket> = Vec::new();
        self.waiting.retain(|waiting| {
            let expired = waiting.deadline <= now;
            late.extend(expired.then_some(waiting.ticket));
            !expired
        });
        if let Phase::In(active) = &mut self.phase {
            active.outstanding.retain(|outstanding| {
                let caller = outstanding.caller().filter(|_| outstanding.deadline <= now);
                late.extend(caller);
                caller.is_none()
            });
        }
        output.outcomes.extend(late.into_iter().map(|ticket| Outcome::Response(ticket, Err(TransportError::Silent))));
    }

    /// The BMC does not know the session any more, or is gone: what was outstanding waits for the next login.
    fn lose(&mut self, output: &mut Output) {
        if let Phase::In(active) = std::mem::replace(&mut self.phase, Phase::Out) {
            for outstanding in active.outstanding.into_iter().rev() {
                if let Some(ticket) = outstanding.caller() {
                    let Outstanding { request, deadline, .. } = outstanding;
                    self.waiting.push_front(Waiting { ticket, request, deadline });
                }
            }
        }
        output.outcomes.push(Outcome::Ended);
    }

    fn fail(&mut self, error: TransportError, output: &mut Output) {
        self.refused |= matches!(error, TransportError::Refused);
        // Asked again next time: it may have been changed since.
        self.known = Known { suites: Vec::new(), privilege: Privilege::Administrator };
        self.phase = Phase::Out;
        for waiting in self.waiting.drain(..) {
            output.outcomes.push(Outcome::Response(waiting.ticket, Err(the_same(&error))));
        }
    }

    fn end(&mut self, output: &mut Output) {
        self.phase = Phase::Out;
        for waiting in self.waiting.drain(..) {
            output.outcomes.push(Outcome::Response(waiting.ticket, Err(TransportError::Silent)));
        }
        output.outcomes.push(Outcome::Ended);
    }
}

impl Outstanding {
    fn caller(&self) -> Option<Ticket> {
        match self.purpose {
            Purpose::Caller(ticket) => Some(ticket),
            Purpose::Privilege | Purpose::KeepAlive | Purpose::Close => None,
        }
    }
}
