use crate::error::SnmpError;
use crate::hub::Port;
use crate::machine::{Machine, Turn};
use crate::message::{Binding, Kind, Request, Response};
use crate::oid::Oid;
use crate::walk::Walk;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// An agent that can be asked, one question after the other.
pub struct Agent {
    port: Arc<Port>,
    peer: SocketAddr,
    inbox: mpsc::Receiver<Vec<u8>>,
    machine: Machine,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.inbox.close();
        self.port.shared.sweep(self.peer);
    }
}

impl Agent {
    pub(crate) fn new(port: Arc<Port>, peer: SocketAddr, inbox: mpsc::Receiver<Vec<u8>>, machine: Machine) -> Self {
        Self { port, peer, inbox, machine }
    }

    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// One question.
    pub async fn ask(&mut self, request: &Request) -> Result<Response, SnmpError> {
        // What came late answers nothing any more.
        while self.inbox.try_recv().is_ok() {}
        let datagram = self.machine.ask(request, Instant::now());
        self.port.shared.send(&datagram, self.peer);
        loop {
            let Some(due) = self.machine.due() else { return Err(SnmpError::Silent) };
            let turn = tokio::select! {
                datagram = self.inbox.recv() => match datagram {
                    Some(datagram) => self.machine.receive(&datagram),
                    None => return Err(SnmpError::Silent),
                },
                () = tokio::time::sleep_until(due.into()) => self.machine.tick(Instant::now()),
            };
            match turn {
                Turn::Send(datagram) => self.port.shared.send(&datagram, self.peer),
                Turn::Over(result) => return result,
                Turn::Wait => {}
            }
        }
    }

    /// What stands under these names. Those that the agent does not have are left out.
    pub async fn get(&mut self, names: Vec<Oid>) -> Result<Vec<Binding>, SnmpError> {
        let response = self.ask(&Request { kind: Kind::Get, names: names.clone() }).await?;
        if response.status != 0 {
            return Err(SnmpError::Refused(response.status));
        }
        let asked = |binding: &Binding| names.contains(&binding.name) && binding.value.is_there();
        Ok(response.bindings.into_iter().filter(asked).collect())
    }

    /// Everything below `root`.
    pub async fn walk(&mut self, root: Oid) -> Result<Vec<Binding>, SnmpError> {
        let mut walk = Walk::new(root);
        loop {
            let response = self.ask(&walk.request()).await?;
            if walk.take(response)? {
                return Ok(walk.found());
            }
        }
    }

    /// Everything below each of these, one after the other.
    pub async fn columns(
        &mut self,
        roots: impl IntoIterator<Item = &'static [u32]>,
    ) -> Result<Vec<Binding>, SnmpError> {
        let mut found = Vec::new();
        for root in roots {
            let root = Oid::new(root).ok_or(SnmpError::Garbled("a name of a table"))?;
            match self.walk(root).await {
                Ok(rows) => found.extend(rows),
                // One column that an agent can't give is no reason to know nothing of the others.
                Err(SnmpError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
