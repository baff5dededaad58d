//! `cake vm …`

use crate::args::{ActArgs, CreateArgs, DeleteArgs, ManyArgs, TagCommand, VmCommand, VmSetArgs};
use crate::bulk::{self, Asked, Deed};
use crate::change::changes;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::{console, drive, export, nic, progress, search, usage};
use cake_client::wire::{CloudInit, Engine, GuestUser, NewVm, Vm};
use cake_client::{Client, Seen, VmAction};
use cake_i18n::format;
use cake_types::ByteSize;
use std::io::IsTerminal;
use std::path::Path;

pub async fn run(context: &Context, command: VmCommand) -> Result<(), Failure> {
    match command {
        VmCommand::Create(args) => create(context, *args).await,
        VmCommand::List { state } => list(context, state.as_deref()).await,
        VmCommand::Show { vm } => show(context, &context.client()?.vm(&vm).await?),
        VmCommand::Start(args) => many(context, args, VmAction::Start, "cli-vm-started").await,
        VmCommand::Shutdown(args) => many(context, args, VmAction::Shutdown, "cli-vm-shut-down").await,
        VmCommand::Stop(args) => many(context, args, VmAction::Stop, "cli-vm-stopped").await,
        VmCommand::Reset(args) => act(context, args, VmAction::Reset, "cli-vm-reset").await,
        VmCommand::Pause(args) => many(context, args, VmAction::Pause, "cli-vm-paused").await,
        VmCommand::Resume(args) => many(context, args, VmAction::Resume, "cli-vm-resumed").await,
        VmCommand::ReplaceEngine(args) => many(context, args, VmAction::ReplaceEngine, "cli-vm-engine-replaced").await,
        VmCommand::Adopt(args) => act(context, args, VmAction::Adopt, "cli-vm-adopted").await,
        VmCommand::Delete(args) => delete(context, args).await,
        VmCommand::Tag(command) => tag(context, command).await,
        VmCommand::Set(args) => set(context, args).await,
        VmCommand::Rename { vm, name } => rename(context, &vm, &name).await,
        VmCommand::Nic(command) => nic::run(context, command).await,
        VmCommand::Disk(command) => drive::disk(context, command).await,
        VmCommand::Cd(command) => drive::cd(context, command).await,
        VmCommand::Export(args) => export::export(context, args).await,
        VmCommand::Exports(command) => export::exports(context, command).await,
        VmCommand::Console(args) => console::run(context, &args.vm).await,
        VmCommand::Screenshot { vm, output } => screenshot(context, &vm, &output).await,
        VmCommand::Usage { vm, span } => usage::show(context, &context.client()?.vm_usage(&vm, &span).await?),
    }
}

async fn create(context: &Context, args: CreateArgs) -> Result<(), Failure> {
    let client = context.client()?;
    let wait = !args.no_wait;
    let mut new = asked(&args)?;
    if args.cpus.is_none() || args.memory.is_none() {
        (new.cpus, new.memory) = size(&client, &args).await;
    }
    let task = client.create_vm(&new).await?;
    let id = task.subject.id.to_string();
    progress::follow(context, &client, task, wait).await?;
    if !wait {
        return Ok(());
    }
    let vm = client.vm(&id).await?;
    if context.json {
        return output::print(&vm.json);
    }
    let (name, state) = (vm.name.clone(), output::state(&vm.state, context.words));
    context.say("cli-vm-created", &[("name", &name), ("state", &state)]);
    if vm.state == "running" {
        context.say("cli-vm-created-next", &[("name", &name)]);
    }
    Ok(())
}

/// The processors and the memory of a VM of which not both are asked: what the machine had that the image came with, which the server
/// knows, or what is enough for trying things out.
async fn size(client: &Client, args: &CreateArgs) -> (u32, ByteSize) {
    const USUAL: (u32, ByteSize) = (1, ByteSize::mib(512));
    // That there is no such image, the server says better.
    let machine = client.image(&args.image).await.is_ok_and(|image| image.machine.is_some());
    let (cpus, memory) = if machine { (0, ByteSize(0)) } else { USUAL };
    (args.cpus.unwrap_or(cpus), args.memory.unwrap_or(memory))
}

fn asked(args: &CreateArgs) -> Result<NewVm, Failure> {
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
    };
    let mut keys = Vec::new();
    for path in &args.ssh_key {
        let lines = read(path)?;
        keys.extend(
            lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(String::from),
        );
    }
    if args.user_data.is_some() && (args.user.is_some() || !keys.is_empty()) {
        return Err(Failure::Usage("cli-wrong-user-data", String::new()));
    }
    let wants_user = args.user.is_some() || !keys.is_empty();
    let users = wants_user
        .then(|| GuestUser {
            name: args.user.clone().unwrap_or_else(|| "cake".into()),
            ssh_keys: keys,
            administrator: true,
        })
        .into_iter()
        .collect::<Vec<_>>();
    let user_data = args.user_data.as_deref().map(read).transpose()?;
    let wants_seed = args.hostname.is_some() || user_data.is_some() || !users.is_empty();
    Ok(NewVm {
        name: args.name.clone(),
        image: args.image.clone(),
        cpus: args.cpus.unwrap_or_default(),
        memory: args.memory.unwrap_or_default(),
        disk: args.disk,
        firmware: args.firmware.clone(),
        tpm: args.tpm.as_deref().map(|word| word == "on"),
        secure_boot: args.secure_boot.as_deref().map(|word| word == "on"),
        drivers: args.drivers.clone(),
        network: args.network.clone(),
        forwards: args.forward.clone(),
        restart: args.restart.clone(),
        priority: args.priority.clone(),
        start: Some(!args.no_start),
        tags: args.tag.clone(),
        cloud_init: wants_seed.then(|| CloudInit { hostname: args.hostname.clone(), users, user_data }),
    })
}

async fn list(context: &Context, state: Option<&str>) -> Result<(), Failure> {
    let seen = context.client()?.vms().await?;
    let wanted: Vec<&Vm> = seen.items.iter().filter(|vm| state.is_none_or(|s| s == vm.state)).collect();
    if context.json
        && let Some(state) = state
    {
        return output::print(&only(&seen.json, state));
    }
    let rows = wanted.iter().map(|vm| row(context, vm)).collect();
    let columns = [
        ("cli-col-name", Align::Text),
        ("cli-col-state", Align::Text),
        ("cli-col-cpus", Align::Number),
        ("cli-col-memory", Align::Number),
        ("cli-col-disk", Align::Number),
        ("cli-col-used-cpu", Align::Number),
        ("cli-col-image", Align::Text),
    ];
    context.list(&seen.json, &columns, rows)
}

/// The items of a list in one state, each as the server sent it.
fn only(json: &str, state: &str) -> String {
    let mut list: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    if let Some(items) = list["items"].as_array_mut() {
        items.retain(|item| item["state"] == state);
    }
    list.to_string()
}

fn row(context: &Context, vm: &Vm) -> Vec<String> {
    let state = if vm.orphaned { "orphaned" } else { &vm.state };
    let disk: u64 = vm.disks.iter().map(|disk| disk.size.bytes()).sum();
    vec![
        vm.name.clone(),
        output::state(state, context.words),
        vm.cpus.to_string(),
        vm.memory.to_string(),
        if disk == 0 { "–".into() } else { ByteSize(disk).to_string() },
        vm.usage.map_or_else(|| "–".into(), |usage| format::cpu_use(usage.cpu_permille, vm.cpus)),
        vm.image.clone().unwrap_or_else(|| "–".into()),
    ]
}

fn show(context: &Context, vm: &Seen<Vm>) -> Result<(), Failure> {
    let words = context.words;
    let accelerator = vm.accelerator.as_ref().map(|kind| output::known(words, &format!("accelerator-{kind}"), kind));
    let failure = vm.failure.as_ref().map(|failure| {
        let text = output::known(words, &format!("failure-{}", failure.code), &failure.code);
        if failure.detail.is_empty() { text } else { format!("{text} ({})", failure.detail) }
    });
    let orphaned = vm.orphaned.then(|| context.text("state-orphaned").to_owned());
    context.facts(
        &vm.json,
        &[
            ("cli-col-name", Some(vm.name.clone())),
            ("cli-col-id", Some(vm.id.to_string())),
            ("cli-col-project", Some(vm.project.clone())),
            ("cli-col-state", Some(orphaned.unwrap_or_else(|| output::state(&vm.state, words)))),
            ("cli-col-asked", Some(output::state(&vm.power, words)).filter(|_| vm.power != vm.state)),
            ("cli-col-failure", failure),
            ("cli-col-cpus", Some(vm.cpus.to_string())),
            ("cli-col-memory", Some(vm.memory.to_string())),
            ("cli-col-disk", drive::disks(context, &vm.disks)),
            ("cli-col-image", vm.image.clone()),
            ("cli-col-cd", vm.cd_drive.as_ref().map(|cd| drive::in_words(context, cd))),
            ("cli-col-drivers", vm.drivers.map(|image| image.to_string())),
            ("cli-col-tags", Some(vm.tags.join(words.text("comma"))).filter(|text| !text.is_empty())),
            ("cli-col-firmware", Some(output::known(words, &format!("firmware-{}", vm.firmware), &vm.firmware))),
            ("cli-col-network", Some(nic::all(context, &vm.nics))),
            ("cli-col-hostname", vm.hostname.clone()),
            ("cli-col-restart", Some(output::known(words, &format!("restart-{}", vm.restart), &vm.restart))),
            ("cli-col-priority", Some(output::known(words, &format!("priority-{}", vm.priority), &vm.priority))),
            ("cli-col-used-cpu", vm.usage.map(|usage| format::cpu_use(usage.cpu_permille, vm.cpus))),
            ("cli-col-used-memory", vm.usage.map(|usage| usage.memory.to_string())),
            ("cli-col-accelerator", accelerator),
            ("cli-col-engine", vm.engine.as_ref().map(|engine| engine_of(context, engine))),
            ("cli-col-engine-replaced", vm.engine.as_ref().and_then(|engine| replaced(context, engine))),
            ("cli-col-pid", vm.pid.map(|pid| pid.to_string())),
            ("cli-col-started", Some(context.time(vm.started_at)).filter(|text| !text.is_empty())),
            ("cli-col-created", Some(context.time(vm.created_at)).filter(|text| !text.is_empty())),
        ],
    )
}

fn engine_of(context: &Context, engine: &Engine) -> String {
    match engine.outdated {
        true => context.words.text_with("cli-engine-outdated", &[("qemu", &engine.qemu)]),
        false => engine.qemu.clone(),
    }
}

fn replaced(context: &Context, engine: &Engine) -> Option<String> {
    let replaced = engine.replaced.as_ref()?;
    let (when, ms) = (context.time(replaced.at), format::milliseconds(replaced.pause_us));
    Some(context.words.text_with("cli-engine-replaced", &[("when", &when), ("ms", &ms)]))
}

/// One VM, or all that a query finds.
async fn many(context: &Context, args: ManyArgs, action: VmAction, done: &'static str) -> Result<(), Failure> {
    let ManyArgs { vm, query, yes, no_wait } = args;
    match (vm, query) {
        (Some(vm), _) => act(context, ActArgs { vm, no_wait }, action, done).await,
        (None, query) => {
            let asked = Asked { query: query.as_deref().unwrap_or_default(), yes, wait: !no_wait };
            bulk::run(context, Deed::Act(action), asked).await
        }
    }
}

async fn tag(context: &Context, command: TagCommand) -> Result<(), Failure> {
    let client = context.client()?;
    let (args, adds) = command.parts();
    let vm = client.vm(&args.name).await?;
    let vm = client.tag_vm(&vm, &search::changed(&vm.tags, &args.tag, adds)).await?;
    search::say_tags(context, &vm.json, &vm.name, &vm.tags)
}

async fn act(context: &Context, args: ActArgs, action: VmAction, done: &'static str) -> Result<(), Failure> {
    let client = context.client()?;
    let task = client.act(&args.vm, action).await?;
    progress::changed(context, &client, task, !args.no_wait, done, &[]).await
}

/// Into the bin; with `--now` for good, once its name was typed.
async fn delete(context: &Context, args: DeleteArgs) -> Result<(), Failure> {
    let ManyArgs { vm: name, query, yes, no_wait } = args.what;
    let Some(name) = &name else {
        let query = query.as_deref().unwrap_or_default();
        let deed = if args.now { Deed::Delete } else { Deed::Bin };
        return bulk::run(context, deed, Asked { query, yes, wait: !no_wait }).await;
    };
    let client = context.client()?;
    let vm = client.vm(name).await?;
    if args.now && !yes && std::io::stdin().is_terminal() && !context.json {
        output::confirm(context, "cli-vm-delete-confirm", &vm.name)?;
    }
    // Of one that no server has there is nothing to keep.
    let task = if args.now || vm.state == "lost" {
        client.delete_vm(&vm).await?
    } else {
        client.bin_vm(&vm.id.to_string()).await?
    };
    let ended = progress::follow(context, &client, task, !no_wait).await?;
    if context.json && !no_wait {
        return output::print(&ended.json);
    }
    if !no_wait {
        let said = if ended.kind == "vm-bin" { "cli-vm-binned" } else { "cli-vm-deleted" };
        context.say(said, &[("name", &vm.name)]);
    }
    Ok(())
}

async fn rename(context: &Context, vm: &str, name: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let vm = client.vm(vm).await?;
    client.rename_vm(&vm, name).await?;
    if context.json {
        return output::print(&client.vm(&vm.id.to_string()).await?.json);
    }
    context.say("cli-vm-renamed", &[("old", &vm.name), ("name", name)]);
    Ok(())
}

async fn set(context: &Context, args: VmSetArgs) -> Result<(), Failure> {
    let VmSetArgs { vm, restart, priority } = args;
    let client = context.client()?;
    let seen = client.vm(&vm).await?;
    let said = changes([("restart", restart.map(Into::into)), ("priority", priority.map(Into::into))]);
    if said.is_empty() {
        return show(context, &seen);
    }
    show(context, &client.change_vm(&seen, &said.into()).await?)
}

async fn screenshot(context: &Context, vm: &str, output: &Path) -> Result<(), Failure> {
    let png = context.client()?.screenshot(vm).await?;
    std::fs::write(output, &png).map_err(|error| anyhow::anyhow!("{}: {error}", output.display()))?;
    context.say("cli-screenshot", &[("name", vm), ("file", &output.display().to_string())]);
    Ok(())
}
