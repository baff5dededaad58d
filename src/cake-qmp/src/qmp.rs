//! The handle that callers hold.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tokio::{
    net::UnixStream,
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    command::{Command, encode},
    commands::QmpCapabilities,
    connection::{Connection, Ending, Outcome, Request},
    error::{CloseReason, QmpError},
    event::{EventQueue, Events},
    message::Greeting,
};

/// What a connection allows its peer and itself.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest line that is read, in bytes.
    pub longest_line: usize,
    /// How long the greeting may take. QEMU greets only once it runs, so this spans its start.
    pub greeting: Duration,
    /// How long a command may take unless [`Qmp::run_within`] says otherwise.
    pub command: Duration,
    /// Commands that may wait for their answers at a time.
    pub most_waiting: usize,
    /// Events that may arrive in a second before the connection is closed as a flood.
    pub events_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            longest_line: 1 << 20,
            greeting: Duration::from_secs(30),
            command: Duration::from_secs(10),
            most_waiting: 64,
            events_per_second: 5_000,
        }
    }
}

/// A QMP connection in command mode. The connection closes when its last handle is dropped.
#[derive(Clone, Debug)]
pub struct Qmp {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    next_id: AtomicU64,
    greeting: Greeting,
    ending: Arc<Ending>,
    command_limit: Duration,
    most_waiting: usize,
}

impl Qmp {
    /// [`Qmp::connect_with`] the default limits.
    pub async fn connect(stream: UnixStream) -> Result<(Qmp, Events), QmpError> {
        Self::connect_with(stream, Limits::default()).await
    }

    /// Waits for the greeting and enters command mode (one command). Needs to be inside a tokio runtime.
    pub async fn connect_with(stream: UnixStream, limits: Limits) -> Result<(Qmp, Events), QmpError> {
        let queue = Arc::new(EventQueue::default());
        let ending = Arc::new(Ending::new());
        let (greeted, greeting) = oneshot::channel();
        let (requests, received) = mpsc::channel(8);
        let connection = Connection::new(stream, limits.clone(), greeted, queue.clone(), ending.clone());
        tokio::spawn(connection.serve(received));

        let greeting = match timeout(limits.greeting, greeting).await {
            Ok(Ok(greeting)) => greeting,
            Ok(Err(_)) => return Err(QmpError::Closed(ending.reason().unwrap_or(CloseReason::Released))),
            Err(_) => return Err(QmpError::Closed(CloseReason::GreetingTimedOut { after: limits.greeting })),
        };
        let shared = Shared {
            next_id: AtomicU64::new(0),
            greeting,
            ending: ending.clone(),
            command_limit: limits.command,
            most_waiting: limits.most_waiting,
        };
        let qmp = Qmp { requests, shared: Arc::new(shared) };
        qmp.run(&QmpCapabilities).await?;
        Ok((qmp, Events::new(queue, ending)))
    }

    /// Runs a command and waits for its answer, as long as [`Limits::command`] allows.
    pub async fn run<C: Command>(&self, command: &C) -> Result<C::Answer, QmpError> {
        self.run_within(command, self.shared.command_limit).await
    }

    /// Runs a command with a time limit of its own. A command that runs out of time fails alone; QEMU may still do it.
    pub async fn run_within<C: Command>(&self, command: &C, limit: Duration) -> Result<C::Answer, QmpError> {
        decode(C::NAME, &self.exchange(C::NAME, command, Vec::new(), limit).await?)
    }

    /// Runs a command that hands descriptors to QEMU (`getfd`, `add-fd`). They are closed on this side once sent.
    pub async fn run_with_descriptors<C: Command>(
        &self,
        command: &C,
        descriptors: Vec<OwnedFd>,
    ) -> Result<C::Answer, QmpError> {
        decode(C::NAME, &self.exchange(C::NAME, command, descriptors, self.shared.command_limit).await?)
    }

    /// Runs a command that has no type here.
    pub async fn execute(&self, name: &'static str, arguments: &Value) -> Result<Value, QmpError> {
        let answer = if arguments.is_null() {
            self.exchange(name, &(), Vec::new(), self.shared.command_limit).await?
        } else {
            self.exchange(name, arguments, Vec::new(), self.shared.command_limit).await?
        };
        decode(name, &answer)
    }

    /// What QEMU said of itself when the connection was made.
    pub fn greeting(&self) -> &Greeting {
        &self.shared.greeting
    }

    /// How many commands this connection has sent, the negotiation included.
    pub fn commands_sent(&self) -> u64 {
        self.shared.next_id.load(Ordering::Relaxed)
    }

    /// Why the connection is closed, if it is.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.shared.ending.reason()
    }

    /// Waits until the connection is closed.
    pub async fn closed(&self) -> CloseReason {
        self.shared.ending.wait().await
    }

    async fn exchange<A: Serialize>(
        &self,
        command: &'static str,
        arguments: &A,
        descriptors: Vec<OwnedFd>,
        limit: Duration,
    ) -> Result<Box<RawValue>, QmpError> {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let line = encode(command, arguments, id).map_err(|source| QmpError::Encode { command, source })?;
        let (answer, outcome) = oneshot::channel();
        let request = Request { id, line, descriptors, answer };
        let exchanged = timeout(limit, async {
            self.requests.send(request).await.ok()?;
            outcome.await.ok()
        });
        match exchanged.await {
            Err(_) => Err(QmpError::TimedOut { command, after: limit }),
            Ok(None) => Err(QmpError::Closed(self.close_reason().unwrap_or(CloseReason::Released))),
            Ok(Some(Outcome::Busy)) => Err(QmpError::Busy { limit: self.shared.most_waiting }),
            Ok(Some(Outcome::Refused(refusal))) => Err(QmpError::Refused { command, refusal }),
            Ok(Some(Outcome::Answer(value))) => Ok(value),
        }
    }
}

fn decode<A: DeserializeOwned>(command: &'static str, value: &RawValue) -> Result<A, QmpError> {
    serde_json::from_str(value.get()).map_err(|source| QmpError::Answer { command, source })
}
