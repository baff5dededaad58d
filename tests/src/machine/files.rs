//! Files over HTTP/1.1, as firmware asks for them, and what was asked for.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server of files. It ends when it is dropped.
#[derive(Debug)]
pub struct Files {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    files: Mutex<BTreeMap<String, PathBuf>>,
    asked: Mutex<Vec<String>>,
}

impl Files {
    pub(super) fn on(listener: StdListener) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { shared, task })
    }

    /// Offers a file under a path, which begins with `/`.
    pub fn offer(&self, path: &str, file: &Path) {
        self.shared.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path.into(), file.into());
    }

    /// Offers everything in a folder under its path in it.
    pub fn offer_folder(&self, folder: &Path) -> Result<()> {
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(&next)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    self.offer(&format!("/{}", path.strip_prefix(folder)?.display()), &path);
                }
            }
        }
        Ok(())
    }

    /// What was asked for: `GET /path`.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Whoever hangs up early has what he wanted.
        tokio::spawn(serve(stream, shared.clone()));
    }
}

/// One connection, for as many requests as come.
async fn serve(stream: TcpStream, shared: Arc<Shared>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if stream.read_line(&mut request).await? == 0 {
            return Ok(());
        }
        let (mut header, mut range) = (String::new(), None);
        while stream.read_line(&mut header).await? > 2 {
            range = range.or_else(|| range_of(&header));
            header.clear();
        }
        let mut words = request.split_whitespace();
        let (method, target) = words.next().zip(words.next()).context("a request")?;
        // Some firmware names the whole URL.
        let target = target.strip_prefix("http://").map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
        shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{method} {target}"));
        let file = shared.files.lock().unwrap_or_else(PoisonError::into_inner).get(target).cloned();
        let Some(file) = file else {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await?;
            continue;
        };
        let mut file = tokio::fs::File::open(file).await?;
        let length = file.metadata().await?.len();
        let (first, last) = range.unwrap_or((0, length.saturating_sub(1)));
        let last = last.min(length.saturating_sub(1));
        let (status, more) = match range {
            Some(_) => ("206 Partial Content", format!("Content-Range: bytes {first}-{last}/{length}\r\n")),
            None => ("200 OK", String::new()),
        };
        let sent = if length == 0 { 0 } else { last + 1 - first };
        let kind = "Content-Type: application/octet-stream";
        let head = format!("HTTP/1.1 {status}\r\n{kind}\r\n{more}Content-Length: {sent}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        if method == "GET" {
            file.seek(SeekFrom::Start(first)).await?;
            tokio::io::copy(&mut file.take(sent), &mut stream).await?;
        }
        stream.flush().await?;
    }
}

/// `Range: bytes=FIRST-LAST` (RFC 9110 §14.1.2).
fn range_of(header: &str) -> Option<(u64, u64)> {
    let (name, value) = header.split_once(':')?;
    let (first, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
    let range = (first.parse().ok()?, last.parse().ok()?);
    (name.eq_ignore_ascii_case("range") && range.0 <= range.1).then_some(range)
}
