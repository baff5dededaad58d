//! A client of the pages without a network: asks the router and reads the answer.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::{Extension, Router};
use cake_web::Viewer;
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

use crate::common::Rack;

#[derive(Clone)]
pub struct Browser {
    router: Router,
    language: &'static str,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Browser {
    pub fn new(rack: Rack, viewer: Option<Viewer>) -> Self {
        Self::with(Arc::new(rack), viewer)
    }

    pub fn with(rack: Arc<Rack>, viewer: Option<Viewer>) -> Self {
        let pages = cake_web::router(rack);
        let router = match viewer {
            Some(viewer) => pages.layer(Extension(viewer)),
            None => pages,
        };
        Self { router, language: "en" }
    }

    pub fn reading(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    pub async fn response(&self, address: &str, extra: &[(&str, &str)]) -> axum::response::Response {
        let mut request = Request::get(address).header(header::ACCEPT_LANGUAGE, self.language);
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        self.router.clone().oneshot(request).await.expect("the router never fails")
    }

    pub async fn get(&self, address: &str) -> Answer {
        self.get_with(address, &[]).await
    }

    pub async fn get_with(&self, address: &str, extra: &[(&str, &str)]) -> Answer {
        let response = self.response(address, extra).await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: head.status, headers: head.headers, text }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}
