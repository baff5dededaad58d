//! What changes, as it changes.

use crate::core::escape;
use crate::{Client, Error, Message, Parser};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use std::collections::VecDeque;
use std::time::Duration;
use uuid::Uuid;

/// A running watch.
pub struct Watch {
    url: String,
    chunks: BoxStream<'static, reqwest::Result<Bytes>>,
    parser: Parser,
    ready: VecDeque<Message>,
}

/// caked says something at least this often, be it a comment: silence means that the connection is dead.
const SILENCE: Duration = Duration::from_secs(60);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Client {
    /// Watches from a cursor (a message's id), or from now. The answer may be `compacted`: then read again and watch from now.
    pub async fn watch(&self, from: Option<&str>) -> Result<Watch, Error> {
        let path = match from {
            Some(cursor) => format!("/v1/watch?from={}", escape(cursor)),
            None => "/v1/watch".to_owned(),
        };
        let response = self.stream(&path, &[("accept", "text/event-stream")]).await?;
        Ok(Watch {
            url: self.url(&path),
            chunks: response.bytes_stream().boxed(),
            parser: Parser::default(),
            ready: VecDeque::new(),
        })
    }
}

impl Watch {
    /// The next message; `None` when the stream has ended or broken, as it does when caked ends.
    pub async fn next(&mut self) -> Result<Option<Message>, Error> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(Some(message));
            }
            let chunk = match tokio::time::timeout(SILENCE, self.chunks.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(_)) | None) | Err(_) => return Ok(None),
            };
            let messages = self.parser.feed(&chunk).map_err(|e| Error::protocol(&self.url, e))?;
            self.ready.extend(messages);
        }
    }

    /// Waits for a message that names one of these ids; false when the stream has ended.
    pub(crate) async fn next_about(&mut self, task: Uuid, subject: Uuid) -> Result<bool, Error> {
        let (task, subject) = (task.to_string(), subject.to_string());
        while let Some(message) = self.next().await? {
            if message.data.contains(&task) || message.data.contains(&subject) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
