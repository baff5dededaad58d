//! The two commands as somebody types them who has just cloned: the scripts behind `make up`, `make down` and `make logs` in a
//! checkout of their own, and the `cake` command in one of its directories.

use anyhow::{Context, Result, ensure};
use cake_tests::{Cake, Place, Process, Said, in_time, qemus_of, workspace};
use cake_types::{Language, SetupAdministrator, SetupAnswers, SetupPool};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// caked's user here. Every Debian has it, and it is nobody's login, which `make up` insists on.
const CAKED_USER: &str = "daemon";
const EXAMPLE: &str = include_str!("../../image/examples/cake-setup.toml");

/// What `make` needs of a checkout: image/, and a place for `.cake`.
struct Checkout {
    directory: tempfile::TempDir,
    place: Place,
}

impl Checkout {
    fn new() -> Result<Self> {
        ensure!(nix::unistd::geteuid().is_root(), "cake-node is root's: run this test as root");
        let place = Place::find()?;
        let directory = tempfile::Builder::new().prefix("cake-").tempdir()?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        for part in ["image/scripts", "image/examples", "somewhere/deeper"] {
            fs::create_dir_all(directory.path().join(part))?;
        }
        for script in fs::read_dir(workspace().join("image/scripts"))? {
            let script = script?;
            fs::copy(script.path(), directory.path().join("image/scripts").join(script.file_name()))?;
        }
        fs::write(directory.path().join("image/examples/cake-setup.toml"), EXAMPLE)?;
        Ok(Self { directory, place })
    }

    fn path(&self, part: &str) -> PathBuf {
        self.directory.path().join(part)
    }

    /// The `cake` command in a directory below, told nothing of where its instance is.
    fn cake(&self) -> Cake {
        Cake::inside(self.place.program("cake"), &self.path("somewhere/deeper"))
    }

    /// A script with what `make` would have in its environment, and nothing else.
    fn command(&self, script: &str, environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(self.path("image/scripts").join(script));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("CAKE_BUILT", &self.place.programs).env("CAKE_IMAGES_DIR", &self.place.images);
        command.env("CAKE_ENGINE_DIR", self.place.engine.parent().unwrap_or(&self.place.engine));
        command.env("CAKE_USER", CAKED_USER).envs(environment.iter().copied());
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, script: &str, environment: &[(&str, &str)]) -> Result<Said> {
        said(&mut self.command(script, environment))
    }

    fn ok(&self, script: &str, environment: &[(&str, &str)]) -> Result<String> {
        let said = self.run(script, environment)?;
        ensure!(said.code == 0, "{script} {environment:?}: {said:?}");
        Ok(said.out)
    }

    /// caked and cake-node of a state directory, as their pid files have them.
    fn daemons(&self, state: &str) -> Result<[Process; 2]> {
        let one = |name: &str| {
            let note = fs::read_to_string(self.path(state).join(format!("run/{name}.pid")))?;
            let pid = note.split(' ').next().context("a pid")?.parse()?;
            Process::find(pid).with_context(|| format!("{name} ({pid}) does not run"))
        };
        Ok([one("caked")?, one("cake-node")?])
    }
}

impl Drop for Checkout {
    /// Whatever a failed test left behind.
    fn drop(&mut self) {
        for state in [".cake", "second"] {
            self.daemons(state).into_iter().flatten().for_each(Process::kill);
            let folders = fs::read_dir(self.path(state).join("node/vms")).into_iter().flatten().flatten();
            let ids: Vec<_> = folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
            qemus_of(&ids).into_iter().filter_map(Process::find).for_each(Process::kill);
        }
    }
}

fn said(command: &mut Command) -> Result<Said> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) })
}

/// What stands behind a label of `make up`'s last lines.
fn labelled<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim)
}

#[tokio::test(flavor = "multi_thread")]
async fn up_again_beside_down_and_up_find_what_was_there() -> Result<()> {
    let checkout = Checkout::new()?;
    let cake = checkout.cake();
    let lost = cake.run(&["vm", "list"]).await?;
    ensure!(lost.code == 6, "there is no instance yet: {lost:?}");

    let said = checkout.ok("up.sh", &[("SETUP", "image/examples/cake-setup.toml"), ("CAKE_HTTPS", "127.0.0.1:0")])?;
    let url = labelled(&said, "console").context("the console's address")?.to_owned();
    ensure!(url.starts_with("https://127.0.0.1:"), "{said}");
    ensure!(labelled(&said, "fingerprint").is_some_and(|print| print.len() > 60), "{said}");
    ensure!(labelled(&said, "recovery key").is_some() && labelled(&said, "setup token").is_none(), "{said}");
    let port = url.trim_end_matches('/').trim_start_matches("https://").to_owned();
    let daemons = checkout.daemons(".cake")?;

    // Neither an address nor a certificate has to be named inside the checkout.
    let login = cake.run_with(&["login", "--user", "admin", "--password-stdin"], b"change-me-before-use\n").await?;
    ensure!(login.code == 0, "{login:?}");
    let vm = cake
        .json(&["vm", "create", "web", "--image", "cake-tiny", "--cpus", "1", "--memory", "256MiB", "--disk", "128MiB"])
        .await?;
    let pid = vm["pid"].as_u64().with_context(|| vm.to_string())?;
    let guest = Process::find(pid.try_into()?).context("the VM's QEMU runs")?;

    // Again changes nothing: not even a file of the answers is read twice.
    let notes = |name: &str| fs::read_to_string(checkout.path(".cake").join(name));
    let (at_first, example) = (notes("cake.toml")?, ("SETUP", "image/examples/cake-setup.toml"));
    let again = checkout.ok("up.sh", &[example, ("CAKE_HTTPS", &port)])?;
    ensure!(again.contains("cake-node is running") && again.contains("caked is running"), "{again}");
    ensure!(labelled(&again, "console") == Some(&url) && labelled(&again, "recovery key").is_none(), "{again}");
    ensure!(checkout.daemons(".cake")? == daemons && notes("cake.toml")? == at_first);

    beside(&checkout, &cake).await?;
    follows_both_logs(&checkout).await?;

    let down = checkout.ok("down.sh", &[])?;
    let line = down.lines().find(|line| line.contains(" web ")).with_context(|| down.clone())?;
    ensure!(line.contains(&pid.to_string()) && down.contains("make down VMS=stop"), "{down}");
    ensure!(!daemons.iter().any(|daemon| daemon.is_alive()) && guest.is_alive(), "{down}");
    ensure!(cake.run(&["vm", "list"]).await?.code == 6, "nobody answers");
    let nothing = checkout.ok("down.sh", &[])?;
    ensure!(nothing.contains("caked is not running") && nothing.contains(line), "{nothing}");

    let up = checkout.ok("up.sh", &[("CAKE_HTTPS", &port)])?;
    ensure!(labelled(&up, "console") == Some(&url) && up.contains("The setup is done"), "{up}");
    // Still logged in, and the same QEMU goes on.
    let vm = cake.json(&["vm", "show", "web"]).await?;
    ensure!(vm["pid"].as_u64() == Some(pid) && vm["state"] == "running" && guest.is_alive(), "{vm}");
    // Once it has booted it listens to its power button.
    prompt(&cake, "web").await?;
    let down = checkout.ok("down.sh", &[("VMS", "stop")])?;
    ensure!(down.contains("no virtual machine is running") && !guest.is_alive(), "{down}");
    // What was stopped on purpose does not come back by itself.
    checkout.ok("up.sh", &[("CAKE_HTTPS", &port)])?;
    let vm = cake.json(&["vm", "show", "web"]).await?;
    ensure!(vm["state"] == "stopped" && vm["pid"].is_null(), "{vm}");
    checkout.ok("down.sh", &[("VMS", "stop")])?;
    Ok(())
}

/// Another state and another port: neither knows of the other.
async fn beside(checkout: &Checkout, first: &Cake) -> Result<()> {
    let state = checkout.path("second");
    let path = state.to_str().context("a path in UTF-8")?;
    let up = checkout.ok("up.sh", &[("CAKE_STATE", path), ("CAKE_HTTPS", "127.0.0.1:0")])?;
    ensure!(labelled(&up, "setup token").is_some_and(|token| token.len() >= 16), "{up}");
    let second = Cake::new(checkout.place.program("cake"), &state);
    ensure!(second.json(&["setup", "status"]).await?["done"] == false, "the second is new");
    ensure!(first.json(&["setup", "status"]).await?["done"] == true, "the first is not");
    ensure!(first.json(&["vm", "list"]).await?["items"].as_array().is_some_and(|items| items.len() == 1));

    // Its own port, taken by its own caked, is not in its way; somebody else's is, and is named before anything starts.
    let taken = labelled(&up, "console").context("the console's address")?.trim_end_matches('/');
    let taken = taken.trim_start_matches("https://").to_owned();
    checkout.ok("up.sh", &[("CAKE_STATE", path), ("CAKE_HTTPS", &taken)])?;
    let third = checkout.path("third");
    let refused = checkout.run("up.sh", &[("CAKE_STATE", third.to_str().context("UTF-8")?), ("CAKE_HTTPS", &taken)])?;
    ensure!(refused.code != 0 && refused.err.contains("is taken by another program"), "{refused:?}");

    let daemons = checkout.daemons("second")?;
    let down = checkout.ok("down.sh", &[("CAKE_STATE", path)])?;
    ensure!(down.contains("no virtual machine is running"), "{down}");
    ensure!(!daemons.iter().any(|daemon| daemon.is_alive()), "{down}");
    Ok(())
}

/// `make logs` shows both and goes on until it is ended.
async fn follows_both_logs(checkout: &Checkout) -> Result<()> {
    let command = checkout.command("logs.sh", &[]);
    let mut tail = tokio::process::Command::from(command).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(tail.stdout.take().context("a pipe")?).lines();
    let wait = async {
        for name in ["cake-node.log", "caked.log"] {
            loop {
                let line = lines.next_line().await?.context("make logs ended")?;
                if line.starts_with("==>") && line.contains(name) {
                    break;
                }
            }
        }
        Ok(())
    };
    in_time("both logs", wait).await?;
    ensure!(tail.try_wait()?.is_none(), "it follows");
    Ok(tail.kill().await?)
}

/// Waits until the guest's shell answers.
async fn prompt(cake: &Cake, vm: &str) -> Result<()> {
    let mut command = cake.command(&["vm", "console", vm, "--serial"]);
    let mut console = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut keys = console.stdin.take().context("a pipe")?;
    let mut screen = console.stdout.take().context("a pipe")?;
    let mut seen = String::new();
    let wait = async {
        // What is typed before the shell is there is lost. The sum is not in it, so that its echo is not taken for the answer.
        for (said, typed) in [("web:~# ", "echo sum-$((40 + 2))\n"), ("sum-42", "")] {
            let mut buffer = [0; 4096];
            while !seen.contains(said) {
                let length = screen.read(&mut buffer).await?;
                ensure!(length > 0, "the console ended");
                seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            keys.write_all(typed.as_bytes()).await?;
        }
        Ok(())
    };
    in_time("the guest's shell", wait).await.with_context(|| seen.clone())?;
    Ok(console.kill().await?)
}

#[test]
fn the_example_of_an_answer_file_says_what_it_says() -> Result<()> {
    let answers: SetupAnswers = toml::from_str(EXAMPLE)?;
    let expected = SetupAnswers {
        language: Language::English,
        name: "cake".parse()?,
        time_zone: "Etc/UTC".into(),
        administrator: SetupAdministrator {
            name: "admin".parse()?,
            password: Some("change-me-before-use".into()),
            password_argon2id: None,
        },
        pool: SetupPool { name: "local".parse()?, path: None },
        more_pools: Vec::new(),
        servers: Vec::new(),
    };
    ensure!(answers == expected && answers.administrator.password == expected.administrator.password, "{answers:?}");
    answers.check()?;
    // What stands behind a comment sign is a choice that the file may make too.
    let other: String = EXAMPLE
        .lines()
        .filter(|line| !line.starts_with("password ="))
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("password_argon2id =") || rest.starts_with("path =") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let other: SetupAnswers = toml::from_str(&other)?;
    other.check()?;
    ensure!(other.administrator.password.is_none() && other.pool.path.as_deref() == Some("/srv/cake"), "{other:?}");
    Ok(())
}

/// A checkout that lacks a package, and a `sudo` that only notes what root was asked to do: nothing is installed here.
struct Lacking {
    checkout: Checkout,
}

impl Lacking {
    fn new() -> Result<Self> {
        let checkout = Checkout::new()?;
        fs::write(checkout.path("image/build.list"), "bash # there\ncake-is-no-package\nmissing unless sh\n")?;
        fs::create_dir(checkout.path("bin"))?;
        fs::set_permissions(checkout.path("bin"), fs::Permissions::from_mode(0o777))?;
        for (name, text) in [("sudo", "#!/bin/sh\necho \"$@\" >>\"${0%/*}/asked\"\n"), ("cargo", "#!/bin/sh\n")] {
            fs::write(checkout.path("bin").join(name), text)?;
            fs::set_permissions(checkout.path("bin").join(name), fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { checkout })
    }

    /// A script as somebody who is not root, with this on a terminal (or no terminal).
    fn run(&self, script: &str, environment: &[(&str, &str)], terminal: Option<&str>) -> Result<Said> {
        let path = format!("{}:/usr/bin:/bin", self.checkout.path("bin").display());
        let script = self.checkout.command(script, &[]);
        let user = ["setpriv", "--reuid", CAKED_USER, "--regid", CAKED_USER, "--clear-groups"];
        let words: Vec<_> = user.iter().map(Into::into).chain([script.get_program().to_owned()]).collect();
        let mut command = match terminal {
            None => Command::new(&words[0]),
            Some(_) => Command::new("script"),
        };
        match terminal {
            None => command.args(&words[1..]),
            Some(_) => {
                let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
                command.args(["-qec", &words.join(" "), "/dev/null"])
            }
        };
        for (name, value) in script.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env_remove("CI").env("PATH", path).envs(environment.iter().copied());
        command.current_dir(self.checkout.directory.path());
        let Some(typed) = terminal else { return said(command.stdin(Stdio::null())) };
        let (reading, writing) = std::io::pipe()?;
        std::io::Write::write_all(&mut { writing }, typed.as_bytes())?;
        said(command.stdin(reading))
    }

    /// What root was asked to do since the last look.
    fn asked(&self) -> Result<String> {
        let path = self.checkout.path("bin/asked");
        let text = fs::read_to_string(&path).unwrap_or_default();
        if Path::new(&path).exists() {
            fs::remove_file(&path)?;
        }
        Ok(text)
    }
}

#[test]
fn packages_are_shown_and_asked_for_unless_ci_says_yes() -> Result<()> {
    let lacking = Lacking::new()?;
    let packages = "host-packages.sh";
    let asked = lacking.run(packages, &[], None)?;
    ensure!(asked.code != 0 && asked.err.contains("nobody can be asked"), "{asked:?}");
    ensure!(asked.out.contains("packages that are missing: cake-is-no-package\n"), "{asked:?}");
    let no = lacking.run(packages, &[], Some("n\n"))?;
    ensure!(no.code != 0 && no.out.contains("not installed") && lacking.asked()?.is_empty(), "{no:?}");
    let yes = lacking.run(packages, &[], Some("y\n"))?;
    let wanted = "install -y -qq --no-install-recommends cake-is-no-package\n";
    ensure!(yes.code == 0 && lacking.asked()?.ends_with(wanted), "{yes:?}");
    let unattended = lacking.run(packages, &[("CI", "1")], None)?;
    ensure!(unattended.code == 0 && lacking.asked()?.ends_with(wanted), "{unattended:?}");
    Ok(())
}

#[test]
fn a_state_where_only_root_may_write_is_roots_to_make() -> Result<()> {
    let lacking = Lacking::new()?;
    let state = lacking.checkout.path("roots/state");
    let path = state.to_str().context("a path in UTF-8")?;
    let up = lacking.run("up.sh", &[("CAKE_STATE", path)], None)?;
    ensure!(up.code == 0 && up.err.is_empty(), "{up:?}");
    let asked = lacking.asked()?;
    ensure!(asked.contains(&format!("CAKE_STATE={path}")) && asked.contains("up.sh"), "{asked}");
    Ok(())
}
