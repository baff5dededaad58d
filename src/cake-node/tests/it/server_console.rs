//! A server's serial console over a BMC that is not ours (OpenIPMI's simulator), by the confined worker of a real node.

use super::servers::ipmi_sim::{PASSWORD, Setup, Simulator};
use super::servers::{Watched, workers};
use crate::support::{Leader, NodeProcess};
use anyhow::{Result, bail, ensure};
use cake_node_api::line::{Piece, PieceReader};
use cake_node_api::{ClientError, NodeClient, NodeError};
use cake_types::{BmcAccess, BmcProblem, ConsoleEnd, ConsoleTrouble, ServerId};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, UnixStream};
use tokio::time::{Instant, timeout_at};

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

struct Line {
    reader: PieceReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    seen: Vec<u8>,
}

impl Line {
    async fn open(client: &NodeClient, server: ServerId, take: bool) -> Result<Self, ClientError> {
        let ticket = client.server_ticket(server, take).await?;
        let stream = std::os::unix::net::UnixStream::from(client.open(ticket).await?);
        stream.set_nonblocking(true).expect("a socket");
        let (reader, writer) = UnixStream::from_std(stream).expect("a socket").into_split();
        Ok(Self { reader: PieceReader::new(reader), writer, seen: Vec::new() })
    }

    async fn type_in(&mut self, text: &str) -> Result<()> {
        Ok(self.writer.write_all(&Piece::Characters(text.into()).encode()).await?)
    }

    /// `Some`: how it ended before that came; `None` inside: the stream just closed.
    async fn expect(&mut self, text: &str) -> Result<Option<Option<ConsoleEnd>>> {
        let until = Instant::now() + LIMIT;
        while !self.seen.windows(text.len()).any(|window| window == text.as_bytes()) {
            let Ok(piece) = timeout_at(until, self.reader.next()).await else {
                bail!("{text:?} did not come; what came is {:?}", String::from_utf8_lossy(&self.seen));
            };
            match piece? {
                Some(Piece::Characters(characters)) => self.seen.extend(characters),
                Some(Piece::Over(end)) => return Ok(Some(Some(end))),
                Some(Piece::Break) => bail!("no server says that"),
                None => return Ok(Some(None)),
            }
        }
        Ok(None)
    }
}

fn refusal(result: Result<Line, ClientError>) -> Result<NodeError> {
    match result {
        Err(ClientError::Refused(error)) => Ok(error),
        Err(other) => bail!("{other}"),
        Ok(_) => bail!("it was opened"),
    }
}

/// A serial port that answers in capitals.
async fn shouting(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut typed = [0; 256];
            while let Ok(count @ 1..) = stream.read(&mut typed).await {
                if stream.write_all(&typed[..count].to_ascii_uppercase()).await.is_err() {
                    return;
                }
            }
        });
    }
}

#[tokio::test]
async fn a_foreign_bmc_carries_a_serial_console() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?;
    let configuration = format!("  sol \"tcp:{}:{}\" 115200", port.ip(), port.port());
    tokio::spawn(shouting(listener));
    let simulator = Simulator::start_with(&Setup { configuration, ..Setup::default() })?;
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut lab = Watched::new(&leader, &simulator, PASSWORD).await?;
    lab.apply(&leader).await?;
    lab.until(&mut leader, |status| status.read_at.is_some()).await?;
    let id = lab.server.meta.id;

    let ticket = leader.client.server_ticket(id, false).await?;
    let held = leader.client.open(ticket.clone()).await?;
    let again = leader.client.open(ticket).await;
    ensure!(matches!(again, Err(ClientError::Refused(NodeError::BadTicket))), "{again:?}");
    let mut first = Line::open(&leader.client, id, false).await?;
    first.type_in("who am i\r").await?;
    ensure!(first.expect("WHO AM I").await?.is_none());
    let mut second = Line::open(&leader.client, id, false).await?;
    ensure!(second.expect("WHO AM I").await?.is_none(), "what was said before comes first");
    second.type_in("and i\r").await?;
    ensure!(first.expect("AND I").await?.is_none());
    drop(held);
    // What no viewer says ends that viewer, and nobody else.
    second.writer.write_all(&[9, 9, 9, 9]).await?;
    ensure!(second.expect("never").await? == Some(None));
    first.type_in("still here\r").await?;
    ensure!(first.expect("STILL HERE").await?.is_none());
    // More than may look.
    let mut crowd = Vec::new();
    let full = loop {
        match Line::open(&leader.client, id, false).await {
            Ok(line) => crowd.push(line),
            Err(error) => break error,
        }
    };
    ensure!(matches!(full, ClientError::Refused(NodeError::Console { trouble: ConsoleTrouble::Full })), "{full:?}");
    ensure!((10..=16).contains(&crowd.len()), "{}", crowd.len());
    drop(crowd);
    let status = lab.until(&mut leader, |status| status.read_at.is_some()).await?;
    ensure!(status.problem.is_none(), "the readings go on: {status:?}");

    let unknown = refusal(Line::open(&leader.client, ServerId::now(), false).await)?;
    ensure!(unknown == NodeError::Unknown, "{unknown:?}");
    // Another way to the same BMC: the console ends, and by Redfish there is none.
    lab.server.spec.bmc.as_mut().expect("it has one").access = BmcAccess::Redfish;
    lab.apply(&leader).await?;
    ensure!(first.expect("never").await? == Some(Some(ConsoleEnd::Changed)));
    let redfish = refusal(Line::open(&leader.client, id, false).await)?;
    ensure!(redfish == NodeError::Console { trouble: ConsoleTrouble::RedfishOnly }, "{redfish:?}");
    lab.server.spec.bmc = None;
    lab.apply(&leader).await?;
    let without = refusal(Line::open(&leader.client, id, false).await)?;
    ensure!(without == NodeError::Bmc { problem: BmcProblem::NoDevice }, "{without:?}");

    // The worker is killed: whoever looks sees the end, and may come again.
    lab.says(&leader, &simulator, PASSWORD).await?;
    lab.apply(&leader).await?;
    lab.until(&mut leader, |status| status.read_at.is_some()).await?;
    let mut line = Line::open(&leader.client, id, true).await?;
    for worker in workers(&node)? {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker), nix::sys::signal::SIGKILL)?;
    }
    ensure!(line.expect("never").await? == Some(None));
    lab.until(&mut leader, |status| status.problem == Some(BmcProblem::Worker)).await?;
    lab.until(&mut leader, |status| status.problem.is_none()).await?;
    let mut line = Line::open(&leader.client, id, true).await?;
    line.type_in("back\r").await?;
    ensure!(line.expect("BACK").await?.is_none());
    Ok(())
}
