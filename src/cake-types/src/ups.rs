//! The uninterruptible power supply (UPS) behind a server, as its NUT server (Network UPS Tools, RFC 9271) tells of it.

use crate::words::words;
use crate::{Generation, Sealed};
use serde::{Deserialize, Serialize};

/// The port of a NUT server (IANA: `nut`).
pub const UPS_PORT: u16 = 3493;
/// Minutes of run time at which the guests are shut down, unless somebody chooses otherwise.
pub const UPS_MINUTES: u32 = 5;

/// Which UPS feeds the servers, and what to do when it runs out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpsSpec {
    /// Name or address of the NUT server.
    pub host: String,
    pub port: u16,
    /// What the NUT server calls the UPS.
    pub name: String,
    /// Who logs in, so that the NUT server waits for this server before it cuts the power. Reading needs nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Sealed<String>>,
    /// With so many minutes of run time left, or fewer, the guests are shut down and then the server.
    pub minutes: u32,
}

/// As it lies in the Store. That there is none any more is told as well: absence would say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ups {
    pub generation: Generation,
    pub spec: Option<UpsSpec>,
}

/// What a node last heard of its UPS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpsStatus {
    /// Manufacturer and model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<UpsFlag>,
    /// Per cent of the battery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<u32>,
    /// Seconds that the battery lasts, as the UPS reckons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<u32>,
    /// Per cent of what the UPS can feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<u32>,
    /// Why the rest is not what is so now. Of a login that was refused: everything else is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<UpsProblem>,
    /// What the NUT server has instead, where it does not know the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<String>,
    /// The end has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<UpsShutdown>,
}

impl UpsStatus {
    pub fn is(&self, flag: UpsFlag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether what it says is what is so now.
    pub fn is_heard(&self) -> bool {
        matches!(self.problem, None | Some(UpsProblem::Login))
    }
}

words! {
    /// What a UPS says of itself: the words of `ups.status`. Its sentence is `ups-flag-FLAG`.
    UpsFlag {
        /// OL
        OnLine = "on-line",
        /// OB
        OnBattery = "on-battery",
        /// LB
        LowBattery = "low-battery",
        /// RB
        ReplaceBattery = "replace-battery",
        /// CHRG
        Charging = "charging",
        /// DISCHRG
        Discharging = "discharging",
        /// BYPASS: its load is not protected.
        Bypass = "bypass",
        /// CAL: it tries its battery by using it.
        Calibrating = "calibrating",
        /// OFF: it feeds nobody.
        Off = "off",
        /// OVER
        Overload = "overload",
        /// TRIM: the voltage is too high.
        Trimming = "trimming",
        /// BOOST: the voltage is too low.
        Boosting = "boosting",
        /// FSD: its NUT server is about to cut the power.
        Forced = "forced",
    }

    /// Why a UPS can't be heard. Its sentence is `ups-problem-PROBLEM`.
    UpsProblem {
        /// No connection, or it ended.
        Unreachable = "unreachable",
        /// The NUT server knows no UPS of that name.
        Unknown = "unknown",
        /// The NUT server itself has not heard of the UPS for a while.
        Stale = "stale",
        /// What answers does not speak the protocol.
        Garbled = "garbled",
        /// The NUT server took neither the user nor the password, or not this server.
        Login = "login",
    }

    /// How far the end has come. Its sentence is `ups-shutdown-STAGE`.
    UpsShutdown {
        /// Guests have been asked to shut down.
        Guests = "guests",
        /// The server powers itself off.
        Host = "host",
        /// The guests are off. The server can't be powered off from here: systemd does not run, or refuses.
        Stays = "stays",
    }
}
