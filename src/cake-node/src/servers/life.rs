//! The worker's life: started when there is something to watch, given its sockets and what was wished for, listened to, and started again
//! when it ends by itself.

use super::Servers;
use super::sockets::sockets;
use super::wire::{Order, Said};
use crate::database::ServerRow;
use cake_node_api::frame::{self, FrameReader};
use cake_types::{BmcProblem, ServerId};
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Before a worker that ended by itself is started again: 1 s, then longer, up to a minute.
const AGAIN: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(60);
/// One that lived so long is started again soon.
const STEADY: Duration = Duration::from_secs(300);
/// UDP sockets for each family: a BMC that floods one of them disturbs only its neighbours on it.
const SOCKETS: usize = 2;
/// Those of SNMP are others, so that a BMC can't answer for a device.
const SNMP_SOCKETS: usize = 1;
/// Names that mean no address are looked up again, and those of BMCs that are silent.
const RESOLVE: Duration = Duration::from_secs(60);
impl Servers {
    /// Keeps a worker for as long as there is something to watch.
    pub async fn run(self: Arc<Self>) {
        let mut pause = AGAIN;
        loop {
            while !self.is_needed() {
                self.wanted.notified().await;
            }
            let began = tokio::time::Instant::now();
            let ended = self.serve().await;
            self.abandon().await;
            match ended {
                Ok(Ended::NotNeeded) => continue,
                Ok(Ended::ByItself) => tracing::warn!("the BMC worker ended; it is started again"),
                Err(error) => {
                    tracing::error!(%error, "the BMC worker failed: {error}");
                    self.scan_impossible();
                }
            }
            pause = if began.elapsed() > STEADY { AGAIN } else { (pause * 2).min(SELDOM) };
            tokio::time::sleep(pause).await;
        }
    }

    fn is_needed(&self) -> bool {
        self.state().needs_a_worker()
    }

    /// Whether the worker has nothing to do. From then on nobody hands it anything: what comes now is the next one's.
    fn let_go(&self) -> bool {
        let mut state = self.state();
        let over = !state.needs_a_worker();
        if over {
            (state.orders, state.takes_orders) = (None, false);
        }
        over
    }

    /// One worker, from its start to its end.
    async fn serve(self: &Arc<Self>) -> io::Result<Ended> {
        let (mut worker, stream) = self.start()?;
        let stream = Arc::new(stream);
        for socket in sockets(SOCKETS)? {
            send(&stream, &Order::Socket, Some(&socket)).await?;
        }
        for socket in sockets(SNMP_SOCKETS)? {
            send(&stream, &Order::SnmpSocket, Some(&socket)).await?;
        }
        let (orders, mut ordered) = mpsc::unbounded_channel::<(Order, Option<OwnedFd>)>();
        self.state().orders = Some(orders);
        let writer = stream.clone();
        let writing = tokio::spawn(async move {
            while let Some((order, descriptor)) = ordered.recv().await {
                if send(&writer, &order, descriptor.as_ref()).await.is_err() {
                    return;
                }
            }
        });
        let rows: Vec<ServerRow> = self.state().rows.values().cloned().collect();
        for row in rows {
            self.watch(&row).await;
        }
        self.watch_devices().await;
        self.hand_over_orders().await;
        self.hand_over_scan();
        let ended = self.listen(&stream).await;
        writing.abort();
        worker.start_kill()?;
        worker.wait().await?;
        Ok(ended)
    }

    async fn listen(self: &Arc<Self>, stream: &UnixStream) -> Ended {
        let mut reader = FrameReader::default();
        let mut resolve = tokio::time::interval(RESOLVE);
        resolve.tick().await;
        loop {
            tokio::select! {
                said = reader.next::<Said>(stream) => match said {
                    Ok(said) => self.said(said).await,
                    Err(error) => {
                        tracing::warn!(%error, "the BMC worker: {error}");
                        return Ended::ByItself;
                    }
                },
                _ = resolve.tick() => {
                    self.resolve_again().await;
                    self.resolve_devices_again().await;
                }
                () = self.wanted.notified() => {
                    if self.let_go() {
                        return Ended::NotNeeded;
                    }
                }
            }
        }
    }

    fn start(&self) -> io::Result<(Child, UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut worker = Command::new(&self.program);
        worker.args(["worker", "bmc"]).env_clear();
        worker.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        Ok((worker.spawn()?, UnixStream::from_std(ours)?))
    }

    /// The worker is gone: nobody is answered any more, and what is known is old.
    async fn abandon(&self) {
        let rows: Vec<ServerId> = {
            let mut state = self.state();
            (state.orders, state.takes_orders, state.questions) = Default::default();
            state
                .rows
                .values()
                .filter(|row| row.server.spec.bmc.is_some() && !row.refused)
                .map(|row| row.server.meta.id)
                .collect()
        };
        for id in rows {
            self.board().change_server(id, |status| status.problem = Some(BmcProblem::Worker));
        }
        self.scan_interrupted();
        self.abandon_devices();
        self.interrupted().await;
    }
}

enum Ended {
    /// There is nothing to watch any more.
    NotNeeded,
    ByItself,
}

async fn send(stream: &UnixStream, order: &Order, descriptor: Option<&OwnedFd>) -> io::Result<()> {
    let frame = frame::encode(order).map_err(io::Error::other)?;
    frame::send(stream, &frame, descriptor).await.map_err(io::Error::other)
}
