//! A server whose state stays closed: one page that takes the recovery key, and nothing else.
//!
//! ```text
//! browser ─HTTPS─▶ locked page: no right, no device ──one line──▶ opener: root, one for each line ──▶ cake-install unlock
//!                        ◀────────── one word ──────────────────────────┘
//! ```
//!
//! What comes from the network is read by a program that may do nothing; root gets at most [`LINE_MAX`] bytes from it.

use anyhow::{Context, Result};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Router, serve};
use cake_i18n::{Catalogue, Words};
use cake_install::exit;
use cake_install::secret::Secret;
use cake_types::Language;
use serde::Deserialize;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::boot::{self, INSTALL};
use crate::mode::STATE;
use crate::program;
use crate::unattended::PCR_KEY;

mod tls;

/// Longest line between the two, in bytes.
const LINE_MAX: u64 = 1024;
/// Where systemd starts an opener for each connection.
const OPENER: &str = "/run/cake-locked/opener.sock";
/// SHA-256 of the page's certificate, for the screen.
pub const FINGERPRINT: &str = "/run/cake-locked-page/fingerprint";

/// What came of a key. The words travel from the opener to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Opened,
    Wrong,
    Shape,
    Failed(String),
}

impl Outcome {
    fn line(&self) -> String {
        match self {
            Self::Opened => "opened".into(),
            Self::Wrong => "wrong".into(),
            Self::Shape => "shape".into(),
            Self::Failed(detail) => format!("failed {}", detail.replace('\n', " ")),
        }
    }

    fn read(line: &str) -> Self {
        match line.trim_end() {
            "opened" => Self::Opened,
            "wrong" => Self::Wrong,
            "shape" => Self::Shape,
            other => Self::Failed(other.strip_prefix("failed ").unwrap_or(other).to_owned()),
        }
    }
}

/// Serves the page. Run by systemd with the socket of port 443, as a user without rights.
pub fn page() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = cake_daemon::inherited::listener()?.context("systemd gave no socket")?;
    let (config, fingerprint) = tls::identity()?;
    fs::write(FINGERPRINT, fingerprint).with_context(|| format!("write {FINGERPRINT}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tls::Listener::new(tokio::net::TcpListener::from_std(listener)?, config)?;
        cake_daemon::ready::tell(None, "ready")?;
        // Who has just opened the disks still gets the answer.
        Ok(serve(listener, router(Arc::new(ask_opener))).with_graceful_shutdown(told_to_end()).await?)
    })
}

async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(_) => std::future::pending().await,
    }
}

type Opener = Arc<dyn Fn(&str) -> Outcome + Send + Sync>;

fn router(opener: Opener) -> Router {
    Router::new().route("/", get(show).post(take)).fallback(show).with_state(opener)
}

#[derive(Deserialize)]
struct Typed {
    key: String,
}

async fn show(headers: HeaderMap) -> Response {
    answer(&headers, None)
}

async fn take(State(opener): State<Opener>, headers: HeaderMap, Form(Typed { key }): Form<Typed>) -> Response {
    // One after the other: opening takes seconds and all processors.
    let outcome = tokio::task::spawn_blocking(move || opener(&key))
        .await
        .unwrap_or_else(|error| Outcome::Failed(error.to_string()));
    answer(&headers, Some(outcome))
}

fn answer(headers: &HeaderMap, outcome: Option<Outcome>) -> Response {
    let page = Page { words: words(headers), outcome };
    let Ok(html) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

fn words(headers: &HeaderMap) -> &'static Words {
    let wish = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Catalogue::get(Language::negotiate(wish))
}

/// The page. Values are escaped by the template.
#[derive(Template)]
#[template(path = "locked.html")]
struct Page {
    words: &'static Words,
    outcome: Option<Outcome>,
}

impl Page {
    /// What came of the last key, if it did not open the disks.
    fn told(&self) -> Option<String> {
        Some(match self.outcome.as_ref()? {
            Outcome::Opened => return None,
            Outcome::Wrong => self.words.text("locked-wrong").to_owned(),
            Outcome::Shape => self.words.text("locked-shape").to_owned(),
            Outcome::Failed(detail) => self.words.text_with("locked-failed", &[("detail", detail)]),
        })
    }
}

/// The page's side of the line.
fn ask_opener(key: &str) -> Outcome {
    let asked = || -> std::io::Result<String> {
        let mut opener = UnixStream::connect(OPENER)?;
        let key: String = key.chars().filter(|letter| !letter.is_control()).take(200).collect();
        opener.write_all(format!("{key}\n").as_bytes())?;
        opener.shutdown(std::net::Shutdown::Write)?;
        let mut said = String::new();
        opener.take(LINE_MAX).read_to_string(&mut said)?;
        Ok(said)
    };
    asked().map_or_else(|error| Outcome::Failed(error.to_string()), |said| Outcome::read(&said))
}

/// Root's side: the line is standard input, the answer standard output. Once the state is open, cake starts.
pub fn open() -> Result<()> {
    let mut key = String::new();
    std::io::stdin().take(LINE_MAX).read_to_string(&mut key).context("read the key")?;
    let outcome = unlock(&key)?;
    let opened = outcome == Outcome::Opened;
    if opened {
        boot::opened()?;
    }
    println!("{}", outcome.line());
    if opened {
        // The page has its answer; from here on the port is the console's.
        program::run("systemctl", &["--no-block", "start", "cake-unlocked.target"])?;
    }
    Ok(())
}

fn unlock(key: &str) -> Result<Outcome> {
    if Secret::typed(key).is_err() {
        return Ok(Outcome::Shape);
    }
    let mut command = Command::new(INSTALL);
    command.args(["unlock", "--mount", STATE]);
    if std::path::Path::new(PCR_KEY).exists() {
        command.args(["--pcr-public-key", PCR_KEY]);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("start cake-install")?;
    // It is read or refused: either way the status tells.
    let _ = child.stdin.take().context("cake-install takes no key")?.write_all(key.as_bytes());
    let output = child.wait_with_output()?;
    let said = program::said(&output);
    Ok(match output.status.code() {
        Some(0) => Outcome::Opened,
        Some(code) if code == i32::from(exit::WRONG_KEY) => Outcome::Wrong,
        _ => Outcome::Failed(said),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_survive_their_line() {
        for outcome in [Outcome::Opened, Outcome::Wrong, Outcome::Shape, Outcome::Failed("no disk".into())] {
            assert_eq!(Outcome::read(&format!("{}\n", outcome.line())), outcome);
        }
    }

    #[test]
    fn the_page_speaks_both_languages_and_escapes() {
        let html = |language, outcome| Page { words: Catalogue::get(language), outcome }.render().unwrap();
        let failed = Outcome::Failed("<script>".into());
        for (language, title) in
            [(Language::English, "This server is locked"), (Language::ChineseTaiwan, "這台伺服器已鎖定")]
        {
            let page = html(language, Some(failed.clone()));
            assert!(page.contains(title) && page.contains("script") && !page.contains("<script>"), "{page}");
            assert!(page.contains("name=\"key\""));
        }
        assert!(!html(Language::English, Some(Outcome::Opened)).contains("name=\"key\""));
    }
}
