//! Lines on standard error; whoever started the daemon decides where they go.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// `CAKE_LOG` says what is logged: a level, or targets such as `info,cake_vm=debug`. Call it once.
pub fn to_stderr() {
    let wanted = std::env::var("CAKE_LOG").ok().and_then(|text| text.parse().ok());
    let targets: Targets = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
}
