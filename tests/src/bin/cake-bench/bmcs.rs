//! BMCs: what reading one, and fifty at once, costs beside a client that sends ready-made packets and decodes nothing.
//!
//! ```text
//!   own     Ipmi over sessions of RMCP+, on one thread, as in the worker ──► OpenIPMI's simulators
//!   floor   the same requests, sealed before the clock starts, one after the other on a plain socket ──► the same simulators
//!   peers   FreeIPMI and ipmitool with their caches, as whole programs
//! ```
//!
//! A relay that holds every answer back by ten milliseconds stands for real BMCs, which are slow.

#[allow(dead_code, reason = "the tests of cake-bmc use more of it")]
#[path = "../../../../src/cake-bmc/tests/support/ipmi_sim.rs"]
mod ipmi_sim;
pub mod memory;
#[allow(dead_code, reason = "the tests of cake-bmc use more of it")]
#[path = "../../../../src/cake-bmc/tests/oracle/rack.rs"]
mod rack;
mod replay;
mod slow;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use cake_bmc::lan::{Hub, Login, Pace, Session};
use cake_bmc::rmcp::Secret;
use cake_bmc::sdr::SdrCache;
use cake_bmc::{Bmc, Ipmi, Request, Response, Transport, TransportError};
use cake_tests::table::{Goal, Samples, Table};
use futures_util::future::try_join_all;
use ipmi_sim::{PASSWORD, Setup, Simulator, USER};
use replay::Replay;
use slow::Slow;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const MANY: usize = 50;
/// Every answer of a slow BMC comes so much later.
const LATE: Duration = Duration::from_millis(10);

/// Requests that a reading makes, noted on the way.
struct Noting {
    session: Session,
    requests: Mutex<Vec<Request>>,
}

#[async_trait]
impl Transport for Noting {
    async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        self.requests.lock().expect("not poisoned").push(request.clone());
        self.session.send(request).await
    }

    async fn close(&self) {
        self.session.close().await;
    }
}

fn hub() -> Result<Hub> {
    let socket = || UdpSocket::bind("127.0.0.1:0");
    Ok(Hub::new(vec![socket()?, socket()?])?)
}

fn login() -> Result<Login> {
    let password = Secret::new(PASSWORD.as_bytes()).context("a password")?;
    Login::new(USER.as_bytes(), password, None).context("a login")
}

fn session(hub: &Hub, address: SocketAddr) -> Result<Session> {
    Ok(hub.session(address, login()?, Pace::default())?)
}

/// What a reading asks, first and again.
struct Asked {
    cache: SdrCache,
    first: Vec<Request>,
    again: Vec<Request>,
}

async fn asked(address: SocketAddr) -> Result<Asked> {
    let hub = hub()?;
    let noting = Noting { session: session(&hub, address)?, requests: Mutex::default() };
    let mut bmc = Ipmi::new(noting, None);
    let read = async |bmc: &mut Ipmi<Noting>| {
        let sensors = bmc.read().await?.sensors.len();
        let requests = std::mem::take(&mut *bmc.transport().requests.lock().expect("not poisoned"));
        anyhow::Ok((sensors, requests))
    };
    let (sensors, first) = read(&mut bmc).await?;
    // Once more: what it can't do is asked once.
    read(&mut bmc).await?;
    let (_, again) = read(&mut bmc).await?;
    ensure!(sensors >= 60, "{sensors} sensors");
    let cache = bmc.kept().records.context("records")?.clone();
    bmc.close().await;
    Ok(Asked { cache, first, again })
}

/// One thread, as in the worker.
fn on_one_thread<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

pub fn measure(table: &mut Table, rounds: usize) -> Result<()> {
    let simulators = (0..MANY)
        .map(|_| Simulator::start_with(&Setup { commands: rack::commands() + &rack::plates(), ..Setup::default() }));
    let simulators: Vec<Simulator> = simulators.collect::<Result<_>>()?;
    let near: Vec<SocketAddr> = simulators.iter().map(Simulator::address).collect();
    let asked = on_one_thread(asked(near[0]))?;
    table.note(format!(
        "BMCs: {} requests for a reading, {} at first contact, of {} records (OpenIPMI's ipmi_sim)",
        asked.again.len(),
        asked.first.len(),
        asked.cache.records.len()
    ));
    known(table, &near[..1], &asked, rounds)?;
    known(table, &near, &asked, rounds)?;
    first_contact(table, &near, &asked, rounds)?;
    let relays: Vec<Slow> = near.iter().map(|address| Slow::start(*address, LATE)).collect::<Result<_>>()?;
    let far: Vec<SocketAddr> = relays.iter().map(Slow::address).collect();
    late(table, &far[..1], &asked, rounds)?;
    late(table, &far, &asked, rounds)?;
    weigh(table, &near)
}

/// Sessions that are open, with records that are known.
async fn open(hub: &Hub, peers: &[SocketAddr], cache: &SdrCache) -> Result<Vec<Ipmi<Session>>> {
    let mut all = Vec::new();
    for peer in peers {
        all.push(Ipmi::new(session(hub, *peer)?, Some(cache.clone())));
    }
    // Twice: what a BMC can't do is asked once.
    for _ in 0..2 {
        read(&mut all).await?;
    }
    Ok(all)
}

async fn read(bmcs: &mut [Ipmi<Session>]) -> Result<()> {
    let readings = try_join_all(bmcs.iter_mut().map(|bmc| bmc.read())).await?;
    ensure!(readings.iter().all(|reading| reading.sensors.len() >= 60));
    Ok(())
}

async fn close(bmcs: Vec<Ipmi<Session>>) {
    for mut bmc in bmcs {
        bmc.close().await;
    }
}

/// Processor time of this process so far.
fn processor() -> Result<Duration> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF)?;
    let of = |time: nix::sys::time::TimeVal| Duration::new(time.tv_sec().cast_unsigned(), time.tv_usec() as u32 * 1000);
    Ok(of(usage.user_time()) + of(usage.system_time()))
}

/// Readings of BMCs whose records are known.
fn known(table: &mut Table, peers: &[SocketAddr], asked: &Asked, rounds: usize) -> Result<()> {
    let (mut own, mut floor, mut free, mut tool, mut spent) = (vec![], vec![], vec![], vec![], vec![]);
    let caches = tempfile::tempdir()?;
    freeipmi(peers, caches.path())?;
    for _ in 0..rounds {
        own.push(on_one_thread(async {
            let hub = hub()?;
            let mut bmcs = open(&hub, peers, &asked.cache).await?;
            let (began, before) = (Instant::now(), processor()?);
            read(&mut bmcs).await?;
            let took = began.elapsed();
            spent.push((processor()? - before).as_secs_f64() * 1e6 / (asked.again.len() * peers.len()) as f64);
            close(bmcs).await;
            Ok(took)
        })?);
        floor.push(on_one_thread(replay(peers, &asked.again))?.1);
        free.push(freeipmi(peers, caches.path())?);
        if let [one] = peers {
            tool.push(ipmitool(*one, caches.path())?);
        }
    }
    let (own, free) = (Samples::times(&own), Samples::times(&free));
    let most = if peers.len() == 1 { 3.0 } else { 5.0 };
    let part = free.median() / own.median();
    let mut note = format!("FreeIPMI {:.1} ms, {part:.1} × as long (goal ≥ {most} ×)", free.median());
    if !tool.is_empty() {
        note += &format!("; ipmitool {:.1} ms", Samples::times(&tool).median());
    }
    let what = match peers.len() {
        1 => "one BMC, its sensors read".to_owned(),
        many => format!("{many} BMCs at once, their sensors read"),
    };
    table.row(what, own, Some(Samples::times(&floor)), Goal::Times(1.3), note);
    if peers.len() == 1 {
        let spent = Samples::new("µs", spent);
        table.row("processor time of one request", spent, None, Goal::Most(25.0), "both sides of our sockets");
    }
    Ok(())
}

/// BMCs that nobody has spoken to before: log-in, records, thresholds, readings.
fn first_contact(table: &mut Table, peers: &[SocketAddr], asked: &Asked, rounds: usize) -> Result<()> {
    let (mut own, mut floor, mut free) = (vec![], vec![], vec![]);
    for _ in 0..rounds {
        own.push(on_one_thread(async {
            let hub = hub()?;
            let began = Instant::now();
            let mut bmcs = Vec::new();
            for peer in peers {
                bmcs.push(Ipmi::new(session(&hub, *peer)?, None));
            }
            read(&mut bmcs).await?;
            let took = began.elapsed();
            close(bmcs).await;
            Ok(took)
        })?);
        let (login, requests) = on_one_thread(replay(peers, &asked.first))?;
        floor.push(login + requests);
        let caches = tempfile::tempdir()?;
        free.push(freeipmi(peers, caches.path())?);
    }
    let (own, free) = (Samples::times(&own), Samples::times(&free));
    let part = free.median() / own.median();
    let note =
        format!("FreeIPMI {:.0} ms, {part:.1} × as long (goal ≥ 5 ×); the floor's log-in is ours", free.median());
    let what = format!("{} BMCs at once, first contact", peers.len());
    table.row(what, own, Some(Samples::times(&floor)), Goal::Times(1.3), note);
    Ok(())
}

/// The same BMCs far away: the floor is what the distance alone costs.
fn late(table: &mut Table, peers: &[SocketAddr], asked: &Asked, rounds: usize) -> Result<()> {
    let mut own = Vec::new();
    for _ in 0..rounds {
        own.push(on_one_thread(async {
            let hub = hub()?;
            let mut bmcs = open(&hub, peers, &asked.cache).await?;
            let began = Instant::now();
            read(&mut bmcs).await?;
            let took = began.elapsed();
            close(bmcs).await;
            Ok(took)
        })?);
    }
    let least = LATE * asked.again.len() as u32;
    let goal = if peers.len() == 1 { 1.1 } else { 1.2 };
    let what = match peers.len() {
        1 => "one BMC, answers 10 ms later".to_owned(),
        many => format!("{many} BMCs, answers 10 ms later"),
    };
    let note = format!("the floor is {} round trips of 10 ms", asked.again.len());
    table.row(what, Samples::times(&own), Some(Samples::times(&[least])), Goal::Times(goal), note);
    Ok(())
}

fn weigh(table: &mut Table, peers: &[SocketAddr]) -> Result<()> {
    let own = Samples::new("MiB", [memory::measure(peers)? / f64::from(1 << 20)]);
    let note = format!(
        "resident, beyond the first; {} sessions with each of {} simulators",
        memory::ALL / peers.len(),
        peers.len()
    );
    table.row(format!("memory, {} BMCs", memory::ALL), own, None, Goal::Most(16.0), note);
    Ok(())
}

/// Logs in everywhere, seals everything, and sends it: how long the log-ins took, and the rest.
async fn replay(peers: &[SocketAddr], requests: &[Request]) -> Result<(Duration, Duration)> {
    let began = Instant::now();
    let mut sessions = try_join_all(peers.iter().map(|peer| Replay::log_in(*peer, login))).await?;
    let login = began.elapsed();
    for session in &mut sessions {
        session.seal(requests)?;
    }
    let began = Instant::now();
    try_join_all(sessions.iter_mut().map(Replay::send)).await?;
    let sent = began.elapsed();
    try_join_all(sessions.into_iter().map(Replay::log_out)).await?;
    Ok((login, sent))
}

fn timed(command: &mut Command) -> Result<Duration> {
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let took = began.elapsed();
    ensure!(status.success(), "{command:?}: {status}");
    Ok(took)
}

/// All at once, as it does by itself. Its cache of records is filled at its first call.
fn freeipmi(peers: &[SocketAddr], caches: &Path) -> Result<Duration> {
    let hosts: Vec<String> = peers.iter().map(ToString::to_string).collect();
    let mut command = Command::new("ipmi-sensors");
    command.args(["--driver-type=LAN_2_0", "--workaround-flags=opensesspriv", "--quiet-cache", "--fanout=50"]);
    command.args([format!("--username={USER}"), format!("--password={PASSWORD}")]);
    command.arg(format!("--sdr-cache-directory={}", caches.display()));
    timed(command.arg(format!("--hostname={}", hosts.join(","))))
}

fn ipmitool(peer: SocketAddr, caches: &Path) -> Result<Duration> {
    let (cache, port) = (caches.join("ipmitool.sdr"), peer.port().to_string());
    let host = peer.ip().to_string();
    let base = ["-I", "lanplus", "-H", &host, "-p", &port, "-U", USER, "-P", PASSWORD];
    if !cache.exists() {
        timed(Command::new("ipmitool").args(base).args(["sdr", "dump"]).arg(&cache))?;
    }
    timed(Command::new("ipmitool").args(base).arg("-S").arg(&cache).args(["sdr", "list", "all"]))
}
