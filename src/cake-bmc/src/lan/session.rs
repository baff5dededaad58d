//! One BMC, as who asks it sees it.

use super::hub::{Port, Shared};
use super::machine::Machine;
use super::model::{Counters, Outcome, Output, Privilege, Ticket};
use crate::message::{Request, Response, Transport, TransportError};
use async_trait::async_trait;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// Payloads of serial over LAN that may wait to be read.
const SOL_WAITING: usize = 32;

type Answer = Result<Response, TransportError>;

/// A session with a BMC. It logs in when it is used, again when it was lost, and is closed when it is dropped.
///
/// A password that was refused once is never sent again: make another session for another password.
pub struct Session {
    port: Arc<Port>,
    link: Arc<Link>,
}

/// A machine, and who waits for it.
pub(super) struct Link {
    pub slot: u16,
    pub peer: SocketAddr,
    state: Mutex<State>,
}

struct State {
    machine: Machine,
    waiters: Vec<(Ticket, oneshot::Sender<Answer>)>,
    ends: Vec<oneshot::Sender<()>>,
    sol: Option<mpsc::Sender<(u32, Vec<u8>)>>,
}

impl Link {
    pub fn new(slot: u16, peer: SocketAddr, machine: Machine) -> Self {
        let state = State { machine, waiters: Vec::new(), ends: Vec::new(), sol: None };
        Self { slot, peer, state: Mutex::new(state) }
    }

    /// Lets the machine do something, sends what it makes, and tells who waits.
    pub fn act<T>(&self, shared: &Shared, action: impl FnOnce(&mut Machine, &mut Output) -> T) -> T {
        let mut output = Output::default();
        let mut state = self.state();
        let result = action(&mut state.machine, &mut output);
        for datagram in &output.datagrams {
            shared.send(datagram, self.peer);
        }
        for outcome in output.outcomes {
            state.tell(outcome);
        }
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whoever is gone in the meantime is not told.
    fn tell(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Response(ticket, answer) => {
                if let Some(index) = self.waiters.iter().position(|(waiting, _)| *waiting == ticket) {
                    let _ = self.waiters.swap_remove(index).1.send(answer);
                }
            }
            Outcome::Sol(sequence, payload) => {
                // Where there is no room the BMC sends it again, since nobody acknowledges it.
                if let Some(sol) = &self.sol {
                    let _ = sol.try_send((sequence, payload));
                }
            }
            Outcome::Ended => {
                self.sol = None;
                for end in self.ends.drain(..) {
                    let _ = end.send(());
                }
            }
        }
    }
}

impl Session {
    pub(super) fn new(port: Arc<Port>, link: Arc<Link>) -> Self {
        Self { port, link }
    }

    /// The highest privilege that the BMC gave this user.
    pub fn privilege(&self) -> Privilege {
        self.link.state().machine.privilege()
    }

    pub fn counters(&self) -> Counters {
        self.link.state().machine.counters
    }

    /// Ends the session, so that the BMC need not wait for its time-out. Used again, it logs in again.
    pub async fn close(&self) {
        let (end, mut ended) = oneshot::channel();
        self.link.state().ends.push(end);
        self.act(|machine, output| machine.close(Instant::now(), output));
        self.drive(&mut ended).await;
    }

    /// Payloads of serial over LAN from now on; the one who listened before hears no more.
    pub(super) fn listen(&self) -> mpsc::Receiver<(u32, Vec<u8>)> {
        let (sender, receiver) = mpsc::channel(SOL_WAITING);
        self.link.state().sol = Some(sender);
        receiver
    }

    /// Without a session nothing is sent: whoever listens is told that it ended.
    pub(super) fn send_sol(&self, payload: &[u8]) {
        self.act(|machine, output| machine.send_sol(payload, output));
    }

    fn act<T>(&self, action: impl FnOnce(&mut Machine, &mut Output) -> T) -> T {
        self.link.act(&self.port.shared, action)
    }

    /// Waits for an answer, and sees to what is due meanwhile. `None`: it can't come any more.
    async fn drive<T>(&self, answer: &mut oneshot::Receiver<T>) -> Option<T> {
        loop {
            let deadline = self.link.state().machine.deadline();
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                answer = &mut *answer => return answer.ok(),
                () = due => self.act(|machine, output| machine.tick(Instant::now(), output)),
            }
        }
    }
}

#[async_trait]
impl Transport for Session {
    async fn send(&self, request: &Request) -> Answer {
        let (waiter, mut answer) = oneshot::channel();
        let ticket = {
            let mut output = Output::default();
            let mut state = self.link.state();
            let ticket = state.machine.send(request, Instant::now(), &mut output);
            state.waiters.push((ticket, waiter));
            output.datagrams.iter().for_each(|datagram| self.port.shared.send(datagram, self.link.peer));
            output.outcomes.into_iter().for_each(|outcome| state.tell(outcome));
            ticket
        };
        let _cancel = Cancel { link: &self.link, ticket };
        self.drive(&mut answer).await.unwrap_or(Err(TransportError::Silent))
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

/// Forgets a request whose future was dropped.
struct Cancel<'a> {
    link: &'a Link,
    ticket: Ticket,
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        let mut state = self.link.state();
        state.machine.cancel(self.ticket);
        state.waiters.retain(|(ticket, _)| *ticket != self.ticket);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.act(|machine, output| machine.close(Instant::now(), output));
        self.port.shared.remove(&self.link);
    }
}
