//! What connections cost. A node holds one per VM, all day.

use anyhow::{Context, Result, ensure};
use cake_qmp::{Events, Qmp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

const GREETING: &[u8] =
    br#"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "x"}, "capabilities": []}}
"#;
const CONNECTIONS: usize = 200;
/// Bytes per connection, the peer's socket in this process and what the allocator wastes included.
const BUDGET: usize = 12 * 1024;

async fn connected() -> Result<(Qmp, Events, UnixStream)> {
    let (ours, mut peer) = UnixStream::pair()?;
    let (connected, answered) = tokio::join!(Qmp::connect(ours), async {
        peer.write_all(GREETING).await?;
        peer.read_exact(&mut [0; 16]).await?;
        // A long answer first: what it needed must be given back.
        let long = format!(
            "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}, \"event\": \"LONG\", \"data\": \"{}\"}}\n",
            "x".repeat(60_000)
        );
        peer.write_all(long.as_bytes()).await?;
        peer.write_all(b"{\"return\": {}, \"id\": 0}\n").await
    });
    answered?;
    let (qmp, mut events) = connected?;
    events.next().await?;
    Ok((qmp, events, peer))
}

fn resident() -> Result<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = pages.split(' ').nth(1).context("the second field")?.parse()?;
    Ok(pages * 4096)
}

#[tokio::test]
async fn idle_connections_are_small() -> Result<()> {
    // What the first one needs is the process's, not the connection's.
    let _first = connected().await?;
    let before = resident()?;
    let mut all = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        all.push(connected().await?);
    }
    let each = resident()?.saturating_sub(before) / CONNECTIONS;
    println!("{each} bytes for each of {CONNECTIONS} connections");
    ensure!(each <= BUDGET, "{each} bytes for each connection");
    Ok(())
}
