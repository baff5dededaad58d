//! What sessions cost. A worker may hold one with each of 500 BMCs, all day.

mod support;

use anyhow::{Context, Result, ensure};
use cake_bmc::Transport;
use cake_bmc::lan::{Hub, Login, Pace};
use cake_bmc::rmcp::Secret;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;
use support::bmc::{PASSWORD, USER, echo};
use support::server::serve;

const SESSIONS: usize = 500;
/// Bytes for all of them, what the BMC of this test needs included.
const BUDGET: usize = 16 << 20;

fn resident() -> Result<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = pages.split(' ').nth(1).context("the second field")?.parse()?;
    Ok(pages * 4096)
}

#[tokio::test]
async fn five_hundred_sessions_fit() -> Result<()> {
    let peer = serve(Ipv4Addr::LOCALHOST.into()).await?;
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let hub = Hub::new(vec![socket()?, socket()?])?;
    let login = || Login::new(USER.as_bytes(), Secret::new(PASSWORD.as_bytes())?, None).context("a login").ok();
    let pace = Pace { total: Duration::from_secs(60), ..Pace::default() };
    let session = || async {
        let session = hub.session(peer, login().context("a login")?, pace)?;
        ensure!(session.send(&echo(b"x")).await?.data == b"x");
        Ok(session)
    };
    // What the first one needs is the process's.
    let _first = session().await?;
    let before = resident()?;
    let mut all = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        all.push(session().await?);
    }
    let more = resident()?.saturating_sub(before);
    println!("{} bytes for each of {SESSIONS} sessions", more / SESSIONS);
    ensure!(more <= BUDGET, "{more} bytes for {SESSIONS} sessions");
    Ok(())
}
