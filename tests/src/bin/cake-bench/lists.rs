//! A thousand VMs: what the list costs, how fresh it is, what the daemons weigh and how soon they answer.

use crate::canned::Canned;
use anyhow::{Context, Result, ensure};
use cake_client::{Client, VmAction};
use cake_tests::table::{Goal, Samples, Table};
use cake_tests::{Instance, Raw, Resident, pvh};
use http::Method;
use std::time::{Duration, Instant};
use uuid::Uuid;

const ALL: usize = 1000;
const RUNNING: usize = 50;
const MIB: f64 = 1024.0 * 1024.0;

/// A daemon gives back what only its last work needed half a minute after it.
const REST: Duration = Duration::from_secs(35);

/// What both daemons weigh when nobody has asked anything for a while, and what they weighed before that, at work.
async fn weigh(table: &mut Table, instance: &Instance, what: String, most: f64) -> Result<()> {
    let both = || anyhow::Ok([instance.caked().resident()?, instance.node().resident()?]);
    let mib = |pages: Resident| pages.all as f64 / MIB;
    let at_work: f64 = both()?.into_iter().map(mib).sum();
    tokio::time::sleep(REST).await;
    let [caked, node] = both()?;
    let own = Samples::new("MiB", [mib(caked) + mib(node)]);
    let note = format!(
        "at rest; caked {:.1}, of which not from files {:.1}, cake-node {:.1}, {:.1}; a moment after work {at_work:.1}",
        mib(caked),
        caked.anonymous as f64 / MIB,
        mib(node),
        node.anonymous as f64 / MIB
    );
    table.row(what, own, None, Goal::Most(most), note);
    Ok(())
}

/// Right after set-up, before anything was asked of it.
pub async fn idle_memory(table: &mut Table, instance: &Instance) -> Result<()> {
    weigh(table, instance, "resident memory, idle".into(), 16.0).await
}

/// The VMs that the rest is measured with.
pub struct House {
    bearer: String,
    running: Vec<String>,
}

pub async fn thousand(instance: &Instance, client: &Client) -> Result<House> {
    let token = client.create_token(&format!("lists {}", Uuid::new_v4().simple())).await?;
    let bearer = format!("Bearer {}", token.token.clone().context("a token")?);
    let mut tasks = Vec::with_capacity(ALL);
    for at in 0..ALL {
        tasks.push(client.create_vm(&pvh(&format!("vm-{at:04}"), false)).await?);
    }
    // The node works on them in order: when the last is done, so are the others, and asking costs little.
    let mut running = Vec::new();
    for (at, task) in tasks.into_iter().enumerate() {
        let id = task.subject.id.to_string();
        instance.done(client, task).await?;
        if at < RUNNING {
            instance.done(client, client.act(&id, VmAction::Start).await?).await?;
            running.push(id);
        }
    }
    Ok(House { bearer, running })
}

struct Reader {
    raw: Raw,
    bearer: String,
}

impl Reader {
    async fn get(&mut self, path: &str) -> Result<bytes::Bytes> {
        let reply = self.raw.send(Method::GET, path, &[("authorization", &self.bearer)], Vec::new()).await?;
        ensure!(reply.status == 200, "{reply:?}");
        Ok(reply.body)
    }

    async fn time(&mut self, path: &str) -> Result<Duration> {
        let begun = Instant::now();
        self.get(path).await?;
        Ok(begun.elapsed())
    }
}

pub async fn measure(
    table: &mut Table,
    instance: &Instance,
    client: &Client,
    house: &House,
    rounds: usize,
) -> Result<()> {
    weigh(table, instance, format!("resident memory, {ALL} VMs, {RUNNING} running"), 24.0).await?;
    whole_list(table, instance, house, rounds).await?;
    freshness(table, instance, client, house, rounds).await?;
    many_requests(table, instance, house, rounds).await
}

async fn whole_list(table: &mut Table, instance: &Instance, house: &House, rounds: usize) -> Result<()> {
    let path = format!("/v1/vms?limit={ALL}");
    let mut reader = Reader { raw: Raw::to(instance).await?, bearer: house.bearer.clone() };
    let body = reader.get(&path).await?;
    let canned = Canned::start(&body)?;
    let raw = Raw::connect(&canned.address, canned.certificate.as_bytes()).await?;
    let mut floor_reader = Reader { raw, bearer: house.bearer.clone() };
    let (mut own, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(7) * 5 {
        own.push(reader.time(&path).await?);
        floor.push(floor_reader.time(&path).await?);
    }
    let note = format!("{} KiB, {RUNNING} running", body.len() / 1024);
    let (own, floor) = (Samples::times(&own), Samples::times(&floor));
    table.row(format!("state and usage of {ALL} VMs"), own, Some(floor), Goal::TimesAndMost(3.0, 5.0), note);
    Ok(())
}

/// From a change to the first answer that has it.
async fn freshness(
    table: &mut Table,
    instance: &Instance,
    client: &Client,
    house: &House,
    rounds: usize,
) -> Result<()> {
    let path = format!("/v1/vms?limit={ALL}");
    let mut reader = Reader { raw: Raw::to(instance).await?, bearer: house.bearer.clone() };
    let (mut renamed, mut died) = (Vec::new(), Vec::new());
    for (round, id) in house.running.iter().take(rounds).enumerate() {
        let vm = client.vm(id).await?;
        let name = format!("\"fresh-{round:04}\"");
        client.rename_vm(&vm, name.trim_matches('"')).await?;
        let begun = Instant::now();
        let body = reader.get(&path).await?;
        ensure!(String::from_utf8_lossy(&body).contains(&name), "the next answer has the change");
        renamed.push(begun.elapsed());
        // What happens on the node, not through the API: its QEMU is gone.
        let process = instance.qemu(&vm)?;
        let pid = format!("\"pid\":{},", process.pid);
        let begun = Instant::now();
        process.kill();
        loop {
            let body = reader.get(&path).await?;
            if !String::from_utf8_lossy(&body).contains(&pid) {
                break;
            }
            ensure!(begun.elapsed() < Duration::from_secs(60), "the death of a QEMU is not seen");
        }
        died.push(begun.elapsed());
    }
    table.row("a rename is in the next answer", Samples::times(&renamed), None, Goal::Most(100.0), "");
    table.row("a killed QEMU is in an answer", Samples::times(&died), None, Goal::Most(100.0), "");
    Ok(())
}

async fn many_requests(table: &mut Table, instance: &Instance, house: &House, rounds: usize) -> Result<()> {
    let path = "/v1/vms?limit=100";
    let mut reader = Reader { raw: Raw::to(instance).await?, bearer: house.bearer.clone() };
    let canned = Canned::start(&reader.get(path).await?)?;
    let (mut own, mut floor) = (Vec::new(), Vec::new());
    let ca = std::fs::read(instance.ca())?;
    for _ in 0..rounds.max(7) {
        own.push(rate(instance.address(), &ca, &house.bearer, path).await?);
        floor.push(rate(&canned.address, canned.certificate.as_bytes(), &house.bearer, path).await?);
    }
    let (own, floor) = (Samples::new("/s", own), Samples::new("/s", floor));
    table.row("lists of 100 VMs, 8 kept connections", own, Some(floor), Goal::AtLeast(0.5), "");
    Ok(())
}

/// Requests per second over eight kept connections.
async fn rate(address: &str, authorities: &[u8], bearer: &str, path: &str) -> Result<f64> {
    const EACH: usize = 150;
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(Reader { raw: Raw::connect(address, authorities).await?, bearer: bearer.to_owned() });
    }
    let begun = Instant::now();
    let work = readers.into_iter().map(|mut reader| {
        let path = path.to_owned();
        tokio::spawn(async move {
            for _ in 0..EACH {
                reader.get(&path).await?;
            }
            anyhow::Ok(())
        })
    });
    for work in work.collect::<Vec<_>>() {
        work.await??;
    }
    Ok((8 * EACH) as f64 / begun.elapsed().as_secs_f64())
}

/// Both daemons from nothing to the first page, with the state of a thousand VMs.
pub async fn start_up(table: &mut Table, instance: &mut Instance, rounds: usize) -> Result<()> {
    let mut own = Vec::new();
    for _ in 0..rounds {
        instance.kill_caked();
        instance.kill_node();
        let begun = Instant::now();
        instance.start_node()?;
        instance.start_caked()?;
        let reply = Raw::to(instance).await?.send(Method::GET, "/login", &[], Vec::new()).await?;
        ensure!(reply.status == 200, "{reply:?}");
        own.push(begun.elapsed());
    }
    table.row(
        "both daemons started → the console answers",
        Samples::times(&own),
        None,
        Goal::Most(200.0),
        format!("state of {ALL} VMs; one after the other"),
    );
    weigh(table, instance, format!("resident memory, {ALL} VMs, restarted"), 24.0).await
}
