//! `/v1/certificate`: what the console shows itself with.

use super::word;
use axum::extract::State;
use axum::response::Response;
use cake_control::caller::Answer;
use cake_control::certificate::View;
use cake_types::CertificateInfo;
use http::{HeaderValue, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Ask, IfMatch, answer_response, etag, tagged};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// The certificate that people are shown.
#[derive(Serialize, ToSchema)]
pub struct Certificate {
    /// `built-in`: from the rack's own authority, made anew before it ends. `own`: somebody brought it.
    pub source: String,
    pub subject: String,
    pub issuer: String,
    /// DNS names, which may begin with `*.`, and addresses.
    pub names: Vec<String>,
    #[schema(value_type = String, format = "date-time")]
    pub not_before: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub not_after: Timestamp,
    /// SHA-256, hexadecimal with colons.
    pub fingerprint: String,
    /// `not-named`: it covers none of the names that the console is known by. `ends-soon`: within 30 days.
    pub warnings: Vec<&'static str>,
    /// A signing request was made: its key waits here for a certificate.
    pub requested: bool,
    /// For If-Match.
    pub etag: String,
}

impl From<&View> for Certificate {
    fn from(view: &View) -> Self {
        let View { info, generation, warnings, requested } = view;
        let CertificateInfo { source, subject, issuer, names, not_before, not_after, fingerprint } = info.clone();
        Self {
            source: word(&source),
            subject,
            issuer,
            names,
            not_before,
            not_after,
            fingerprint,
            warnings: warnings.iter().map(|warning| warning.as_str()).collect(),
            requested: *requested,
            etag: etag(*generation),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// PEM: the console's own certificate first, then those that lead to its authority.
    pub chain: String,
    /// PEM, not encrypted. Absent where the certificate answers the last signing request.
    #[serde(default)]
    pub key: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSigningRequest {
    /// DNS names, which may begin with `*.`, and addresses. The first is the common name too.
    pub names: Vec<String>,
    #[serde(default)]
    pub organization: Option<String>,
}

/// What an authority makes a certificate from. The key stays on the server.
#[derive(Serialize, ToSchema)]
pub struct SigningRequest {
    /// PKCS #10 in PEM.
    pub request: String,
}

#[expect(clippy::ptr_arg, reason = "kept answers are made from what was made, by reference")]
fn made(request: &String) -> Answer {
    let body = serde_json::to_string(&SigningRequest { request: request.clone() }).expect("a request is JSON");
    Answer { status: 201, etag: None, location: None, body }
}

fn shown(view: &View) -> Response {
    tagged(view.generation, &Certificate::from(view))
}

/// The certificate that people are shown.
#[utoipa::path(get, path = "/v1/certificate", operation_id = "certificate_get", tag = "certificate",
    responses((status = 200, body = Certificate), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    Ok(shown(&api.certificates.view()))
}

/// The rack's own authority in PEM, for programs that shall trust it.
#[utoipa::path(get, path = "/v1/certificate/authority", operation_id = "certificate_authority", tag = "certificate",
    responses((status = 200, content_type = "application/x-pem-file"), (status = "default", body = ProblemBody)))]
pub(crate) async fn authority(State(api): State<Api>) -> Result<Response, Refused> {
    let mut response = Response::new(api.certificates.authority()?.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"cake-ca.pem\""));
    Ok(response)
}

/// Shows another certificate from now on. Connections that are open go on.
#[utoipa::path(put, path = "/v1/certificate", operation_id = "certificate_upload", tag = "certificate",
    request_body = NewCertificate, params(("If-Match" = String, Header)),
    responses((status = 200, body = Certificate), (status = "default", body = ProblemBody)))]
pub(crate) async fn upload(
    State(api): State<Api>,
    ask: Ask,
    seen: IfMatch,
    Json(new): Json<NewCertificate>,
) -> Result<Response, Refused> {
    let NewCertificate { chain, key } = new;
    let key = key.as_deref().filter(|key| !key.trim().is_empty());
    let view = api.certificates.upload(&ask.caller, &chain, key, |generation| seen.check(generation)).await?;
    Ok(shown(&view))
}

/// Back to the built-in one.
#[utoipa::path(delete, path = "/v1/certificate", operation_id = "certificate_reset", tag = "certificate",
    params(("If-Match" = String, Header)),
    responses((status = 200, body = Certificate), (status = "default", body = ProblemBody)))]
pub(crate) async fn reset(State(api): State<Api>, ask: Ask, seen: IfMatch) -> Result<Response, Refused> {
    Ok(shown(&api.certificates.reset(&ask.caller, |generation| seen.check(generation)).await?))
}

/// Makes a key and a signing request for it. The request of before, if its certificate never came, is no longer good.
#[utoipa::path(post, path = "/v1/certificate/request", operation_id = "certificate_request", tag = "certificate",
    request_body = NewSigningRequest, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = SigningRequest), (status = "default", body = ProblemBody)))]
pub(crate) async fn request(
    State(api): State<Api>,
    ask: Ask,
    Json(new): Json<NewSigningRequest>,
) -> Result<Response, Refused> {
    let NewSigningRequest { names, organization } = new;
    let request = api.certificates.request(&ask.caller, &names, organization.as_deref(), &ask.keep(made)).await?;
    Ok(answer_response(made(&request)))
}
