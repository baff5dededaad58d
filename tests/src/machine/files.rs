//! Files over HTTP/1.1, as firmware asks for them, and what was asked for.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
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
        let mut header = String::new();
        while stream.read_line(&mut header).await? > 2 {
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
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length:";
        stream.write_all(format!("{head} {length}\r\n\r\n").as_bytes()).await?;
        if method == "GET" {
            tokio::io::copy(&mut file, &mut stream).await?;
        }
        stream.flush().await?;
    }
}
