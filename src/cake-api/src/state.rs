//! What handlers reach: the services of the control plane, one `Arc` each.

use cake_control::Control;
use cake_control::accounts::Accounts;
use cake_control::alerts::AlertBook;
use cake_control::announce::Announcer;
use cake_control::backup::Backups;
use cake_control::backup::restore::Restore;
use cake_control::board::Board;
use cake_control::budget::PowerBudget;
use cake_control::causes::Causes;
use cake_control::certificate::Certificates;
use cake_control::channels::Channels;
use cake_control::consoles::Consoles;
use cake_control::devices::Devices;
use cake_control::energy::EnergyReader;
use cake_control::exports::Exports;
use cake_control::hosts::Hosts;
use cake_control::images::Images;
use cake_control::imports::Imports;
use cake_control::installation::Installation;
use cake_control::ledger::Ledger;
use cake_control::screens::Screens;
use cake_control::search::Search;
use cake_control::server_consoles::ServerConsoles;
use cake_control::server_disks::DiskReader;
use cake_control::servers::Servers;
use cake_control::settings::Settings;
use cake_control::setup::Setup;
use cake_control::support::Support;
use cake_control::tasks::Tasks;
use cake_control::updates::Updates;
use cake_control::ups::UpsBook;
use cake_control::usage::UsageReader;
use cake_control::vms::Vms;
use cake_control::volumes::Volumes;
use cake_control::week::Weeks;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

#[derive(Clone)]
pub struct Api {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) board: Arc<Board>,
    pub(crate) vms: Arc<Vms>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) images: Arc<Images>,
    pub(crate) imports: Arc<Imports>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) volumes: Arc<Volumes>,
    pub(crate) search: Arc<Search>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) setup: Arc<Setup>,
    pub(crate) installation: Arc<Installation>,
    pub(crate) backups: Arc<Backups>,
    pub(crate) restore: Arc<Restore>,
    pub(crate) support: Arc<Support>,
    pub(crate) consoles: Arc<Consoles>,
    pub(crate) screens: Arc<Screens>,
    pub(crate) usage: Arc<UsageReader>,
    pub(crate) energy: Arc<EnergyReader>,
    pub(crate) budget: Arc<PowerBudget>,
    pub(crate) disks: Arc<DiskReader>,
    pub(crate) alerts: Arc<AlertBook>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) causes: Arc<Causes>,
    pub(crate) weeks: Arc<Weeks>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) ups: Arc<UpsBook>,
    pub(crate) updates: Arc<Updates>,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) servers: Arc<Servers>,
    pub(crate) server_consoles: Arc<ServerConsoles>,
    pub(crate) devices: Arc<Devices>,
    /// POSTs that are at work, by the place of their receipt.
    pub(crate) at_work: Arc<Mutex<HashSet<String>>>,
    /// Part of every cursor of a watch: places count from each start anew.
    pub(crate) instance: Arc<str>,
}

impl Api {
    pub fn new(control: &Control) -> Self {
        Self {
            ledger: control.ledger.clone(),
            board: control.ledger.board.clone(),
            vms: control.vms.clone(),
            tasks: control.tasks.clone(),
            images: control.images.clone(),
            imports: control.imports.clone(),
            exports: control.exports.clone(),
            volumes: control.volumes.clone(),
            search: control.search.clone(),
            accounts: control.accounts.clone(),
            settings: control.settings.clone(),
            setup: control.setup.clone(),
            installation: control.installation.clone(),
            backups: control.backups.clone(),
            restore: control.restore.clone(),
            support: control.support.clone(),
            consoles: control.consoles.clone(),
            screens: control.screens.clone(),
            usage: control.usage.clone(),
            energy: control.energy.clone(),
            budget: control.budget.clone(),
            disks: control.disks.clone(),
            alerts: control.alerts.clone(),
            channels: control.channels.clone(),
            causes: control.causes.clone(),
            weeks: control.weeks.clone(),
            announcer: control.announcer.clone(),
            certificates: control.certificates.clone(),
            ups: control.ups.clone(),
            updates: control.updates.clone(),
            hosts: control.hosts.clone(),
            servers: control.servers.clone(),
            server_consoles: control.server_consoles.clone(),
            devices: control.devices.clone(),
            at_work: Arc::default(),
            instance: data_encoding::HEXLOWER.encode(&cake_control::random::bytes::<6>()).into(),
        }
    }
}
