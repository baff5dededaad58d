//! The one task that owns the socket. Nobody else reads or writes, so that a caller who gives up (by time-out or by
//! dropping its future) never leaves half a line behind.

use std::{
    collections::{HashMap, VecDeque},
    io,
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use sendfd::SendWithFd;
use serde_json::value::RawValue;
use tokio::{
    io::Interest,
    net::UnixStream,
    sync::{mpsc, oneshot, watch},
};

use crate::{
    error::CloseReason,
    event::EventQueue,
    framer::Framer,
    message::{Greeting, Message, Refusal, parse_line},
    qmp::Limits,
};

/// How many bytes are read at once, onto the stack: an idle connection holds no buffer.
const CHUNK: usize = 16 * 1024;
/// Requests taken from the channel while earlier ones are not written yet.
const MOST_UNWRITTEN: usize = 4;

/// A command on its way.
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) line: Vec<u8>,
    pub(crate) descriptors: Vec<OwnedFd>,
    pub(crate) answer: oneshot::Sender<Outcome>,
}

pub(crate) enum Outcome {
    Answer(Box<RawValue>),
    Refused(Refusal),
    /// Too many commands wait already.
    Busy,
}

/// Why the connection ended, once it has.
#[derive(Debug)]
pub(crate) struct Ending(watch::Sender<Option<CloseReason>>);

impl Ending {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(crate) fn reason(&self) -> Option<CloseReason> {
        self.0.borrow().clone()
    }

    /// The first reason counts.
    pub(crate) fn set(&self, reason: CloseReason) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }

    pub(crate) async fn wait(&self) -> CloseReason {
        let mut receiver = self.0.subscribe();
        match receiver.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or(CloseReason::Released),
            Err(_) => CloseReason::Released,
        }
    }
}

pub(crate) struct Connection {
    stream: UnixStream,
    limits: Limits,
    framer: Framer,
    greeting: Option<oneshot::Sender<Greeting>>,
    /// Commands without an answer. Those that timed out stay here with a closed channel, so that their late answers are
    /// told from invented ones.
    waiting: HashMap<u64, oneshot::Sender<Outcome>>,
    unwritten: VecDeque<Unwritten>,
    events: Arc<EventQueue>,
    ending: Arc<Ending>,
    gate: Gate,
}

struct Unwritten {
    line: Vec<u8>,
    written: usize,
    /// Sent with the first byte.
    descriptors: Vec<OwnedFd>,
}

impl Connection {
    pub(crate) fn new(
        stream: UnixStream,
        limits: Limits,
        greeting: oneshot::Sender<Greeting>,
        events: Arc<EventQueue>,
        ending: Arc<Ending>,
    ) -> Self {
        Self {
            stream,
            framer: Framer::new(limits.longest_line),
            gate: Gate { limit: limits.events_per_second, since: Instant::now(), count: 0 },
            limits,
            greeting: Some(greeting),
            waiting: HashMap::new(),
            unwritten: VecDeque::new(),
            events,
            ending,
        }
    }

    /// Serves until the connection ends or the last handle is dropped.
    pub(crate) async fn serve(mut self, mut requests: mpsc::Receiver<Request>) {
        let reason = match self.work(&mut requests).await {
            Ok(()) => CloseReason::Released,
            Err(reason) => reason,
        };
        tracing::debug!(%reason, waiting = self.waiting.len(), "QMP connection ended: {reason}");
        // Set before the requests are dropped: whoever finds its channel closed reads the reason.
        self.ending.set(reason);
    }

    async fn work(&mut self, requests: &mut mpsc::Receiver<Request>) -> Result<(), CloseReason> {
        loop {
            let interest =
                if self.unwritten.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
            tokio::select! {
                request = requests.recv(), if self.unwritten.len() < MOST_UNWRITTEN => match request {
                    Some(request) => self.accept(request)?,
                    None => return Ok(()),
                },
                ready = self.stream.ready(interest) => {
                    let ready = ready?;
                    // What QEMU said before it went is read before the failed write is noticed.
                    if ready.is_readable() || ready.is_read_closed() {
                        self.read()?;
                    }
                    if ready.is_writable() || ready.is_write_closed() {
                        self.write()?;
                    }
                }
            }
        }
    }

    fn accept(&mut self, request: Request) -> Result<(), CloseReason> {
        let Request { id, line, descriptors, answer } = request;
        if answer.is_closed() {
            return Ok(());
        }
        if self.waiting.len() >= self.limits.most_waiting {
            let _ = answer.send(Outcome::Busy);
            return Ok(());
        }
        self.waiting.insert(id, answer);
        self.unwritten.push_back(Unwritten { line, written: 0, descriptors });
        match self.write() {
            // The end of the stream is found by reading, after everything that still stands in it.
            Err(CloseReason::Socket { kind: io::ErrorKind::BrokenPipe, .. }) => self.drain(),
            outcome => outcome,
        }
    }

    fn write(&mut self) -> Result<(), CloseReason> {
        while let Some(next) = self.unwritten.front_mut() {
            let rest = &next.line[next.written..];
            let sent = if next.descriptors.is_empty() {
                self.stream.try_write(rest)
            } else {
                let raw: Vec<_> = next.descriptors.iter().map(AsRawFd::as_raw_fd).collect();
                self.stream.send_with_fd(rest, &raw)
            };
            match sent {
                Ok(count) => {
                    if count > 0 {
                        next.descriptors.clear();
                    }
                    next.written += count;
                    if next.written == next.line.len() {
                        self.unwritten.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.unwritten = VecDeque::new();
        Ok(())
    }

    /// Reads one chunk: a peer that never stops sending must not keep this task from its other work.
    fn read(&mut self) -> Result<(), CloseReason> {
        let mut chunk = [0; CHUNK];
        match self.stream.try_read(&mut chunk) {
            Ok(0) => Err(CloseReason::EndOfStream),
            Ok(count) => self.digest(&chunk[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(CloseReason::EndOfStream),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads to the end of a stream whose other side is closed.
    fn drain(&mut self) -> Result<(), CloseReason> {
        let mut chunk = [0; CHUNK];
        loop {
            match self.stream.try_read(&mut chunk) {
                Ok(0) | Err(_) => return Err(CloseReason::EndOfStream),
                Ok(count) => self.digest(&chunk[..count])?,
            }
        }
    }

    fn digest(&mut self, chunk: &[u8]) -> Result<(), CloseReason> {
        let mut framer = std::mem::replace(&mut self.framer, Framer::new(0));
        let outcome = framer.feed(chunk, |line| self.line(line));
        self.framer = framer;
        outcome
    }

    fn line(&mut self, line: &[u8]) -> Result<(), CloseReason> {
        let message = parse_line(line)?;
        if let Some(greeted) = self.greeting.take() {
            let Message::Greeting(greeting) = message else { return Err(CloseReason::BeforeGreeting) };
            let _ = greeted.send(greeting);
            return Ok(());
        }
        match message {
            Message::Greeting(_) => Err(CloseReason::GreetingRepeated),
            Message::Event(event) => {
                self.gate.pass(Instant::now())?;
                self.events.push(event, line.len());
                Ok(())
            }
            Message::Answer { id, value } => {
                self.settle(id.ok_or(CloseReason::AnswerWithoutId)?, Outcome::Answer(value))
            }
            Message::Refused { id: Some(id), refusal } => self.settle(id, Outcome::Refused(refusal)),
            Message::Refused { id: None, refusal } => Err(CloseReason::Unreadable(refusal)),
        }
    }

    fn settle(&mut self, id: u64, outcome: Outcome) -> Result<(), CloseReason> {
        let answer = self.waiting.remove(&id).ok_or(CloseReason::UnknownId { id })?;
        if answer.send(outcome).is_err() {
            tracing::debug!(id, "the answer to QMP command {id} came too late");
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The runtime may drop the task before it ends by itself.
        self.ending.set(CloseReason::Released);
        self.events.arrived.notify_one();
    }
}

/// Counts events, so that a QEMU that does nothing but send them does not keep a core busy.
struct Gate {
    limit: u32,
    since: Instant,
    count: u32,
}

impl Gate {
    fn pass(&mut self, now: Instant) -> Result<(), CloseReason> {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.count) = (now, 0);
        }
        self.count += 1;
        if self.count > self.limit { Err(CloseReason::Flood { limit: self.limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_counts_per_second() {
        let start = Instant::now();
        let mut gate = Gate { limit: 3, since: start, count: 0 };
        for second in 0..5 {
            let now = start + Duration::from_secs(second);
            for _ in 0..3 {
                assert_eq!(gate.pass(now), Ok(()));
            }
        }
        assert_eq!(gate.pass(start + Duration::from_millis(4900)), Err(CloseReason::Flood { limit: 3 }));
    }
}
