//! `cake system certificate …`

use crate::args::CertificateCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use anyhow::Context as _;
use cake_client::Seen;
use cake_client::wire::Certificate;
use std::io::Write;
use std::path::Path;

pub async fn run(context: &Context, command: CertificateCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        CertificateCommand::Show => show(context, &client.certificate().await?),
        CertificateCommand::Upload { chain, key } => {
            let (chain, key) = (read(&chain)?, key.as_deref().map(read).transpose()?);
            let seen = client.certificate().await?;
            show(context, &client.upload_certificate(&seen, &chain, key.as_deref()).await?)
        }
        CertificateCommand::Csr { names, organization } => {
            let made = client.request_certificate(&names, organization.as_deref()).await?;
            if context.json { output::print(&made.json) } else { output::print(made.request.trim_end()) }
        }
        CertificateCommand::Reset => {
            let seen = client.certificate().await?;
            show(context, &client.reset_certificate(&seen).await?)
        }
        CertificateCommand::Authority => {
            let pem = client.authority().await?;
            Ok(std::io::stdout().lock().write_all(&pem)?)
        }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?)
}

fn show(context: &Context, seen: &Seen<Certificate>) -> Result<(), Failure> {
    if context.json {
        return output::print(&seen.json);
    }
    let words = context.words;
    let warning = |word: &String| output::known(words, &format!("certificate-warning-{word}"), word);
    let warnings: Vec<String> = seen.warnings.iter().map(warning).collect();
    let source = output::known(words, &format!("certificate-source-{}", seen.source), &seen.source);
    context.facts(
        "",
        &[
            ("cli-col-source", Some(source)),
            ("cli-col-names", Some(seen.names.join(" "))),
            ("cli-col-issuer", Some(seen.issuer.clone())),
            ("cli-col-good-until", Some(context.time(seen.not_after))),
            ("cli-col-fingerprint", Some(seen.fingerprint.clone())),
            ("cli-col-warnings", (!warnings.is_empty()).then(|| warnings.join(" "))),
        ],
    )
}
