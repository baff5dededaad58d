//! Shows every page with sample data: `cargo run --release -p cake-web --example gallery`. It prints eight addresses: a rack
//! fresh from the box, one on a stick, an empty one, a busy one, one with 50 machines, one whose server does not answer, one full of hostile texts, and one that
//! is short of power. There is no API behind them, so buttons
//! answer that there is nothing at their address.

#[path = "../tests/common/mod.rs"]
mod common;

use axum::Extension;
use common::Rack;
use std::sync::Arc;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let first: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let racks: [(&str, Rack); 8] = [
        ("fresh", common::fresh()),
        ("stick", common::stick()),
        ("empty", common::empty()),
        ("busy", common::busy()),
        ("crowded", common::crowded()),
        ("unreachable", common::unreachable()),
        ("hostile", common::hostile()),
        ("short", common::short_of_power(2_000)),
    ];
    let mut servers = tokio::task::JoinSet::new();
    for ((name, rack), number) in racks.into_iter().zip(0..) {
        let port = if first == 0 { 0 } else { first + number };
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        println!("{name} http://{}/", listener.local_addr()?);
        let mut pages = cake_web::router(Arc::new(rack));
        if !["fresh", "stick"].contains(&name) {
            pages = pages.layer(Extension(common::viewer("administrator")));
        }
        servers.spawn(async move { axum::serve(listener, pages).await });
    }
    while let Some(ended) = servers.join_next().await {
        ended.map_err(std::io::Error::other)??;
    }
    Ok(())
}
