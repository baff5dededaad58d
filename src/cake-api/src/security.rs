//! Headers that tell browsers what our pages never do.

use axum::response::Response;
use cake_types::RequestId;
use http::{HeaderName, HeaderValue, header};

/// Only from here, nothing inline. No HSTS: the certificate is our own, and the address may be one that others use tomorrow.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub(crate) fn headers(mut response: Response, request: RequestId) -> Response {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        // A page may say it more exactly.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // What is about one person's resources is not for a cache, unless the page said otherwise.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&request.to_string()) {
        headers.insert("x-request-id", id);
    }
    response
}
