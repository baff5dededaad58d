//! Screens: what caked adds between a guest's screen and a browser.
//!
//! ```text
//!   own     the model of a node ── descriptor ──► caked ── WebSocket over TLS ──► client
//!   floor   a thread ── TCP over loopback ──► client
//! ```
//!
//! The far end is a model of a node (the one of caked's own tests), because a real QEMU paints at most thirty times a second and
//! would be all that is measured. Everything else is the program itself, in a process of its own.

#[path = "../../../modelled.rs"]
mod modelled;

use anyhow::{Context, Result, ensure};
use cake_client::wire::NewVm;
use cake_client::{Client, Credential, Screen, ScreenMessage, Trust};
use cake_tests::table::{Goal, Samples, Table};
use cake_tests::{ADMIN, PASSWORD, answers};
use cake_types::ByteSize;
use modelled::Modelled;
use modelled::node::{IMAGE, SimNode};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of one round of throughput.
const FLOOD: u64 = 512 << 20;
/// Echoes of one round.
const ECHOES: usize = 2000;
/// Screens that are weighed: as many viewers as one VM lets in.
const OPEN: usize = 16;
/// RFB 3.8: version, no authentication, shared; the model says it all again.
const HELLO: &[u8] = b"RFB 003.008\n\x01\x01";
/// An update request, which anybody may send.
const UPDATE: &[u8] = &[3, 1, 0, 0, 0, 0, 0, 9, 0, 9];

/// caked with the model behind it, and one VM that runs.
struct House {
    client: Client,
    server: Modelled,
}

impl House {
    async fn build() -> Result<Self> {
        let server = Modelled::start("cake-screens-", SimNode::new(), |_, _| Ok(()))?;
        let anonymous = Client::new(&server.url, &Trust::file(&server.state.join("ca.pem"))?)?;
        anonymous.set_up(&server.token, &answers()).await?;
        let (session, _) = anonymous.log_in(ADMIN, PASSWORD).await?;
        let token = session.create_token("bench").await?.token.clone().context("a token")?;
        let house = Self { client: anonymous.with(Credential::Token(token)), server };
        house.a_vm_runs().await?;
        Ok(house)
    }

    async fn a_vm_runs(&self) -> Result<()> {
        while self.client.images().await?.items.is_empty() {
            self.client.watch(None).await?.next().await?;
        }
        let new = NewVm { name: "web".into(), image: IMAGE.into(), cpus: 1, ..NewVm::default() };
        let task = self.client.create_vm(&NewVm { memory: ByteSize::mib(128), ..new }).await?;
        let ended = self.client.wait_task(task.id, |_| {}).await?;
        ensure!(ended.succeeded(), "{}", ended.json);
        Ok(())
    }

    async fn screen(&self, flood: u64) -> Result<Screen> {
        self.server.node.with(|state| state.flood = flood);
        Ok(self.client.screen("web").await?)
    }
}

pub async fn measure(table: &mut Table, rounds: usize) -> Result<()> {
    let house = House::build().await?;
    throughput(table, &house, rounds).await?;
    echo(table, &house, rounds).await?;
    memory(table, &house).await
}

async fn throughput(table: &mut Table, house: &House, rounds: usize) -> Result<()> {
    let (mut own, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut screen = house.screen(FLOOD).await?;
        let begun = Instant::now();
        let mut left = FLOOD;
        while left > 0 {
            if let ScreenMessage::Rfb(bytes) = screen.next().await?.context("the screen ended")? {
                left -= bytes.len() as u64;
            }
        }
        own.push(rate(begun.elapsed()));
        floor.push(rate(flood_over_tcp().await?));
    }
    let (own, floor) = (Samples::new("MB/s", own), Samples::new("MB/s", floor));
    let note = format!("{} MiB; with TLS, floor direct TCP without", FLOOD >> 20);
    table.row("graphical console, server → browser", own, Some(floor), Goal::AtLeast(0.7), note);
    Ok(())
}

fn rate(took: Duration) -> f64 {
    FLOOD as f64 / 1e6 / took.as_secs_f64()
}

async fn flood_over_tcp() -> Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let source = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        tokio::io::copy(&mut tokio::io::repeat(0x5a).take(FLOOD), &mut stream).await
    });
    let mut stream = TcpStream::connect(address).await?;
    let begun = Instant::now();
    let (mut buffer, mut left) = (vec![0; 16 * 1024], FLOOD);
    while left > 0 {
        left -= stream.read(&mut buffer).await? as u64;
    }
    let took = begun.elapsed();
    source.await??;
    Ok(took)
}

async fn echo(table: &mut Table, house: &House, rounds: usize) -> Result<()> {
    let mut screen = house.screen(0).await?;
    answered(&mut screen, HELLO).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut near = TcpStream::connect(listener.local_addr()?).await?;
    let (mut far, _) = listener.accept().await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let echoes = tokio::spawn(async move {
        let mut buffer = [0; 64];
        while let Ok(read @ 1..) = far.read(&mut buffer).await {
            if far.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    });
    let (mut own, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let begun = Instant::now();
        for _ in 0..ECHOES {
            answered(&mut screen, UPDATE).await?;
        }
        own.push(begun.elapsed().as_secs_f64() * 1e6 / ECHOES as f64);
        let begun = Instant::now();
        let mut buffer = [0; UPDATE.len()];
        for _ in 0..ECHOES {
            near.write_all(UPDATE).await?;
            near.read_exact(&mut buffer).await?;
        }
        floor.push(begun.elapsed().as_secs_f64() * 1e6 / ECHOES as f64);
    }
    drop(near);
    echoes.await?;
    let (own, floor) = (Samples::new("µs", own), Samples::new("µs", floor));
    table.row("graphical console, echo", own, Some(floor), Goal::Most(45.0), "there and back; floor direct TCP");
    Ok(())
}

/// Says it, and waits until the far end has said it again.
async fn answered(screen: &mut Screen, bytes: &[u8]) -> Result<()> {
    screen.send(bytes).await?;
    let mut left = bytes.len();
    while left > 0 {
        if let ScreenMessage::Rfb(bytes) = screen.next().await?.context("the screen ended")? {
            left = left.checked_sub(bytes.len()).context("more than was said")?;
        }
    }
    Ok(())
}

async fn memory(table: &mut Table, house: &House) -> Result<()> {
    // A first one, for what is made once.
    drop(house.screen(1 << 20).await?);
    let before = house.server.caked.resident()?.all;
    let mut open = Vec::new();
    for _ in 0..OPEN {
        // With bytes on their way that nobody reads: its buffers are full.
        open.push(house.screen(64 << 20).await?);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let each = (house.server.caked.resident()?.all.saturating_sub(before)) as f64 / 1024.0 / open.len() as f64;
    let note = format!("{} open, their buffers full; TLS and HTTP included", open.len());
    table.row("graphical console, memory of caked each", Samples::new("KiB", [each]), None, Goal::Most(64.0), note);
    Ok(())
}
