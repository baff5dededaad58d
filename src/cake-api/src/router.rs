//! Every route, with who may use it. The table is the authorisation: a test calls each row with each role.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, on};
use cake_types::{Code, Permission};

use crate::guard::{Access, Operation, guard, outer};
use crate::problem::Refused;
use crate::state::Api;
use crate::v1::{
    accounts, alerts, announcement, audit, backups, bin, bmc_scan, bulk, causes, cd, certificate, channels, console,
    disks, events, exports, hosts, images, imports, installation, meta, metrics, network, nics, nodes, pdus, pools,
    power_budget, queries, query, screen, server_console, server_disks, server_drives, server_history, server_orders,
    server_redfish, servers, session, settings, setup, setup_network, sticks, support, switches, tasks, tokens,
    updates, ups, usage, vms, volumes, watch, week,
};

struct Table {
    api: Api,
    router: Router<Api>,
    operations: Vec<Operation>,
}

/// Whether the answer is kept under the Idempotency-Key.
const KEPT: bool = true;
const NOT_KEPT: bool = false;

impl Table {
    fn add<H, T>(self, id: &'static str, (method, path): (&'static str, &'static str), access: Access, h: H) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        let conditional = matches!(method, "PATCH" | "PUT" | "DELETE");
        self.add_operation(Operation { id, method, path, access, replayed: KEPT, conditional }, h)
    }

    /// Its answer is not kept.
    fn add_fleeting<H, T>(
        self,
        id: &'static str,
        (method, path): (&'static str, &'static str),
        access: Access,
        h: H,
    ) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.add_operation(Operation { id, method, path, access, replayed: NOT_KEPT, conditional: false }, h)
    }

    fn add_operation<H, T>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        let filter = match operation.method {
            "POST" => MethodFilter::POST,
            "PUT" => MethodFilter::PUT,
            "PATCH" => MethodFilter::PATCH,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        let guarded = on(filter, handler).layer(from_fn_with_state((self.api.clone(), operation), guard));
        self.router = self.router.route(operation.path, guarded);
        self.operations.push(operation);
        self
    }
}

fn table(api: Api) -> Table {
    use Access::{Account, Open, Setup, With};
    use Permission::{Administer, Audit, Manage, Operate, View};
    let table = Table { api, router: Router::new(), operations: Vec::new() };
    table
        .add("version", ("GET", "/v1/version"), Open, meta::version)
        .add("openapi", ("GET", "/v1/openapi.json"), Open, meta::openapi)
        .add("docs", ("GET", "/v1/docs"), Open, meta::docs)
        .add("docs_style", ("GET", "/v1/docs.css"), Open, meta::docs_style)
        .add("setup_get", ("GET", "/v1/setup"), Open, setup::get)
        .add("setup", ("POST", "/v1/setup"), Setup, setup::answer)
        .add("setup_network_get", ("GET", "/v1/setup/network"), Setup, setup_network::get)
        .add("setup_network_try", ("PUT", "/v1/setup/network"), Setup, setup_network::attempt)
        .add("setup_network_confirm", ("POST", "/v1/setup/network/confirm"), Setup, setup_network::confirm)
        .add("setup_network_cancel", ("POST", "/v1/setup/network/cancel"), Setup, setup_network::cancel)
        .add_fleeting("setup_backup", ("PUT", "/v1/setup/backup"), Setup, backups::receive)
        .add_fleeting("setup_restore", ("POST", "/v1/setup/restore"), Setup, backups::restore)
        .add("setup_disks", ("GET", "/v1/setup/disks"), Setup, installation::disks)
        .add_fleeting("setup_plan", ("POST", "/v1/setup/plan"), Setup, installation::judge)
        .add("setup_installation", ("GET", "/v1/setup/installation"), Setup, installation::get)
        .add("setup_install", ("POST", "/v1/setup/installation"), Setup, installation::start)
        .add_fleeting("setup_install_cancel", ("POST", "/v1/setup/installation/cancel"), Setup, installation::cancel)
        .add_fleeting("setup_install_restart", ("POST", "/v1/setup/installation/restart"), Setup, installation::restart)
        .add_fleeting("session_begin", ("POST", "/v1/session"), Open, session::begin)
        .add_fleeting("session_let_in", ("POST", "/v1/session/let-in"), Open, session::let_in)
        .add("session_get", ("GET", "/v1/session"), Account, session::get)
        .add("session_end", ("DELETE", "/v1/session"), Account, session::end)
        .add("account_own", ("GET", "/v1/account"), Account, accounts::own)
        .add("account_own_update", ("PATCH", "/v1/account"), Account, accounts::update_own)
        .add("account_list", ("GET", "/v1/accounts"), With(Administer), accounts::list)
        .add("account_create", ("POST", "/v1/accounts"), With(Administer), accounts::create)
        .add("account_get", ("GET", "/v1/accounts/{account}"), With(Administer), accounts::get)
        .add("account_update", ("PATCH", "/v1/accounts/{account}"), With(Administer), accounts::update)
        .add("account_delete", ("DELETE", "/v1/accounts/{account}"), With(Administer), accounts::delete)
        .add("role_list", ("GET", "/v1/roles"), With(Administer), accounts::roles)
        .add("token_list", ("GET", "/v1/tokens"), Account, tokens::list)
        .add("token_create", ("POST", "/v1/tokens"), Account, tokens::create)
        .add("token_delete", ("DELETE", "/v1/tokens/{token}"), Account, tokens::delete)
        .add("vm_list", ("GET", "/v1/vms"), With(View), vms::list)
        .add("vm_create", ("POST", "/v1/vms"), With(Manage), vms::create)
        .add("vm_get", ("GET", "/v1/vms/{vm}"), With(View), vms::get)
        .add("vm_update", ("PATCH", "/v1/vms/{vm}"), With(Manage), vms::update)
        .add("vm_delete", ("DELETE", "/v1/vms/{vm}"), With(Manage), vms::delete)
        .add("vm_bin", ("POST", "/v1/vms/{vm}/bin"), With(Manage), vms::bin)
        .add("vm_restore", ("POST", "/v1/vms/{vm}/restore"), With(Manage), vms::restore)
        .add("bin_list", ("GET", "/v1/bin"), With(View), bin::list)
        .add("vm_start", ("POST", "/v1/vms/{vm}/start"), With(Operate), vms::start)
        .add("vm_shutdown", ("POST", "/v1/vms/{vm}/shutdown"), With(Operate), vms::shutdown)
        .add("vm_stop", ("POST", "/v1/vms/{vm}/stop"), With(Operate), vms::stop)
        .add("vm_reset", ("POST", "/v1/vms/{vm}/reset"), With(Operate), vms::reset)
        .add("vm_pause", ("POST", "/v1/vms/{vm}/pause"), With(Operate), vms::pause)
        .add("vm_resume", ("POST", "/v1/vms/{vm}/resume"), With(Operate), vms::resume)
        .add("vm_replace_engine", ("POST", "/v1/vms/{vm}/replace-engine"), With(Operate), vms::replace_engine)
        .add("vm_adopt", ("POST", "/v1/vms/{vm}/adopt"), With(Manage), vms::adopt)
        .add_fleeting("vm_console", ("POST", "/v1/vms/{vm}/console"), With(Operate), console::ticket)
        .add("vm_nic_add", ("POST", "/v1/vms/{vm}/nics"), With(Manage), nics::add)
        .add("vm_nic_remove", ("DELETE", "/v1/vms/{vm}/nics/{mac}"), With(Manage), nics::remove)
        .add("vm_disk_add", ("POST", "/v1/vms/{vm}/disks"), With(Manage), disks::add)
        .add("vm_disk_grow", ("PATCH", "/v1/vms/{vm}/disks/{disk}"), With(Manage), disks::grow)
        .add("vm_disk_remove", ("DELETE", "/v1/vms/{vm}/disks/{disk}"), With(Manage), disks::remove)
        .add("vm_disk_detach", ("POST", "/v1/vms/{vm}/disks/{disk}/detach"), With(Manage), disks::detach)
        .add("vm_cd", ("POST", "/v1/vms/{vm}/cd"), With(Manage), cd::change)
        .add("console_connect", ("GET", "/v1/console/{ticket}"), With(Operate), console::connect)
        .add_fleeting("vm_screen", ("POST", "/v1/vms/{vm}/screen"), With(View), screen::ticket)
        .add("screen_connect", ("GET", "/v1/screen/{ticket}"), With(View), screen::connect)
        .add("vm_screenshot", ("GET", "/v1/vms/{vm}/screenshot"), With(View), screen::screenshot)
        .add("vm_usage", ("GET", "/v1/vms/{vm}/usage"), With(View), usage::of_vm)
        .add("image_list", ("GET", "/v1/images"), With(View), images::list)
        .add("image_get", ("GET", "/v1/images/{image}"), With(View), images::get)
        .add("image_delete", ("DELETE", "/v1/images/{image}"), With(Manage), images::delete)
        .add("image_bin", ("POST", "/v1/images/{image}/bin"), With(Manage), images::bin)
        .add("image_restore", ("POST", "/v1/images/{image}/restore"), With(Manage), images::restore)
        .add("image_download", ("GET", "/v1/images/{image}/content"), With(Manage), images::download)
        .add("import_list", ("GET", "/v1/imports"), With(View), imports::list)
        .add("import_create", ("POST", "/v1/imports"), With(Manage), imports::create)
        .add("import_get", ("GET", "/v1/imports/{import}"), With(View), imports::get)
        .add_fleeting("import_chunk", ("PUT", "/v1/imports/{import}/chunks/{chunk}"), With(Manage), imports::chunk)
        .add("import_cancel", ("DELETE", "/v1/imports/{import}"), With(Manage), imports::cancel)
        .add("image_update", ("PATCH", "/v1/images/{image}"), With(Manage), images::update)
        .add("vm_export", ("POST", "/v1/vms/{vm}/exports"), With(Manage), exports::create)
        .add("export_list", ("GET", "/v1/exports"), With(View), exports::list)
        .add("export_get", ("GET", "/v1/exports/{export}"), With(View), exports::get)
        .add("export_download", ("GET", "/v1/exports/{export}/content"), With(Manage), exports::download)
        .add("export_delete", ("DELETE", "/v1/exports/{export}"), With(Manage), exports::delete)
        .add("volume_list", ("GET", "/v1/volumes"), With(View), volumes::list)
        .add("volume_create", ("POST", "/v1/volumes"), With(Manage), volumes::create)
        .add("volume_get", ("GET", "/v1/volumes/{volume}"), With(View), volumes::get)
        .add("volume_update", ("PATCH", "/v1/volumes/{volume}"), With(Manage), volumes::update)
        .add("volume_delete", ("DELETE", "/v1/volumes/{volume}"), With(Manage), volumes::delete)
        .add("volume_attach", ("POST", "/v1/volumes/{volume}/attach"), With(Manage), volumes::attach)
        .add("volume_bin", ("POST", "/v1/volumes/{volume}/bin"), With(Manage), volumes::bin)
        .add("volume_restore", ("POST", "/v1/volumes/{volume}/restore"), With(Manage), volumes::restore)
        .add("volume_download", ("GET", "/v1/volumes/{volume}/content"), With(Manage), volumes::download)
        .add("pool_list", ("GET", "/v1/pools"), With(View), pools::list)
        .add("node_list", ("GET", "/v1/nodes"), With(View), nodes::list)
        .add("node_get", ("GET", "/v1/nodes/{node}"), With(View), nodes::get)
        .add("host_get", ("GET", "/v1/nodes/{node}/host"), With(View), hosts::get)
        .add("host_update", ("PATCH", "/v1/nodes/{node}/host"), With(Administer), hosts::update)
        .add("host_clock", ("POST", "/v1/nodes/{node}/clock"), With(Administer), hosts::clock)
        .add("network_get", ("GET", "/v1/nodes/{node}/network"), With(View), network::get)
        .add("network_try", ("PUT", "/v1/nodes/{node}/network"), With(Administer), network::attempt)
        .add("network_confirm", ("POST", "/v1/nodes/{node}/network/confirm"), With(Administer), network::confirm)
        .add("network_cancel", ("POST", "/v1/nodes/{node}/network/cancel"), With(Administer), network::cancel)
        .add("host_reboot", ("POST", "/v1/nodes/{node}/reboot"), With(Administer), hosts::reboot)
        .add("host_power_off", ("POST", "/v1/nodes/{node}/power-off"), With(Administer), hosts::power_off)
        .add("host_soft_reboot", ("POST", "/v1/nodes/{node}/soft-reboot"), With(Administer), hosts::soft_reboot)
        .add("node_disks", ("GET", "/v1/nodes/{node}/disks"), With(View), server_disks::list)
        .add("node_sticks", ("GET", "/v1/nodes/{node}/sticks"), With(Manage), sticks::list)
        .add("node_disks_read", ("POST", "/v1/nodes/{node}/disks/read"), With(Operate), server_disks::read)
        .add("node_usage", ("GET", "/v1/nodes/{node}/usage"), With(View), usage::of_node)
        .add("server_list", ("GET", "/v1/servers"), With(View), servers::list)
        .add("server_create", ("POST", "/v1/servers"), With(Administer), servers::create)
        .add("server_get", ("GET", "/v1/servers/{server}"), With(View), servers::get)
        .add("server_update", ("PATCH", "/v1/servers/{server}"), With(Administer), servers::update)
        .add("server_delete", ("DELETE", "/v1/servers/{server}"), With(Administer), servers::delete)
        .add("server_sensors", ("GET", "/v1/servers/{server}/sensors"), With(View), servers::sensors)
        .add("server_history", ("GET", "/v1/servers/{server}/history"), With(View), server_history::history)
        .add("energy", ("GET", "/v1/energy"), With(View), server_history::energy)
        .add("power_budget", ("GET", "/v1/power-budget"), With(View), power_budget::get)
        .add("server_events", ("GET", "/v1/servers/{server}/events"), With(View), servers::events)
        .add("server_parts", ("GET", "/v1/servers/{server}/parts"), With(View), servers::parts)
        .add(
            "server_events_clear",
            ("POST", "/v1/servers/{server}/events/clear"),
            With(Administer),
            server_orders::clear,
        )
        .add("server_power", ("POST", "/v1/servers/{server}/power"), With(Administer), server_orders::power)
        .add("server_firmware", ("GET", "/v1/servers/{server}/firmware"), With(View), server_redfish::firmware)
        .add("server_bios", ("GET", "/v1/servers/{server}/bios"), With(View), server_redfish::bios)
        .add("server_media", ("GET", "/v1/servers/{server}/media"), With(View), server_redfish::media)
        .add_fleeting(
            "server_media_insert",
            ("POST", "/v1/servers/{server}/media/insert"),
            With(Administer),
            server_redfish::insert,
        )
        .add_fleeting(
            "server_media_eject",
            ("POST", "/v1/servers/{server}/media/eject"),
            With(Administer),
            server_redfish::eject,
        )
        .add("server_drives", ("GET", "/v1/servers/{server}/drives"), With(View), server_drives::list)
        .add_fleeting(
            "server_drive_light",
            ("POST", "/v1/servers/{server}/drive-light"),
            With(Operate),
            server_drives::light,
        )
        .add_fleeting("server_console", ("POST", "/v1/servers/{server}/console"), With(Operate), server_console::ticket)
        .add("server_console_connect", ("GET", "/v1/server-console/{ticket}"), With(Operate), server_console::connect)
        .add("server_identify", ("POST", "/v1/servers/{server}/identify"), With(Operate), server_orders::identify)
        .add("server_boot", ("POST", "/v1/servers/{server}/boot"), With(Administer), server_orders::boot)
        .add(
            "server_restore_policy",
            ("POST", "/v1/servers/{server}/restore-policy"),
            With(Administer),
            server_orders::restore,
        )
        .add("server_password", ("POST", "/v1/servers/{server}/password"), With(Administer), server_orders::password)
        .add("bmc_scan_get", ("GET", "/v1/bmc-scan"), With(View), bmc_scan::get)
        .add("bmc_scan_start", ("POST", "/v1/bmc-scan"), With(Administer), bmc_scan::start)
        .add("pdu_list", ("GET", "/v1/pdus"), With(View), pdus::list)
        .add("pdu_create", ("POST", "/v1/pdus"), With(Administer), pdus::create)
        .add("pdu_get", ("GET", "/v1/pdus/{pdu}"), With(View), pdus::get)
        .add("pdu_update", ("PATCH", "/v1/pdus/{pdu}"), With(Administer), pdus::update)
        .add("pdu_delete", ("DELETE", "/v1/pdus/{pdu}"), With(Administer), pdus::delete)
        .add("switch_list", ("GET", "/v1/switches"), With(View), switches::list)
        .add("switch_create", ("POST", "/v1/switches"), With(Administer), switches::create)
        .add("switch_get", ("GET", "/v1/switches/{switch}"), With(View), switches::get)
        .add("switch_update", ("PATCH", "/v1/switches/{switch}"), With(Administer), switches::update)
        .add("switch_delete", ("DELETE", "/v1/switches/{switch}"), With(Administer), switches::delete)
        .add("switch_accept_cabling", ("POST", "/v1/switches/{switch}/cabling/accept"), With(Operate), switches::accept)
        .add("task_list", ("GET", "/v1/tasks"), With(View), tasks::list)
        .add("task_get", ("GET", "/v1/tasks/{task}"), With(View), tasks::get)
        .add("task_cancel", ("POST", "/v1/tasks/{task}/cancel"), With(Manage), tasks::cancel)
        .add("alert_list", ("GET", "/v1/alerts"), With(View), alerts::list)
        .add("alert_acknowledge", ("POST", "/v1/alerts/{alert}/acknowledge"), With(Operate), alerts::acknowledge)
        .add("alert_unacknowledge", ("POST", "/v1/alerts/{alert}/unacknowledge"), With(Operate), alerts::unacknowledge)
        .add("alert_silence", ("POST", "/v1/alerts/{alert}/silence"), With(Operate), alerts::silence)
        .add("alert_unsilence", ("POST", "/v1/alerts/{alert}/unsilence"), With(Operate), alerts::unsilence)
        .add("channel_list", ("GET", "/v1/channels"), With(Administer), channels::list)
        .add("channel_create", ("POST", "/v1/channels"), With(Administer), channels::create)
        .add("channel_get", ("GET", "/v1/channels/{channel}"), With(Administer), channels::get)
        .add("channel_update", ("PATCH", "/v1/channels/{channel}"), With(Administer), channels::update)
        .add("channel_delete", ("DELETE", "/v1/channels/{channel}"), With(Administer), channels::delete)
        .add_fleeting("channel_test", ("POST", "/v1/channels/{channel}/test"), With(Administer), channels::test)
        .add("cause_list", ("GET", "/v1/causes"), With(View), causes::list)
        .add("week_get", ("GET", "/v1/week"), With(View), week::get)
        .add("event_list", ("GET", "/v1/events"), With(View), events::list)
        .add("audit_list", ("GET", "/v1/audit"), With(Audit), audit::list)
        .add("settings_get", ("GET", "/v1/settings"), With(View), settings::get)
        .add("settings_update", ("PATCH", "/v1/settings"), With(Administer), settings::update)
        .add("announcement_get", ("GET", "/v1/announcement"), With(View), announcement::get)
        .add("certificate_get", ("GET", "/v1/certificate"), With(View), certificate::get)
        .add("certificate_authority", ("GET", "/v1/certificate/authority"), With(View), certificate::authority)
        .add("certificate_upload", ("PUT", "/v1/certificate"), With(Administer), certificate::upload)
        .add("certificate_reset", ("DELETE", "/v1/certificate"), With(Administer), certificate::reset)
        .add("certificate_request", ("POST", "/v1/certificate/request"), With(Administer), certificate::request)
        .add("ups_get", ("GET", "/v1/ups"), With(View), ups::get)
        .add("ups_set", ("PUT", "/v1/ups"), With(Administer), ups::set)
        .add("ups_remove", ("DELETE", "/v1/ups"), With(Administer), ups::remove)
        .add("update_get", ("GET", "/v1/system/update"), With(View), updates::get)
        .add("update_source", ("PUT", "/v1/system/update"), With(Administer), updates::source)
        .add("update_check", ("POST", "/v1/system/update/check"), With(Administer), updates::check)
        .add("update_apply", ("POST", "/v1/system/update/apply"), With(Administer), updates::apply)
        .add("update_go_back", ("POST", "/v1/system/update/go-back"), With(Administer), updates::go_back)
        .add("update_remove", ("POST", "/v1/system/update/remove"), With(Administer), updates::remove)
        .add("support_list", ("GET", "/v1/system/support-bundles"), With(Administer), support::list)
        .add("support_create", ("POST", "/v1/system/support-bundles"), With(Administer), support::create)
        .add(
            "support_download",
            ("GET", "/v1/system/support-bundles/{bundle}/content"),
            With(Administer),
            support::download,
        )
        .add("support_delete", ("DELETE", "/v1/system/support-bundles/{bundle}"), With(Administer), support::delete)
        .add("backup_list", ("GET", "/v1/system/backups"), With(Administer), backups::list)
        .add("backup_create", ("POST", "/v1/system/backups"), With(Administer), backups::create)
        .add("backup_download", ("GET", "/v1/system/backups/{backup}/content"), With(Administer), backups::download)
        .add("backup_delete", ("DELETE", "/v1/system/backups/{backup}"), With(Administer), backups::delete)
        .add("query", ("GET", "/v1/query"), With(View), query::find)
        .add("query_list", ("GET", "/v1/queries"), Account, queries::list)
        .add("query_save", ("POST", "/v1/queries"), Account, queries::save)
        .add("query_update", ("PATCH", "/v1/queries/{query}"), Account, queries::update)
        .add("query_delete", ("DELETE", "/v1/queries/{query}"), Account, queries::delete)
        .add("bulk_summary", ("GET", "/v1/bulk"), With(Operate), bulk::summary)
        .add("watch", ("GET", "/v1/watch"), With(View), watch::watch)
        .add("metrics", ("GET", "/metrics"), With(View), metrics::get)
}

/// The API's routes, and for every path that is not the API's the console's `pages`; all behind the same outer layer.
pub fn router(api: &Api, pages: Router) -> Router {
    table(api.clone())
        .router
        .with_state(api.clone())
        .route("/v1", any(no_such_route))
        .route("/v1/{*rest}", any(no_such_route))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback_service(pages)
        .layer(from_fn_with_state(api.clone(), outer))
}

/// Every route with who may use it.
pub fn operations(api: &Api) -> Vec<Operation> {
    table(api.clone()).operations
}

async fn no_such_route() -> Response {
    Refused::from(Code::NoSuchRoute).into_response()
}

async fn method_not_allowed() -> Response {
    Refused::from(Code::MethodNotAllowed).into_response()
}
