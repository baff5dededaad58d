//! One name on the network, for as long as this lives: links come and go, datagrams are answered. When it is dropped, what was
//! told is taken back.

use cake_planner::mdns::{Responder, Send, links};
use cake_types::{AnnounceState, Announcement};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

use super::links::{News, interfaces};
use super::sockets::Sockets;
use crate::random;

/// Links change several times in a row; what they come to is looked at once.
const SETTLE: Duration = Duration::from_millis(200);
/// A link on which nobody could be told is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// Datagrams that are read in a second: an office has a few, and a flood shall not keep a processor busy.
const DATAGRAMS: u32 = 500;

pub(crate) struct Station {
    wanted: String,
    listen: IpAddr,
    responder: Responder,
    sockets: Sockets,
    news: News,
    began: Instant,
    /// When the links are looked at again.
    look_at: Option<Instant>,
    told: Vec<IpAddr>,
    failed: Option<io::Error>,
    /// The second under way, and what was read in it.
    read: (Instant, u32),
}

impl Station {
    pub(crate) fn open(wanted: &str, listen: SocketAddr) -> io::Result<Self> {
        // Followed before the first look, so that nothing is missed in between.
        let news = News::open()?;
        let began = Instant::now();
        let mut station = Self {
            wanted: wanted.to_owned(),
            listen: listen.ip(),
            responder: Responder::new(wanted, listen.port(), u64::from_le_bytes(random::bytes())),
            sockets: Sockets::new(),
            news,
            began,
            look_at: None,
            told: Vec::new(),
            failed: None,
            read: (began, 0),
        };
        station.look()?;
        Ok(station)
    }

    /// How it stands.
    pub(crate) fn announcement(&self) -> Announcement {
        let state = match (&self.failed, self.told.is_empty(), self.responder.is_settled()) {
            (Some(_), true, _) => AnnounceState::Failed,
            (None, true, _) => AnnounceState::NoLink,
            (_, false, true) => AnnounceState::Announced,
            (_, false, false) => AnnounceState::Asking,
        };
        Announcement {
            state,
            label: Some(self.responder.label()),
            wanted: Some(self.wanted.clone()),
            addresses: self.told.clone(),
            because: self.failed.as_ref().map(ToString::to_string),
        }
    }

    /// Waits for the next thing and does it. Nothing is lost when it is not waited for to the end.
    pub(crate) async fn go_on(&mut self) {
        let due = self.responder.next().map(|next| self.began + next);
        let pause = self.pause();
        let wake = [due, self.look_at, pause].into_iter().flatten().min();
        let timer = async {
            match wake {
                Some(wake) => sleep_until(wake).await,
                None => std::future::pending().await,
            }
        };
        let sent = tokio::select! {
            () = self.news.changed() => {
                let soon = Instant::now() + SETTLE;
                self.look_at = Some(self.look_at.map_or(soon, |at| at.min(soon)));
                Vec::new()
            }
            (id, from, bytes) = self.sockets.receive(), if pause.is_none() => {
                self.read.1 += 1;
                self.responder.receive(self.began.elapsed(), id, from, bytes)
            }
            () = timer => Vec::new(),
        };
        self.send(&sent);
        if self.look_at.is_some_and(|at| at <= Instant::now())
            && let Err(error) = self.look()
        {
            self.failed = Some(error);
        }
        let sent = self.responder.tick(self.began.elapsed());
        self.send(&sent);
    }

    /// Until when nothing is read: where as much came in this second as an office says in an hour.
    fn pause(&mut self) -> Option<Instant> {
        let end = self.read.0 + Duration::from_secs(1);
        if end <= Instant::now() {
            self.read = (Instant::now(), 0);
            return None;
        }
        (self.read.1 >= DATAGRAMS).then_some(end)
    }

    /// Looks at the links as they are now.
    fn look(&mut self) -> io::Result<()> {
        self.look_at = Some(Instant::now() + TRY_AGAIN);
        let mut links = links(&interfaces()?, self.listen);
        self.failed = self.sockets.follow(&mut links);
        if self.failed.is_none() {
            self.look_at = None;
        }
        self.told = links.values().flat_map(|link| link.told.iter().copied()).collect();
        self.told.sort_unstable();
        self.told.dedup();
        self.responder.set_links(self.began.elapsed(), links);
        Ok(())
    }

    fn send(&self, all: &[Send]) {
        all.iter().for_each(|send| self.sockets.send(send.link, send.to, &send.bytes));
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.send(&self.responder.goodbye());
    }
}
