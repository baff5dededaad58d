//! Group commit: one thread owns the writing connection of a file; all requests that wait are done in one
//! transaction, so that one fsync serves them all.
//!
//! ```text
//!  submit ──► queue ──► BEGIN · apply · apply · apply · seal · COMMIT (one fsync) ──► answers
//!                              │ the database fails
//!                              └─► ROLLBACK, then each request alone, so that one cannot spoil the others
//! ```
//!
//! A request that is *refused* must not have written anything when it says so: conditions come before writes.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The most requests in one transaction, and in the queue.
const MAX_GROUP: usize = 256;
/// How long a request without urgency may wait for company.
pub(crate) const LAZY_WAIT: Duration = Duration::from_millis(200);

/// How a request ended short of success.
pub(crate) enum Halt<E> {
    /// Its condition does not hold; nothing was written.
    Refused(E),
    /// The database failed; the transaction may be half done.
    Failed(rusqlite::Error),
}

impl<E> From<rusqlite::Error> for Halt<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

/// What a file does with its requests.
pub(crate) trait Engine: Send + 'static {
    type Request: Send + 'static;
    type Answer: Send + 'static;
    type Error: Send + 'static;

    /// Does one request inside the open transaction.
    fn apply(&mut self, conn: &Connection, request: &Self::Request) -> Result<Self::Answer, Halt<Self::Error>>;
    /// Writes what is written once per transaction.
    fn seal(&mut self, conn: &Connection) -> rusqlite::Result<()>;
    /// The transaction is durable.
    fn committed(&mut self);
    /// The transaction never was: forget what `apply` remembered.
    fn undone(&mut self);
    /// Our word for a failure of the database.
    fn failure(&self, error: rusqlite::Error) -> Self::Error;
    /// Somebody who did not wait for the answer lost a request.
    fn lost(&mut self, error: &Self::Error);
}

type Reply<E> = oneshot::Sender<Result<<E as Engine>::Answer, <E as Engine>::Error>>;

struct Job<E: Engine> {
    request: E::Request,
    /// `None`: nobody waits, and it may be committed later.
    reply: Option<Reply<E>>,
    _place: OwnedSemaphorePermit,
}

/// The handle of the thread.
pub(crate) struct Group<E: Engine> {
    queue: Mutex<Option<Sender<Job<E>>>>,
    places: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
    ended: tokio::sync::watch::Receiver<bool>,
}

/// The thread is gone.
#[derive(Debug)]
pub(crate) struct Gone;

impl<E: Engine> Group<E> {
    /// Starts the thread. `guard` is dropped when the connection is closed.
    pub(crate) fn start(name: &str, conn: Connection, engine: E, guard: impl Send + 'static) -> std::io::Result<Self> {
        let (queue, jobs) = channel();
        let (ending, ended) = tokio::sync::watch::channel(false);
        let thread = std::thread::Builder::new().name(name.into()).stack_size(512 * 1024).spawn(move || {
            run(&conn, engine, &jobs);
            close(conn);
            drop(guard);
            ending.send_replace(true);
        })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            places: Arc::new(Semaphore::new(MAX_GROUP)),
            thread: Mutex::new(Some(thread)),
            ended,
        })
    }

    /// Does `request` and waits until it is durable.
    pub(crate) async fn submit(&self, request: E::Request) -> Result<Result<E::Answer, E::Error>, Gone> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(request, Some(reply)).await?;
        answer.await.map_err(|_| Gone)
    }

    /// Hands `request` over; it is durable within [`LAZY_WAIT`] and a commit.
    pub(crate) async fn submit_lazy(&self, request: E::Request) -> Result<(), Gone> {
        self.enqueue(request, None).await
    }

    async fn enqueue(&self, request: E::Request, reply: Option<Reply<E>>) -> Result<(), Gone> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Gone)?;
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(Gone)?;
        queue.send(Job { request, reply, _place: place }).map_err(|_| Gone)
    }

    /// Lets the thread finish what is queued and end.
    pub(crate) async fn close(&self) {
        self.stop();
        let mut ended = self.ended.clone();
        // An error means that the thread panicked; it has ended all the same.
        let _ = ended.wait_for(|done| *done).await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("a database thread panicked");
        }
    }

    fn stop(&self) {
        self.places.close();
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl<E: Engine> Drop for Group<E> {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run<E: Engine>(conn: &Connection, mut engine: E, jobs: &Receiver<Job<E>>) {
    let mut group = Vec::new();
    while collect(jobs, &mut group) {
        commit_group(conn, &mut engine, &mut group);
        group.clear();
    }
}

/// Waits for work and takes everything that is there; `false` when nothing will come any more.
fn collect<E: Engine>(jobs: &Receiver<Job<E>>, group: &mut Vec<Job<E>>) -> bool {
    match jobs.recv() {
        Ok(job) => group.push(job),
        Err(_) => return false,
    }
    let latest = Instant::now() + LAZY_WAIT;
    while group.len() < MAX_GROUP {
        match jobs.try_recv() {
            Ok(job) => group.push(job),
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                // Lazy requests wait for company; an urgent one ends the waiting.
                if group.iter().any(|job| job.reply.is_some()) {
                    break;
                }
                match jobs.recv_timeout(latest.saturating_duration_since(Instant::now())) {
                    Ok(job) => group.push(job),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
        }
    }
    true
}

fn commit_group<E: Engine>(conn: &Connection, engine: &mut E, group: &mut Vec<Job<E>>) {
    match attempt(conn, engine, group) {
        Ok(answers) => answer(engine, group.drain(..), answers),
        Err(error) if group.len() == 1 => {
            let error = engine.failure(error);
            answer(engine, group.drain(..), vec![Err(error)]);
        }
        Err(error) => {
            tracing::warn!(%error, requests = group.len(), "a group of writes failed; trying each alone");
            for job in std::mem::take(group) {
                commit_group(conn, engine, &mut vec![job]);
            }
        }
    }
}

type Answers<E> = Vec<Result<<E as Engine>::Answer, <E as Engine>::Error>>;

fn attempt<E: Engine>(conn: &Connection, engine: &mut E, group: &[Job<E>]) -> rusqlite::Result<Answers<E>> {
    let done = transaction(conn, engine, group);
    if done.is_err() {
        engine.undone();
        // SQLite may have rolled back by itself already (disk full, I/O error).
        if !conn.is_autocommit()
            && let Err(error) = conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "rolling back failed");
        }
    } else {
        engine.committed();
    }
    done
}

fn transaction<E: Engine>(conn: &Connection, engine: &mut E, group: &[Job<E>]) -> rusqlite::Result<Answers<E>> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut answers = Vec::with_capacity(group.len());
    for job in group {
        answers.push(match engine.apply(conn, &job.request) {
            Ok(answer) => Ok(answer),
            Err(Halt::Refused(error)) => Err(error),
            Err(Halt::Failed(error)) => return Err(error),
        });
    }
    engine.seal(conn)?;
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(answers)
}

fn answer<E: Engine>(engine: &mut E, jobs: impl Iterator<Item = Job<E>>, answers: Answers<E>) {
    for (job, answer) in jobs.zip(answers) {
        match (job.reply, answer) {
            // The one who asked may have gone away; the write stands.
            (Some(reply), answer) => drop(reply.send(answer)),
            (None, Ok(_)) => {}
            (None, Err(error)) => engine.lost(&error),
        }
    }
}

/// A clean end leaves one file without a log beside it. A failure costs nothing: the log is read at the next start.
fn close(conn: Connection) {
    conn.flush_prepared_statement_cache();
    if let Err((_, error)) = conn.close() {
        tracing::warn!(%error, "closing a database failed");
    }
}
