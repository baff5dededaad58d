//! The static files, in the program. All of them live beneath one hash, so that a browser keeps them for ever and still never
//! mixes those of two versions.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub struct File {
    name: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/static.rs"));

/// The address of a static file.
pub fn url(name: &str) -> String {
    format!("/static/{HASH}/{name}")
}

/// `GET /static/{hash}/{*name}`. With another version's hash the file is served too, but not kept.
pub async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Ok(at) = FILES.binary_search_by_key(&name.as_str(), |file| file.name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let file = &FILES[at];
    let etag = HeaderValue::from_static(etag());
    let keep = if hash == HASH { "public, max-age=31536000, immutable" } else { "no-cache" };
    let common = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(&name))),
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen == etag) {
        return (StatusCode::NOT_MODIFIED, common, [(header::ETAG, etag)]).into_response();
    }
    let takes_gzip = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).is_some_and(takes_gzip);
    if takes_gzip {
        (common, [(header::ETAG, etag), (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))], file.gzip)
            .into_response()
    } else {
        (common, [(header::ETAG, etag)], file.plain).into_response()
    }
}

/// One tag for all files: they change together or not at all. Weak, because a file and its compressed form share it.
fn etag() -> &'static str {
    static TAG: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TAG.get_or_init(|| format!("W/\"{HASH}\""))
}

/// Whether an Accept-Encoding header allows gzip (RFC 9110 §12.5.3).
fn takes_gzip(header: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let refused = |weight: &str| weight.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
        matches!(parts.next(), Some("gzip" | "*")) && !parts.any(refused)
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_it_is_taken() {
        for header in ["gzip", "br, gzip;q=0.5", "*", "deflate,gzip"] {
            assert!(takes_gzip(header), "{header}");
        }
        for header in ["", "br", "gzip;q=0", "identity"] {
            assert!(!takes_gzip(header), "{header}");
        }
    }

    #[test]
    fn every_file_has_a_type_and_is_smaller_compressed() {
        assert!(FILES.windows(2).all(|pair| pair[0].name < pair[1].name), "sorted, so that it can be searched");
        for file in FILES {
            assert_ne!(content_type(file.name), "application/octet-stream", "{}", file.name);
            // A picture is compressed already.
            let packed = file.name.ends_with(".png");
            assert!(packed || file.plain.len() < 200 || file.gzip.len() < file.plain.len(), "{}", file.name);
        }
    }
}
