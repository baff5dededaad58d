//! `GET /let-in`: an administrator who lost the password, with a word from the server's screen.

use crate::data::ConsoleData;
use crate::frame::Frame;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "let_in.html")]
struct Page<'a> {
    f: &'a Frame,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, f: Frame) -> Response {
    if !data.setup().await.done {
        return f.redirect("/setup");
    }
    if f.viewer.is_some() {
        return f.redirect("/");
    }
    f.page(&Page { f: &f })
}
