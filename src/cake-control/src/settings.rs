//! Settings of the whole system. They exist from the moment that set-up is done.

use cake_planner::{certificate, mdns, power_budget};
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Code, EnergyPrice, Generation, Language, Name, Problem, PublicKey, SetupError, SystemSettings};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError, RwLock};

use crate::board::What;
use crate::caller::Caller;
use crate::ledger::Ledger;
use crate::record::{self, Stored};
use crate::{error, keys};

/// The settings with their generation, as they lie in the Store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned {
    pub generation: Generation,
    pub settings: SystemSettings,
}

/// What shall be different; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct SettingsPatch {
    pub name: Option<Name>,
    pub language: Option<Language>,
    pub time_zone: Option<String>,
    pub bin_days: Option<u32>,
    pub names: Option<Vec<String>>,
    /// Whether machines on the network are told where the console is.
    pub announce: Option<bool>,
    /// What it is called there; nothing: after the server's serial number.
    pub local_name: Option<String>,
    /// What a kilowatt-hour costs; `Some(None)`: nobody says so any more.
    pub energy_price: Option<Option<EnergyPrice>>,
    /// What all servers together may draw, in watts; `Some(None)`: as much as they like.
    pub power_budget: Option<Option<u32>>,
}

/// Days that things may lie in the bin.
pub const BIN_DAYS: std::ops::RangeInclusive<u32> = 1..=365;

pub struct Settings {
    ledger: Arc<Ledger>,
    current: RwLock<Option<Stored<Versioned>>>,
}

impl Settings {
    pub async fn load(ledger: Arc<Ledger>) -> Result<Self, record::RecordError> {
        let current = record::get(&*ledger.store, &keys::settings()).await?;
        Ok(Self { ledger, current: RwLock::new(current) })
    }

    /// `None` before set-up.
    pub fn get(&self) -> Option<Versioned> {
        self.read().map(|stored| stored.value)
    }

    pub fn is_set_up(&self) -> bool {
        self.current.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub fn recovery_key(&self) -> Option<PublicKey> {
        self.get().map(|versioned| versioned.settings.recovery_key)
    }

    /// How long what was deleted lies in the bin.
    pub fn bin_days(&self) -> u32 {
        self.get().map_or_else(cake_types::bin_days, |versioned| versioned.settings.bin_days)
    }

    /// By whose clock days and months begin.
    pub fn zone(&self) -> TimeZone {
        let zone = self.get().and_then(|set| TimeZone::get(&set.settings.time_zone).ok());
        zone.unwrap_or(TimeZone::UTC)
    }

    /// Names and addresses by which the console is known, beside those that the server finds itself.
    pub fn names(&self) -> Vec<String> {
        self.get().map(|versioned| versioned.settings.names).unwrap_or_default()
    }

    /// What a kilowatt-hour costs, where somebody said so.
    pub fn energy_price(&self) -> Option<EnergyPrice> {
        self.get().and_then(|versioned| versioned.settings.energy_price)
    }

    /// What all servers together may draw, in watts.
    pub fn power_budget(&self) -> Option<u32> {
        self.get().and_then(|versioned| versioned.settings.power_budget)
    }

    fn read(&self) -> Option<Stored<Versioned>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts in memory what was just written.
    pub(crate) fn put(&self, stored: Stored<Versioned>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(stored);
        self.ledger.board.changes.tell(What::Settings);
    }

    pub async fn update(
        &self,
        caller: &Caller,
        patch: SettingsPatch,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<Versioned, Problem> {
        let Stored { mut value, revision } = self.read().ok_or_else(|| Problem::new(Code::NotSetUp))?;
        check(value.generation)?;
        let SettingsPatch {
            name,
            language,
            time_zone,
            bin_days,
            names,
            announce,
            local_name,
            energy_price,
            power_budget,
        } = patch;
        let power_budget = power_budget.map(power_budget::checked).transpose()?;
        let names = names.map(|names| certificate::names(&names, false, "/names")).transpose()?;
        let local_name = local_name.map(|name| mdns::asked(&name, "/local_name")).transpose()?;
        if let Some(zone) = &time_zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            return Err(setup_problem(&SetupError::TimeZone(zone.clone())));
        }
        if bin_days.is_some_and(|days| !BIN_DAYS.contains(&days)) {
            let problem = Problem::new(Code::OutOfRange).with("field", "bin_days");
            return Err(problem.with("min", BIN_DAYS.start()).with("max", BIN_DAYS.end()).at("/bin_days"));
        }
        value.generation = value.generation.next();
        let settings = &mut value.settings;
        settings.name = name.unwrap_or_else(|| settings.name.clone());
        settings.language = language.unwrap_or(settings.language);
        settings.names = names.unwrap_or_else(|| settings.names.clone());
        settings.quiet = announce.map_or(settings.quiet, |announce| !announce);
        settings.local_name = local_name.unwrap_or_else(|| settings.local_name.clone());
        settings.energy_price = energy_price.unwrap_or_else(|| settings.energy_price.clone());
        settings.power_budget = power_budget.unwrap_or(settings.power_budget);
        settings.bin_days = bin_days.unwrap_or(settings.bin_days);
        settings.time_zone = time_zone.unwrap_or_else(|| settings.time_zone.clone());
        let key = keys::settings();
        let txn = Txn::new().guard(key.clone(), Expect::Revision(revision)).put(key, record::encode(&value));
        let mut audit = self.ledger.audit(caller, None);
        match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => self.put(Stored { value: value.clone(), revision }),
            TxnOutcome::Refused { .. } => return Err(Problem::new(Code::Stale)),
        }
        self.ledger.audited(audit).await?;
        Ok(value)
    }
}

/// A wrong answer of the wizard as a problem that points at its field.
pub fn setup_problem(error: &SetupError) -> Problem {
    let (field, pointer, reason) = match error {
        SetupError::TimeZone(_) => ("time_zone", "/time_zone", "time-zone"),
        SetupError::PasswordTooShort { .. } => ("password", "/administrator/password", "password-too-short"),
        SetupError::PasswordTwice => ("password", "/administrator/password", "password-twice"),
        SetupError::PasswordMissing => ("password", "/administrator/password", "password-missing"),
        SetupError::PasswordHash => ("password_argon2id", "/administrator/password_argon2id", "password-hash"),
        SetupError::PoolPath => ("path", "/pool/path", "pool-path"),
    };
    Problem::invalid(field, reason).at(pointer)
}
