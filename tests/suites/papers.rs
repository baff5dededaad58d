//! The papers say what is so: every promise names a test that exists, every command and link leads somewhere.

use anyhow::{Context, Result, ensure};
use cake_tests::workspace;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const PAPERS: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "PROMISES.md", "CHANGELOG.md"];

fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = workspace().join(path);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Texts between single backticks of a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The numbered promises, each with its lines put together.
fn promises(text: &str) -> Vec<(u32, String)> {
    let mut out: Vec<(u32, String)> = Vec::new();
    for line in text.lines() {
        let number = line.split_once(". ").and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
        match (number, out.last_mut()) {
            (Some((number, rest)), _) => out.push((number, rest.into())),
            (None, Some((_, promise))) if line.starts_with(' ') && !line.trim().is_empty() => {
                promise.push(' ');
                promise.push_str(line.trim());
            }
            _ => {}
        }
    }
    out
}

/// A test as a promise names it: `path/to/file.rs::name`, or a script by its path alone.
fn exists(reference: &str) -> Result<()> {
    let (path, name) = reference.split_once("::").map_or((reference, None), |(path, name)| (path, Some(name)));
    let text = read(path).with_context(|| format!("{reference} names no file"))?;
    let Some(name) = name else { return Ok(()) };
    let name = name.rsplit("::").next().unwrap_or(name);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| {
        let line = line.trim_start_matches("pub ").trim_start_matches("async ");
        line.strip_prefix("fn ").is_some_and(|rest| rest.split(['(', '<']).next() == Some(name))
    });
    let at = at.with_context(|| format!("{reference}: no such function in that file"))?;
    // A helper holds nothing: the attribute stands above, with others and comments between.
    let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    let is_test = |line: &str| line == "#[test]" || line.starts_with("#[tokio::test");
    ensure!(above.into_iter().any(|line| is_test(line)), "{reference} is no test");
    Ok(())
}

#[test]
fn every_promise_names_a_test_that_exists() -> Result<()> {
    let promises = promises(&read("PROMISES.md")?);
    ensure!(promises.len() >= 10, "PROMISES.md holds numbered promises");
    for (place, (number, promise)) in promises.iter().enumerate() {
        ensure!(*number as usize == place + 1, "promise {number} stands at place {}", place + 1);
        let is_test = |text: &&str| text.contains(".rs") || text.ends_with(".sh");
        let tests: Vec<_> = quoted(promise).filter(is_test).collect();
        ensure!(!tests.is_empty(), "promise {number} names no test: {promise}");
        for test in tests {
            exists(test).with_context(|| format!("promise {number}"))?;
        }
    }
    Ok(())
}

#[test]
fn every_make_command_of_the_papers_is_in_the_makefile() -> Result<()> {
    let makefile = read("Makefile")?;
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', ' ', '#']))
        .filter_map(|l| l.split_once(':'))
        .flat_map(|(t, _)| t.split(' '))
        .collect();
    for paper in PAPERS {
        let text = read(paper)?;
        let fenced = text.split("```").skip(1).step_by(2).flat_map(str::lines);
        let commands = text.lines().flat_map(quoted).chain(fenced);
        for command in commands {
            let mut words = command.split_whitespace().skip_while(|word| word.contains('='));
            let target = (words.next() == Some("make")).then(|| words.next()).flatten();
            if let Some(target) = target.filter(|target| !target.contains('=')) {
                ensure!(targets.contains(target), "{paper} says {command:?}; the Makefile has no {target}");
            }
        }
    }
    Ok(())
}

#[test]
fn every_link_of_the_papers_leads_to_a_file() -> Result<()> {
    for paper in PAPERS {
        let text = read(paper)?;
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap_or(target);
            ensure!(workspace().join(file).exists(), "{paper} links to {file}, which is not there");
        }
    }
    Ok(())
}

/// What is in git is about the project, not about the machine that it was written on, nor about where that machine gets its
/// packages from.
#[test]
fn no_tracked_file_names_a_machine_or_a_registry() -> Result<()> {
    // Put together here, so that this file does not name them either.
    let forbidden = [
        ["/wo", "rk/"].concat(),
        ["/ro", "ot/."].concat(),
        ["/tmp/", "cake"].concat(),
        ["/tmp/", "t-"].concat(),
        ["crates", ".io"].concat(),
        ["npm", "js.org"].concat(),
        ["py", "pi.org"].concat(),
    ];
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(workspace()).output()?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout)?;
    for name in names.split('\0').filter(|name| !name.is_empty() && *name != "Cargo.lock") {
        // A tracked file may be gone from the tree; a picture is not text.
        let Ok(text) = read(name) else { continue };
        for (number, line) in text.lines().enumerate() {
            let found = forbidden.iter().find(|word| line.contains(word.as_str()));
            ensure!(found.is_none(), "{name}:{}: {line}", number + 1);
        }
    }
    Ok(())
}
