//! `cake vm console`: this terminal becomes the VM's serial console.
//!
//! ```text
//!  connect ──► attached ──Ctrl-], or the VM ended──► over
//!     ▲            │
//!     └── wait ◄───┘ connection lost (caked restarted): what was already shown is not shown again
//! ```
//!
//! On a terminal every key goes to the guest as it is, except Ctrl-]. Without one, standard input is piped to the guest, and
//! after its end the command stays until the guest has been quiet for a moment.

use crate::context::Context;
use crate::failure::Failure;
use cake_client::{Client, ConsoleReader, ConsoleWriter, Error};
use nix::sys::termios::{self, SetArg, Termios};
use std::io::{IsTerminal, Read, Write};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

/// Ctrl-]: what telnet and virsh leave with.
pub(crate) const ESCAPE: u8 = 0x1d;
/// How long a guest must be quiet after the end of piped input.
pub(crate) const QUIET: Duration = Duration::from_secs(2);
/// How long to look for a console that went away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// As much as the node keeps.
const KEPT: usize = 64 * 1024;

pub async fn run(context: &Context, vm: &str) -> Result<(), Failure> {
    let client = context.client()?;
    // By id from here on: a rename must not cut the line.
    let id = client.vm(vm).await?.id.to_string();
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        eprintln!("{}", context.words.text_with("cli-console-attached", &[("name", vm)]));
    }
    let raw = if terminal { Some(RawTerminal::enter()?) } else { None };
    let mut keys = keyboard();
    let mut shown = Shown::default();
    let ended = loop {
        let console = match connect(&client, &id).await? {
            Some(console) => console,
            None => break Ended::VmIsOff,
        };
        let (reader, writer) = console.split();
        match attach(reader, writer, &mut keys, &mut shown, terminal).await? {
            Ended::Lost => eprint!("\r\n{}\r\n", context.text("cli-console-lost")),
            other => break other,
        }
    };
    drop(raw);
    match ended {
        Ended::VmIsOff => eprintln!("\n{}", context.words.text_with("cli-console-off", &[("name", vm)])),
        Ended::Left if terminal => eprintln!("\n{}", context.words.text_with("cli-console-left", &[("name", vm)])),
        Ended::Left | Ended::Lost => {}
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// The person left, or piped input is over and the guest is quiet.
    Left,
    /// The connection broke.
    Lost,
    VmIsOff,
}

/// Opens the console; waits for a caked that is being restarted. `None` when the VM is off.
async fn connect(client: &Client, vm: &str) -> Result<Option<cake_client::Console>, Failure> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        let problem = match client.console(vm).await {
            Ok(console) => return Ok(Some(console)),
            Err(error) => error,
        };
        let away = match &problem {
            Error::Unreachable { .. } => true,
            Error::Remote(remote) if remote.code == "illegal-now" => {
                if is_off(client, vm).await? {
                    return Ok(None);
                }
                true
            }
            Error::Remote(remote) => remote.status == 503 || remote.code == "bad-ticket",
            _ => false,
        };
        if !away || start.elapsed() > PATIENCE {
            return Err(problem.into());
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// A caked that was started a moment ago does not know yet what its nodes run: that is not "off".
async fn is_off(client: &Client, vm: &str) -> Result<bool, Failure> {
    let state = client.vm(vm).await?.state.clone();
    Ok(matches!(state.as_str(), "stopped" | "failed" | "lost" | "deleting"))
}

/// Bytes of standard input; the channel closes at its end. A thread of its own, because such a read can't be called off.
pub(crate) fn keyboard() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut buffer = vec![0; 4096];
        while let Ok(length @ 1..) = input.read(&mut buffer) {
            if sender.blocking_send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

async fn attach(
    mut reader: ConsoleReader,
    mut writer: ConsoleWriter,
    keys: &mut mpsc::Receiver<Vec<u8>>,
    shown: &mut Shown,
    terminal: bool,
) -> Result<Ended, Failure> {
    let mut input_over = false;
    let mut quiet_at = Instant::now() + QUIET;
    shown.reconnected();
    loop {
        tokio::select! {
            bytes = reader.next() => match bytes {
                Ok(Some(bytes)) => {
                    let new = shown.show(&bytes);
                    let mut out = std::io::stdout().lock();
                    out.write_all(new)?;
                    out.flush()?;
                    quiet_at = Instant::now() + QUIET;
                }
                Ok(None) | Err(_) => return Ok(Ended::Lost),
            },
            typed = keys.recv(), if !input_over => match typed {
                Some(mut bytes) => {
                    let leave = if terminal { bytes.iter().position(|b| *b == ESCAPE) } else { None };
                    bytes.truncate(leave.unwrap_or(bytes.len()));
                    if writer.send(&bytes).await.is_err() {
                        return Ok(Ended::Lost);
                    }
                    if leave.is_some() {
                        // Saying goodbye is courtesy; the server sees the end anyway.
                        let _ = writer.close().await;
                        return Ok(Ended::Left);
                    }
                }
                None => {
                    input_over = true;
                    quiet_at = Instant::now() + QUIET;
                }
            },
            () = sleep_until(quiet_at), if input_over => {
                let _ = writer.close().await;
                return Ok(Ended::Left);
            }
        }
    }
}

/// What this terminal has already shown, so that the kept output of a new connection does not repeat it.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    tail: Vec<u8>,
    first: bool,
}

impl Shown {
    pub(crate) fn reconnected(&mut self) {
        self.first = true;
    }

    /// The part of `bytes` that is new. Only the first chunk of a connection can hold what was shown before.
    pub(crate) fn show<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut new = bytes;
        if std::mem::take(&mut self.first) && !self.tail.is_empty() {
            let mark = &self.tail[self.tail.len().saturating_sub(256)..];
            let found = bytes.windows(mark.len()).rposition(|window| window == mark);
            new = found.map_or(bytes, |at| &bytes[at + mark.len()..]);
        }
        self.tail.extend_from_slice(new);
        let excess = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..excess);
        new
    }
}

/// The terminal passes every key on; as it was before when dropped.
pub(crate) struct RawTerminal(Termios);

impl RawTerminal {
    pub(crate) fn enter() -> Result<Self, Failure> {
        let before = termios::tcgetattr(std::io::stdin()).map_err(std::io::Error::from)?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        termios::tcsetattr(std::io::stdin(), SetArg::TCSANOW, &raw).map_err(std::io::Error::from)?;
        Ok(Self(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = termios::tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_not_shown_again() {
        let mut shown = Shown::default();
        shown.reconnected();
        assert_eq!(shown.show(b"boot\nlogin: "), b"boot\nlogin: ");
        assert_eq!(shown.show(b"root\n"), b"root\n");
        shown.reconnected();
        assert_eq!(shown.show(b"boot\nlogin: root\n# new"), b"# new");
        shown.reconnected();
        assert_eq!(shown.show(b"another boot"), b"another boot");
    }
}
