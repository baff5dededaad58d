//! The floor: a session whose requests are sealed before the clock starts, and whose answers nobody looks into.

use anyhow::{Context, Result, ensure};
use cake_bmc::Request;
use cake_bmc::lan::{Login, Machine, Outcome, Output, Pace};
use cake_bmc::message::net_fn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

pub struct Replay {
    socket: UdpSocket,
    machine: Machine,
    packets: Vec<Vec<u8>>,
}

impl Replay {
    pub async fn log_in(peer: SocketAddr, login: fn() -> Result<Login>) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(peer).await?;
        let machine = open(&socket, login()?).await.with_context(|| format!("log in to {peer}"))?;
        Ok(Self { socket, machine, packets: Vec::new() })
    }

    pub fn seal(&mut self, requests: &[Request]) -> Result<()> {
        for request in requests {
            let mut output = Output::default();
            let ticket = self.machine.send(request, Instant::now(), &mut output);
            // Nobody waits for its answer, so that the next can be sealed.
            self.machine.cancel(ticket);
            ensure!(output.datagrams.len() == 1, "{} datagrams", output.datagrams.len());
            self.packets.append(&mut output.datagrams);
        }
        Ok(())
    }

    pub async fn send(&mut self) -> Result<()> {
        let mut buffer = [0; 1024];
        for packet in &self.packets {
            self.socket.send(packet).await?;
            timeout(PATIENCE, self.socket.recv(&mut buffer)).await.context("no answer")??;
        }
        Ok(())
    }

    pub async fn log_out(mut self) -> Result<()> {
        let mut output = Output::default();
        self.machine.close(Instant::now(), &mut output);
        for datagram in output.datagrams {
            self.socket.send(&datagram).await?;
        }
        Ok(())
    }
}

/// A session that is open, and has asked once.
async fn open(socket: &UdpSocket, login: Login) -> Result<Machine> {
    let mut machine = Machine::new(login, Pace::default(), 1, rand::random());
    let mut output = Output::default();
    // Get Device ID.
    machine.send(&Request::new(net_fn::APP, 0x01, []), Instant::now(), &mut output);
    let mut buffer = [0; 1024];
    loop {
        for datagram in output.datagrams.drain(..) {
            socket.send(&datagram).await?;
        }
        if let Some(Outcome::Response(_, answer)) = output.outcomes.pop() {
            answer?;
            return Ok(machine);
        }
        let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.context("no answer")??;
        machine.receive(&buffer[..length], Instant::now(), &mut output);
    }
}
