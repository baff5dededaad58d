//! What every launcher must do.

use std::{
    fs::File,
    io::{Read, Seek},
    os::unix::process::CommandExt,
    pin::Pin,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use cake_host::{
    launch::{Descriptor, LaunchError, MOST_DESCRIPTORS},
    process::{ExitStatus, LiveProcess, ProcessIdentity},
};
use nix::{
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    sys::signal::{Signal, killpg},
    unistd::{Pid, pipe2},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::{
    Failure,
    suite::{Suite, ensure, living},
};

/// How often a launcher is cut short.
const CUTS: u32 = 12;

type Case = fn(Arc<Suite>) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

pub(crate) fn all() -> Vec<(&'static str, Case)> {
    vec![
        ("a launched program is found by name and by record", |suite| Box::pin(found(suite))),
        ("descriptors arrive in order and by name", |suite| Box::pin(descriptors(suite))),
        ("a program starts in clean surroundings", |suite| Box::pin(surroundings(suite))),
        ("many descriptors arrive", |suite| Box::pin(many_descriptors(suite))),
        ("words arrive as they are", |suite| Box::pin(words(suite))),
        ("output goes where it was told", |suite| Box::pin(output(suite))),
        ("a name in use is refused", |suite| Box::pin(name_in_use(suite))),
        ("a program that does not exist is refused", |suite| Box::pin(no_program(suite))),
        ("bad names are refused", |suite| Box::pin(bad_names(suite))),
        ("an end is noticed and the name is free again", |suite| Box::pin(ended(suite))),
        ("a kill is complete and the name is free again", |suite| Box::pin(killed(suite))),
        ("a program outlives its launcher", |suite| Box::pin(outlives(suite))),
        ("a launcher killed at any moment starts nothing twice", |suite| Box::pin(cut(suite))),
        ("two at once start one", |suite| Box::pin(two_at_once(suite))),
        ("many at once", |suite| Box::pin(many_at_once(suite))),
    ]
}

async fn found(suite: Arc<Suite>) -> Result<(), Failure> {
    let unit = suite.unit();
    ensure(suite.launcher.find(&unit, None).await?.is_none(), "nothing runs before")?;
    let identity = suite.launcher.launch(suite.stay(&unit)).await?;
    ensure(LiveProcess::open(&identity)?.is_alive(), "it lives")?;
    ensure(ProcessIdentity::of(identity.pid)? == identity, "it is who it is said to be")?;
    ensure(suite.launcher.find(&unit, None).await? == Some(identity), "found by name")?;
    ensure(suite.launcher.find(&unit, Some(&identity)).await? == Some(identity), "found by name and record")?;
    let another = suite.another_launcher().await?;
    ensure(another.find(&unit, None).await? == Some(identity), "found by another launcher")?;
    let unknown = suite.unit();
    ensure(another.find(&unknown, Some(&identity)).await? == Some(identity), "found by record alone")?;
    let mut wrong = identity;
    wrong.start_ticks += 1;
    ensure(another.find(&unknown, Some(&wrong)).await?.is_none(), "a used pid is nobody")?;
    wrong = identity;
    wrong.boot_id = "4d1e3a52-8f0c-4c7b-9a57-0c6f1f6f2b11".parse()?;
    ensure(another.find(&unknown, Some(&wrong)).await?.is_none(), "a record of another boot is nobody")?;
    suite.end(&identity).await
}

async fn descriptors(suite: Arc<Suite>) -> Result<(), Failure> {
    let (read_end, write_end) = pipe2(OFlag::O_CLOEXEC)?;
    let mut child = suite
        .reporter(&suite.unit(), |request| {
            request.descriptors.push(Descriptor { name: "disk.vda".to_owned(), descriptor: write_end });
        })
        .await?;
    let expected = [("control".to_owned(), 3), ("disk.vda".to_owned(), 4)];
    ensure(child.report.descriptors == expected, &format!("{:?}", child.report.descriptors))?;
    child.order("use disk.vda").await?;
    child.order("exit 0").await?;
    child.process.wait_exit().await?;
    let mut text = String::new();
    // Ends only if no copy of the write end is left: not here, and not with the launcher.
    File::from(read_end).read_to_string(&mut text)?;
    ensure(text == "used", "the child wrote into what it was given")
}

async fn many_descriptors(suite: Arc<Suite>) -> Result<(), Failure> {
    let extra = |count: usize| -> std::io::Result<Vec<Descriptor>> {
        let null = |number| Ok(Descriptor { name: format!("d{number}"), descriptor: File::open("/dev/null")?.into() });
        (0..count).map(null).collect()
    };
    let (fits, output) = (extra(MOST_DESCRIPTORS - 1)?, File::open("/dev/null")?);
    let mut child = suite
        .reporter(&suite.unit(), |request| {
            request.descriptors.extend(fits);
            request.output = Some(output.into());
        })
        .await?;
    let numbers: Vec<i32> = child.report.descriptors.iter().map(|(_, number)| *number).collect();
    ensure(numbers == (3..3 + i32::try_from(MOST_DESCRIPTORS)?).collect::<Vec<_>>(), &format!("{numbers:?}"))?;
    let last = child.report.descriptors.last().map(|(name, _)| name.as_str());
    ensure(last == Some(&format!("d{}", MOST_DESCRIPTORS - 2)), "names keep their order")?;
    child.order("exit 0").await?;

    let mut request = suite.stay(&suite.unit());
    request.descriptors = extra(MOST_DESCRIPTORS + 1)?;
    let outcome = suite.launcher.launch(request).await;
    ensure(matches!(outcome, Err(LaunchError::TooManyDescriptors { .. })), &format!("{outcome:?}"))
}

async fn surroundings(suite: Arc<Suite>) -> Result<(), Failure> {
    // A descriptor that somebody forgot to close on exec, and a variable that is nobody else's business.
    let leak = File::open("/dev/null")?;
    fcntl(&leak, FcntlArg::F_SETFD(FdFlag::empty()))?;
    let mut child = suite
        .reporter(&suite.unit(), |request| request.environment.push(("GIVEN".to_owned(), "a b=c".to_owned())))
        .await?;
    let report = &child.report;
    ensure(report.pid == child.identity.pid, "the recorded process is the program itself")?;
    ensure(report.session.unsigned_abs() == report.pid, "it leads a session of its own")?;
    ensure(report.open == [0, 1, 2, 3], &format!("only what was given is open: {:?}", report.open))?;
    ensure(report.input == "/dev/null" && report.folder == "/", "no input, at the root")?;
    ensure(report.umask == "0022", &report.umask)?;
    ensure(report.blocked == "0000000000000000", "no signal is blocked")?;
    // Rust's own start ignores SIGPIPE.
    ensure(report.ignored == "0000000000001000", &format!("no other signal is ignored: {}", report.ignored))?;
    ensure(report.environment.get("GIVEN").is_some_and(|value| value == "a b=c"), "it has the given variable")?;
    ensure(report.environment.contains_key("PATH"), "it has a path")?;
    ensure(!report.environment.contains_key("CAKE_CONFORMANCE_SECRET"), "it inherits no variable")?;
    child.order("exit 0").await
}

async fn words(suite: Arc<Suite>) -> Result<(), Failure> {
    let odd = ["", "a b", "$HOME", "${PATH}", "$$", "%n", "%%", "\\n", "\"", "'", ";", "@x", "-", "長", "a\nb", "*"];
    let mut child = suite
        .reporter(&suite.unit(), |request| request.arguments.extend(odd.iter().map(|word| (*word).to_owned())))
        .await?;
    ensure(child.report.arguments[2..] == odd, &format!("{:?}", child.report.arguments))?;
    child.order("exit 0").await
}

async fn output(suite: Arc<Suite>) -> Result<(), Failure> {
    let path = suite.folder.with_extension("output");
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    let copy = file.try_clone()?;
    let mut child = suite.reporter(&suite.unit(), |request| request.output = Some(copy.into())).await?;
    child.order("say it speaks").await?;
    child.order("exit 0").await?;
    child.process.wait_exit().await?;
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    std::fs::remove_file(path)?;
    ensure(text == "it speaks\n", &text)
}

async fn name_in_use(suite: Arc<Suite>) -> Result<(), Failure> {
    let unit = suite.unit();
    let identity = suite.launcher.launch(suite.stay(&unit)).await?;
    let again = suite.another_launcher().await?.launch(suite.stay(&unit)).await;
    ensure(matches!(again, Err(LaunchError::AlreadyRunning { .. })), &format!("{again:?}"))?;
    alone(&suite, &unit, &identity).await
}

async fn no_program(suite: Arc<Suite>) -> Result<(), Failure> {
    let unit = suite.unit();
    let mut request = suite.stay(&unit);
    request.program = "/nowhere/nothing".into();
    let outcome = suite.launcher.launch(request).await;
    ensure(matches!(outcome, Err(LaunchError::NotStarted { .. })), &format!("{outcome:?}"))?;
    ensure(suite.launcher.find(&unit, None).await?.is_none(), "nothing runs")?;
    let identity = suite.launcher.launch(suite.stay(&unit)).await?;
    suite.end(&identity).await
}

async fn bad_names(suite: Arc<Suite>) -> Result<(), Failure> {
    for name in ["", "../up", "a b", "a\0b", "UPPER", "a.service"] {
        let outcome = suite.launcher.launch(suite.stay(name)).await;
        ensure(matches!(outcome, Err(LaunchError::Name { .. })), &format!("{name:?}: {outcome:?}"))?;
        ensure(suite.launcher.find(name, None).await.is_err(), "nor can it be looked for")?;
    }
    let mut request = suite.stay(&suite.unit());
    request.descriptors.push(Descriptor { name: "a:b".to_owned(), descriptor: File::open("/dev/null")?.into() });
    let outcome = suite.launcher.launch(request).await;
    ensure(matches!(outcome, Err(LaunchError::Name { .. })), &format!("{outcome:?}"))
}

async fn ended(suite: Arc<Suite>) -> Result<(), Failure> {
    let unit = suite.unit();
    for code in [0, 7] {
        let mut child = suite.reporter(&unit, |_| {}).await?;
        let (first, second) = (LiveProcess::open(&child.identity)?, LiveProcess::open(&child.identity)?);
        let watch = tokio::spawn(async move { first.wait_exit().await });
        child.order(&format!("exit {code}")).await?;
        let statuses = [watch.await??, second.wait_exit().await?];
        // Only a parent knows how its child ended.
        let expected = (suite.kind == "detached").then_some(ExitStatus::Code(code));
        ensure(statuses == [expected, expected], &format!("{statuses:?}"))?;
        ensure(!child.process.is_alive(), "it is dead")?;
        ensure(child.process.signal(Signal::SIGTERM).is_err(), "the dead get no signal")?;
        ensure(suite.launcher.find(&unit, Some(&child.identity)).await?.is_none(), "it is not found")?;
    }
    Ok(())
}

async fn killed(suite: Arc<Suite>) -> Result<(), Failure> {
    let unit = suite.unit();
    for _ in 0..3 {
        let identity = suite.launcher.launch(suite.stay(&unit)).await?;
        suite.end(&identity).await?;
        suite.launcher.kill(&identity).await?;
        ensure(living(&unit)?.is_empty(), "nothing lives")?;
    }
    ensure(suite.launcher.find(&unit, None).await?.is_none(), "it is not found")
}

/// No process but this one belongs to the unit; it is ended.
async fn alone(suite: &Suite, unit: &str, identity: &ProcessIdentity) -> Result<(), Failure> {
    // A process shows its environment a moment after it is executed: so it need not be seen, and nobody else may be.
    let others = living(unit)?.into_iter().filter(|pid| *pid != identity.pid).count();
    ensure(others == 0, &format!("{others} more processes live"))?;
    suite.end(identity).await?;
    // By now, one that was started at the same time would be seen.
    ensure(living(unit)?.is_empty(), "nobody lives after the only one was ended")
}

/// Starts a launcher in a process of its own, leader of its own process group.
fn other_process(suite: &Suite, unit: &str) -> Result<tokio::process::Child, Failure> {
    let mut command = std::process::Command::new(&suite.program);
    command.arg("launch-and-wait").arg(&suite.kind).arg(&suite.folder).arg(unit);
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(Command::from(command).kill_on_drop(true).spawn()?)
}

async fn kill_group(mut process: tokio::process::Child) -> Result<(), Failure> {
    if let Some(pid) = process.id() {
        killpg(Pid::from_raw(pid.try_into()?), Signal::SIGKILL)?;
    }
    process.wait().await?;
    Ok(())
}

async fn outlives(suite: Arc<Suite>) -> Result<(), Failure> {
    let unit = suite.unit();
    let mut other = other_process(&suite, &unit)?;
    let mut lines = BufReader::new(other.stdout.take().ok_or("no output")?).lines();
    lines.next_line().await?;
    let identity: ProcessIdentity = serde_json::from_str(&lines.next_line().await?.ok_or("nothing was launched")?)?;
    kill_group(other).await?;
    let process = LiveProcess::open(&identity)?;
    ensure(suite.launcher.find(&unit, None).await? == Some(identity), "found by name")?;
    ensure(suite.launcher.find(&unit, Some(&identity)).await? == Some(identity), "found by record")?;
    ensure(process.is_alive(), "it lives")?;
    alone(&suite, &unit, &identity).await
}

async fn cut(suite: Arc<Suite>) -> Result<(), Failure> {
    let (begun, unit) = (Instant::now(), suite.unit());
    let identity = suite.launcher.launch(suite.stay(&unit)).await?;
    let whole = begun.elapsed();
    suite.end(&identity).await?;
    for round in 0..CUTS {
        let unit = suite.unit();
        let mut other = other_process(&suite, &unit)?;
        let mut lines = BufReader::new(other.stdout.take().ok_or("no output")?).lines();
        lines.next_line().await?;
        // The moment of the cut moves through the launch and a little past it, finer than a timer can.
        let (ready, moment) = (Instant::now(), whole * round * 3 / (CUTS * 2));
        let _ = timeout(moment.saturating_sub(Duration::from_millis(2)), other.wait()).await;
        while ready.elapsed() < moment {
            std::hint::spin_loop();
        }
        kill_group(other).await?;
        let found = suite.launcher.find(&unit, None).await?;
        let launched = suite.launcher.launch(suite.stay(&unit)).await;
        let identity = match (found, launched) {
            (None, Ok(identity)) => identity,
            (Some(identity), Err(LaunchError::AlreadyRunning { .. })) => identity,
            // The bus may deliver a dead launcher's last words after we looked.
            (None, Err(LaunchError::AlreadyRunning { .. })) => {
                suite.launcher.find(&unit, None).await?.ok_or("neither free nor found")?
            }
            (found, launched) => return Err(format!("round {round}: found {found:?}, launched {launched:?}").into()),
        };
        alone(&suite, &unit, &identity).await.map_err(|error| format!("round {round}: {error}"))?;
    }
    Ok(())
}

async fn two_at_once(suite: Arc<Suite>) -> Result<(), Failure> {
    for _ in 0..5 {
        let unit = suite.unit();
        let another = suite.another_launcher().await?;
        let (one, two) = tokio::join!(suite.launcher.launch(suite.stay(&unit)), another.launch(suite.stay(&unit)));
        let identity = match (one, two) {
            (Ok(identity), Err(LaunchError::AlreadyRunning { .. }))
            | (Err(LaunchError::AlreadyRunning { .. }), Ok(identity)) => identity,
            both => return Err(format!("{both:?}").into()),
        };
        alone(&suite, &unit, &identity).await?;
    }
    Ok(())
}

async fn many_at_once(suite: Arc<Suite>) -> Result<(), Failure> {
    let started: Vec<_> = (0..20)
        .map(|_| {
            let (suite, unit) = (suite.clone(), suite.unit());
            tokio::spawn(async move { suite.launcher.launch(suite.stay(&unit)).await })
        })
        .collect();
    let mut identities = Vec::new();
    for task in started {
        identities.push(task.await??);
    }
    identities.sort_by_key(|identity| identity.pid);
    identities.dedup_by_key(|identity| identity.pid);
    ensure(identities.len() == 20, "twenty processes")?;
    for identity in &identities {
        suite.end(identity).await?;
    }
    Ok(())
}
