//! Reading a request's body: JSON, not too long, not too deep, nothing unknown in it. A plain function over bytes, so that it can
//! be fuzzed.

use axum::extract::{FromRequest, Request};
use cake_types::{ByteSize, Code, Problem};
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::problem::Refused;

/// Longest body: the largest user-data with every character escaped.
pub const BODY_MAX: usize = 512 * 1024;
/// Deepest nesting of arrays and objects.
pub const DEPTH_MAX: usize = 16;

/// A JSON body.
pub struct Json<T>(pub T);

/// A body that may be left out.
pub struct Maybe<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let (headers, bytes) = read(request).await?;
        is_json(&headers)?;
        parse(&bytes).map(Self).map_err(Refused)
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for Maybe<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let (headers, bytes) = read(request).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        is_json(&headers)?;
        parse(&bytes).map(Self).map_err(Refused)
    }
}

async fn read(request: Request) -> Result<(HeaderMap, bytes::Bytes), Refused> {
    let (parts, body) = request.into_parts();
    let bytes = collect(body).await?;
    Ok((parts.headers, bytes))
}

/// All of a body, if it is not too long.
pub(crate) async fn collect(body: axum::body::Body) -> Result<bytes::Bytes, Problem> {
    axum::body::to_bytes(body, BODY_MAX).await.map_err(|error| {
        use std::error::Error;
        if error.source().is_some_and(|source| source.is::<http_body_util::LengthLimitError>()) {
            Problem::new(Code::TooLarge).with("limit", ByteSize(BODY_MAX as u64))
        } else {
            Problem::new(Code::MalformedBody).with("detail", "the body ended early")
        }
    })
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Problem::new(Code::NotJson)) }
}

/// Bytes to a value, or what is wrong with them.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let malformed = |detail: String| Problem::new(Code::MalformedBody).with("detail", detail);
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("not UTF-8".into()))?;
    if depth(text) > DEPTH_MAX {
        return Err(malformed(format!("nested more than {DEPTH_MAX} deep")));
    }
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        match unknown_field(&said) {
            Some(field) => Problem::new(Code::UnknownField).with("field", field),
            None => malformed(said),
        }
    })
}

/// serde says: unknown field `x`, expected …
fn unknown_field(said: &str) -> Option<&str> {
    said.strip_prefix("unknown field `")?.split('`').next()
}

/// How deep arrays and objects are nested; brackets in strings do not count.
fn depth(text: &str) -> usize {
    let (mut now, mut most, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        name: String,
    }

    #[test]
    fn good_and_bad_bodies() {
        assert_eq!(parse::<Thing>(br#"{"name":"]]]]]]]]]]]]]]]]]["}"#).unwrap().name.len(), 18);
        let unknown = parse::<Thing>(br#"{"name":"a","colour":1}"#).unwrap_err();
        assert_eq!((unknown.code, unknown.params["field"].as_str()), (Code::UnknownField, "colour"));
        let deep = "[".repeat(100_000);
        for bad in [&b"{"[..], b"", b"null", b"{\"name\":1}", b"\xff", deep.as_bytes(), b"{\"name\":\"a\"}x"] {
            assert_eq!(parse::<Thing>(bad).unwrap_err().code, Code::MalformedBody);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = parse::<Thing>(&bytes);
        }
    }
}
