//! Starting and stopping a guest that prints one line and rests.

use crate::floor::ByHand;
use anyhow::{Context, Result, ensure};
use cake_client::{Client, Watch};
use cake_tests::table::{Goal, Samples, Table};
use cake_tests::{Instance, Raw, Terminal};
use http::Method;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A kept connection, a watch, and one VM that is off.
struct Seat {
    raw: Raw,
    watch: Watch,
    bearer: String,
    id: String,
}

impl Seat {
    async fn take(instance: &Instance, client: &Client) -> Result<Self> {
        let vm = instance.pvh(client, "bench", false).await?;
        let token = client.create_token(&format!("bench {}", Uuid::new_v4().simple())).await?;
        Ok(Self {
            raw: Raw::to(instance).await?,
            watch: client.watch(None).await?,
            bearer: format!("Bearer {}", token.token.clone().context("a token")?),
            id: vm.id.to_string(),
        })
    }

    /// From the call to the moment in which the API says so.
    async fn until(&mut self, verb: &str, state: &str) -> Result<(Instant, Duration)> {
        let key = Uuid::new_v4().to_string();
        let headers = [("authorization", self.bearer.as_str()), ("idempotency-key", key.as_str())];
        let path = format!("/v1/vms/{}/{verb}", self.id);
        let begun = Instant::now();
        let reply = self.raw.send(Method::POST, &path, &headers, Vec::new()).await?;
        ensure!(reply.status == 202, "{reply:?}");
        loop {
            let message = self.watch.next().await?.context("the watch ended")?;
            if message.event != "vm" || !message.data.contains(&self.id) {
                continue;
            }
            let vm: cake_client::wire::Vm = serde_json::from_str(&message.data)?;
            if vm.state == state {
                return Ok((begun, begun.elapsed()));
            }
        }
    }
}

pub async fn measure(table: &mut Table, instance: &Instance, client: &Client, rounds: usize) -> Result<()> {
    let mut seat = Seat::take(instance, client).await?;
    // Once for nothing: what is read from the disk the first time, and the plan for the floor.
    seat.until("start", "running").await?;
    let plan = instance.state().join("node/vms").join(&seat.id).join("plan.json");
    let by_hand = ByHand::new(&instance.state().join("bin/cake-node"), &plan)?;
    seat.until("stop", "stopped").await?;
    by_hand.start()?.stop()?;
    let (mut own, mut floor) = (Figures::default(), Figures::default());
    for round in 0..rounds {
        // In turns, and each first every other time.
        if round % 2 == 0 {
            own.add(cake(&mut seat, client).await?);
            floor.add(hand(&by_hand)?);
        } else {
            floor.add(hand(&by_hand)?);
            own.add(cake(&mut seat, client).await?);
        }
    }
    seat.until("start", "running").await?;
    let commands = client.vm(&seat.id).await?.start_commands;
    seat.until("stop", "stopped").await?;
    table.row("call → running (detached)", own.running(), Some(floor.running()), Goal::Times(1.10), "");
    let commands = Samples::new("", commands.map(f64::from));
    table.row("QMP commands of one start", commands, None, Goal::Most(12.0), "");
    table.row(
        "call → the guest's first line",
        own.line(),
        Some(floor.line()),
        Goal::Times(1.10),
        "cake's side reads it as a person does: after \"running\" a ticket, a TLS connection and a WebSocket are made first",
    );
    table.row("force stop → gone", own.stop(), Some(floor.stop()), Goal::Times(1.5), "");
    table.note("call → running (systemd): only where systemd is process 1; goal ≤ 1.25 ×");
    let vm = client.vm(&seat.id).await?;
    instance.done(client, client.delete_vm(&vm).await?).await?;
    Ok(())
}

#[derive(Default)]
struct Figures(Vec<[Duration; 3]>);

impl Figures {
    fn add(&mut self, figures: [Duration; 3]) {
        self.0.push(figures);
    }

    fn column(&self, at: usize) -> Samples {
        let column: Vec<Duration> = self.0.iter().map(|row| row[at]).collect();
        Samples::times(&column)
    }

    fn running(&self) -> Samples {
        self.column(0)
    }

    fn line(&self) -> Samples {
        self.column(1)
    }

    fn stop(&self) -> Samples {
        self.column(2)
    }
}

async fn cake(seat: &mut Seat, client: &Client) -> Result<[Duration; 3]> {
    let (begun, running) = seat.until("start", "running").await?;
    let mut terminal = Terminal::open(client, &seat.id).await?;
    terminal.expect("\n").await?;
    let line = begun.elapsed();
    drop(terminal);
    let (_, stop) = seat.until("stop", "stopped").await?;
    Ok([running, line, stop])
}

fn hand(by_hand: &ByHand) -> Result<[Duration; 3]> {
    let running = by_hand.start()?;
    let (to_running, to_line) = (running.running, running.line);
    Ok([to_running, to_line, running.stop()?])
}
