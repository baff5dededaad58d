//! Serial consoles of servers, in the worker: each over a session of its own, so that the readings go on, and shared by whoever looks.
//!
//! ```text
//!   BMC ◄── Console: acknowledges, sends again ──► tail (last 64 KiB) ──► first thing that a viewer gets
//!                   ▲          │
//!                   │          └─────────────────► viewers, each with a bounded queue: who is too slow is let go
//!                   └── what viewers type, in the order in which it comes
//! ```
//!
//! What the BMC sends is always read, since that is what acknowledges: nothing is lost by somebody who does not look. When nobody looks
//! for a moment the BMC's console is given back, and what was kept is forgotten.

use super::connect::Connector;
use super::wire::{NoConsole, Said, Target};
use cake_bmc::lan::Console;
use cake_node_api::line::{Piece, PieceReader};
use cake_types::{CONSOLE_VIEWERS, ConsoleEnd, ConsoleTrouble, ServerId};
use cake_vm::Tail;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// Pieces that may wait for one viewer: a BMC's packet each, of 255 characters at most.
const VIEWER_QUEUE: usize = 1024;
/// Pieces that viewers typed and the BMC has not taken.
const TYPED_QUEUE: usize = 16;
/// How long the BMC's console is kept for somebody who comes back: a page that is loaded again, a caked that was started anew.
const LINGER: Duration = Duration::from_secs(10);
/// How often it is looked whether somebody is still there.
const ROUND: Duration = Duration::from_secs(1);
/// Until characters are offered again that the BMC had no room for.
const ROOM: Duration = Duration::from_millis(20);
/// A BMC that does not take its console back by then has lost it with the session.
const FAREWELL: Duration = Duration::from_secs(3);

/// Somebody who wants to look.
pub struct Viewer {
    /// The node's question.
    pub ask: u64,
    pub stream: UnixStream,
    /// Whoever has the console at the BMC loses it.
    pub take: bool,
}

/// Whose consoles are open, or being opened.
pub struct Consoles {
    /// A room's target, and its door.
    rooms: HashMap<ServerId, (Target, Sender<Viewer>)>,
    connector: Rc<Connector>,
    say: Sender<Said>,
}

impl Consoles {
    pub fn new(connector: Rc<Connector>, say: Sender<Said>) -> Self {
        Self { rooms: HashMap::new(), connector, say }
    }

    /// The BMC is reached in this way from now on, or not at all.
    pub fn target(&mut self, id: ServerId, target: Option<&Target>) {
        if self.rooms.get(&id).is_some_and(|(known, _)| Some(known) != target) {
            self.rooms.remove(&id);
        }
    }

    /// To the console that is open, or to one that is opened for it.
    pub async fn join(&mut self, id: ServerId, target: &Target, viewer: Viewer) {
        let sent = match self.rooms.get(&id) {
            Some((_, room)) => room.try_send(viewer),
            None => Err(TrySendError::Closed(viewer)),
        };
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(viewer)) => {
                answer(&self.say, viewer.ask, Err(NoConsole::Trouble { trouble: ConsoleTrouble::Full })).await;
            }
            Err(TrySendError::Closed(viewer)) => {
                let (send, receive) = mpsc::channel(CONSOLE_VIEWERS);
                self.rooms.insert(id, (target.clone(), send));
                let (connector, say, target) = (self.connector.clone(), self.say.clone(), target.clone());
                tokio::task::spawn_local(async move { room(id, &target, &connector, &say, viewer, receive).await });
            }
        }
    }
}

async fn answer(say: &Sender<Said>, ask: u64, result: Result<(), NoConsole>) {
    // Nobody listens when the worker is about to end.
    let _ = say.send(Said::Console { ask, result }).await;
}

/// Until nobody wants to look any more, or it can't be had.
async fn room(
    id: ServerId,
    target: &Target,
    connector: &Connector,
    say: &Sender<Said>,
    first: Viewer,
    mut others: Receiver<Viewer>,
) {
    let mut next = Some(first);
    // Nothing is waited for between the last look and the closing: whoever comes later finds it closed.
    while let Some(viewer) = next.take().or_else(|| others.try_recv().ok()) {
        match connector.console(id, target, viewer.take).await {
            Ok(console) => Hub::new(console).run(viewer, &mut others, say).await,
            Err(refusal) => {
                answer(say, viewer.ask, Err(refusal)).await;
                // Those who waited meanwhile would hear the same.
                while let Ok(waiting) = others.try_recv() {
                    answer(say, waiting.ask, Err(refusal)).await;
                }
            }
        }
    }
    others.close();
}

/// One open console.
struct Hub {
    console: Console,
    tail: Tail,
    viewers: Vec<Sender<Rc<[u8]>>>,
    typing: Sender<Piece>,
    typed: Receiver<Piece>,
    /// What the BMC had no room for.
    unsent: Vec<u8>,
}

impl Hub {
    fn new(console: Console) -> Self {
        let (typing, typed) = mpsc::channel(TYPED_QUEUE);
        Self { console, tail: Tail::default(), viewers: Vec::new(), typing, typed, unsent: Vec::new() }
    }

    async fn run(mut self, first: Viewer, others: &mut Receiver<Viewer>, say: &Sender<Said>) {
        self.join(first, say).await;
        let end = self.serve(others, say).await;
        if let Some(end) = end {
            self.show_piece(&Piece::Over(end));
        }
        self.viewers.clear();
        if !matches!(end, Some(ConsoleEnd::Bmc | ConsoleEnd::Lost)) {
            // The session ends with it in any case.
            let _ = timeout(FAREWELL, self.console.close()).await;
        }
    }

    /// `None`: nobody looks any more.
    async fn serve(&mut self, others: &mut Receiver<Viewer>, say: &Sender<Said>) -> Option<ConsoleEnd> {
        let (mut round, mut alone) = (interval(ROUND), None);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                said = self.console.read() => match said {
                    Some(characters) => self.show(characters),
                    None if self.console.was_ended_by_bmc() => return Some(ConsoleEnd::Bmc),
                    None => return Some(ConsoleEnd::Lost),
                },
                // Nothing new is taken before the BMC has the last: typing is held up, not the memory filled.
                Some(piece) = self.typed.recv(), if self.unsent.is_empty() => self.take(piece),
                () = sleep(ROOM), if !self.unsent.is_empty() => self.write(),
                viewer = others.recv() => match viewer {
                    Some(viewer) => self.join(viewer, say).await,
                    None => return Some(ConsoleEnd::Changed),
                },
                _ = round.tick() => {
                    self.viewers.retain(|viewer| !viewer.is_closed());
                    let now = Instant::now();
                    match self.viewers.is_empty() {
                        false => alone = None,
                        true if now - *alone.get_or_insert(now) >= LINGER => return None,
                        true => {}
                    }
                }
            }
        }
    }

    async fn join(&mut self, viewer: Viewer, say: &Sender<Said>) {
        self.viewers.retain(|known| !known.is_closed());
        if self.viewers.len() >= CONSOLE_VIEWERS {
            return answer(say, viewer.ask, Err(NoConsole::Trouble { trouble: ConsoleTrouble::Full })).await;
        }
        let past = Piece::Characters(self.tail.to_bytes().to_vec()).encode();
        let (send, receive) = mpsc::channel(VIEWER_QUEUE);
        self.viewers.push(send);
        tokio::task::spawn_local(look(viewer.stream, past, receive, self.typing.clone()));
        answer(say, viewer.ask, Ok(())).await;
    }

    fn show(&mut self, characters: Vec<u8>) {
        self.tail.push(&characters);
        self.show_piece(&Piece::Characters(characters));
        // What was said may have come with an acknowledgement.
        self.write();
    }

    fn show_piece(&mut self, piece: &Piece) {
        let piece: Rc<[u8]> = piece.encode().into();
        self.viewers.retain(|viewer| viewer.try_send(piece.clone()).is_ok());
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Characters(characters) => self.unsent = characters,
            Piece::Break => self.console.send_break(),
            // Nobody who looks says that.
            Piece::Over(_) => {}
        }
        self.write();
    }

    fn write(&mut self) {
        if !self.unsent.is_empty() {
            let taken = self.console.write(&self.unsent);
            self.unsent.drain(..taken);
        }
    }
}

/// One viewer. Ends when either side closes, or when the hub lets it go.
async fn look(stream: UnixStream, past: Vec<u8>, mut shown: Receiver<Rc<[u8]>>, typing: Sender<Piece>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = PieceReader::new(reader);
    let watching = async {
        writer.write_all(&past).await?;
        drop(past);
        while let Some(piece) = shown.recv().await {
            writer.write_all(&piece).await?;
        }
        io::Result::Ok(())
    };
    let typing = async {
        while let Ok(Some(piece)) = reader.next().await {
            if typing.send(piece).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = watching => {}
        () = typing => {}
    }
}
