//! `cake server console`: this terminal becomes a server's serial console, through its BMC. As `cake vm console`, and in addition
//! Ctrl-^ sends a break, as on consoles of network equipment.

use crate::console::{ESCAPE, PATIENCE, QUIET, RawTerminal, Shown, keyboard};
use crate::context::Context;
use crate::failure::Failure;
use cake_client::{Client, ConsoleNews, Error, ServerConsole, ServerConsoleReader, ServerConsoleWriter};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

/// Ctrl-^.
const BREAK: u8 = 0x1e;

pub async fn run(context: &Context, server: &str, take: bool) -> Result<(), Failure> {
    let client = context.client()?;
    // By id from here on: a rename must not cut the line.
    let id = client.server(server).await?.id.to_string();
    let mut console = client.server_console(&id, take).await?;
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        eprintln!("{}", context.words.text_with("cli-server-console-attached", &[("name", server)]));
    }
    let raw = if terminal { Some(RawTerminal::enter()?) } else { None };
    let (mut keys, mut shown) = (keyboard(), Shown::default());
    let ended = loop {
        let (reader, writer) = console.split();
        let mut line = Line { context, writer, keys: &mut keys, terminal };
        let ended = line.attach(reader, &mut shown).await?;
        // Saying goodbye is courtesy; the other side sees the end anyway.
        let _ = line.writer.close().await;
        if ended != Ended::Lost {
            break ended;
        }
        eprint!("\r\n{}\r\n", context.text("cli-console-lost"));
        console = again(&client, &id).await?;
    };
    drop(raw);
    match ended {
        Ended::Over(why) => eprintln!("\n{}", context.words.text_of(&format!("server-console-ended-{why}"))),
        Ended::Left if terminal => {
            eprintln!("\n{}", context.words.text_with("cli-server-console-left", &[("name", server)]));
        }
        Ended::Left | Ended::Lost => {}
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// The person left, or piped input is over and the server is quiet.
    Left,
    /// The connection broke, or the BMC is not heard.
    Lost,
    /// For good, and why.
    Over(&'static str),
}

/// Waits for a caked that is being restarted, and for a BMC that is.
async fn again(client: &Client, server: &str) -> Result<ServerConsole, Failure> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(250);
    loop {
        let problem = match client.server_console(server, false).await {
            Ok(console) => return Ok(console),
            Err(error) => error,
        };
        let away = match &problem {
            Error::Unreachable { .. } => true,
            Error::Remote(remote) => {
                remote.status == 503 || ["bad-ticket", "bmc-unheard"].contains(&remote.code.as_str())
            }
            _ => false,
        };
        if !away || start.elapsed() > PATIENCE {
            return Err(problem.into());
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

struct Line<'a> {
    context: &'a Context,
    writer: ServerConsoleWriter,
    keys: &'a mut mpsc::Receiver<Vec<u8>>,
    terminal: bool,
}

impl Line<'_> {
    async fn attach(&mut self, mut reader: ServerConsoleReader, shown: &mut Shown) -> Result<Ended, Failure> {
        let mut input_over = false;
        let mut quiet_at = Instant::now() + QUIET;
        shown.reconnected();
        loop {
            tokio::select! {
                news = reader.next() => match news {
                    Ok(Some(ConsoleNews::Characters(bytes))) => {
                        let mut out = std::io::stdout().lock();
                        out.write_all(shown.show(&bytes))?;
                        out.flush()?;
                        quiet_at = Instant::now() + QUIET;
                    }
                    Ok(Some(ConsoleNews::Lookers(names))) => self.lookers(&names),
                    Ok(Some(ConsoleNews::Ended(why))) => return Ok(over(&why)),
                    Ok(Some(ConsoleNews::Unknown)) => {}
                    Ok(None) | Err(_) => return Ok(Ended::Lost),
                },
                typed = self.keys.recv(), if !input_over => match typed {
                    Some(bytes) => {
                        if let Some(ended) = self.typed(&bytes).await {
                            return Ok(ended);
                        }
                    }
                    None => {
                        input_over = true;
                        quiet_at = Instant::now() + QUIET;
                    }
                },
                () = sleep_until(quiet_at), if input_over => return Ok(Ended::Left),
            }
        }
    }

    /// Sends what was typed, and what is none of it: a break. `Some`: that was the end.
    async fn typed(&mut self, bytes: &[u8]) -> Option<Ended> {
        if !self.terminal {
            return self.writer.send(bytes).await.err().map(|_| Ended::Lost);
        }
        let leave = bytes.iter().position(|byte| *byte == ESCAPE);
        for (at, part) in bytes[..leave.unwrap_or(bytes.len())].split(|byte| *byte == BREAK).enumerate() {
            if at > 0 {
                if self.writer.send_break().await.is_err() {
                    return Some(Ended::Lost);
                }
                eprint!("\r\n{}\r\n", self.context.text("cli-server-console-break"));
            }
            if !part.is_empty() && self.writer.send(part).await.is_err() {
                return Some(Ended::Lost);
            }
        }
        leave.map(|_| Ended::Left)
    }

    /// That others type into the same line is worth knowing.
    fn lookers(&self, names: &[String]) {
        if self.terminal && names.len() > 1 {
            let (here, names) = (self.context.text("server-console-here"), names.join(self.context.text("comma")));
            eprint!("\r\n[{here} {names}]\r\n");
        }
    }
}

/// One that is lost is looked for again.
fn over(why: &str) -> Ended {
    match why {
        "bmc" => Ended::Over("bmc"),
        "changed" => Ended::Over("changed"),
        _ => Ended::Lost,
    }
}
