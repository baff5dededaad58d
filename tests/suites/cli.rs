//! The `cake` command as people and scripts use it: tables, JSON, exit codes, both languages.

#[allow(dead_code, reason = "the tests of cake-bmc use more of it")]
#[path = "../../src/cake-bmc/tests/support/ipmi_sim.rs"]
mod ipmi_sim;

use anyhow::{Context, Result, ensure};
use cake_tests::{Cake, Instance, PASSWORD, in_time};
use ipmi_sim::{PASSWORD as SIM_PASSWORD, Simulator, USER};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};

async fn log_in(cake: &Cake, name: &str, password: &str) -> Result<cake_tests::Said> {
    cake.run_with(&["login", "--user", name, "--password-stdin"], format!("{password}\n").as_bytes()).await
}

/// Columns begin at the same place in every line, or end there where they are of numbers, counting a Chinese character as two.
fn aligned(table: &str, headings: &[&str]) -> Result<()> {
    let wide = |c: char| if ('\u{2e80}'..='\u{ffef}').contains(&c) { 2 } else { 1 };
    let width = |text: &str| text.chars().map(wide).sum::<usize>();
    // Whether a line has a space, or nothing, at this place.
    let free = |line: &str, place: usize| {
        let mut seen = 0;
        let there = line.chars().find(|c| {
            let here = seen == place;
            seen += wide(*c);
            here
        });
        there.is_none_or(|c| c == ' ')
    };
    let mut lines = table.lines();
    let head = lines.next().context("a heading")?;
    for heading in headings {
        let at = head.find(heading).with_context(|| format!("{heading} in {head}"))?;
        let column = width(&head[..at]);
        let end = column + width(heading);
        for line in lines.clone() {
            let begins = column == 0 || free(line, column - 1);
            let ends = free(line, end) && !free(line, end - 1);
            ensure!(begins || ends, "column {heading} is not straight:\n{table}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_json_exit_codes_and_both_languages() -> Result<()> {
    let mut instance = Instance::start()?;
    let cake = instance.cake();
    let chinese = instance.cake().in_locale("zh_TW.UTF-8");
    let english = cake.clone();

    // Before the wizard, and before a login.
    let open = english.ok(&["setup", "status"]).await?;
    ensure!(open.out.contains("not done"), "{open:?}");
    instance.answer_wizard().await?;
    ensure!(english.run(&["vm", "list"]).await?.code == 4, "nobody is logged in");
    let wrong = log_in(&english, "admin", "not the password").await?;
    ensure!(wrong.code == 4 && wrong.err.contains("password"), "{wrong:?}");
    let wrong = log_in(&chinese, "admin", "not the password").await?;
    ensure!(wrong.code == 4 && wrong.err.contains("密碼"), "{wrong:?}");
    let right = log_in(&english, "admin", PASSWORD).await?;
    ensure!(right.code == 0, "{right:?}");
    secrets_are_kept(&instance)?;

    who_and_what(&english).await?;
    vms(&english, &chinese).await?;
    refusals(&english, &chinese).await?;
    accounts_and_tokens(&instance, &english).await?;
    completion(&english).await?;
    alerts_and_certificate(&english, &chinese).await?;

    let before = english.json(&["settings", "show"]).await?;
    let changed = english.json(&["settings", "set", "name=Taipei rack"]).await?;
    ensure!(changed["name"] == "Taipei rack" && before["name"] == "cake", "{before} {changed}");

    english.ok(&["logout"]).await?;
    ensure!(english.run(&["vm", "list"]).await?.code == 4, "the token was taken back");
    instance.kill_caked();
    let away = english.run(&["setup", "status"]).await?;
    ensure!(away.code == 6 && away.err.contains("does not answer"), "{away:?}");
    Ok(())
}

/// A BMC that is not ours, among addresses where nobody is.
#[tokio::test(flavor = "multi_thread")]
async fn servers_are_found_by_a_scan_and_added_as_it_says() -> Result<()> {
    let simulator = Simulator::start()?;
    let (ip, port) = (simulator.address().ip().to_string(), simulator.address().port().to_string());
    let instance = Instance::start()?;
    let (english, chinese) = (instance.cake(), instance.cake().in_locale("zh_TW.UTF-8"));
    instance.answer_wizard().await?;
    log_in(&english, "admin", PASSWORD).await?;
    ensure!(english.run(&["server", "scan"]).await?.code == 0, "the ranges that are worth asking");
    for range in ["everything", "10.0.0.9-10.0.0.1", "10.0.0.0/8", "10.0.0.1-::1"] {
        let wrong = english.run(&["server", "scan", range]).await?;
        ensure!(wrong.code != 0 && wrong.err.to_lowercase().contains("range"), "{range}: {wrong:?}");
    }
    let scan = ["server", "scan", &ip, "--port", &port, "--redfish-port", "1"];
    let found = english.ok(&scan).await?;
    ensure!(found.out.contains(&ip) && found.out.contains("IPMI"), "{found:?}");
    let hint = found.out.lines().find(|line| line.contains("cake server add")).context("a hint")?;
    ensure!(hint.contains(&format!("--bmc {ip}:{port} --access ipmi")), "{hint}");
    let name = hint.split("server add ").nth(1).and_then(|rest| rest.split(' ').next()).context("a name")?;
    let add = ["server", "add", name, "--bmc", &format!("{ip}:{port}"), "--access", "ipmi", "--user", USER];
    let add = [&add[..], &["--password-stdin"]].concat();
    let added = english.run_with(&add, format!("{SIM_PASSWORD}\n").as_bytes()).await?;
    ensure!(added.code == 0, "{added:?}");
    let again = english.ok(&scan).await?;
    ensure!(again.out.contains(name) && !again.out.contains("cake server add"), "it is there already: {again:?}");
    aligned(&again.out, &["Maker", "Speaks"])?;
    let json = english.json(&scan).await?;
    ensure!(json["scan"]["found"][0]["server"]["name"] == name && json["scan"]["state"] == "done", "{json}");
    let nobody = ["server", "scan", &ip, "--port", "1", "--redfish-port", "1"];
    let nothing = chinese.ok(&nobody).await?;
    ensure!(nothing.out.contains("沒有BMC回應"), "{nothing:?}");
    Ok(())
}

/// The token is the owner's alone, and the password is nowhere.
fn secrets_are_kept(instance: &Instance) -> Result<()> {
    let tokens = instance.state().join("cli/tokens.toml");
    let mode = std::fs::metadata(&tokens)?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "{mode:o}");
    let output = std::process::Command::new("grep").args(["-rlaF", PASSWORD]).arg(instance.state()).output()?;
    let found = String::from_utf8(output.stdout)?;
    ensure!(found.is_empty(), "the password lies in {found}");
    ensure!(Path::new(&tokens).exists());
    Ok(())
}

async fn who_and_what(cake: &Cake) -> Result<()> {
    let me = cake.ok(&["whoami"]).await?;
    ensure!(me.out.contains("admin") && me.out.contains("Administrator"), "{me:?}");
    let images = cake.json(&["image", "list"]).await?;
    let names: Vec<_> =
        images["items"].as_array().context("items")?.iter().filter_map(|i| i["name"].as_str()).collect();
    ensure!(names.contains(&"cake-tiny") && names.contains(&"cake-pvh"), "{names:?}");
    let pools = cake.ok(&["pool", "list"]).await?;
    ensure!(pools.out.contains("local") && pools.out.contains("iB"), "{pools:?}");
    let nodes = cake.json(&["node", "list"]).await?;
    let node = nodes["items"][0]["name"].as_str().context("one node")?.to_owned();
    let shown = cake.ok(&["node", "show", &node]).await?;
    ensure!(shown.out.contains("QEMU") && shown.out.contains(env!("CARGO_PKG_VERSION")), "{shown:?}");
    let version = cake.json(&["version"]).await?;
    ensure!(version["cake"] == env!("CARGO_PKG_VERSION") && version["server"] == version["cake"], "{version}");
    Ok(())
}

async fn vms(english: &Cake, chinese: &Cake) -> Result<()> {
    let none = english.ok(&["vm", "list"]).await?;
    ensure!(none.out.contains("nothing"), "{none:?}");
    for name in ["web", "會計 主機"] {
        let vm = english
            .json(&[
                "vm",
                "create",
                name,
                "--image",
                "cake-pvh",
                "--memory",
                "32MiB",
                "--network",
                "none",
                "--no-start",
            ])
            .await?;
        ensure!(vm["name"] == name && vm["state"] == "stopped", "{vm}");
    }
    let table = english.ok(&["vm", "list"]).await?.out;
    aligned(&table, &["State", "Image"])?;
    ensure!(table.contains("Stopped") && table.contains("32 MiB"), "{table}");
    let table = chinese.ok(&["vm", "list"]).await?.out;
    aligned(&table, &["狀態", "映像檔"])?;
    ensure!(table.contains("已停止") && table.contains("會計 主機"), "{table}");
    let by_flag = english.ok(&["--lang", "zh-Hant-TW", "vm", "list"]).await?.out;
    ensure!(by_flag == table, "--lang and the locale say the same");

    let list = english.json(&["vm", "list"]).await?;
    ensure!(list["items"].as_array().is_some_and(|items| items.len() == 2) && list["next"].is_null(), "{list}");
    let stopped = english.json(&["vm", "list", "--state", "running"]).await?;
    ensure!(stopped["items"].as_array().is_some_and(Vec::is_empty), "{stopped}");
    let begun = english.json(&["vm", "start", "web", "--no-wait"]).await?;
    let task = begun["id"].as_str().context("a task")?;
    ensure!(begun["kind"] == "vm-start", "{begun}");
    let ended = english.json(&["task", "wait", task]).await?;
    ensure!(ended["state"] == "done", "{ended}");
    let shown = chinese.ok(&["task", "show", task]).await?;
    ensure!(shown.out.contains("啟動「web」"), "{shown:?}");
    let tasks = english.ok(&["task", "list"]).await?.out;
    ensure!(tasks.contains("Start web") && tasks.contains("Create 會計 主機"), "{tasks}");
    let events = chinese.ok(&["event", "list"]).await?.out;
    ensure!(events.contains("web") && events.contains("已"), "{events}");
    let audit = english.ok(&["audit", "list"]).await?.out;
    ensure!(audit.contains("admin") && audit.contains("127.0.0.1"), "{audit}");
    let found = english.json(&["query", "web"]).await?;
    ensure!(found["items"].to_string().contains("\"web\""), "{found}");
    found_and_kept(english, chinese).await?;
    screenshots(english).await?;
    english.ok(&["vm", "reset", "web"]).await?;
    ensure!(english.run(&["vm", "adopt", "web"]).await?.code == 5, "only an orphan is adopted");
    followed(english).await?;
    cancelled(english).await?;
    usage(english, chinese).await?;
    english.ok(&["vm", "stop", "web"]).await?;
    let binned = english.ok(&["vm", "delete", "會計 主機"]).await?;
    ensure!(binned.out.contains("cake bin restore"), "{binned:?}");
    let listed = chinese.ok(&["bin", "list"]).await?;
    aligned(&listed.out, &["名稱", "永久刪除"])?;
    ensure!(english.run(&["bin", "restore", "nobody"]).await?.code == 2, "it is not there");
    let deleted = english.ok(&["bin", "delete", "會計 主機", "--yes"]).await?;
    ensure!(deleted.out.contains("deleted") || deleted.out.contains("Deleted"), "{deleted:?}");
    Ok(())
}

/// Tags, the filter language, saved searches, CSV, and one action for all that a search finds.
async fn found_and_kept(english: &Cake, chinese: &Cake) -> Result<()> {
    let tagged = english.ok(&["vm", "tag", "add", "web", "production", "front"]).await?;
    ensure!(tagged.out.contains("front, production"), "{tagged:?}");
    let tagged = english.json(&["vm", "tag", "remove", "web", "front"]).await?;
    ensure!(tagged["tags"] == serde_json::json!(["production"]), "{tagged}");
    let wrong = chinese.run(&["vm", "tag", "add", "web", "Web"]).await?;
    ensure!(wrong.code == 7 && wrong.err.contains("標籤"), "{wrong:?}");
    let image = english.json(&["image", "tag", "add", "cake-pvh", "base"]).await?;
    ensure!(image["tags"] == serde_json::json!(["base"]), "{image}");
    let found = english.ok(&["query", "kind:vm,image", "(tag:production", "OR", "tag:base)"]).await?;
    ensure!(found.out.contains("web") && found.out.contains("cake-pvh") && !found.out.contains("會計"), "{found:?}");
    let wrong = english.run(&["query", "web", "state:runing"]).await?;
    ensure!(wrong.code == 7 && wrong.err.contains("column 11") && wrong.err.contains("running"), "{wrong:?}");

    let saved = english.ok(&["saved", "save", "Front line", "kind:vm tag:production"]).await?;
    ensure!(saved.out.contains("Front line"), "{saved:?}");
    english.ok(&["saved", "rename", "front line", "Web servers"]).await?;
    let csv = english.ok(&["query", "--saved", "web servers", "--csv"]).await?;
    ensure!(csv.out.lines().count() == 2 && csv.out.contains("\"vm\",\"web\""), "{csv:?}");
    english.ok(&["saved", "delete", "Web servers"]).await?;
    ensure!(english.run(&["query", "--saved", "Web servers"]).await?.code == 3, "it is gone");

    let unasked = english.run(&["vm", "stop", "--query", "kind:vm"]).await?;
    ensure!(unasked.code == 2 && unasked.err.contains("--yes"), "{unasked:?}");
    ensure!(unasked.out.contains("web") && unasked.out.contains("Not “會計 主機”"), "the summary: {unasked:?}");
    let stopped = english.ok(&["vm", "stop", "--query", "tag:production", "--yes"]).await?;
    ensure!(stopped.out.contains("web: "), "{stopped:?}");
    let started = english.json(&["vm", "start", "--query", "tag:production", "--yes"]).await?;
    ensure!(started["items"][0]["state"] == "done" && started["items"][0]["vm"] == "web", "{started}");
    let none = chinese.ok(&["vm", "start", "--query", "tag:nothing", "--yes"]).await?;
    ensure!(none.out.contains("沒有"), "{none:?}");
    Ok(())
}

async fn screenshots(cake: &Cake) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("seen.png");
    let path = file.to_str().context("a path of letters")?;
    let none = cake.run(&["vm", "screenshot", "web", "--output", path]).await?;
    ensure!(none.code != 0 && none.err.contains("has no screen") && !file.exists(), "{none:?}");
    cake.ok(&["vm", "create", "seen", "--image", "cake-tiny", "--memory", "256MiB", "--network", "none"]).await?;
    let said = cake.ok(&["vm", "screenshot", "seen", "--output", path]).await?;
    ensure!(said.out.contains(path) && std::fs::read(&file)?.starts_with(b"\x89PNG\r\n\x1a\n"), "{said:?}");
    drives(cake).await?;
    cake.ok(&["vm", "delete", "seen", "--now", "--yes"]).await?;
    Ok(())
}

async fn alerts_and_certificate(english: &Cake, chinese: &Cake) -> Result<()> {
    let open = english.json(&["alert", "list"]).await?;
    ensure!(open["items"].is_array(), "{open}");
    let causes = english.json(&["cause"]).await?;
    ensure!(causes["items"].is_array(), "{causes}");
    ensure!(
        open["items"].as_array().is_some_and(|open| !open.is_empty())
            || chinese.ok(&["cause"]).await?.out.contains("沒有原因")
    );
    let said = english.run(&["alert", "acknowledge", "pool-space.nobody"]).await?;
    ensure!(said.code == 3 && said.err.contains("alert"), "{said:?}");
    channels(english, chinese).await?;
    let shown = english.ok(&["system", "certificate", "show"]).await?.out;
    ensure!(shown.contains("cake’s own authority") && shown.contains("127.0.0.1"), "{shown}");
    ensure!(chinese.ok(&["system", "certificate", "show"]).await?.out.contains("憑證授權單位"));
    let request = english.ok(&["system", "certificate", "csr", "cake.example.com"]).await?.out;
    ensure!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"), "{request}");
    let authority = english.ok(&["system", "certificate", "authority"]).await?.out;
    ensure!(authority.starts_with("-----BEGIN CERTIFICATE-----"), "{authority}");
    // Nobody is told of a console that listens only on this machine.
    let told = english.ok(&["system", "announcement"]).await?.out;
    ensure!(told.contains("listens only on this machine"), "{told}");
    ensure!(chinese.ok(&["system", "announcement"]).await?.out.contains("只在這台機器上接受連線"));
    let changed = english.json(&["settings", "set", "announce=false", "local-name=42"]).await?;
    ensure!(changed["announce"] == false && changed["local_name"] == "42", "{changed}");
    let wrong = english.run(&["settings", "set", "local-name=a_b"]).await?;
    ensure!(wrong.code == 7 && wrong.err.contains("Name on the network"), "{wrong:?}");
    // The machine under the tests is somebody's own: nothing of it can be changed, and that is said.
    let nodes = english.json(&["node", "list"]).await?;
    let node = nodes["items"][0]["name"].as_str().context("a server")?;
    let shown = english.ok(&["node", "show", node]).await?.out;
    ensure!(shown.contains("only runs cake"), "{shown}");
    for command in [["reboot", node, "--yes"], ["power-off", node, "--yes"], ["set", node, "--ntp=off"]] {
        let said = english.run(&[&["node"], &command[..]].concat()).await?;
        ensure!(said.code != 0 && said.err.contains("only runs cake"), "{command:?}: {said:?}");
    }
    let none = english.ok(&["ups", "show"]).await?.out;
    ensure!(none.contains("No power supply"), "{none}");
    let said =
        chinese.ok(&["ups", "set", "--host", "127.0.0.1", "--port", "1", "--name", "rack", "--minutes", "7"]).await?;
    ensure!(said.out.contains("rack@127.0.0.1:1") && said.out.contains('7'), "{said:?}");
    let set = english.json(&["ups", "show"]).await?;
    ensure!(set["settings"]["minutes"] == 7 && set["settings"]["has_password"] == false, "{set}");
    let wrong = english.run(&["ups", "set", "--host", "a", "--name", "b", "--password-stdin"]).await?;
    ensure!(wrong.code == 2, "{wrong:?}");
    ensure!(english.ok(&["ups", "remove"]).await?.out.contains("No power supply"));
    let changed = english.json(&["settings", "set", "names=cake.example.com,192.0.2.10"]).await?;
    ensure!(changed["names"] == serde_json::json!(["cake.example.com", "192.0.2.10"]), "{changed}");
    Ok(())
}

/// Who is told of alerts. Nothing is sent to this machine itself, and that is said.
async fn channels(english: &Cake, chinese: &Cake) -> Result<()> {
    let add = ["channel", "add", "mail", "IT", "--host", "127.0.0.1", "--security", "none", "--from", "a@example.com"];
    let said = english.ok(&[&add[..], &["--to", "b@example.com", "--severity", "error"]].concat()).await?;
    ensure!(said.out.contains("The channel IT is added"), "{said:?}");
    english.ok(&["channel", "add", "syslog", "logs", "--host", "logs.example.com", "--protocol", "tcp"]).await?;
    let listed = chinese.ok(&["channel", "list"]).await?.out;
    ensure!(listed.contains("電子郵件") && listed.contains("b@example.com"), "{listed}");
    let said = english.run(&["channel", "test", "IT"]).await?;
    ensure!(said.code == 1 && said.err.contains("cake does not send there"), "{said:?}");
    let set = english.json(&["channel", "set", "IT", "--to", "c@example.com", "--off", "--name", "Office"]).await?;
    ensure!(set["mail"]["to"] == serde_json::json!(["c@example.com"]) && set["on"] == false, "{set}");
    ensure!(set["mail"]["port"] == 25 && set["severity"] == "error", "the rest stays: {set}");
    let shown = english.ok(&["channel", "show", "logs"]).await?.out;
    ensure!(shown.contains("logs.example.com:514 (tcp)"), "{shown}");
    let wrong = english.run(&["channel", "add", "webhook", "x", "--template", "pigeon"]).await?;
    ensure!(wrong.code == 7 && wrong.err.contains("json"), "{wrong:?}");
    let wrong = english.run(&["channel", "add", "mail", "x", "--host", "h", "--user", "u"]).await?;
    ensure!(wrong.code == 2, "{wrong:?}");
    for name in ["Office", "logs"] {
        english.ok(&["channel", "remove", name]).await?;
    }
    let wrong = english.run(&["alert", "silence", "nobody", "--for", "8 hours"]).await?;
    ensure!(wrong.code == 2 && wrong.err.contains("30m"), "{wrong:?}");
    let wrong = english.run(&["alert", "silence", "pool-space.nobody", "--for", "8h"]).await?;
    ensure!(wrong.code == 3, "{wrong:?}");
    Ok(())
}

/// Disks come and grow while the VM runs; the number says which one it is.
async fn drives(cake: &Cake) -> Result<()> {
    let said = cake.ok(&["vm", "disk", "add", "seen", "--size", "16MiB"]).await?;
    ensure!(said.out.contains("has a new disk"), "{said:?}");
    cake.ok(&["vm", "disk", "grow", "seen", "1", "--size", "32MiB"]).await?;
    let shown = cake.json(&["vm", "show", "seen"]).await?;
    ensure!(shown["disks"][1]["size"] == 32 << 20 && shown["disks"][1]["state"] == "in", "{shown}");
    let small = cake.run(&["vm", "disk", "grow", "seen", "1", "--size", "16MiB"]).await?;
    ensure!(small.code != 0 && small.err.contains("32 MiB"), "{small:?}");
    // Its guest may still be starting, and let nothing go yet.
    cake.ok(&["vm", "stop", "seen"]).await?;
    cake.ok(&["vm", "disk", "remove", "seen", "1", "--yes"]).await?;
    let shown = cake.json(&["vm", "show", "seen"]).await?;
    ensure!(shown["disks"].as_array().is_some_and(|disks| disks.len() == 1), "{shown}");
    let boots = cake.run(&["vm", "disk", "remove", "seen", "0", "--yes"]).await?;
    ensure!(boots.code != 0 && boots.err.contains("starts from this disk"), "{boots:?}");
    let none = cake.run(&["vm", "cd", "eject", "seen"]).await?;
    ensure!(none.code != 0 && none.err.contains("has no CD drive"), "{none:?}");
    Ok(())
}

/// Whatever was done before this took longer than the ten seconds to the first measurement, or it is asked again.
async fn usage(english: &Cake, chinese: &Cake) -> Result<()> {
    let nodes = english.json(&["node", "list"]).await?;
    let node = nodes["items"][0]["name"].as_str().context("one node")?;
    let table = loop {
        let table = english.ok(&["node", "usage", node]).await?.out;
        if table.contains("Memory: used") {
            break table;
        }
    };
    aligned(&table, &["Average", "Curve"])?;
    ensure!(table.contains("GiB") && table.contains('█'), "{table}");
    // The VM was started after the server was first measured: its own first measurement may come a moment later.
    let month = loop {
        let month = chinese.ok(&["vm", "usage", "web", "--span", "month"]).await?.out;
        if month.contains("記憶體：在伺服器上佔用") {
            break month;
        }
    };
    ensure!(month.contains("MiB"), "{month}");
    let raw = english.json(&["vm", "usage", "web", "--span", "day"]).await?;
    ensure!(raw["step_seconds"] == 120 && raw["mean"]["memory_taken_bytes"].is_array(), "{raw}");
    ensure!(english.run(&["vm", "usage", "web", "--span", "year"]).await?.code == 2, "no such span");
    ensure!(english.run(&["node", "usage", "nobody"]).await?.code == 3, "no such server");
    let disks = english.json(&["node", "disks", node, "--read"]).await?;
    ensure!(disks["known"] == true && disks["items"].is_array(), "{disks}");
    let table = chinese.ok(&["node", "disks", node]).await?.out;
    ensure!(table.contains("健康狀態") && table.contains("序號"), "{table}");
    ensure!(english.run(&["node", "disks", "nobody"]).await?.code == 3, "no such server");
    Ok(())
}

/// The measuring guest does not listen to its power button, so the task goes on until it is cancelled.
async fn cancelled(cake: &Cake) -> Result<()> {
    let asked = cake.json(&["vm", "shutdown", "web", "--no-wait"]).await?;
    let task = asked["id"].as_str().context("a task")?;
    ensure!(asked["state"] == "running", "{asked}");
    cake.ok(&["task", "cancel", task]).await?;
    let ended = cake.run(&["task", "wait", task, "--json"]).await?;
    ensure!(ended.code == 1, "a cancelled task was not done: {ended:?}");
    let ended = cake.json(&["task", "show", task]).await?;
    ensure!(ended["state"] == "cancelled", "{ended}");
    // The guest was asked and may still obey; nobody ends it.
    let vm = cake.json(&["vm", "show", "web"]).await?;
    ensure!(vm["pid"].is_u64() && (vm["state"] == "running" || vm["state"] == "shutting-down"), "it goes on: {vm}");
    Ok(())
}

/// What happens is shown as it happens.
async fn followed(cake: &Cake) -> Result<()> {
    let mut command = cake.command(&["event", "list", "--follow"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    let mut until = async |text: &str| {
        let wait = async {
            while !lines.next_line().await?.context("it ended")?.contains(text) {}
            Ok(())
        };
        in_time(text, wait).await
    };
    until("web started").await?;
    cake.ok(&["vm", "pause", "web"]).await?;
    until("web was paused").await?;
    cake.ok(&["vm", "resume", "web"]).await?;
    Ok(child.kill().await?)
}

async fn refusals(english: &Cake, chinese: &Cake) -> Result<()> {
    for (arguments, code, in_english, in_chinese) in [
        (&["vm", "show", "nobody"][..], 3, "nobody", "nobody"),
        (&["vm", "create", "web", "--image", "cake-pvh", "--memory", "32MiB"], 5, "web", "web"),
        (&["vm", "stop", "web"], 5, "", ""),
        (&["vm", "create", "..", "--image", "cake-pvh"], 7, "name", "名稱"),
        (&["vm", "create", "big", "--image", "cake-pvh", "--memory", "900TiB"], 7, "TiB", "TiB"),
        (&["vm", "create", "x", "--image", "no-such-image"], 3, "no-such-image", "no-such-image"),
        (&["vm", "levitate", "web"], 2, "levitate", "levitate"),
        (&["vm", "create"], 2, "missing", "少了"),
        (&["vm", "create", "x", "--image", "i", "--memory", "5 parsecs"], 2, "5 parsecs", "5 parsecs"),
        (&["settings", "set", "name"], 2, "KEY=VALUE", "名稱=值"),
        (&["task", "show", "00000000-0000-7000-8000-000000000000"], 3, "", ""),
    ] {
        for (cake, expected) in [(english, in_english), (chinese, in_chinese)] {
            let said = cake.run(arguments).await?;
            ensure!(said.code == code && said.err.contains(expected), "{arguments:?}: {said:?}");
            ensure!(said.out.is_empty(), "errors go to standard error: {arguments:?}: {said:?}");
        }
    }
    let said = english.run(&["vm", "show", "nobody", "--json"]).await?;
    let problem: serde_json::Value = serde_json::from_str(&said.err)?;
    ensure!(problem["code"] == "not-found" && problem["request_id"].is_string(), "{problem}");
    let said = english.run(&["vm", "show", "nobody"]).await?;
    ensure!(said.err.contains("Request id"), "{said:?}");
    Ok(())
}

async fn accounts_and_tokens(instance: &Instance, cake: &Cake) -> Result<()> {
    let made = cake
        .run_with(&["account", "create", "viewer", "--role", "viewer", "--password-stdin"], b"another long password")
        .await?;
    ensure!(made.code == 0, "{made:?}");
    ensure!(cake.ok(&["account", "list"]).await?.out.contains("viewer"));
    let changed = cake.run_with(&["account", "passwd", "viewer", "--password-stdin"], b"yet another password").await?;
    ensure!(changed.code == 0, "{changed:?}");
    // One's own needs the one before.
    let own = |lines: &'static [u8]| cake.run_with(&["account", "passwd", "--password-stdin"], lines);
    ensure!(own(b"not this one\nanother password").await?.code == 4, "the current password is wrong");
    let changed = own(b"correct horse battery\nanother password").await?;
    ensure!(changed.code == 0, "{changed:?}");
    // A second person on the same machine, by a token in a file.
    let token = cake.ok(&["token", "create", "for a script"]).await?.out;
    let file = instance.state().join("token");
    std::fs::write(&file, &token)?;
    let path = file.to_str().context("a path in UTF-8")?;
    ensure!(cake.ok(&["--token-file", path, "whoami"]).await?.out.contains("admin"));
    ensure!(cake.ok(&["token", "list"]).await?.out.contains("for a script"));
    cake.ok(&["token", "delete", "for a script"]).await?;
    ensure!(cake.run(&["--token-file", path, "whoami"]).await?.code == 4, "a deleted token opens nothing");
    // Somebody who may look and not touch.
    let elsewhere = tempfile::tempdir()?;
    for name in ["cake.toml", "ca.pem"] {
        std::fs::copy(instance.state().join(name), elsewhere.path().join(name))?;
    }
    let viewer = Cake::new(instance.place().program("cake"), elsewhere.path());
    let said = log_in(&viewer, "viewer", "yet another password").await?;
    ensure!(said.code == 0, "{said:?}");
    ensure!(viewer.run(&["vm", "list"]).await?.code == 0);
    ensure!(viewer.run(&["vm", "start", "web"]).await?.code == 4, "a viewer may not start");
    ensure!(viewer.run(&["audit", "list"]).await?.code == 4, "a viewer may not read the audit records");
    cake.ok(&["account", "delete", "viewer"]).await?;
    ensure!(viewer.run(&["vm", "list"]).await?.code == 4, "a deleted account opens nothing");
    Ok(())
}

async fn completion(cake: &Cake) -> Result<()> {
    for shell in ["bash", "zsh", "fish"] {
        let script = cake.ok(&["completion", shell]).await?.out;
        ensure!(script.contains("shutdown") && script.contains("password-stdin"), "{shell}");
    }
    let script = cake.ok(&["completion", "bash"]).await?.out;
    let check = "source /dev/stdin; COMP_WORDS=(cake vm sh); COMP_CWORD=2; _cake cake sh vm; echo \"${COMPREPLY[@]}\"";
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["--norc", "-c", check]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut bash = bash.spawn()?;
    let mut pipe = bash.stdin.take().context("a pipe")?;
    tokio::io::AsyncWriteExt::write_all(&mut pipe, script.as_bytes()).await?;
    drop(pipe);
    let output = bash.wait_with_output().await?;
    let words = String::from_utf8(output.stdout)?;
    ensure!(words.contains("show") && words.contains("shutdown"), "bash completes `cake vm sh`: {words:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn help_is_there_without_an_instance() -> Result<()> {
    let place = cake_tests::Place::find()?;
    let nowhere = tempfile::tempdir()?;
    let cake = Cake::new(place.program("cake"), nowhere.path());
    let help = cake.ok(&["--help"]).await?.out;
    ensure!(help.contains("Exit codes") && help.contains("completion"), "{help}");
    let help = cake.in_locale("zh_TW.UTF-8").ok(&["vm", "create", "--help"]).await?.out;
    ensure!(help.contains("記憶體") && help.contains("--memory"), "{help}");
    let cake = Cake::new(place.program("cake"), nowhere.path());
    let lost = cake.run(&["vm", "list"]).await?;
    ensure!(lost.code == 6 && lost.err.contains("make up"), "{lost:?}");
    Ok(())
}
