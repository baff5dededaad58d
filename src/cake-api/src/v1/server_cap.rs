//! How much a server may draw, as it travels.

use cake_types as domain;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerCap {
    /// 20 … 20,000, and within what the BMC takes; `null`: as much as it likes.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    pub watts: Option<u16>,
}

/// What is asked, and what is so.
#[derive(Serialize, ToSchema)]
pub struct ServerCap {
    /// Absent: the BMC is left as it is.
    pub asked: Option<PowerCap>,
    /// Watts at which the rack's power budget holds the server back; absent: it does not. The smaller of both is what its BMC is told.
    pub held: Option<u16>,
    /// The limit in force, in watts; absent: none, or not known.
    pub watts: Option<u16>,
    /// The lowest and the highest that the BMC takes, in watts, where it says so.
    pub least: Option<u16>,
    pub most: Option<u16>,
    /// Why what is asked is not in force: `unsupported`, `out-of-range`, `forbidden`, `failed`.
    pub trouble: Option<&'static str>,
}

impl From<PowerCap> for domain::PowerCap {
    fn from(PowerCap { watts }: PowerCap) -> Self {
        Self { watts }
    }
}

impl ServerCap {
    pub fn new(spec: &domain::ServerSpec, status: Option<&domain::CapStatus>) -> Option<Self> {
        let held = spec.held.and_then(|domain::HeldBack { watts, since: _ }| watts);
        if spec.cap.is_none() && held.is_none() && status.is_none() {
            return None;
        }
        let asked = spec.cap.map(|domain::PowerCap { watts }| PowerCap { watts });
        let domain::CapStatus { watts, least, most, trouble } = status.copied().unwrap_or_default();
        Some(Self { asked, held, watts, least, most, trouble: trouble.map(|trouble| trouble.as_str()) })
    }
}
