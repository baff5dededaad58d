//! Whoever stands at one terminal: the screen always shows something, the serial port is somebody's log until Enter is pressed there.

use jiff::Timestamp;
use std::future::pending;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::gather::{Seen, Sight};
use super::orders::carry_out;
use super::terminal::{AFTERWARDS, Terminal};
use super::{screen, serial};
use crate::menu::key::{Decoder, Key};
use crate::menu::{Done, Menu, Step};
use crate::mode::Mode;

/// Between two tries to open a line that is not there, or that hung up.
const AGAIN: Duration = Duration::from_secs(5);
/// What follows an ESC within this belongs to it. Long, for a serial line that somebody reaches across a network.
const ESCAPE: Duration = Duration::from_millis(300);
/// Seconds run down where a network is tried.
const TICK: Duration = Duration::from_secs(1);
/// After this without a key nobody stands there any more. A word is good for so long.
const GONE: Duration = Duration::from_secs(900);

/// One of the two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// tty1: drawn on all the time, with a code for telephones.
    Screen,
    /// A line at a time, until somebody presses Enter.
    Serial,
}

/// For as long as the program runs.
pub async fn attend(place: Place, path: &Path, sight: Sight) {
    let mut visit = Visit {
        place,
        sight,
        menu: Menu::default(),
        open: place == Place::Screen,
        logged: None,
        order: None,
        last_key: Instant::now(),
    };
    loop {
        if let Ok(terminal) = Terminal::open(path) {
            // It hung up, or is somebody else's: what is there then is not known.
            let _ = visit.stay(terminal).await;
        }
        sleep(AGAIN).await;
    }
}

struct Visit {
    place: Place,
    sight: Sight,
    menu: Menu,
    /// The menu is shown, and not a log.
    open: bool,
    /// What was written last where there is no menu: the log, or the screen of a server that is not installed.
    logged: Option<String>,
    order: Option<JoinHandle<Result<Done, String>>>,
    last_key: Instant,
}

impl Visit {
    async fn stay(&mut self, mut terminal: Terminal) -> io::Result<()> {
        let (mut decoder, mut bytes) = (Decoder::default(), [0; 64]);
        loop {
            self.show(&mut terminal).await?;
            let escape = decoder.waits();
            tokio::select! {
                changed = self.sight.changed() => if changed.is_err() { return Ok(()) },
                read = terminal.read(&mut bytes) => {
                    for byte in &bytes[..read?] {
                        if let Some(key) = decoder.byte(*byte) {
                            self.press(key, &mut terminal).await?;
                        }
                    }
                }
                () = sleep(ESCAPE), if escape => {
                    if let Some(key) = decoder.pause() {
                        self.press(key, &mut terminal).await?;
                    }
                }
                ended = ended(&mut self.order) => {
                    self.order = None;
                    self.menu.heard(ended);
                }
                () = sleep(TICK) => terminal.keys_one_by_one()?,
                () = sleep_until(self.last_key + GONE), if self.open && !self.menu.is_at_rest() => {
                    self.menu.leave();
                    self.close(&terminal).await?;
                }
            }
        }
    }

    fn is_installed(&self) -> bool {
        self.sight.borrow().mode == Some(Mode::Installed)
    }

    async fn press(&mut self, key: Key, terminal: &mut Terminal) -> io::Result<()> {
        self.last_key = Instant::now();
        if key == Key::Redraw {
            terminal.forget();
            self.logged = None;
            return Ok(());
        }
        if !self.is_installed() {
            return Ok(());
        }
        if !self.open {
            if key == Key::Enter {
                self.open = true;
                terminal.forget();
            }
            return Ok(());
        }
        let step = self.menu.press(key, &self.sight.borrow().facts);
        match step {
            Step::Stay => {}
            Step::Close => self.close(terminal).await?,
            Step::Order(order) => self.order = Some(tokio::spawn(carry_out(order, self.sight.clone()))),
        }
        Ok(())
    }

    /// The serial port is a log again.
    async fn close(&mut self, terminal: &Terminal) -> io::Result<()> {
        if self.place == Place::Serial && self.open {
            (self.open, self.logged) = (false, None);
            terminal.write(AFTERWARDS).await?;
        }
        Ok(())
    }

    async fn show(&mut self, terminal: &mut Terminal) -> io::Result<()> {
        let Seen { mode: Some(mode), facts } = self.sight.borrow_and_update().clone() else { return Ok(()) };
        if self.open && mode == Mode::Installed {
            let codes = self.place == Place::Screen;
            return terminal.draw(self.menu.draw(&facts, Timestamp::now(), terminal.size(), codes)).await;
        }
        let text = match self.place {
            Place::Screen => format!("\x1b[H\x1b[2J{}", screen(mode, &facts)),
            Place::Serial => serial(mode, &facts).replace('\n', "\r\n"),
        };
        if self.logged.as_ref() != Some(&text) {
            terminal.write(&text).await?;
            self.logged = Some(text);
        }
        Ok(())
    }
}

/// How the order that is under way ended; never, where none is.
async fn ended(order: &mut Option<JoinHandle<Result<Done, String>>>) -> Result<Done, String> {
    match order {
        Some(order) => order.await.unwrap_or_else(|error| Err(error.to_string())),
        None => pending().await,
    }
}
