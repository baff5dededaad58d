//! `cake server scan`: BMCs in a range of addresses.

use crate::args::ServerScanArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::progress;
use cake_client::wire::{BmcScans, FoundBmc};
use cake_client::{Client, Seen};
use cake_types::{authority, bracketed};

pub async fn run(context: &Context, client: &Client, args: ServerScanArgs) -> Result<(), Failure> {
    let ServerScanArgs { range, port, redfish_port, no_wait } = args;
    let Some(range) = range else { return ranges(context, &client.bmc_scan().await?) };
    let task = client.scan_bmcs(&range, port, redfish_port).await?;
    progress::follow(context, client, task, !no_wait).await?;
    if no_wait {
        return Ok(());
    }
    show(context, &client.bmc_scan().await?)
}

/// Without a range: those that are worth asking.
fn ranges(context: &Context, scans: &Seen<BmcScans>) -> Result<(), Failure> {
    if context.json {
        return output::print(&scans.json);
    }
    if scans.ranges.is_empty() {
        context.say("cli-scan-no-ranges", &[]);
    }
    for range in &scans.ranges {
        context.say("cli-scan-range", &[("range", range)]);
    }
    Ok(())
}

fn show(context: &Context, scans: &Seen<BmcScans>) -> Result<(), Failure> {
    if context.json {
        return output::print(&scans.json);
    }
    // It was there a moment ago: the node was started anew meanwhile.
    let Some(scan) = &scans.scan else { return Ok(()) };
    if scan.found.is_empty() {
        context.say("cli-scan-nothing", &[("range", &scan.range)]);
        return Ok(());
    }
    let columns = [
        ("scan-address", Align::Text),
        ("scan-maker", Align::Text),
        ("scan-product", Align::Text),
        ("scan-speaks", Align::Text),
        ("scan-is-server", Align::Text),
    ];
    let row = |found: &FoundBmc| {
        let unsaid = || "–".to_owned();
        vec![
            found.address.clone(),
            found.maker.clone().unwrap_or_else(unsaid),
            found.product.clone().unwrap_or_else(unsaid),
            speaks(context, found),
            found.server.as_ref().map_or_else(unsaid, |server| server.name.clone()),
        ]
    };
    context.list(&scans.json, &columns, scan.found.iter().map(row).collect())?;
    if scan.more {
        context.say("cli-scan-more", &[]);
    }
    if let Some(first) = scan.found.iter().find(|found| found.server.is_none()) {
        let (name, bmc) = (first.name.as_str(), place(first));
        context.say("cli-scan-add", &[("name", name), ("bmc", &bmc), ("access", &first.access)]);
    }
    Ok(())
}

/// `IPMI, Redfish 1.6.0`
fn speaks(context: &Context, found: &FoundBmc) -> String {
    let redfish = found.redfish.then(|| format!("Redfish {}", found.redfish_version.as_deref().unwrap_or_default()));
    let all: Vec<String> = found.ipmi.then(|| "IPMI".to_owned()).into_iter().chain(redfish).collect();
    all.join(context.text("comma"))
}

/// As `--bmc` takes it.
fn place(found: &FoundBmc) -> String {
    let usual = if found.access == "redfish" { 443 } else { 623 };
    if found.port == usual { bracketed(&found.address) } else { authority(&found.address, found.port) }
}
