//! Serial over LAN: a server's serial console through its BMC (IPMI 2.0 §24).

use super::Session;
use crate::BmcError;
use crate::message::{Completion, Request, Transport, net_fn};
use crate::rmcp::sol::{Payload, Stream};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

const ACTIVATE_PAYLOAD: u8 = 0x48;
const DEACTIVATE_PAYLOAD: u8 = 0x49;
const SOL: u8 = 0x01;
const INSTANCE: u8 = 0x01;
/// Encrypted, signed, and alerts that share the line wait meanwhile (table 24-2).
const SAFE: u8 = 0xc4;
/// Bytes of a SOL payload before its characters.
const HEADER: usize = 4;

/// A stream both ways. Whoever has it must go on reading: that is what acknowledges, and sends again what was lost.
/// Dropped without [`Console::close`], it is taken until the session ends.
pub struct Console {
    session: Arc<Session>,
    stream: Stream,
    incoming: mpsc::Receiver<(u32, Vec<u8>)>,
}

/// Ends whoever has the console now, whose session that may be (§24.2). Nobody having it is fine.
pub async fn free_console(session: &Session) -> Result<(), BmcError> {
    let request = Request::new(net_fn::APP, DEACTIVATE_PAYLOAD, [SOL, INSTANCE, 0, 0, 0, 0]);
    let response = session.send(&request).await?;
    match response.completion {
        // 0x80: it is deactivated already.
        Completion::OK | Completion(0x80) => Ok(()),
        other => Err(BmcError::Completion(other)),
    }
}

impl Console {
    /// Another completion than "fine" is an error: 0x80 says that somebody else has the console.
    pub async fn open(session: Arc<Session>) -> Result<Self, BmcError> {
        // Before it is asked for, since the BMC may be faster with what it has to say than with its answer.
        let incoming = session.listen();
        let request = Request::new(net_fn::APP, ACTIVATE_PAYLOAD, [SOL, INSTANCE, SAFE, 0, 0, 0]);
        let response = session.send(&request).await?;
        if response.completion != Completion::OK {
            return Err(BmcError::Completion(response.completion));
        }
        // Four bytes of data that go with the payload, then the sizes to and from the BMC.
        let Some([low, high]) = response.data.get(4..6) else { return Err(BmcError::Answer("Activate Payload")) };
        let size = usize::from(u16::from_le_bytes([*low, *high]));
        // Some count the header, some don't, and some say nothing.
        let stream = Stream::new(if size > HEADER { size - HEADER } else { 32 });
        Ok(Self { session, stream, incoming })
    }

    /// What the server says. `None`: it is over. Cancel-safe.
    pub async fn read(&mut self) -> Option<Vec<u8>> {
        loop {
            self.send_due();
            if self.stream.is_over() {
                return None;
            }
            let deadline = self.stream.deadline();
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                payload = self.incoming.recv() => {
                    let (sequence, payload) = payload?;
                    let characters = self.receive(sequence, &payload);
                    if !characters.is_empty() {
                        return Some(characters);
                    }
                }
                () = due => {}
            }
        }
    }

    /// Once it is over: whether the BMC said so. Otherwise it is not heard any more.
    pub fn was_ended_by_bmc(&self) -> bool {
        self.stream.was_deactivated()
    }

    /// How many of the characters were taken; the others when the server has read some.
    pub fn write(&mut self, characters: &[u8]) -> usize {
        let count = self.stream.write(characters);
        self.send_due();
        count
    }

    pub fn send_break(&mut self) {
        self.stream.send_break();
        self.send_due();
    }

    pub async fn close(self) -> Result<(), BmcError> {
        free_console(&self.session).await
    }

    fn send_due(&mut self) {
        if let Some(payload) = self.stream.poll(Instant::now()) {
            self.session.send_sol(&payload.encode());
        }
    }

    fn receive(&mut self, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let Ok(payload) = Payload::parse(payload) else { return Vec::new() };
        let (characters, answer) = self.stream.receive(sequence, payload);
        if let Some(answer) = answer {
            self.session.send_sol(&answer.encode());
        }
        characters
    }
}
