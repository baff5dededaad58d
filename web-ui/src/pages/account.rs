//! `GET /account`: one's own.

use crate::data::ConsoleData;
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::Calendar;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "account.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    name: String,
    role: String,
    permissions: String,
    etag: String,
    languages: Vec<(&'static str, &'static str, bool)>,
    /// Word, title, whether it is chosen.
    calendars: Vec<(&'static str, &'static str, bool)>,
    tokens: Vec<TokenRow>,
}

struct TokenRow {
    id: String,
    name: String,
    created: String,
    expires: Option<String>,
    expired: bool,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let Some(viewer) = f.viewer.clone() else { return f.redirect("/login") };
    let tokens = data
        .tokens(viewer.account)
        .await
        .into_iter()
        .map(|token| TokenRow {
            id: token.id.to_string(),
            name: token.name.to_string(),
            created: f.date(&token.created_at),
            expires: token.expires_at.map(|at| f.date(&at)),
            expired: token.expires_at.is_some_and(|at| at < f.now),
        })
        .collect();
    let permissions: Vec<_> = viewer.permissions.iter().map(|&permission| f.words.permission(permission)).collect();
    let etag = data.account(viewer.account).await.map(|account| account.etag).unwrap_or_default();
    let r = super::regions(&data, &f, "/account").await;
    f.page(&Page {
        f: &f,
        r,
        name: viewer.name.to_string(),
        role: f.words.role(&viewer.role.0),
        // Each of them may hold a comma of its own.
        permissions: permissions.join(f.t("semicolon")),
        etag,
        calendars: Calendar::ALL
            .map(|known| (known.as_str(), f.t(format!("calendar-{}", known.as_str())), known == viewer.calendar))
            .to_vec(),
        languages: super::settings::languages(viewer.language.unwrap_or(f.words.language())),
        tokens,
    })
}
