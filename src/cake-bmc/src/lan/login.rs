//! The steps of a login. Pure: [`super::Machine`] sends what they make, and sends it again.

use super::machine::{Login, Privilege};
use crate::TransportError;
use crate::message::{Completion, Request, net_fn};
use crate::rmcp::handshake::{ManagedProof, role};
use crate::rmcp::keys::SessionKey;
use crate::rmcp::suite::best;
use crate::rmcp::{
    Broken, CipherSuite, Exchange, Message, OpenRequest, OpenResponse, Packet, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4,
    SessionKeys, Status, legacy, packet,
};
use rand::{Rng, RngCore, rngs::StdRng};

const GET_CHANNEL_AUTHENTICATION: u8 = 0x38;
const GET_CHANNEL_CIPHER_SUITES: u8 = 0x54;
/// The channel that the question came by.
const THIS_CHANNEL: u8 = 0x0e;
/// Bytes of records in one answer of Get Channel Cipher Suites; a shorter one is the last.
const RECORDS: usize = 16;
const LAST_INDEX: u8 = 0x3f;

/// What was learned of a BMC, so that the next login need not ask.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The suites to try, in this order. Empty: not asked yet.
    pub suites: Vec<CipherSuite>,
    /// The highest that the user may have.
    pub privilege: Privilege,
}

/// A login under way, and the packet that waits for its answer.
pub(super) struct LoggingIn {
    pub packet: Vec<u8>,
    console_session: u32,
    tag: u8,
    step: Step,
}

enum Step {
    Capabilities,
    Suites { index: u8, records: Vec<u8> },
    Open { suite: CipherSuite },
    First { suite: CipherSuite, managed_session: u32, random: [u8; 16], role: u8 },
    Third { exchange: Box<Exchange>, key: SessionKey },
}

/// What follows from a datagram.
pub(super) enum Verdict {
    /// The next packet is ready.
    Next,
    In {
        keys: Box<SessionKeys>,
        managed_session: u32,
    },
    /// To be begun anew, with what is known now.
    Anew,
    Failed {
        error: TransportError,
        farewell: Option<Vec<u8>>,
    },
    /// Not what this step waits for.
    Unmatched,
}

/// What the steps need to know.
pub(super) struct Context<'a> {
    pub login: &'a Login,
    pub known: &'a mut Known,
    pub random: &'a mut StdRng,
}

impl LoggingIn {
    /// `console_session`: our id of the session; not zero.
    pub fn new(context: &mut Context<'_>, console_session: u32) -> Self {
        let tag = context.random.random();
        let mut login = Self { packet: Vec::new(), console_session, tag, step: Step::Capabilities };
        match context.known.suites.first() {
            Some(suite) => login.open(*suite, context),
            None => login.ask_capabilities(context),
        }
        login
    }

    /// Whether a login that stalls here must begin anew: some BMCs answer each of these packets only once.
    pub fn may_have_been_answered(&self) -> bool {
        !matches!(self.step, Step::Capabilities | Step::Suites { .. })
    }

    /// Some BMCs don't list their suites without a session, and don't say so.
    pub fn go_on_without_list(&mut self, context: &mut Context<'_>) -> bool {
        matches!(self.step, Step::Suites { .. }) && matches!(self.choose(&[], context), Verdict::Next)
    }

    pub fn receive(&mut self, datagram: &[u8], context: &mut Context<'_>) -> Result<Verdict, Broken> {
        if let Ok(payload) = legacy::parse(datagram) {
            return self.receive_message(&Message::parse(payload)?, context);
        }
        let packet = Packet::parse(datagram)?;
        if packet.session != 0 {
            return Ok(Verdict::Unmatched);
        }
        match packet.payload_type {
            PayloadType::OpenResponse => self.receive_open(OpenResponse::parse(packet.payload)?, context),
            PayloadType::Rakp2 => self.receive_second(Rakp2::parse(packet.payload)?, context),
            PayloadType::Rakp4 => self.receive_fourth(&Rakp4::parse(packet.payload)?, context),
            _ => Ok(Verdict::Unmatched),
        }
    }

    fn ask_capabilities(&mut self, context: &Context<'_>) {
        // Bit 7: of IPMI 2.0, please.
        let data = [0x80 | THIS_CHANNEL, context.known.privilege as u8];
        self.ask(&Request::new(net_fn::APP, GET_CHANNEL_AUTHENTICATION, data));
    }

    fn ask_suites(&mut self, index: u8, records: Vec<u8>) {
        self.step = Step::Suites { index, records };
        // Of IPMI payloads; bit 7: listed by suite.
        self.ask(&Request::new(net_fn::APP, GET_CHANNEL_CIPHER_SUITES, [THIS_CHANNEL, 0, 0x80 | index]));
    }

    fn ask(&mut self, request: &Request) {
        self.tag = self.tag.wrapping_add(1);
        self.packet = legacy::encode(&Message::request(request, self.sequence()).encode());
    }

    /// Of a question without a session. Nothing else in the answer says whose it is, and several sessions with one BMC may ask
    /// at once: so it names the part of the list that is asked for, and an answer to another session is as good.
    fn sequence(&self) -> u8 {
        let part = match self.step {
            Step::Suites { index, .. } => index & 0x07,
            _ => 0,
        };
        self.tag << 3 & 0x38 | part
    }

    fn receive_message(&mut self, message: &Message<'_>, context: &mut Context<'_>) -> Result<Verdict, Broken> {
        let command = match &self.step {
            Step::Capabilities => GET_CHANNEL_AUTHENTICATION,
            Step::Suites { .. } => GET_CHANNEL_CIPHER_SUITES,
            _ => return Ok(Verdict::Unmatched),
        };
        let Some(response) = message.response_to(net_fn::APP, command, self.sequence()) else {
            return Ok(Verdict::Unmatched);
        };
        let good = response.completion == Completion::OK;
        match std::mem::replace(&mut self.step, Step::Capabilities) {
            Step::Suites { index, mut records } => {
                // Its first byte is the channel.
                let more = response.data.get(1..).filter(|_| good).unwrap_or_default();
                records.extend(more);
                if more.len() >= RECORDS && index < LAST_INDEX {
                    self.ask_suites(index + 1, records);
                    return Ok(Verdict::Next);
                }
                Ok(self.choose(&records, context))
            }
            // §22.13: bit 7 of the second byte: what follows is of IPMI 2.0, and bit 1 of the fourth says that it is spoken.
            _ if good
                && !matches!(*response.data, [_, types, _, extended, ..] if types & 0x80 != 0 && extended & 2 != 0) =>
            {
                Ok(failed(TransportError::Cipher))
            }
            _ => {
                self.ask_suites(0, Vec::new());
                Ok(Verdict::Next)
            }
        }
    }

    /// 17 where it is offered, else 3. A BMC that lists nothing is tried, the older suite first: it is an old one.
    fn choose(&mut self, records: &[u8], context: &mut Context<'_>) -> Verdict {
        context.known.suites = match best(records) {
            Ok(Some(CipherSuite::Seventeen)) => vec![CipherSuite::Seventeen, CipherSuite::Three],
            Ok(Some(CipherSuite::Three)) => vec![CipherSuite::Three],
            Ok(None) if !records.is_empty() => return failed(TransportError::Cipher),
            Ok(None) | Err(_) => vec![CipherSuite::Three, CipherSuite::Seventeen],
        };
        self.open(context.known.suites[0], context);
        Verdict::Next
    }

    fn open(&mut self, suite: CipherSuite, context: &Context<'_>) {
        self.step = Step::Open { suite };
        self.tag = self.tag.wrapping_add(1);
        let request = OpenRequest {
            tag: self.tag,
            privilege: context.known.privilege as u8,
            console_session: self.console_session,
            algorithms: suite.algorithms(),
        };
        self.packet = packet::clear(PayloadType::OpenRequest, &request.encode());
    }

    fn receive_open(&mut self, response: OpenResponse, context: &mut Context<'_>) -> Result<Verdict, Broken> {
        let Step::Open { suite } = self.step else { return Ok(Verdict::Unmatched) };
        match response {
            OpenResponse::Refused { tag, console_session, .. }
                if tag != self.tag || console_session.is_some_and(|session| session != self.console_session) =>
            {
                Ok(Verdict::Unmatched)
            }
            OpenResponse::Refused { status, .. } => Ok(refused(status, context)),
            OpenResponse::Open { tag, console_session, .. }
                if tag != self.tag || console_session != self.console_session =>
            {
                Ok(Verdict::Unmatched)
            }
            OpenResponse::Open { managed_session, algorithms, .. } => {
                if algorithms != suite.algorithms() {
                    return Ok(failed(TransportError::Cipher));
                }
                if managed_session == 0 {
                    return Err(Broken("the BMC's session has no number"));
                }
                self.first(suite, managed_session, context);
                Ok(Verdict::Next)
            }
        }
    }

    fn first(&mut self, suite: CipherSuite, managed_session: u32, context: &mut Context<'_>) {
        let mut random = [0; 16];
        context.random.fill_bytes(&mut random);
        let role = role(context.known.privilege as u8, true);
        self.tag = self.tag.wrapping_add(1);
        let message = Rakp1 { tag: self.tag, managed_session, random, role, user: context.login.user.clone() };
        self.packet = packet::clear(PayloadType::Rakp1, &message.encode());
        self.step = Step::First { suite, managed_session, random, role };
    }

    fn receive_second(&mut self, message: Rakp2, context: &mut Context<'_>) -> Result<Verdict, Broken> {
        let Step::First { suite, managed_session, random, role } = self.step else { return Ok(Verdict::Unmatched) };
        if message.tag != self.tag || message.console_session != self.console_session {
            return Ok(Verdict::Unmatched);
        }
        let Some(ManagedProof { random: managed_random, guid, code }) = message.proof else {
            return Ok(refused(message.status, context));
        };
        let exchange = Box::new(Exchange {
            suite,
            console_session: self.console_session,
            managed_session,
            console_random: random,
            managed_random,
            guid,
            role,
            user: context.login.user.clone(),
        });
        self.tag = self.tag.wrapping_add(1);
        let password = &context.login.password;
        if !exchange.managed_code(password).is(&code) {
            // Told, so that the BMC does not keep a session for us.
            let message = Rakp3 { tag: self.tag, status: Status::WRONG_CODE, managed_session, code: Vec::new() };
            let farewell = Some(packet::clear(PayloadType::Rakp3, &message.encode()));
            return Ok(Verdict::Failed { error: TransportError::Refused, farewell });
        }
        let code = exchange.console_code(password).as_slice().to_vec();
        let message = Rakp3 { tag: self.tag, status: Status::OK, managed_session, code };
        self.packet = packet::clear(PayloadType::Rakp3, &message.encode());
        let key = exchange.session_key(password, context.login.key.as_ref());
        self.step = Step::Third { exchange, key };
        Ok(Verdict::Next)
    }

    fn receive_fourth(&mut self, message: &Rakp4, context: &mut Context<'_>) -> Result<Verdict, Broken> {
        let Step::Third { exchange, key } = &self.step else { return Ok(Verdict::Unmatched) };
        if message.tag != self.tag || message.console_session != self.console_session {
            return Ok(Verdict::Unmatched);
        }
        if message.status == Status::WRONG_CODE {
            // The password is right: RAKP 2 proved it. A BMC that got RAKP 1 twice may have drawn another random number.
            return Ok(Verdict::Anew);
        }
        if message.status != Status::OK {
            return Ok(refused(message.status, context));
        }
        // A wrong K_g is found here.
        if !exchange.session_code(key).is(&message.code) {
            return Ok(failed(TransportError::Refused));
        }
        Ok(Verdict::In { keys: Box::new(key.keys()), managed_session: exchange.managed_session })
    }
}

fn failed(error: TransportError) -> Verdict {
    Verdict::Failed { error, farewell: None }
}

/// Tries the next suite or the next lower privilege where the BMC says that this is why.
fn refused(status: Status, context: &mut Context<'_>) -> Verdict {
    let suites = &mut context.known.suites;
    if status.is_about_algorithms() && suites.len() > 1 {
        suites.remove(0);
        return Verdict::Anew;
    }
    if status.is_about_role()
        && let Some(lower) = context.known.privilege.lower()
    {
        context.known.privilege = lower;
        return Verdict::Anew;
    }
    match status {
        // It forgot the session between two steps.
        Status::INVALID_SESSION | Status::INACTIVE_SESSION => Verdict::Anew,
        _ => failed(status.error()),
    }
}
