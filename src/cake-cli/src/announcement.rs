//! `cake system announcement`: the console's name on the network.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

pub async fn show(context: &Context) -> Result<(), Failure> {
    let seen = context.client()?.announcement().await?;
    if context.json {
        return output::print(&seen.json);
    }
    let (name, wanted) = (seen.name.as_deref().unwrap_or_default(), seen.wanted.as_deref().unwrap_or_default());
    let renamed = !name.is_empty() && name != wanted;
    let renamed =
        renamed.then(|| context.words.text_with("announcement-renamed", &[("wanted", wanted), ("name", name)]));
    context.facts(
        "",
        &[
            ("cli-col-state", Some(output::known(context.words, &format!("announce-{}", seen.state), &seen.state))),
            ("announcement-name", seen.name.clone()),
            ("announcement-url", seen.url.clone()),
            ("announcement-addresses", (!seen.addresses.is_empty()).then(|| seen.addresses.join(" "))),
            ("cli-col-warnings", renamed),
            ("cli-col-detail", seen.because.clone()),
        ],
    )
}
