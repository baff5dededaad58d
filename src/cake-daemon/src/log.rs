//! Lines on standard error; whoever started the daemon decides where they go. The last of them are remembered here too, for
//! whoever helps: wherever they went, the daemon itself may not be able to read them again.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// How much is remembered.
pub const RECENT_MOST: usize = 512 * 1024;

static RECENT: Mutex<VecDeque<u8>> = Mutex::new(VecDeque::new());

/// `CAKE_LOG` says what is logged: a level, or targets such as `info,cake_vm=debug`. Call it once.
pub fn to_stderr() {
    let wanted = std::env::var("CAKE_LOG").ok().and_then(|text| text.parse().ok());
    let targets: Targets = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr.and(|| Recent)).with_ansi(false);
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
}

/// The last lines, from the beginning of one on.
pub fn recent() -> Vec<u8> {
    let recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    let all: Vec<u8> = recent.iter().copied().collect();
    let begins =
        if all.len() < RECENT_MOST { 0 } else { all.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
    all[begins..].to_vec()
}

struct Recent;

impl Write for Recent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        remember(&mut RECENT.lock().unwrap_or_else(PoisonError::into_inner), bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn remember(recent: &mut VecDeque<u8>, bytes: &[u8]) {
    let new = &bytes[bytes.len().saturating_sub(RECENT_MOST)..];
    let over = (recent.len() + new.len()).saturating_sub(RECENT_MOST);
    recent.drain(..over);
    recent.extend(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_the_last_and_bounded() {
        let mut recent = VecDeque::new();
        for line in 0..40_000 {
            remember(&mut recent, format!("line number {line}\n").as_bytes());
        }
        assert_eq!(recent.len(), RECENT_MOST);
        let text = String::from_utf8(recent.iter().copied().collect()).unwrap();
        assert!(text.ends_with("line number 39999\n"));
        remember(&mut recent, &vec![b'x'; 2 * RECENT_MOST]);
        assert_eq!(recent.len(), RECENT_MOST);
    }
}
