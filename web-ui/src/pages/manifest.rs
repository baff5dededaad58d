//! `GET /manifest.webmanifest`: what a phone needs to put the console on its home screen (W3C Web Application Manifest).

use crate::frame::Frame;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Manifest<'a> {
    name: &'a str,
    short_name: &'a str,
    description: &'a str,
    lang: &'a str,
    /// The same application whatever page it was found on.
    id: &'static str,
    start_url: &'static str,
    scope: &'static str,
    display: &'static str,
    background_color: &'static str,
    theme_color: &'static str,
    icons: Vec<Icon>,
    shortcuts: [Shortcut<'a>; 3],
}

#[derive(Serialize)]
struct Icon {
    src: String,
    sizes: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    purpose: &'static str,
}

/// What holding a finger on the icon offers.
#[derive(Serialize)]
struct Shortcut<'a> {
    name: &'a str,
    url: &'static str,
}

pub async fn manifest(f: Frame) -> Response {
    let png = |name: &str, sizes, purpose| Icon { src: f.asset(name), sizes, kind: "image/png", purpose };
    let manifest = Manifest {
        name: &f.system_name,
        short_name: &f.system_name,
        description: f.t("manifest-description"),
        lang: f.tag(),
        id: "/",
        start_url: "/",
        scope: "/",
        display: "standalone",
        // As in style/tokens.css.
        background_color: "#f7f7f4",
        theme_color: "#ffffff",
        icons: vec![
            Icon { src: f.asset("logo.svg"), sizes: "any", kind: "image/svg+xml", purpose: "any" },
            png("icon-192.png", "192x192", "any"),
            png("icon-512.png", "512x512", "any"),
            png("icon-512.png", "512x512", "maskable"),
        ],
        shortcuts: [("nav-vms", "/vms"), ("nav-events", "/events"), ("nav-search", "/search")]
            .map(|(id, url)| Shortcut { name: f.t(id), url }),
    };
    let body = serde_json::to_string(&manifest).expect("texts are JSON");
    ([(header::CONTENT_TYPE, "application/manifest+json")], body).into_response()
}
