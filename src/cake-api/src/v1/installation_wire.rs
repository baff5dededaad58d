//! Installations on the wire: which disks become what, what that comes to, and how it goes on.

use super::server_disks::ServerDisk;
use super::setup::{Administrator, FirstPool, FirstServer, SetupAnswers};
use cake_i18n::Words;
use cake_types::{self as domain, InstallJudged, InstallLayout, InstallPhase, InstallState, Problem, ShownKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which disks become what, by their serial numbers, or by the kernel's name where they have none.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallationChoice {
    /// One system disk, or two that mirror each other.
    pub disks: Vec<String>,
    /// Further disks, for VMs.
    #[serde(default)]
    pub pool_disks: Vec<String>,
    /// What several of those become: `mirrored`, `striped`, `separate`.
    #[serde(default)]
    pub pool_layout: Option<String>,
    /// Disks whose content may be lost.
    #[serde(default)]
    pub erase: Vec<String>,
}

/// A choice to be judged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedInstallation {
    pub install: InstallationChoice,
}

/// All of the wizard's answers, and which disks become what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstallation {
    /// `en`, `zh-Hant-TW`.
    #[serde(default)]
    pub language: Option<String>,
    /// What this cloud calls itself.
    pub name: String,
    /// IANA, for example `Asia/Taipei`.
    pub time_zone: String,
    pub administrator: Administrator,
    #[serde(default)]
    pub pool: Option<FirstPool>,
    #[serde(default)]
    pub servers: Vec<FirstServer>,
    pub install: InstallationChoice,
}

/// What is on a disk.
#[derive(Serialize, ToSchema)]
pub struct InstallationContent {
    /// `empty`, `empty-table`, `unfinished`, `cake`, `cake-pool`, `partitions`, `whole`, `unknown`.
    pub kind: &'static str,
    /// Nothing is on it that anybody could miss: it may be overwritten without being named in `erase`.
    pub free: bool,
    /// Of an installation of cake.
    pub name: Option<String>,
    pub version: Option<String>,
    pub parts: u32,
    /// Kinds of file systems, as libblkid calls them.
    pub systems: Vec<String>,
    /// The same in the reader's language.
    pub text: String,
}

/// A disk that cake could be installed on.
#[derive(Serialize, ToSchema)]
pub struct InstallationDisk {
    /// What a choice calls it.
    pub id: String,
    #[serde(flatten)]
    pub disk: ServerDisk,
    pub content: InstallationContent,
    /// Why it can't be used at all: `boot-medium`, `read-only`, `used`, `too-small`.
    pub unfit: Option<&'static str>,
    /// The same in the reader's language.
    pub unfit_text: Option<&'static str>,
    /// Where it is mounted, and `swap`.
    pub used_as: Vec<String>,
    pub fits_system: bool,
}

/// Every disk of this server, and what is proposed.
#[derive(Serialize, ToSchema)]
pub struct InstallationDisks {
    pub items: Vec<InstallationDisk>,
    pub proposal: InstallationChoice,
    /// Least size of a system disk, in bytes.
    pub least_system: u64,
    /// Least size of a disk for VMs, in bytes.
    pub least_pool: u64,
}

/// How a disk is divided, in bytes.
#[derive(Serialize, ToSchema)]
pub struct PlanDisk {
    pub id: String,
    /// What the kernel calls it now.
    pub name: String,
    pub size: u64,
    pub system: bool,
    pub boot: u64,
    pub state: u64,
    pub pool: u64,
}

/// A pool that VMs' disks will lie on.
#[derive(Serialize, ToSchema)]
pub struct PlanPool {
    pub name: String,
    /// RAID level; `null` on one disk.
    pub level: Option<u8>,
    pub disks: Vec<String>,
    /// About what VMs can have of it, in bytes.
    pub size: u64,
}

/// What somebody should know before.
#[derive(Serialize, ToSchema)]
pub struct PlanWarning {
    /// `no-tpm`, `no-makers-key`, `one-system-disk`, `striped`.
    pub kind: &'static str,
    /// In the reader's language.
    pub text: &'static str,
}

/// What is against a disk that was chosen.
#[derive(Serialize, ToSchema)]
pub struct PlanRefusal {
    pub id: String,
    /// `unknown`, `ambiguous`, `boot-medium`, `read-only`, `used`, `too-small`, `has-data`, `twice`.
    pub why: &'static str,
    /// In the reader's language.
    pub text: &'static str,
    /// Names of disks with the same serial number, or where it is mounted.
    pub places: Vec<String>,
    /// Bytes, of a disk that is too small: its own and the least.
    pub size: Option<u64>,
    pub least: Option<u64>,
}

/// What an installation would do.
#[derive(Serialize, ToSchema)]
pub struct InstallationPlan {
    pub disks: Vec<PlanDisk>,
    pub pools: Vec<PlanPool>,
    /// The TPM opens the disks at a start; else a key in the boot partition does.
    pub tpm: bool,
    pub warnings: Vec<PlanWarning>,
    pub steps: u32,
}

/// A choice, judged: either of both.
#[derive(Serialize, ToSchema)]
pub struct JudgedInstallation {
    pub plan: Option<InstallationPlan>,
    /// All reasons at once.
    pub refusals: Vec<PlanRefusal>,
}

/// How the installation stands.
#[derive(Serialize, ToSchema)]
pub struct InstallationState {
    /// `none`, `running`, `cancelled`, `failed`, `done`.
    pub phase: &'static str,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub started_at: Option<Timestamp>,
    /// Seconds since then.
    pub seconds: Option<i64>,
    /// The step that is under way, or was the last; 0 before the first.
    pub number: u32,
    pub of: u32,
    /// `release`, `wipe`, `divide`, `format-boot`, `array`, `encrypt`, `format`, `enrol`, `settle`, `firmware`, `verify`, `boot`, `name`,
    /// `entries`; empty before the first.
    pub step: String,
    /// The same in the reader's language.
    pub step_text: &'static str,
    /// Of everything, from 0 to 1.
    pub fraction: f64,
    /// It can still be called off.
    pub cancellable: bool,
    /// Why it failed, in English, as programs said it.
    pub detail: Option<String>,
    /// Opens the disks, whatever becomes of the server. It is told until this server starts anew, and never again.
    pub recovery_key: Option<String>,
}

impl InstallationChoice {
    pub(super) fn read(self) -> Result<domain::InstallChoice, Problem> {
        let Self { disks, pool_disks, pool_layout, erase } = self;
        let layout = |word: String| {
            let wrong = || Problem::invalid("pool_layout", "install-layout").at("/install/pool_layout");
            InstallLayout::from_word(&word).ok_or_else(wrong)
        };
        let pool_layout = pool_layout.map_or(Ok(InstallLayout::Mirrored), layout)?;
        Ok(domain::InstallChoice { disks, pool_disks, pool_layout, erase })
    }
}

impl From<domain::InstallChoice> for InstallationChoice {
    fn from(choice: domain::InstallChoice) -> Self {
        let domain::InstallChoice { disks, pool_disks, pool_layout, erase } = choice;
        Self { disks, pool_disks, pool_layout: Some(pool_layout.as_str().into()), erase }
    }
}

impl NewInstallation {
    pub(super) fn read(self) -> Result<(domain::SetupAnswers, domain::InstallChoice), Problem> {
        let Self { language, name, time_zone, administrator, pool, servers, install } = self;
        // The installer prepares the pools that there will be.
        let more_pools = Vec::new();
        let answers = SetupAnswers { language, name, time_zone, administrator, pool, more_pools, servers };
        Ok((answers.read()?, install.read()?))
    }
}

fn why_text(words: &Words, why: domain::InstallWhy) -> &'static str {
    words.text_of(&format!("reason-install-{}", why.as_str()))
}

fn content(words: &Words, content: domain::InstallContent) -> InstallationContent {
    let domain::InstallContent { kind, free, name, version, parts, systems } = content;
    let known = [
        ("name", name.clone().unwrap_or_default()),
        ("version", version.clone().unwrap_or_default()),
        ("count", parts.to_string()),
        ("systems", systems.join(", ")),
    ];
    let facts: Vec<(&str, &str)> = known.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let bare = match kind {
        domain::InstallContentKind::Partitions if systems.is_empty() => "-bare",
        domain::InstallContentKind::Cake if name.is_none() => "-bare",
        _ => "",
    };
    let text = words.text_with(&format!("install-content-{}{bare}", kind.as_str()), &facts);
    InstallationContent { kind: kind.as_str(), free, name, version, parts, systems, text }
}

pub(super) fn disk(words: &Words, found: domain::InstallDisk) -> InstallationDisk {
    let domain::InstallDisk { disk, content: on_it, unfit, used_as, fits_system } = found;
    InstallationDisk {
        id: disk.identity().to_owned(),
        disk: (&disk).into(),
        content: content(words, on_it),
        unfit: unfit.map(|why| why.as_str()),
        unfit_text: unfit.map(|why| why_text(words, why)),
        used_as,
        fits_system,
    }
}

fn plan(words: &Words, plan: domain::InstallPlan) -> InstallationPlan {
    let domain::InstallPlan { disks, pools, tpm, warnings, steps } = plan;
    let planned = |disk: domain::InstallPlanDisk| {
        let domain::InstallPlanDisk { serial: id, name, size, system, boot, state, pool } = disk;
        let (size, boot, state, pool) = (size.bytes(), boot.bytes(), state.bytes(), pool.bytes());
        PlanDisk { id, name, size, system, boot, state, pool }
    };
    let pooled = |pool: domain::InstallPlanPool| {
        let domain::InstallPlanPool { name, level, disks, size } = pool;
        PlanPool { name, level, disks, size: size.bytes() }
    };
    let warned = |warning: domain::InstallWarning| {
        let text = words.text_of(&format!("install-warning-{}", warning.as_str()));
        PlanWarning { kind: warning.as_str(), text }
    };
    InstallationPlan {
        disks: disks.into_iter().map(planned).collect(),
        pools: pools.into_iter().map(pooled).collect(),
        tpm,
        warnings: warnings.into_iter().map(warned).collect(),
        steps,
    }
}

pub(super) fn judged(words: &Words, judged: InstallJudged) -> JudgedInstallation {
    let refusal = |refusal: domain::InstallRefusal| {
        let domain::InstallRefusal { serial: id, why, places, size, least } = refusal;
        let bytes = |size: Option<domain::ByteSize>| size.map(|size| size.bytes());
        let text = why_text(words, why);
        PlanRefusal { id, why: why.as_str(), text, places, size: bytes(size), least: bytes(least) }
    };
    match judged {
        InstallJudged::Plan(planned) => JudgedInstallation { plan: Some(plan(words, planned)), refusals: Vec::new() },
        InstallJudged::Refused(refusals) => {
            JudgedInstallation { plan: None, refusals: refusals.into_iter().map(refusal).collect() }
        }
    }
}

pub(super) fn state(words: &Words, state: &InstallState) -> InstallationState {
    let InstallState {
        phase,
        operation: _,
        started_at,
        number,
        of,
        step,
        thousandths,
        cancellable,
        detail,
        recovery_key,
    } = state;
    InstallationState {
        phase: phase.as_str(),
        started_at: *started_at,
        seconds: started_at.map(|at| (Timestamp::now().as_second() - at.as_second()).max(0)),
        number: *number,
        of: *of,
        step: step.clone(),
        step_text: words.text_of(&format!("install-step-{step}")),
        fraction: f64::from(*thousandths) / 1000.0,
        cancellable: *cancellable,
        detail: detail.clone().filter(|_| *phase != InstallPhase::Running),
        recovery_key: recovery_key.as_ref().map(|ShownKey(key)| key.clone()),
    }
}
