//! Consoles of servers as the model has them: one says `boot` and then what it is told, and a break as a word.

use super::SimNode;
use cake_node_api::line::{Piece, PieceReader};
use cake_node_api::{NodeError, StreamTicket};
use cake_types::{ConsoleEnd, ServerId};
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

#[derive(Default)]
pub struct ServerConsoles {
    tickets: HashSet<String>,
    /// Why there is none.
    pub refused: Option<NodeError>,
    /// Whoever has one is thrown out.
    pub takes: usize,
}

impl SimNode {
    pub(super) fn server_console_ticket(&self, server: ServerId, take: bool) -> Result<StreamTicket, NodeError> {
        self.with(|state| {
            state.bmcs.watched.get(&server).ok_or(NodeError::Unknown)?;
            state.server_consoles.takes += usize::from(take);
            let ticket = uuid::Uuid::new_v4().to_string();
            state.server_consoles.tickets.insert(ticket.clone());
            Ok(StreamTicket(ticket))
        })
    }

    /// `None`: it is no ticket for one.
    pub(super) fn open_server_console(&self, ticket: &StreamTicket) -> Option<Result<OwnedFd, NodeError>> {
        let refused = self.with(|state| {
            state.server_consoles.tickets.remove(&ticket.0).then(|| state.server_consoles.refused.clone())
        })?;
        if let Some(refused) = refused {
            return Some(Err(refused));
        }
        let (ours, theirs) = UnixStream::pair().unwrap();
        tokio::spawn(speak(ours));
        Some(Ok(theirs.into_std().unwrap().into()))
    }
}

/// Until it is told `end`, or the other side has gone.
async fn speak(stream: UnixStream) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = PieceReader::new(reader);
    let mut say = Piece::Characters(b"boot\n".to_vec());
    loop {
        if writer.write_all(&say.encode()).await.is_err() || matches!(say, Piece::Over(_)) {
            return;
        }
        say = match reader.next().await {
            Ok(Some(Piece::Characters(characters))) if characters == b"end" => Piece::Over(ConsoleEnd::Bmc),
            Ok(Some(Piece::Break)) => Piece::Characters(b"<break>".to_vec()),
            Ok(Some(said)) => said,
            Ok(None) | Err(_) => return,
        };
    }
}
