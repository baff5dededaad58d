//! How a call can fail, what the person reads then, and the exit code that a script gets.

use cake_client::wire::Task;
use cake_client::{Error, Remote};
use cake_i18n::Words;
use std::process::ExitCode;

/// The arguments are wrong.
pub const USAGE: u8 = 2;

#[derive(Debug)]
pub enum Failure {
    Client(Error),
    /// No address was given and no running instance was found.
    NoInstance,
    /// The address is known, the authority's certificate is not.
    NoCertificate,
    NotLoggedIn,
    /// The task ended otherwise than asked.
    Task(Box<Task>),
    /// Something was tried and did not work; the sentence is the server's.
    Told(String),
    /// The person typed something else than the name.
    NotConfirmed,
    /// Of many, some did not do what was asked; each has said why.
    Some {
        failed: usize,
        all: usize,
    },
    /// An argument that clap can't judge: an id of the catalogue, and its fact.
    Usage(&'static str, String),
    Other(anyhow::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl Failure {
    /// The exit codes are a promise: `cake --help` lists them.
    fn code(&self) -> u8 {
        match self {
            Self::Client(Error::Remote(remote)) => remote_code(remote),
            Self::Client(Error::Unreachable { .. }) => 6,
            Self::Client(Error::Untrusted { .. }) => 8,
            Self::Client(Error::Address(_)) | Self::Usage(..) => USAGE,
            Self::NoInstance | Self::NoCertificate => 6,
            Self::NotLoggedIn => 4,
            Self::Client(Error::Protocol { .. } | Error::Certificate { .. } | Error::File(_))
            | Self::Task(_)
            | Self::Told(_)
            | Self::NotConfirmed
            | Self::Some { .. }
            | Self::Other(_) => 1,
        }
    }

    /// Says it on standard error and gives the exit code.
    pub fn report(&self, words: &'static Words, json: bool) -> ExitCode {
        if json && let Self::Client(Error::Remote(remote)) = self {
            let seen = serde_json::json!({
                "status": remote.status, "code": remote.code, "title": remote.title, "detail": remote.detail,
                "pointer": remote.pointer, "request_id": remote.request_id,
            });
            eprintln!("{seen}");
        } else if !self.is_closed_pipe() {
            for line in self.lines(words) {
                eprintln!("{line}");
            }
        }
        ExitCode::from(self.code())
    }

    /// What the API would say, for a name that had to be looked for in a list.
    pub fn missing(kind: &str, name: &str, words: &'static Words) -> Self {
        let problem = cake_types::Problem::not_found(kind, name);
        let said = words.problem(&problem);
        Self::Client(Error::Remote(Box::new(Remote {
            status: problem.code.status(),
            code: problem.code.as_str().into(),
            title: said.title,
            detail: Some(said.what),
            ..Default::default()
        })))
    }

    /// What is so, in one line.
    pub fn sentence(&self, words: &'static Words) -> String {
        match self {
            Self::Client(Error::Remote(remote)) => {
                let own = remote.messages.get(words.tag()).and_then(|message| message.detail.clone());
                own.or_else(|| remote.detail.clone()).unwrap_or_else(|| remote.title.clone())
            }
            other => other.lines(words).into_iter().next().unwrap_or_default(),
        }
    }

    /// Whoever read our output has had enough: nothing to complain about.
    fn is_closed_pipe(&self) -> bool {
        let Self::Other(error) = self else { return false };
        error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// What is so, what to do now, and what support needs.
    fn lines(&self, words: &'static Words) -> Vec<String> {
        let say = |id: &'static str, facts: &[(&str, &str)]| words.text_with(id, facts);
        let pair =
            |id: &'static str, next: &'static str, facts: &[(&str, &str)]| vec![say(id, facts), say(next, facts)];
        match self {
            Self::Client(Error::Remote(remote)) => remote_lines(remote, words),
            Self::Client(Error::Unreachable { url, source }) => {
                let why = root_cause(source.as_ref());
                pair("cli-unreachable", "cli-unreachable-next", &[("url", url), ("why", &why)])
            }
            Self::Client(Error::Untrusted { url, .. }) => pair("cli-untrusted", "cli-untrusted-next", &[("url", url)]),
            Self::Client(Error::Protocol { url, detail }) => {
                pair("cli-protocol", "cli-protocol-next", &[("url", url), ("why", detail)])
            }
            Self::Client(Error::Address(url)) => pair("cli-address", "cli-address-next", &[("url", url)]),
            Self::Client(Error::Certificate { path, source }) => {
                let why = root_cause(source.as_ref());
                pair("cli-certificate", "cli-certificate-next", &[("path", path), ("why", &why)])
            }
            Self::Client(Error::File(error)) => vec![root_cause(error)],
            Self::NoInstance => pair("cli-no-instance", "cli-no-instance-next", &[]),
            Self::NoCertificate => pair("cli-no-certificate", "cli-no-certificate-next", &[]),
            Self::NotLoggedIn => pair("cli-not-logged-in", "cli-not-logged-in-next", &[]),
            Self::Task(task) => task_lines(task, words),
            Self::Told(sentence) => vec![sentence.clone()],
            Self::NotConfirmed => vec![say("cli-not-confirmed", &[])],
            Self::Some { failed, all } => {
                let (failed, all) = (failed.to_string(), all.to_string());
                vec![say("cli-bulk-failed", &[("count", &failed), ("of", &all)])]
            }
            Self::Usage(id, fact) => pair(id, "cli-usage-next", &[("value", fact)]),
            Self::Other(error) => vec![format!("{error:#}")],
        }
    }
}

fn remote_code(remote: &Remote) -> u8 {
    match remote.status {
        401 | 403 => 4,
        404 | 410 => 3,
        409 | 412 => 5,
        400 | 413 | 415 | 422 | 428 => 7,
        502..=504 => 6,
        _ => 1,
    }
}

fn remote_lines(remote: &Remote, words: &'static Words) -> Vec<String> {
    let mut lines = vec![];
    match remote.messages.get(words.tag()) {
        Some(message) => {
            lines.push(message.title.clone());
            lines.extend(message.detail.clone());
            lines.extend(message.next.clone());
        }
        None => {
            lines.push(remote.title.clone());
            lines.extend(remote.detail.clone());
        }
    }
    lines.dedup();
    lines.retain(|line| !line.is_empty());
    if remote.status == 401 {
        lines.push(words.text("cli-not-logged-in-next").to_owned());
    }
    if let Some(pointer) = &remote.pointer {
        lines.push(words.text_with("cli-pointer", &[("pointer", pointer)]));
    }
    if let Some(id) = &remote.request_id {
        lines.push(words.text_with("cli-request-id", &[("id", id)]));
    }
    lines
}

fn task_lines(task: &Task, words: &'static Words) -> Vec<String> {
    let mut lines = vec![crate::output::task_end(task, words)];
    let code = task.end.as_ref().map(|end| end.code.clone()).unwrap_or_default();
    let next = format!("failure-{code}-next");
    if words.has(&next) {
        lines.push(words.text_with(&next, &[("name", &task.subject.name)]));
    }
    if let Some(detail) = task.end.as_ref().and_then(|end| end.detail.clone()) {
        lines.push(words.text_with("cli-detail", &[("detail", &detail)]));
    }
    lines.push(words.text_with("cli-task-id", &[("id", &task.id.to_string())]));
    lines
}

/// The innermost cause says it best ("Connection refused").
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
