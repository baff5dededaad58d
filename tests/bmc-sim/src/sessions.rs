//! The BMC's side of RMCP+: logins, keys and sequence numbers (IPMI 2.0 §13). A datagram in, datagrams out.
//!
//! ```text
//!   open session ──► Opened ── RAKP 1 ──► Proving ── RAKP 3 ──► Active ── close, or 60 s of silence ──► gone
//!                    (id)      (code)                (keys)
//! ```

mod commands;

use crate::description::Description;
use crate::fault::{Fault, Faults};
use crate::machine::{Caller, Machine};
use crate::sol::Sol;
use cake_bmc::asf::{Ping, Pong};
use cake_bmc::rmcp::handshake::ManagedProof;
use cake_bmc::rmcp::{
    CipherSuite, Exchange, Message, OpenRequest, OpenResponse, Packet, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4, Secret,
    SessionKeys, Status, Window, legacy, packet,
};
use cake_bmc::{Completion, Request, Response, message::net_fn};
use data_encoding::HEXLOWER_PERMISSIVE;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A session that says nothing for so many seconds has ended (§6.12.15).
const SILENCE: u32 = 60;

/// What a pure machine has to be told.
pub struct Around<'a> {
    /// Seconds since 1970.
    pub now: u32,
    /// Never the same twice.
    pub random: &'a mut dyn FnMut() -> [u8; 16],
}

/// Where a datagram goes.
pub type Sent = (SocketAddr, Vec<u8>);

#[derive(Debug)]
pub struct Sessions {
    pub machine: Machine,
    pub faults: Faults,
    port: u16,
    /// What consoles typed, for the serial port.
    pub typed: Vec<u8>,
    /// Breaks on the serial line so far.
    pub breaks: u32,
    /// Packets for consoles that are about something else than the datagram that just came.
    asides: Vec<Sent>,
    key: Option<Secret>,
    sessions: BTreeMap<u32, Session>,
    next: u32,
}

#[derive(Debug)]
struct Session {
    console: u32,
    suite: CipherSuite,
    peer: SocketAddr,
    /// When it was heard last.
    heard: u32,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Opened,
    Proving { exchange: Box<Exchange>, user: u8 },
    Active(Box<Active>),
}

#[derive(Debug)]
struct Active {
    keys: SessionKeys,
    user: u8,
    /// The highest privilege that was asked for at the login and is the user's.
    limit: u8,
    privilege: u8,
    seen: Window,
    sent: u32,
    sol: Option<Sol>,
}

impl Sessions {
    pub fn new(description: Description) -> anyhow::Result<Self> {
        let key = match &description.key {
            None => None,
            Some(text) => {
                let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes())?;
                Some(Secret::new(&bytes).ok_or_else(|| anyhow::anyhow!("K_g has at most 20 bytes"))?)
            }
        };
        let (faults, port, typed) = (Faults::default(), description.listen.port(), Vec::new());
        let (machine, asides) = (Machine::new(description), Vec::new());
        Ok(Self { machine, faults, port, typed, breaks: 0, asides, key, sessions: BTreeMap::new(), next: 1 })
    }

    /// It is reached at this UDP port.
    pub fn bound(&mut self, port: u16) {
        self.port = port;
        self.machine.bound(port);
    }

    /// Takes a datagram; the answers go to who sent it.
    pub fn datagram(&mut self, bytes: &[u8], peer: SocketAddr, around: &mut Around<'_>) -> Vec<Vec<u8>> {
        self.machine.grows = self.faults.has(Fault::Grow);
        self.machine.another = self.faults.has(Fault::Guid);
        let answers = self.answers(bytes, peer, around);
        answers.into_iter().flat_map(|answer| self.faults.spoil(answer)).collect()
    }

    fn answers(&mut self, bytes: &[u8], peer: SocketAddr, around: &mut Around<'_>) -> Vec<Vec<u8>> {
        if let Ok(ping) = Ping::parse(bytes) {
            return vec![Pong { tag: ping.tag, enterprise: 4542, ipmi: true }.encode()];
        }
        if let Ok(message) = legacy::parse(bytes) {
            return self.without_login(message, around.now).map(|answer| legacy::encode(&answer)).into_iter().collect();
        }
        let Ok(parsed) = Packet::parse(bytes) else { return Vec::new() };
        let payload = parsed.payload;
        let answer = match parsed.payload_type {
            PayloadType::OpenRequest => self.open(payload, peer, around.now).map(|a| (PayloadType::OpenResponse, a)),
            PayloadType::Rakp1 => self.rakp1(payload, around).map(|answer| (PayloadType::Rakp2, answer)),
            PayloadType::Rakp3 => self.rakp3(payload, around.now).map(|answer| (PayloadType::Rakp4, answer)),
            PayloadType::Ipmi if parsed.session == 0 => {
                self.without_login(payload, around.now).map(|answer| (PayloadType::Ipmi, answer))
            }
            PayloadType::Ipmi | PayloadType::Sol => return self.in_session(&parsed, peer, around),
            // What only a BMC sends.
            PayloadType::OpenResponse | PayloadType::Rakp2 | PayloadType::Rakp4 => None,
        };
        answer.map(|(kind, answer)| packet::clear(kind, &answer)).into_iter().collect()
    }

    /// A request that needs no login, or is told that it needs one.
    fn without_login(&mut self, message: &[u8], now: u32) -> Option<Vec<u8>> {
        let message = Message::parse(message).ok().filter(|message| message.net_fn % 2 == 0)?;
        let response = self.machine.answer(&request(&message), Caller { privilege: 0, now });
        Some(message.answer(&bytes(&response)).encode())
    }

    fn open(&mut self, payload: &[u8], peer: SocketAddr, now: u32) -> Option<Vec<u8>> {
        let asked = OpenRequest::parse(payload).ok()?;
        self.sessions.retain(|_, session| now.saturating_sub(session.heard) < SILENCE);
        let refused = |status| {
            Some(
                OpenResponse::Refused { tag: asked.tag, status, console_session: Some(asked.console_session) }.encode(),
            )
        };
        let suite =
            CipherSuite::of(asked.algorithms).filter(|suite| self.machine.description.suites.contains(&suite.id()));
        let Some(suite) = suite else { return refused(Status::NO_SUITE) };
        if self.faults.has(Fault::Full) || self.sessions.len() >= self.machine.description.sessions {
            return refused(Status::NO_RESOURCES);
        }
        let id = self.next;
        self.next = self.next.checked_add(1).unwrap_or(1);
        let session = Session { console: asked.console_session, suite, peer, heard: now, phase: Phase::Opened };
        self.sessions.insert(id, session);
        let answer = OpenResponse::Open {
            tag: asked.tag,
            privilege: if asked.privilege == 0 { 4 } else { asked.privilege },
            console_session: asked.console_session,
            managed_session: id,
            algorithms: suite.algorithms(),
        };
        Some(answer.encode())
    }

    fn rakp1(&mut self, payload: &[u8], around: &mut Around<'_>) -> Option<Vec<u8>> {
        let asked = Rakp1::parse(payload).ok()?;
        let guid = self.machine.guid();
        let session = self.sessions.get_mut(&asked.managed_session)?;
        // Again, when our answer was lost; never in a session that is on.
        if matches!(session.phase, Phase::Active(_)) {
            return None;
        }
        session.heard = around.now;
        let named = |status, proof| Rakp2 { tag: asked.tag, status, console_session: session.console, proof }.encode();
        let found = self.machine.users.iter().find(|(_, user)| user.enabled && user.name.as_bytes() == asked.user);
        let Some((id, user)) = found else { return Some(named(Status::UNAUTHORIZED_NAME, None)) };
        if asked.role & 0x0f > user.privilege {
            return Some(named(Status::UNAUTHORIZED_ROLE, None));
        }
        let password = Secret::new(&user.password)?;
        let exchange = Exchange {
            suite: session.suite,
            console_session: session.console,
            managed_session: asked.managed_session,
            console_random: asked.random,
            managed_random: (around.random)(),
            guid,
            role: asked.role,
            user: asked.user,
        };
        let code = exchange.managed_code(&password).as_slice().to_vec();
        let answer = named(Status::OK, Some(ManagedProof { random: exchange.managed_random, guid, code }));
        session.phase = Phase::Proving { exchange: Box::new(exchange), user: *id };
        Some(answer)
    }

    fn rakp3(&mut self, payload: &[u8], now: u32) -> Option<Vec<u8>> {
        let asked = Rakp3::parse(payload).ok()?;
        let session = self.sessions.get_mut(&asked.managed_session)?;
        let Phase::Proving { exchange, user } = &session.phase else { return None };
        let answer = |status, code| Rakp4 { tag: asked.tag, status, console_session: session.console, code }.encode();
        let found = self.machine.users.get(user)?;
        let password = Secret::new(&found.password)?;
        if asked.status != Status::OK || !exchange.console_code(&password).is(&asked.code) {
            let answer = answer(Status::WRONG_CODE, Vec::new());
            self.sessions.remove(&asked.managed_session);
            return Some(answer);
        }
        let key = exchange.session_key(&password, self.key.as_ref());
        let answer = answer(Status::OK, exchange.session_code(&key).as_slice().to_vec());
        let limit = match exchange.role & 0x0f {
            0 => found.privilege,
            asked => asked.min(found.privilege),
        };
        let (user, privilege) = (*user, limit.min(crate::machine::USER));
        let active = Active { keys: key.keys(), user, limit, privilege, seen: Window::default(), sent: 0, sol: None };
        (session.phase, session.heard) = (Phase::Active(Box::new(active)), now);
        Some(answer)
    }

    fn in_session(&mut self, parsed: &Packet<'_>, peer: SocketAddr, around: &mut Around<'_>) -> Vec<Vec<u8>> {
        let Some(session) = self.sessions.get_mut(&parsed.session) else { return Vec::new() };
        let Phase::Active(active) = &mut session.phase else { return Vec::new() };
        // Who can't sign is not believed, not even that it is there.
        let Ok(payload) = parsed.open(&active.keys) else { return Vec::new() };
        if !active.seen.take(parsed.sequence) {
            return Vec::new();
        }
        (session.heard, session.peer) = (around.now, peer);
        if parsed.payload_type == PayloadType::Sol {
            let Some(sol) = &mut active.sol else { return Vec::new() };
            let heard = sol.hear(&payload);
            let answers: Vec<_> = heard.answer.into_iter().chain(sol.packet()).collect();
            self.breaks += u32::from(heard.is_break);
            self.typed.extend(heard.characters);
            return answers
                .iter()
                .filter_map(|one| self.seal(parsed.session, (PayloadType::Sol, one), around))
                .collect();
        }
        let Ok(message) = Message::parse(&payload) else { return Vec::new() };
        if message.net_fn % 2 == 1 {
            return Vec::new();
        }
        let response = self.asked(parsed.session, &request(&message), around);
        let answer = bytes(&response);
        let mut answer = message.answer(&answer);
        if self.faults.has(Fault::Request) {
            answer.sequence = (answer.sequence + 1) % 64;
        }
        let mut answer = answer.encode();
        if self.faults.has(Fault::Checksum)
            && let Some(last) = answer.last_mut()
        {
            *last ^= 0x55;
        }
        let sealed = self.seal(parsed.session, (PayloadType::Ipmi, &answer), around);
        if (message.net_fn, message.command, response.completion) == (net_fn::APP, 0x3c, Completion::OK) {
            self.sessions.remove(&commands::closed(message.data, parsed.session));
        }
        sealed.into_iter().collect()
    }

    fn asked(&mut self, id: u32, request: &Request, around: &mut Around<'_>) -> Response {
        if let Some(answer) = self.session_command(id, request, around) {
            return match answer {
                Ok(data) => Response { completion: Completion::OK, data },
                Err(completion) => Response { completion, data: Vec::new() },
            };
        }
        let privilege = self.active(id).map_or(0, |active| active.privilege);
        self.machine.answer(request, Caller { privilege, now: around.now })
    }

    fn active(&mut self, id: u32) -> Option<&mut Active> {
        match &mut self.sessions.get_mut(&id)?.phase {
            Phase::Active(active) => Some(active),
            Phase::Opened | Phase::Proving { .. } => None,
        }
    }

    fn seal(&mut self, id: u32, payload: (PayloadType, &[u8]), around: &mut Around<'_>) -> Option<Vec<u8>> {
        let (wrong_session, stuck) = (self.faults.has(Fault::Session), self.faults.has(Fault::Sequence));
        let console = self.sessions.get(&id)?.console;
        let active = self.active(id)?;
        if !stuck || active.sent == 0 {
            active.sent = active.sent.wrapping_add(1);
        }
        let number = if stuck { 1 } else { active.sent };
        let console = if wrong_session { console ^ 0x0100_0000 } else { console };
        Some(packet::seal(&active.keys, payload, (console, number), (around.random)()))
    }

    /// The session whose console sees the serial port.
    fn watching(&mut self) -> Option<(u32, SocketAddr, &mut Sol)> {
        self.sessions.iter_mut().find_map(|(id, session)| match &mut session.phase {
            Phase::Active(active) => active.sol.as_mut().map(|sol| (*id, session.peer, sol)),
            Phase::Opened | Phase::Proving { .. } => None,
        })
    }

    /// Ends the console that sees the serial port, and tells it. `false`: there is none.
    pub fn end_console(&mut self, around: &mut Around<'_>) -> bool {
        let Some((id, peer, _)) = self.watching() else { return false };
        let told = self.send_sol(id, peer, Some(Sol::farewell()), around);
        self.asides.extend(told);
        if let Some(active) = self.active(id) {
            active.sol = None;
        }
        true
    }

    /// What is to be sent to others than who sent the datagram that just came.
    pub fn asides(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.asides)
    }

    pub fn is_watched(&mut self) -> bool {
        self.watching().is_some()
    }

    pub fn count(&self) -> usize {
        self.sessions.len()
    }

    /// Characters of the serial port.
    pub fn serial(&mut self, characters: &[u8], around: &mut Around<'_>) -> Vec<Sent> {
        let Some((id, peer, sol)) = self.watching() else { return Vec::new() };
        sol.say(characters);
        let packet = sol.packet();
        self.send_sol(id, peer, packet, around)
    }

    /// Sends again what was not acknowledged.
    pub fn tick(&mut self, around: &mut Around<'_>) -> Vec<Sent> {
        let Some((id, peer, sol)) = self.watching() else { return Vec::new() };
        let packet = sol.again();
        self.send_sol(id, peer, packet, around)
    }

    fn send_sol(&mut self, id: u32, peer: SocketAddr, packet: Option<Vec<u8>>, around: &mut Around<'_>) -> Vec<Sent> {
        let sealed = packet.and_then(|packet| self.seal(id, (PayloadType::Sol, &packet), around));
        sealed.into_iter().flat_map(|bytes| self.faults.spoil(bytes)).map(|bytes| (peer, bytes)).collect()
    }
}

fn request(message: &Message<'_>) -> Request {
    Request { net_fn: message.net_fn, lun: message.to_lun, command: message.command, data: message.data.to_vec() }
}

fn bytes(response: &Response) -> Vec<u8> {
    [&[response.completion.0], response.data.as_slice()].concat()
}
