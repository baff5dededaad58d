//! The language of this call, and clap's help and refusals in it.

use crate::args::Cli;
use crate::failure::USAGE;
use cake_i18n::{Catalogue, Words};
use cake_types::Language;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};
use std::ffi::OsString;
use std::process::ExitCode;

/// `--lang`, else the first of LC_ALL, LC_MESSAGES and LANG that is set (POSIX.1-2024, 8.2). It is looked for before clap
/// reads the arguments, because clap's own words depend on it.
pub fn choose(arguments: &[OsString]) -> &'static Words {
    let texts: Vec<_> = arguments.iter().filter_map(|a| a.to_str()).collect();
    let asked = texts.iter().enumerate().find_map(|(at, text)| match *text {
        "--lang" => texts.get(at + 1).copied(),
        _ => text.strip_prefix("--lang="),
    });
    if let Some(tag) = asked {
        return for_tag(tag);
    }
    let variables = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let set = variables.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    for_tag(set.as_deref().unwrap_or_default())
}

/// `zh_TW.UTF-8` and `zh-Hant-TW` are the same here; so is every Chinese, which is better served by ours than by English.
fn for_tag(tag: &str) -> &'static Words {
    let tag = tag.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    if tag.eq_ignore_ascii_case("en-XA") {
        return Catalogue::pseudo();
    }
    Catalogue::get(Language::negotiate(&tag))
}

/// The command line with every help text from the catalogue.
pub fn command(words: &'static Words) -> Command {
    let command = describe(Cli::command(), words, "");
    let after = format!("{}\n{}", words.text("cli-exit-codes"), words.text("cli-where"));
    command.about(words.text("cli-about")).after_help(after)
}

fn describe(mut command: Command, words: &'static Words, path: &str) -> Command {
    let template =
        format!("{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}", words.text("cli-usage"));
    command = command
        .help_template(template)
        .subcommand_help_heading(words.text("cli-commands"))
        .subcommand_value_name(words.text("cli-command-placeholder"))
        .disable_help_flag(true)
        .arg(clap::Arg::new("help").long("help").short('h').action(clap::ArgAction::Help).display_order(1000));
    if path.is_empty() {
        let version = clap::Arg::new("version").long("version").action(clap::ArgAction::Version);
        command = command.arg(version.display_order(999));
    }
    let names: Vec<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    for name in names {
        command = command.mut_arg(&name, |arg| {
            let heading = words.text(if arg.is_positional() { "cli-arguments" } else { "cli-options" });
            arg.help(argument(words, path, &name))
                .help_heading(heading)
                .hide_default_value(true)
                .hide_possible_values(false)
        });
    }
    let children: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for child in children {
        let path = if path.is_empty() { child.clone() } else { format!("{path}-{child}") };
        command = command
            .mut_subcommand(&child, |sub| describe(sub, words, &path).about(words.text_of(&format!("cli-cmd-{path}"))));
    }
    command
}

/// What an argument is for: its own words, or those that it shares with others of that name.
fn argument(words: &'static Words, path: &str, name: &str) -> &'static str {
    let name = name.replace('_', "-");
    let own = format!("cli-arg-{path}-{name}");
    if words.has(&own) { words.text_of(&own) } else { words.text_of(&format!("cli-arg-{name}")) }
}

/// Shows help, or says what is wrong with the arguments.
pub fn refuse(words: &'static Words, error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help was asked for. A closed pipe is the reader's choice.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return ExitCode::from(USAGE);
    }
    eprintln!("{}", sentence(words, error));
    eprintln!("{}", words.text("cli-usage-next"));
    ExitCode::from(USAGE)
}

fn sentence(words: &'static Words, error: &clap::Error) -> String {
    let fact = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(words.text("comma")),
        _ => String::new(),
    };
    let argument = fact(ContextKind::InvalidArg);
    let value = fact(ContextKind::InvalidValue);
    let subcommand = fact(ContextKind::InvalidSubcommand);
    let facts: &[(&str, &str)] = &[("argument", &argument), ("value", &value), ("command", &subcommand)];
    let id = match error.kind() {
        ErrorKind::UnknownArgument => "cli-wrong-unknown-argument",
        ErrorKind::InvalidSubcommand => "cli-wrong-unknown-command",
        ErrorKind::MissingRequiredArgument => "cli-wrong-missing",
        ErrorKind::MissingSubcommand => "cli-wrong-missing-command",
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if value.is_empty() => "cli-wrong-no-value",
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "cli-wrong-value",
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => "cli-wrong-no-value",
        ErrorKind::ArgumentConflict => "cli-wrong-conflict",
        _ => "cli-wrong-other",
    };
    words.text_with(id, facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(command: &Command, path: &str, see: &mut dyn FnMut(&Command, &str)) {
        see(command, path);
        for child in command.get_subcommands() {
            let path =
                if path.is_empty() { child.get_name().to_owned() } else { format!("{path}-{}", child.get_name()) };
            walk(child, &path, see);
        }
    }

    #[test]
    fn every_command_and_argument_has_words_in_every_language() {
        for language in Language::ALL {
            let words = Catalogue::get(language);
            walk(&command(words), "", &mut |command, path| {
                let about = command.get_about().map(ToString::to_string).unwrap_or_default();
                assert!(!about.is_empty(), "cli-cmd-{path} in {}", words.tag());
                for argument in command.get_arguments() {
                    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                    assert!(!help.is_empty(), "cli-arg-{path}-{} in {}", argument.get_id(), words.tag());
                }
            });
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        command(Catalogue::get(Language::English)).debug_assert();
    }

    #[test]
    fn locales_and_tags_are_understood() {
        for (tag, expected) in [
            ("zh_TW.UTF-8", "zh-Hant-TW"),
            ("zh-Hant-TW", "zh-Hant-TW"),
            ("en_GB.UTF-8", "en"),
            ("C.UTF-8", "en"),
            ("", "en"),
            ("en-XA", "en-XA"),
        ] {
            assert_eq!(for_tag(tag).tag(), expected, "{tag}");
        }
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        let words = Catalogue::get(Language::English);
        for (line, expected) in [
            ("cake vm create", "NAME"),
            ("cake vm create web --image a --memory 5parsecs", "5parsecs"),
            ("cake vm levitate", "levitate"),
            ("cake vm list --frobnicate", "--frobnicate"),
        ] {
            let error = command(words).try_get_matches_from(line.split(' ')).unwrap_err();
            let sentence = sentence(words, &error);
            assert!(sentence.contains(expected), "{line}: {sentence}");
        }
    }
}
