//! The smallest BMC that a session can be had with: as pure as the machine that it is asked by, and as wicked as a test wants.

use cake_bmc::Request;
use cake_bmc::message::net_fn;
use cake_bmc::rmcp::handshake::ManagedProof;
use cake_bmc::rmcp::{
    CipherSuite, Exchange, Message, OpenRequest, OpenResponse, Packet, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4, Secret,
    SessionKeys, Status, Window, legacy, packet,
};
use std::collections::HashMap;

pub const USER: &str = "admin";
pub const PASSWORD: &str = "cakepass";
/// Answered with its own data.
pub const ECHO: u8 = 0x70;
const GUID: [u8; 16] = [0xc5; 16];

/// What it is like.
#[derive(Clone)]
pub struct Nature {
    pub suites: Vec<CipherSuite>,
    /// What it says that it has: absent: it does not know the question.
    pub list: Option<Vec<u8>>,
    pub speaks_2_0: bool,
    pub key: Option<Secret>,
    /// The highest privilege that its user may have.
    pub privilege: u8,
    /// Says so in RAKP 2, and not only when the privilege is to be used.
    pub strict: bool,
    pub slots: usize,
}

impl Default for Nature {
    fn default() -> Self {
        let suites = CipherSuite::ALL.to_vec();
        let list = Some(suites.iter().flat_map(|suite| suite.record()).collect());
        Self { suites, list, speaks_2_0: true, key: None, privilege: 4, strict: false, slots: 4 }
    }
}

pub struct Bmc {
    nature: Nature,
    sessions: HashMap<u32, Session>,
    next: u32,
    /// Data of the echo requests that it did, in their order.
    pub echoed: Vec<Vec<u8>>,
    /// Other requests of a session.
    pub commands: Vec<u8>,
}

struct Session {
    console: u32,
    suite: CipherSuite,
    exchange: Option<Exchange>,
    open: Option<(SessionKeys, Window)>,
    sent: u32,
}

impl Bmc {
    pub fn new(nature: Nature) -> Self {
        Self { nature, sessions: HashMap::new(), next: 0x100, echoed: Vec::new(), commands: Vec::new() }
    }

    /// As after a power cut.
    pub fn forget(&mut self) {
        self.sessions.clear();
    }

    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    pub fn suite(&self) -> Option<CipherSuite> {
        self.sessions.values().find_map(|session| session.open.as_ref().map(|(keys, _)| keys.suite()))
    }

    pub fn receive(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        if let Ok(message) = legacy::parse(datagram) {
            let message = Message::parse(message).ok()?;
            return Some(legacy::encode(&message.answer(&self.before_login(&message)).encode()));
        }
        let packet = Packet::parse(datagram).ok()?;
        if packet.session != 0 {
            return self.in_session(&packet);
        }
        let (kind, payload) = match packet.payload_type {
            PayloadType::OpenRequest => {
                (PayloadType::OpenResponse, self.open(&OpenRequest::parse(packet.payload).ok()?))
            }
            PayloadType::Rakp1 => (PayloadType::Rakp2, self.first(Rakp1::parse(packet.payload).ok()?)?),
            PayloadType::Rakp3 => (PayloadType::Rakp4, self.third(&Rakp3::parse(packet.payload).ok()?)?),
            _ => return None,
        };
        Some(packet::clear(kind, &payload))
    }

    fn before_login(&self, message: &Message<'_>) -> Vec<u8> {
        match (message.command, &self.nature.list) {
            (0x38, _) => {
                let (types, extended) = if self.nature.speaks_2_0 { (0x80, 0x02) } else { (0x04, 0x00) };
                vec![0, 1, types, 0, extended, 0, 0, 0, 0]
            }
            (0x54, Some(list)) => {
                let part = list.chunks(16).nth((message.data[2] & 0x3f).into()).unwrap_or_default();
                [&[0, 1], part].concat()
            }
            _ => vec![0xc1],
        }
    }

    fn open(&mut self, request: &OpenRequest) -> Vec<u8> {
        let refuse = |status| {
            OpenResponse::Refused { tag: request.tag, status, console_session: Some(request.console_session) }.encode()
        };
        let Some(suite) = CipherSuite::of(request.algorithms).filter(|suite| self.nature.suites.contains(suite)) else {
            return refuse(Status::NO_SUITE);
        };
        if self.sessions.len() >= self.nature.slots {
            return refuse(Status::NO_RESOURCES);
        }
        self.next += 1;
        let console = request.console_session;
        self.sessions.insert(self.next, Session { console, suite, exchange: None, open: None, sent: 0 });
        OpenResponse::Open {
            tag: request.tag,
            privilege: request.privilege,
            console_session: console,
            managed_session: self.next,
            algorithms: request.algorithms,
        }
        .encode()
    }

    fn first(&mut self, message: Rakp1) -> Option<Vec<u8>> {
        let Rakp1 { tag, managed_session, random, role, user } = message;
        let session = self.sessions.get_mut(&managed_session)?;
        let console_session = session.console;
        let status = match role & 0x0f {
            _ if user != USER.as_bytes() => Status::UNAUTHORIZED_NAME,
            asked if self.nature.strict && asked > self.nature.privilege => Status::UNAUTHORIZED_ROLE,
            _ => Status::OK,
        };
        if status != Status::OK {
            self.sessions.remove(&managed_session);
            return Some(Rakp2 { tag, status, console_session, proof: None }.encode());
        }
        // Another one each time, as some do.
        self.next += 1;
        let exchange = Exchange {
            suite: session.suite,
            console_session,
            managed_session,
            console_random: random,
            managed_random: [self.next as u8; 16],
            guid: GUID,
            role,
            user,
        };
        let code = exchange.managed_code(&password()).as_slice().to_vec();
        let proof = Some(ManagedProof { random: exchange.managed_random, guid: GUID, code });
        session.exchange = Some(exchange);
        Some(Rakp2 { tag, status, console_session, proof }.encode())
    }

    fn third(&mut self, message: &Rakp3) -> Option<Vec<u8>> {
        let session = self.sessions.get_mut(&message.managed_session)?;
        let console_session = session.console;
        let exchange = session.exchange.as_ref()?;
        if message.status != Status::OK || !exchange.console_code(&password()).is(&message.code) {
            self.sessions.remove(&message.managed_session);
            let status = Status::WRONG_CODE;
            return Some(Rakp4 { tag: message.tag, status, console_session, code: Vec::new() }.encode());
        }
        let key = exchange.session_key(&password(), self.nature.key.as_ref());
        let code = exchange.session_code(&key).as_slice().to_vec();
        session.open.get_or_insert_with(|| (key.keys(), Window::default()));
        Some(Rakp4 { tag: message.tag, status: Status::OK, console_session, code }.encode())
    }

    fn in_session(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let session = self.sessions.get_mut(&packet.session)?;
        let (keys, window) = session.open.as_mut()?;
        let payload = packet.open(keys).ok()?;
        if !window.take(packet.sequence) {
            return None;
        }
        let message = Message::parse(&payload).ok()?;
        let answer = match (message.net_fn, message.command) {
            (net_fn::APP, ECHO) => {
                self.echoed.push(message.data.to_vec());
                [&[0], message.data].concat()
            }
            (net_fn::APP, 0x3b) if message.data[0] > self.nature.privilege => vec![0x80],
            _ => vec![0],
        };
        if message.command != ECHO {
            self.commands.push(message.command);
        }
        session.sent += 1;
        let answer = message.answer(&answer).encode();
        let random = [session.sent as u8; 16];
        let sealed = packet::seal(keys, (PayloadType::Ipmi, &answer), (session.console, session.sent), random);
        if message.command == 0x3c {
            self.sessions.remove(&packet.session);
        }
        Some(sealed)
    }
}

pub fn password() -> Secret {
    Secret::new(PASSWORD.as_bytes()).expect("at most 20 bytes")
}

pub fn echo(data: &[u8]) -> Request {
    Request::new(net_fn::APP, ECHO, data)
}
