//! `cake login`, `logout`, `whoami`, `token …`, `account …`

use crate::args::{AccountCommand, Calendar, LoginArgs, TokenCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::instance::Login;
use crate::output::{self, Align};
use cake_client::Credential;
use std::io::{IsTerminal, Read, Write};

/// How long a login is good: who comes back once a month need not type the password each time.
const LOGIN_DAYS: u32 = 90;

/// Trades the password for an API token of this machine, and keeps that.
pub async fn login(context: &Context, args: LoginArgs) -> Result<(), Failure> {
    let (client, instance) = context.anonymous()?;
    let name = match args.user {
        Some(name) => name,
        None => ask(context, "cli-ask-user")?,
    };
    let password = password(context, args.password_stdin, "cli-ask-password")?;
    let (session, _) = client.log_in(&name, &password).await?;
    let token = session.create_token_for(&token_name(), Some(LOGIN_DAYS)).await?;
    let secret = token.token.clone().ok_or_else(|| anyhow::anyhow!("the server gave no token"))?;
    // The token replaces the session and the login before; neither is missed if the server has forgotten it.
    let _ = session.log_out().await;
    if let Some(before) = instance.login()
        && let Some(id) = before.token_id
    {
        let _ = client.clone().with(Credential::Token(secret.clone())).delete_token(id).await;
    }
    instance.keep_login(Login { token: secret, token_id: Some(token.id), account: name.clone() })?;
    instance.remember()?;
    if context.json {
        return output::print(&serde_json::json!({ "account": name, "url": instance.url }).to_string());
    }
    context.say("cli-logged-in", &[("name", &name), ("url", &instance.url)]);
    Ok(())
}

/// `cake CLI on HOST`, so that the list of tokens says which machine each is on. Only what a name may hold is taken.
fn token_name() -> String {
    let host = nix::unistd::gethostname().map(|host| host.to_string_lossy().into_owned()).unwrap_or_default();
    let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(30).collect();
    let host = host.trim_matches('-');
    // Names are unique; two logins from one machine are two tokens.
    let mark = uuid::Uuid::new_v4().simple().to_string();
    format!("cake CLI on {} {}", if host.is_empty() { "localhost" } else { host }, &mark[..6])
}

fn ask(context: &Context, id: &'static str) -> Result<String, Failure> {
    eprint!("{} ", context.text(id));
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// From standard input up to its end (one line's end is not part of it), or typed without echo.
pub fn password(context: &Context, from_stdin: bool, id: &'static str) -> Result<String, Failure> {
    if from_stdin {
        let mut text = String::new();
        std::io::stdin().lock().take(64 * 1024).read_to_string(&mut text)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(text.strip_suffix('\r').unwrap_or(text).to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("cli-wrong-no-terminal", String::new()));
    }
    Ok(rpassword::prompt_password(format!("{} ", context.text(id)))?)
}

/// A new password, typed twice on a terminal.
fn new_password(context: &Context, from_stdin: bool) -> Result<String, Failure> {
    let first = password(context, from_stdin, "cli-ask-new-password")?;
    if !from_stdin && password(context, false, "cli-ask-again")? != first {
        return Err(Failure::Usage("cli-wrong-passwords-differ", String::new()));
    }
    Ok(first)
}

/// Sets one's own password. From standard input: the current one on the first line, the new one after it.
async fn own_password(context: &Context, client: &cake_client::Client, from_stdin: bool) -> Result<String, Failure> {
    let current = password(context, from_stdin, "cli-ask-password")?;
    let (current, new) = if from_stdin {
        let (current, new) = current.split_once('\n').unwrap_or((&current, ""));
        (current.trim_end_matches('\r').to_owned(), new.to_owned())
    } else {
        (current, new_password(context, false)?)
    };
    Ok(client.set_own_password(&current, &new).await?.name.clone())
}

/// Takes the token of this machine back and forgets it.
pub async fn logout(context: &Context) -> Result<(), Failure> {
    let (client, instance) = context.anonymous()?;
    let login = instance.login().ok_or(Failure::NotLoggedIn)?;
    if let Some(id) = login.token_id {
        let result = client.with(Credential::Token(login.token)).delete_token(id).await;
        // A token that the server no longer takes is as good as taken back.
        if let Err(error) = result
            && !matches!(error.code(), Some("wrong-token" | "not-logged-in" | "not-found"))
        {
            return Err(error.into());
        }
    }
    instance.forget_login()?;
    context.say("cli-logged-out", &[("url", &instance.url)]);
    Ok(())
}

pub async fn whoami(context: &Context) -> Result<(), Failure> {
    let session = context.client()?.session().await?;
    let account = session.account.clone().unwrap_or_default();
    let url = context.instance()?.url;
    context.facts(
        &session.json,
        &[
            ("cli-col-name", Some(account.name.clone())),
            ("cli-col-role", Some(context.words.role(&account.role))),
            ("cli-col-url", Some(url)),
        ],
    )
}

pub async fn token(context: &Context, command: TokenCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        TokenCommand::Create { name, days } => {
            let token = client.create_token_for(&name, days).await?;
            if context.json {
                return output::print(&token.json);
            }
            eprintln!("{}", context.text("cli-token-once"));
            output::print(token.token.as_deref().unwrap_or_default())
        }
        TokenCommand::List => {
            let seen = client.tokens().await?;
            let columns =
                [("cli-col-name", Align::Text), ("cli-col-id", Align::Text), ("cli-col-created", Align::Text)];
            let rows = seen.items.iter();
            let rows = rows.map(|t| vec![t.name.clone(), t.id.to_string(), context.time(t.created_at)]).collect();
            context.list(&seen.json, &columns, rows)
        }
        TokenCommand::Delete { token } => {
            let all = client.tokens().await?.items;
            let found = all.iter().find(|t| t.id.to_string() == token || t.name == token);
            let found = found.ok_or_else(|| Failure::missing("token", &token, context.words))?;
            client.delete_token(found.id).await?;
            context.say("cli-token-deleted", &[("name", &found.name)]);
            Ok(())
        }
    }
}

/// Lets an administrator in by the word of the server's screen. From standard input: the word on the first line, the new password after it.
async fn let_in(context: &Context, name: &str, from_stdin: bool) -> Result<(), Failure> {
    let (client, _) = context.anonymous()?;
    let word = password(context, from_stdin, "cli-ask-word")?;
    let (word, new) = if from_stdin {
        let (word, new) = word.split_once('\n').unwrap_or((&word, ""));
        (word.trim().to_owned(), new.to_owned())
    } else {
        (word, new_password(context, false)?)
    };
    client.let_in(&word, name, &new).await?;
    context.say("cli-let-in", &[("name", name)]);
    Ok(())
}

pub async fn account(context: &Context, command: AccountCommand) -> Result<(), Failure> {
    if let AccountCommand::LetIn { name, password_stdin } = &command {
        return let_in(context, name, *password_stdin).await;
    }
    let client = context.client()?;
    match command {
        // Whoever is to be let in is not logged in.
        AccountCommand::LetIn { .. } => Ok(()),
        AccountCommand::List => {
            let seen = client.accounts().await?;
            let columns = [
                ("cli-col-name", Align::Text),
                ("cli-col-role", Align::Text),
                ("cli-col-disabled", Align::Text),
                ("cli-col-created", Align::Text),
            ];
            let rows = seen.items.iter().map(|account| {
                let disabled = if account.disabled { context.text("cli-yes") } else { context.text("cli-no") };
                let role = context.words.role(&account.role);
                vec![account.name.clone(), role, disabled.into(), context.time(account.created_at)]
            });
            context.list(&seen.json, &columns, rows.collect())
        }
        AccountCommand::Create { name, role, password_stdin } => {
            let password = new_password(context, password_stdin)?;
            let account = client.create_account(&name, &role, &password).await?;
            if context.json {
                return output::print(&account.json);
            }
            context.say("cli-account-created", &[("name", &name)]);
            Ok(())
        }
        AccountCommand::Passwd { name, password_stdin } => {
            let name = match name {
                Some(name) => {
                    let password = new_password(context, password_stdin)?;
                    client.set_password(&name, &password).await?;
                    name
                }
                None => own_password(context, &client, password_stdin).await?,
            };
            context.say("cli-password-changed", &[("name", &name)]);
            Ok(())
        }
        AccountCommand::Delete { name } => {
            client.delete_account(&name).await?;
            context.say("cli-account-deleted", &[("name", &name)]);
            Ok(())
        }
        AccountCommand::Calendar { calendar } => {
            let calendar = match calendar {
                Calendar::Gregorian => "gregorian",
                Calendar::Minguo => "minguo",
            };
            let account = client.set_calendar(calendar).await?;
            if context.json {
                return output::print(&account.json);
            }
            let name = context.words.text_of(&format!("calendar-{calendar}"));
            context.say("cli-calendar-set", &[("calendar", name)]);
            Ok(())
        }
    }
}
