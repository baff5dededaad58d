//! What every page has: who looks, in which language and theme, on which page.

use crate::data::{ConsoleData, Viewer};
use crate::{assets, icons};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use cake_i18n::{Catalogue, Words, format};
use cake_planner::query::Now;
use cake_types::{Language, Permission};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Auto,
    Light,
    Dark,
}

/// Whether the page may be seen; the extractors [`Frame`] and [`Inside`] differ only in what they do about it.
#[derive(Clone, Debug)]
pub struct Frame {
    pub words: &'static Words,
    pub viewer: Option<Viewer>,
    pub theme: Theme,
    /// The path and query of this page, without `lang`.
    pub here: String,
    /// What this cloud calls itself; `cake` before it has a name.
    pub system_name: String,
    pub zone: TimeZone,
    pub now: Timestamp,
    /// `lang` was in the address: to be remembered.
    chosen: Option<String>,
}

/// A frame with a viewer: without one, the request leads to the wizard or to the login.
#[derive(Clone, Debug)]
pub struct Inside(pub Frame);

impl FromRequestParts<Arc<dyn ConsoleData>> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, data: &Arc<dyn ConsoleData>) -> Result<Self, Infallible> {
        let viewer = parts.extensions.get::<Viewer>().cloned();
        let about = data.about().await;
        let settings = data.settings().await.map(|view| view.settings);
        let asked = parts.uri.query().and_then(|query| parameter(query, "lang"));
        let words = choose_words(asked.as_deref(), &parts.headers, viewer.as_ref(), about.pseudo_language);
        let zone = settings.as_ref().and_then(|s| TimeZone::get(&s.time_zone).ok()).unwrap_or(TimeZone::UTC);
        Ok(Self {
            words,
            viewer,
            theme: match cookie(&parts.headers, "cake_theme") {
                Some("light") => Theme::Light,
                Some("dark") => Theme::Dark,
                _ => Theme::Auto,
            },
            here: without_language(parts.uri.path(), parts.uri.query()),
            system_name: settings.as_ref().map_or_else(|| "cake".into(), |s| s.name.to_string()),
            zone,
            now: Timestamp::now(),
            chosen: asked,
        })
    }
}

impl FromRequestParts<Arc<dyn ConsoleData>> for Inside {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, data: &Arc<dyn ConsoleData>) -> Result<Self, Response> {
        let Ok(frame) = <Frame as FromRequestParts<_>>::from_request_parts(parts, data).await;
        if !data.setup().await.done {
            return Err(frame.redirect("/setup"));
        }
        if frame.viewer.is_none() {
            let to = if frame.here == "/" {
                "/login".into()
            } else {
                format!("/login?next={}", percent_encoded(&frame.here))
            };
            return Err(frame.redirect(&to));
        }
        Ok(Self(frame))
    }
}

impl OptionalFromRequestParts<Arc<dyn ConsoleData>> for Inside {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        data: &Arc<dyn ConsoleData>,
    ) -> Result<Option<Self>, Self::Rejection> {
        Ok(<Self as FromRequestParts<_>>::from_request_parts(parts, data).await.ok())
    }
}

/// The address first, then what was chosen before, then the account's choice, then the browser's.
fn choose_words(asked: Option<&str>, headers: &HeaderMap, viewer: Option<&Viewer>, pseudo: bool) -> &'static Words {
    let remembered = cookie(headers, "cake_lang");
    for tag in [asked, remembered].into_iter().flatten() {
        if pseudo && tag == "pseudo" {
            return Catalogue::pseudo();
        }
        if let Some(language) = Language::from_tag(tag) {
            return Catalogue::get(language);
        }
    }
    let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let language = viewer.and_then(|v| v.language).unwrap_or_else(|| Language::negotiate(accepted()));
    Catalogue::get(language)
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name).then_some(value))
}

/// A parameter that needs no decoding (a tag, a word, a number).
fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').filter_map(|p| p.split_once('=')).find_map(|(known, value)| (known == name).then(|| value.into()))
}

fn without_language(path: &str, query: Option<&str>) -> String {
    let rest: Vec<_> = query.unwrap_or("").split('&').filter(|p| !p.is_empty() && !p.starts_with("lang=")).collect();
    if rest.is_empty() { path.into() } else { format!("{path}?{}", rest.join("&")) }
}

/// For a value in an address (RFC 3986 §2.3: only the unreserved stay as they are).
pub fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What templates say.
impl Frame {
    /// A text of the catalogue.
    pub fn t(&self, id: impl AsRef<str>) -> &'static str {
        self.words.text_of(id.as_ref())
    }

    /// A text with one variable.
    pub fn tv(&self, id: impl AsRef<str>, name: &str, value: impl Display) -> String {
        self.words.text_with(id.as_ref(), &[(name, &value.to_string())])
    }

    /// A text with two variables.
    pub fn tvv(&self, id: &str, one: &str, value: impl Display, two: &str, other: impl Display) -> String {
        self.words.text_with(id, &[(one, &value.to_string()), (two, &other.to_string())])
    }

    /// An id made of two parts: `vm-action-` and `start`.
    pub fn id(&self, prefix: &str, word: &str) -> String {
        format!("{prefix}{word}")
    }

    /// An id with a word in its middle: `confirm-`, `stop`, `-title`.
    pub fn id2(&self, prefix: &str, word: &str, suffix: &str) -> String {
        format!("{prefix}{word}{suffix}")
    }

    /// The page whose regions are kept live. What a search found stays as it was read: looking through the records again at
    /// every change would cost more than it tells.
    pub fn live(&self) -> &str {
        if self.is_at("/search") { "/search" } else { &self.here }
    }

    /// For a value in an address.
    pub fn encoded(&self, text: &str) -> String {
        percent_encoded(text)
    }

    /// Another language than this page's.
    pub fn differs(&self, tag: &str) -> bool {
        tag != self.words.tag()
    }

    pub fn tag(&self) -> &'static str {
        self.words.tag()
    }

    pub fn icon(&self, name: &str) -> String {
        icons::svg(name)
    }

    pub fn icon_at(&self, name: &str, y: &u32) -> String {
        icons::svg_at(name, *y)
    }

    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// How the viewer wants dates written.
    fn manner(&self) -> format::Manner {
        let calendar = self.viewer.as_ref().map(|viewer| viewer.calendar).unwrap_or_default();
        format::Manner { language: self.words.language(), calendar }
    }

    /// When and where the reader is: what `today` means in a search.
    pub fn moment(&self) -> Now<'_> {
        Now { at: self.now, zone: &self.zone }
    }

    pub fn time(&self, at: &Timestamp) -> String {
        format::time(*at, &self.zone, self.manner())
    }

    pub fn time_exact(&self, at: &Timestamp) -> String {
        format::time_exact(*at, &self.zone, self.manner())
    }

    pub fn date(&self, at: &Timestamp) -> String {
        format::date(*at, &self.zone, self.manner())
    }

    pub fn age(&self, at: &Timestamp) -> String {
        format::age(*at, self.now, self.words)
    }

    pub fn since(&self, at: &Timestamp) -> String {
        format::duration(self.now.as_second() - at.as_second(), self.words)
    }

    pub fn theme(&self) -> &'static str {
        match self.theme {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn csrf(&self) -> &str {
        self.viewer.as_ref().map_or("", |viewer| &viewer.csrf)
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.viewer.as_ref().is_some_and(|viewer| viewer.may(permission))
    }

    pub fn may_operate(&self) -> bool {
        self.may(Permission::Operate)
    }

    pub fn may_manage(&self) -> bool {
        self.may(Permission::Manage)
    }

    pub fn may_audit(&self) -> bool {
        self.may(Permission::Audit)
    }

    pub fn may_administer(&self) -> bool {
        self.may(Permission::Administer)
    }

    /// The languages to switch to: tag, own name, address.
    pub fn languages(&self) -> Vec<(&'static str, &'static str, String)> {
        let join = if self.here.contains('?') { '&' } else { '?' };
        Language::ALL
            .into_iter()
            .map(|language| {
                let own_name = Catalogue::get(language).text("language-own-name");
                (language.tag(), own_name, format!("{}{join}lang={}", self.here, language.tag()))
            })
            .collect()
    }

    /// Whether the page in the navigation is this one or the one above it.
    pub fn is_at(&self, place: &str) -> bool {
        let path = self.here.split('?').next().unwrap_or("");
        path == place || place != "/" && path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Answers.
impl Frame {
    pub fn page(&self, template: &impl askama::Template) -> Response {
        self.page_with(StatusCode::OK, template)
    }

    pub fn page_with(&self, status: StatusCode, template: &impl askama::Template) -> Response {
        match template.render() {
            Ok(html) => self.remember((status, Html(html)).into_response()),
            Err(error) => {
                tracing::error!(%error, page = %self.here, "a page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    pub fn redirect(&self, to: &str) -> Response {
        self.remember(Redirect::to(to).into_response())
    }

    /// Remembers a language chosen in the address. The cookie holds no secret, so scripts may change it.
    fn remember(&self, mut response: Response) -> Response {
        let tag = self.chosen.as_deref().filter(|tag| *tag == "pseudo" || Language::from_tag(tag).is_some());
        if let Some(tag) = tag
            && let Ok(value) = format!("cake_lang={tag}; Path=/; Max-Age=31536000; SameSite=Lax; Secure").parse()
        {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_chosen_once_and_stays() {
        let headers = |cookie: &str, accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().expect("a header"));
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().expect("a header"));
            headers
        };
        let tag = |asked, cookie, accept, pseudo| choose_words(asked, &headers(cookie, accept), None, pseudo).tag();
        assert_eq!(tag(None, "", "zh-TW", false), "zh-Hant-TW");
        assert_eq!(tag(None, "a=b; cake_lang=en", "zh-TW", false), "en");
        assert_eq!(tag(Some("zh-Hant-TW"), "cake_lang=en", "en", false), "zh-Hant-TW");
        assert_eq!(tag(Some("pseudo"), "", "en", false), "en");
        assert_eq!(tag(Some("pseudo"), "", "en", true), "en-XA");
        assert_eq!(tag(Some("nonsense"), "", "zh", true), "zh-Hant-TW");
    }

    #[test]
    fn the_address_of_a_page_does_not_keep_its_language() {
        assert_eq!(without_language("/vms", Some("q=a&lang=en&sort=name")), "/vms?q=a&sort=name");
        assert_eq!(without_language("/vms", Some("lang=en")), "/vms");
        assert_eq!(percent_encoded("/vms?q=會"), "/vms%3Fq%3D%E6%9C%83");
    }
}
