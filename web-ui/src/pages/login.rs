//! `GET /login`.

use crate::data::ConsoleData;
use crate::frame::Frame;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginQuery {
    next: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    f: &'a Frame,
    next: &'a str,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, f: Frame, Query(query): Query<LoginQuery>) -> Response {
    if !data.setup().await.done {
        return f.redirect("/setup");
    }
    let next = safe(&query.next);
    if f.viewer.is_some() {
        return f.redirect(next);
    }
    f.page(&Page { f: &f, next })
}

/// Only a page of this console: never another site (`//host`, `/\host`).
fn safe(next: &str) -> &str {
    let own = next.starts_with('/') && !next[1..].starts_with(['/', '\\']) && !next.contains(|c: char| c.is_control());
    if own { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_this_console_only() {
        assert_eq!(safe("/vms?q=a"), "/vms?q=a");
        for elsewhere in ["", "//evil.example", "/\\evil.example", "https://evil.example", "vms", "/a\nb"] {
            assert_eq!(safe(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
