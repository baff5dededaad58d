//! What can go wrong between here and the server.

use serde::Deserialize;
use std::collections::BTreeMap;

/// One enum for the whole client: a caller decides by variant, and by [`Remote::code`] where the server answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with a problem (RFC 9457).
    #[error("{0}")]
    Remote(Box<Remote>),
    /// Nobody answers at that address, or the connection broke.
    #[error("{url} does not answer")]
    Unreachable {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Somebody answers, but not with a certificate of this rack's authority.
    #[error("{url} did not show a certificate of this rack")]
    Untrusted {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not what the API's contract says.
    #[error("{url} answered something that is not cake's API: {detail}")]
    Protocol { url: String, detail: String },
    /// The address is not an `https` URL.
    #[error("{0:?} is not an https address")]
    Address(String),
    /// The file that was to be sent can't be read.
    #[error("the file can't be read")]
    File(#[source] std::io::Error),
    /// The certificate file can't be read or holds none.
    #[error("no certificate in {path}")]
    Certificate {
        path: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A problem as it came over the wire.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Remote {
    pub status: u16,
    /// Stable code, for example `name-taken`.
    pub code: String,
    pub title: String,
    /// What is so and why, and what to do now, in the language that the server chose.
    pub detail: Option<String>,
    /// JSON pointer to the field of the request that is wrong.
    pub pointer: Option<String>,
    pub request_id: Option<String>,
    /// The same in every language, by language tag.
    pub messages: BTreeMap<String, Message>,
}

/// A problem's sentences in one language.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Message {
    pub title: String,
    pub detail: Option<String>,
    /// What to do now.
    pub next: Option<String>,
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.title, self.code, self.status)?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl Error {
    /// The stable code of the server's problem.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Remote(remote) => Some(&remote.code),
            _ => None,
        }
    }

    pub(crate) fn from_reqwest(url: &str, source: reqwest::Error) -> Self {
        let url = url.to_owned();
        if is_certificate_error(&source) {
            Self::Untrusted { url, source: source.into() }
        } else {
            Self::Unreachable { url, source: source.into() }
        }
    }

    pub(crate) fn protocol(url: &str, detail: impl std::fmt::Display) -> Self {
        Self::Protocol { url: url.to_owned(), detail: detail.to_string() }
    }
}

/// Looks through the causes for rustls' own word on the certificate. An I/O error hides what it wraps behind `get_ref`.
pub(crate) fn is_certificate_error(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}
