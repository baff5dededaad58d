//! A file as an answer, or one part of it (RFC 9110 §14).

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cake_types::{Code, Problem};
use futures_util::{Stream, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use cake_control::error;

/// Read at a time.
const STEP: u64 = 512 * 1024;

/// The file for somebody who keeps it under this name.
pub(crate) async fn answer(file: File, headers: &HeaderMap, name: &str) -> Result<Response, Problem> {
    let size = file.metadata().map_err(|error| error::internal("a file can't be looked at", &error))?.len();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, part) = match asked.map(|text| range(text, size)) {
        // What is not understood is as if it were not there (§14.2).
        None | Some(Asked::Whole) => (StatusCode::OK, 0..size),
        Some(Asked::Part(part)) => (StatusCode::PARTIAL_CONTENT, part),
        Some(Asked::Beyond) => {
            let detail = format!("the file has {size} bytes");
            return Err(Problem::new(Code::BadParameter).with("name", "Range").with("detail", detail));
        }
    };
    let (start, end) = (part.start, part.end);
    let mut response = Response::new(Body::from_stream(read(Arc::new(file), part)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    let text = |text: String| HeaderValue::from_str(&text).expect("numbers and ids are visible ASCII");
    headers.insert(header::CONTENT_DISPOSITION, text(format!("attachment; filename=\"{name}\"")));
    if status == StatusCode::PARTIAL_CONTENT {
        headers.insert(header::CONTENT_RANGE, text(format!("bytes {start}-{}/{size}", end - 1)));
    }
    Ok(response)
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    Beyond,
}

/// `bytes=FIRST-`, `bytes=FIRST-LAST` or `bytes=-SUFFIX`; several parts are answered with the whole.
fn range(text: &str, size: u64) -> Asked {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|part| part.split_once('-')) else {
        return Asked::Whole;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Asked::Whole,
    };
    if part.is_empty() { Asked::Beyond } else { Asked::Part(part) }
}

fn read(file: Arc<File>, part: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(part, move |left| {
        let file = file.clone();
        async move {
            if left.is_empty() {
                return Ok(None);
            }
            let length = STEP.min(left.end - left.start);
            let start = left.start;
            let bytes = tokio::task::spawn_blocking(move || {
                let mut bytes = vec![0; length as usize];
                file.read_exact_at(&mut bytes, start).map(|()| Bytes::from(bytes))
            });
            let bytes = bytes.await.map_err(io::Error::other)??;
            Ok(Some((bytes, left.start + length..left.end)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_file() {
        for (text, asked) in [
            ("bytes=0-9", Asked::Part(0..10)),
            ("bytes=90-", Asked::Part(90..100)),
            ("bytes=90-999", Asked::Part(90..100)),
            ("bytes=-10", Asked::Part(90..100)),
            ("bytes=-999", Asked::Part(0..100)),
            ("bytes=100-", Asked::Beyond),
            ("bytes=9-0", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("bytes=", Asked::Whole),
        ] {
            assert_eq!(range(text, 100), asked, "{text}");
        }
    }
}
