//! `/v1/settings`

use super::accounts::language;
use super::servers::said;
use axum::extract::State;
use axum::response::Response;
use cake_control::settings as control;
use cake_planner::{energy_price, names};
use cake_types::{self as domain, Code, Generation, Problem, SystemSettings};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Ask, IfMatch, etag, tagged};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// What holds for the whole rack.
#[derive(Serialize, ToSchema)]
pub struct Settings {
    /// What this cloud calls itself.
    pub name: String,
    pub language: &'static str,
    pub time_zone: String,
    #[schema(value_type = String, format = "date-time")]
    pub set_up_at: Timestamp,
    /// The public half, Base64.
    pub recovery_key: String,
    /// Days that what was deleted lies in the bin.
    pub bin_days: u32,
    /// Names and addresses by which the console is known, beside those that the server finds itself. The built-in certificate
    /// covers them.
    pub names: Vec<String>,
    /// Whether machines on the network are told where the console is.
    pub announce: bool,
    /// What it is called there, without `.local`; absent: `cake-` and the server's serial number.
    pub local_name: Option<String>,
    /// What a kilowatt-hour costs, where somebody said so.
    pub energy_price: Option<EnergyPrice>,
    /// What all servers of the rack together may draw, in watts; absent: as much as they like.
    pub power_budget: Option<u32>,
    /// For If-Match.
    pub etag: String,
}

impl From<control::Versioned> for Settings {
    fn from(versioned: control::Versioned) -> Self {
        let control::Versioned { generation, settings } = versioned;
        let SystemSettings {
            name,
            language,
            time_zone,
            set_up_at,
            recovery_key,
            bin_days,
            names,
            quiet,
            local_name,
            energy_price,
            power_budget,
        } = settings;
        Self {
            name: name.to_string(),
            language: language.tag(),
            time_zone,
            set_up_at,
            recovery_key: recovery_key.into(),
            bin_days,
            names,
            announce: !quiet,
            local_name,
            energy_price: energy_price.as_ref().map(Into::into),
            power_budget,
            etag: etag(generation),
        }
    }
}

/// What a kilowatt-hour costs.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnergyPrice {
    /// A decimal number with at most three digits after the point: `4.27`. Empty: nobody says so any more.
    pub per_kwh: String,
    /// Three letters (ISO 4217): `TWD`.
    pub currency: String,
}

impl From<&domain::EnergyPrice> for EnergyPrice {
    fn from(price: &domain::EnergyPrice) -> Self {
        Self { per_kwh: energy_price::per_kwh(price), currency: price.currency.clone() }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default)]
    pub time_zone: Option<String>,
    /// 1 to 365.
    #[serde(default)]
    pub bin_days: Option<u32>,
    /// All of them, in place of those of before.
    #[serde(default)]
    pub names: Option<Vec<String>>,
    #[serde(default)]
    pub announce: Option<bool>,
    /// One label, with or without `.local`; empty: after the server's serial number.
    #[serde(default)]
    pub local_name: Option<String>,
    #[serde(default)]
    pub energy_price: Option<EnergyPrice>,
    /// 50 … 1,000,000 watts; `null`: as much as they like.
    #[serde(default, deserialize_with = "said")]
    pub power_budget: Option<Option<u32>>,
}

/// The settings.
#[utoipa::path(get, path = "/v1/settings", operation_id = "settings_get", tag = "settings",
    responses((status = 200, body = Settings, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    let versioned = api.settings.get().ok_or_else(|| Problem::new(Code::NotSetUp))?;
    Ok(tagged(versioned.generation, &Settings::from(versioned)))
}

/// Changes the settings.
#[utoipa::path(patch, path = "/v1/settings", operation_id = "settings_update", tag = "settings",
    request_body = SettingsPatch, params(("If-Match" = String, Header)),
    responses((status = 200, body = Settings, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    ask: Ask,
    seen: IfMatch,
    Json(patch): Json<SettingsPatch>,
) -> Result<Response, Refused> {
    let SettingsPatch {
        name,
        language: tag,
        time_zone,
        bin_days,
        names,
        announce,
        local_name,
        energy_price,
        power_budget,
    } = patch;
    let name = name.map(|name| names::name(&name, "/name")).transpose()?;
    let language = language(tag)?;
    let asked = |price: EnergyPrice| energy_price::asked(&price.per_kwh, &price.currency, "/energy_price");
    let energy_price = energy_price.map(asked).transpose()?;
    let patch = control::SettingsPatch {
        name,
        language,
        time_zone,
        bin_days,
        names,
        announce,
        local_name,
        energy_price,
        power_budget,
    };
    let check = |generation: Generation| seen.check(generation);
    let versioned = api.settings.update(&ask.caller, patch, check).await?;
    Ok(tagged(versioned.generation, &Settings::from(versioned)))
}
