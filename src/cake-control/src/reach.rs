//! Where cake may connect to when somebody names an address: judged by [`cake_planner::fetch`] at every connection anew.

use cake_planner::fetch::may_be_host;
pub use cake_planner::fetch::reachable;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What stands in the way of a name.
#[derive(Debug, thiserror::Error)]
#[error("cake does not send there")]
pub struct Forbidden(pub String);

/// Names are judged when they are looked up ([`Guarded`]); an address is not looked up, and judged here.
pub fn may_be(url: &Url) -> bool {
    may_be_host(url.host_str().unwrap_or_default())
}

/// Names stand for what may be reached, and for nothing else.
pub struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may = reachable(found).ok_or_else(|| Forbidden(name.as_str().to_owned()))?;
            Ok(Box::new(may.into_iter()) as Addrs)
        })
    }
}
