//! The contract as a document (OpenAPI 3.1).

use crate::v1;
use std::sync::OnceLock;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "cake",
        description = "Everything that the console can do, and nothing that it can't.\n\n\
            **Changes.** Every POST carries an `Idempotency-Key`: the same request with the same key is done once and answered \
            the same for 24 hours. Every PATCH and DELETE carries `If-Match` with the ETag that was read.\n\n\
            **Who asks.** An API token as `Authorization: Bearer cake_…`, or a session's cookie together with `X-Cake-CSRF`.\n\n\
            **Long work** is answered with 202 and a task; watch its end with `/v1/watch`.\n\n\
            **Lists** come in parts: send `next` as `cursor`.",
    ),
    paths(
        v1::setup::get, v1::setup::answer,
        v1::setup_network::get, v1::setup_network::attempt, v1::setup_network::confirm, v1::setup_network::cancel,
        v1::backups::receive, v1::backups::restore,
        v1::installation::disks, v1::installation::judge, v1::installation::get, v1::installation::start,
        v1::installation::cancel, v1::installation::restart,
        v1::support::list, v1::support::create, v1::support::download, v1::support::delete,
        v1::backups::list, v1::backups::create, v1::backups::download, v1::backups::delete,
        v1::session::begin, v1::session::let_in, v1::session::get, v1::session::end,
        v1::accounts::own, v1::accounts::update_own, v1::accounts::list, v1::accounts::create, v1::accounts::get,
        v1::accounts::update, v1::accounts::delete, v1::accounts::roles,
        v1::tokens::list, v1::tokens::create, v1::tokens::delete,
        v1::vms::list, v1::vms::create, v1::vms::get, v1::vms::update, v1::vms::delete, v1::vms::start,
        v1::vms::shutdown, v1::vms::stop, v1::vms::reset, v1::vms::replace_engine, v1::vms::pause, v1::vms::resume, v1::vms::adopt,
        v1::vms::bin, v1::vms::restore, v1::bin::list, v1::nics::add, v1::nics::remove,
        v1::cd::change, v1::disks::add, v1::disks::grow, v1::disks::remove, v1::disks::detach,
        v1::console::ticket, v1::console::connect,
        v1::screen::ticket, v1::screen::connect, v1::screen::screenshot,
        v1::images::list, v1::images::get, v1::images::update, v1::images::delete, v1::images::bin,
        v1::images::restore, v1::images::download,
        v1::imports::list, v1::imports::create, v1::imports::get, v1::imports::chunk, v1::imports::cancel,
        v1::exports::create, v1::exports::list, v1::exports::get, v1::exports::download, v1::exports::delete,
        v1::volumes::list, v1::volumes::create, v1::volumes::get, v1::volumes::update, v1::volumes::delete,
        v1::volumes::attach, v1::volumes::bin, v1::volumes::restore, v1::volumes::download,
        v1::pools::list, v1::nodes::list, v1::nodes::get,
        v1::hosts::get, v1::hosts::update, v1::hosts::clock, v1::hosts::reboot, v1::hosts::power_off,
        v1::hosts::soft_reboot,
        v1::network::get, v1::network::attempt, v1::network::confirm, v1::network::cancel,
        v1::server_disks::list, v1::server_disks::read, v1::sticks::list, v1::usage::of_node, v1::usage::of_vm, v1::metrics::get,
        v1::servers::list, v1::servers::create, v1::servers::get, v1::servers::update, v1::servers::delete,
        v1::servers::sensors, v1::server_history::history, v1::server_history::energy, v1::power_budget::get, v1::servers::events, v1::servers::parts, v1::server_orders::clear, v1::server_orders::power,
        v1::server_orders::identify, v1::server_orders::boot, v1::server_orders::restore,
    v1::server_console::ticket, v1::server_console::connect, v1::server_drives::list, v1::server_drives::light, v1::server_redfish::firmware, v1::server_redfish::bios, v1::server_redfish::media, v1::server_redfish::insert, v1::server_redfish::eject, v1::bmc_scan::get, v1::bmc_scan::start, v1::server_orders::password, v1::pdus::list, v1::pdus::create, v1::pdus::get, v1::pdus::update, v1::pdus::delete, v1::switches::list, v1::switches::create, v1::switches::get, v1::switches::update, v1::switches::delete, v1::switches::accept,
        v1::tasks::list, v1::tasks::get, v1::tasks::cancel,
        v1::alerts::list, v1::alerts::acknowledge, v1::alerts::unacknowledge, v1::alerts::silence, v1::alerts::unsilence,
        v1::channels::list, v1::channels::create, v1::channels::get, v1::channels::update, v1::channels::delete,
        v1::channels::test,
        v1::causes::list, v1::week::get,
        v1::announcement::get, v1::certificate::get, v1::certificate::authority, v1::certificate::upload, v1::certificate::reset,
        v1::certificate::request, v1::ups::get, v1::ups::set, v1::ups::remove,
        v1::updates::get, v1::updates::source, v1::updates::check, v1::updates::apply, v1::updates::go_back, v1::updates::remove,
        v1::events::list, v1::audit::list, v1::settings::get, v1::settings::update, v1::query::find,
        v1::queries::list, v1::queries::save, v1::queries::update, v1::queries::delete, v1::bulk::summary,
        v1::watch::watch,
        v1::meta::version, v1::meta::openapi, v1::meta::docs, v1::meta::docs_style,
    ),
    security(("token" = []), ("session" = [])),
    modifiers(&Credentials),
)]
struct Contract;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", bearer);
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(crate::guard::COOKIE)));
        components.add_security_scheme("session", cookie);
        // The crate's own licence and contact say nothing about the contract.
        (document.info.license, document.info.contact) = (None, None);
    }
}

/// The document as it is served and committed.
pub fn document() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = Contract::openapi().to_pretty_json().expect("the document is JSON");
        text.push('\n');
        text
    })
}
