//! Where the worker reads a repository: over HTTP, or on a stick whose file systems it takes apart itself.

use super::wire::OnStick;
use cake_planner::fetch::{may_be_host, reachable};
use cake_storage::stick::worker::Opened;
use cake_storage::stick::{Unreadable, read_part};
use cake_update::{Control, Http, Source, SourceError};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Url};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

const CONNECT: Duration = Duration::from_secs(30);
/// The longest chain of redirects.
const HOPS: usize = 5;
/// Folders of a stick in which a repository may lie.
const PLACES: [&str; 3] = ["", "repository/", "cake/"];
/// The file that every repository has.
const MARK: &str = "metadata/timestamp.json";

/// The server itself, and what only it can reach, are not fetched from ([`cake_planner::fetch`]).
#[derive(Debug, thiserror::Error)]
#[error("nothing is fetched from there")]
pub struct Forbidden;

/// A repository on a web server. What its names stand for, and where it sends us, is judged.
pub fn http(url: &str, runtime: Handle) -> Result<Http, SourceError> {
    let parsed = Url::parse(url).ok().filter(may_be).ok_or_else(|| SourceError::NoUrl(url.to_owned()))?;
    let client = Client::builder()
        .user_agent(concat!("cake/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .connect_timeout(CONNECT)
        .dns_resolver(Arc::new(Guarded))
        .redirect(Policy::custom(follow))
        .build()
        .map_err(|source| SourceError::Http { path: parsed.to_string(), source })?;
    Http::new(client, parsed.as_str(), runtime)
}

fn may_be(url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none();
    plain && matches!(url.scheme(), "http" | "https") && may_be_host(url.host_str().unwrap_or_default())
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    match attempt.previous().len() {
        hops if hops > HOPS => attempt.error("it leads from one address to the next without end"),
        _ if !may_be(attempt.url()) => attempt.error(Forbidden),
        _ => attempt.follow(),
    }
}

struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may = reachable(found).ok_or(Forbidden)?;
            Ok(Box::new(may.into_iter()) as Addrs)
        })
    }
}

/// A repository on a stick.
pub struct Stick {
    file: File,
    on: OnStick,
    /// The folder that it lies in.
    folder: &'static str,
}

impl Stick {
    pub fn new(file: File, on: OnStick) -> Result<Self, SourceError> {
        let mut stick = Self { file, on, folder: "" };
        for folder in PLACES {
            stick.folder = folder;
            if stick.part(MARK, 0, 1)?.is_some() {
                return Ok(stick);
            }
        }
        Err(SourceError::Missing { path: MARK.into() })
    }

    fn part(&self, path: &str, from: u64, most: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let failed = |source| SourceError::Io { path: path.to_owned(), source };
        let opened = self.file.try_clone().and_then(Opened::new).map_err(failed)?;
        let full = format!("{}{path}", self.folder);
        read_part(Rc::new(opened), (self.on.partition, &self.on.volume), &full, from, most).map_err(|error| match error
        {
            Unreadable::Device(source) => failed(source),
            other => failed(io::Error::other(other)),
        })
    }
}

impl Source for Stick {
    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Vec<u8>>, SourceError> {
        control.look()?;
        match self.part(path, 0, limit + 1)? {
            Some(bytes) if bytes.len() as u64 > limit => Err(SourceError::TooLong { path: path.to_owned(), limit }),
            read => Ok(read),
        }
    }

    fn read_range(&self, path: &str, range: Range<u64>, control: &Control) -> Result<Vec<u8>, SourceError> {
        control.look()?;
        let length = range.end - range.start;
        match self.part(path, range.start, length)? {
            None => Err(SourceError::Missing { path: path.to_owned() }),
            Some(bytes) if (bytes.len() as u64) < length => Err(SourceError::Truncated { path: path.to_owned() }),
            Some(bytes) => Ok(bytes),
        }
    }
}
