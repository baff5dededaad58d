//! What must hold for all datagrams that can come. Shared by the fuzz target and by the replay on stable Rust.

#[path = "../tests/support/bmc.rs"]
mod bmc;

use bmc::{Bmc, Nature, PASSWORD, USER, echo, password};
use cake_bmc::asf::{Ping, Pong};
use cake_bmc::lan::{Login, Machine, Outcome, Output, Pace};
use cake_bmc::rmcp::suite::best;
use cake_bmc::rmcp::{
    CipherSuite, Exchange, Message, OpenRequest, OpenResponse, Packet, Rakp1, Rakp2, Rakp3, Rakp4, console_session,
    legacy,
};
use std::time::{Duration, Instant};

/// Answers of the BMC until the session is open and a request is outstanding.
const STAGES: u8 = 7;

/// The first byte says how far the session has come; then follow datagrams, each after its length. Panics when an invariant does
/// not hold.
pub fn check(bytes: &[u8]) {
    let Some((stage, mut rest)) = bytes.split_first() else { return };
    let (mut machine, now) = machine_at(stage % (STAGES + 1));
    while let Some((length, more)) = rest.split_first() {
        let (datagram, later) = more.split_at(usize::from(*length).min(more.len()));
        rest = later;
        check_codec(datagram);
        let mut output = Output::default();
        machine.receive(datagram, now, &mut output);
        for outcome in &output.outcomes {
            assert!(!matches!(outcome, Outcome::Response(_, Ok(_)) | Outcome::Sol(..)), "who has no key was believed");
        }
    }
    let mut output = Output::default();
    machine.tick(now + Duration::from_secs(1), &mut output);
    assert!(output.datagrams.len() <= 3, "a flood");
}

/// Logged in so far as that many answers allow, with one request that waits.
fn machine_at(stage: u8) -> (Machine, Instant) {
    let login = Login::new(USER.as_bytes(), password(), None).expect("a short name");
    let mut machine = Machine::new(login, Pace::default(), 1, [PASSWORD.len() as u8; 32]);
    let mut bmc = Bmc::new(Nature::default());
    let now = Instant::now();
    let mut output = Output::default();
    machine.send(&echo(b"fuzz"), now, &mut output);
    for _ in 0..stage.min(STAGES - 1) {
        let Some(answer) = output.datagrams.pop().and_then(|datagram| bmc.receive(&datagram)) else { break };
        machine.receive(&answer, now, &mut output);
    }
    (machine, now)
}

/// What can be read is written as it was read, and nothing panics.
fn check_codec(bytes: &[u8]) {
    let _ = (console_session(bytes), best(bytes), Ping::parse(bytes), Pong::parse(bytes));
    if let Ok(message) = Message::parse(bytes) {
        assert_eq!(message.encode(), bytes);
    }
    if let Ok(message) = legacy::parse(bytes) {
        let _ = Message::parse(message);
    }
    if let Ok(packet) = Packet::parse(bytes) {
        for suite in CipherSuite::ALL {
            assert!(packet.open(&keys(suite)).is_err(), "a code that nobody could make");
        }
        check_handshake(packet.payload);
    }
    check_handshake(bytes);
}

fn check_handshake(bytes: &[u8]) {
    macro_rules! comes_back {
        ($($kind:ty),*) => {$(
            if let Ok(read) = <$kind>::parse(bytes) {
                assert_eq!(<$kind>::parse(&read.encode()), Ok(read));
            }
        )*};
    }
    comes_back!(OpenRequest, OpenResponse, Rakp1, Rakp2, Rakp3, Rakp4);
}

fn keys(suite: CipherSuite) -> cake_bmc::rmcp::SessionKeys {
    let exchange = Exchange {
        suite,
        console_session: 1,
        managed_session: 2,
        console_random: [3; 16],
        managed_random: [4; 16],
        guid: [5; 16],
        role: 0x14,
        user: USER.as_bytes().to_vec(),
    };
    exchange.session_key(&password(), None).keys()
}
