//! Who is at the other end of each cable (IEEE 802.1AB), as networkd has heard it: `io.systemd.Network.GetLLDPNeighbors` over Varlink,
//! which is one JSON object each way, ended by a zero byte.

use cake_types::PortNeighbor;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const SOCKET: &str = "/run/systemd/netif/io.systemd.Network";
const QUESTION: &[u8] = b"{\"method\":\"io.systemd.Network.GetLLDPNeighbors\",\"parameters\":{}}\0";
/// Longest answer that is read, in bytes.
const ANSWER_MAX: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest name that is shown, in characters.
const NAME_MAX: usize = 64;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    #[serde(default)]
    neighbors: Vec<OfLink>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfLink {
    #[serde(default)]
    interface_name: String,
    #[serde(default)]
    neighbors: Vec<Heard>,
}

#[derive(Deserialize)]
struct Heard {
    #[serde(rename = "SystemName")]
    system: Option<String>,
    #[serde(rename = "ChassisID")]
    chassis: Option<String>,
    #[serde(rename = "PortID")]
    port: Option<String>,
    #[serde(rename = "PortDescription")]
    described: Option<String>,
}

/// By port. Where nobody can be asked, nobody is known.
pub async fn neighbors() -> BTreeMap<String, PortNeighbor> {
    let asked = tokio::time::timeout(PATIENCE, ask()).await;
    asked.ok().and_then(Result::ok).map(|text| parse_neighbors(&text)).unwrap_or_default()
}

async fn ask() -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(SOCKET).await?;
    stream.write_all(QUESTION).await?;
    let mut answer = Vec::new();
    while answer.last() != Some(&0) && answer.len() <= ANSWER_MAX {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    answer.pop_if(|last| *last == 0);
    Ok(answer)
}

/// What networkd answers; nobody, where that is something else.
pub fn parse_neighbors(text: &[u8]) -> BTreeMap<String, PortNeighbor> {
    let Ok(Answer { parameters }) = serde_json::from_slice(text) else { return BTreeMap::new() };
    let of_link = |link: OfLink| {
        let Heard { system, chassis, port, described } = link.neighbors.into_iter().next()?;
        let neighbor =
            PortNeighbor { system: plain(system).or(plain(chassis)), port: plain(port).or(plain(described)) };
        (neighbor != PortNeighbor::default()).then_some((link.interface_name, neighbor))
    };
    parameters.neighbors.into_iter().filter_map(of_link).collect()
}

/// Somebody else's word: no line ends, no more of it than can be shown.
fn plain(text: Option<String>) -> Option<String> {
    let kept: String = text?.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_cut_to_fit() {
        let text = serde_json::json!({ "parameters": { "Neighbors": [
            { "InterfaceIndex": 2, "InterfaceName": "eno1", "Neighbors": [
                { "ChassisID": "00:01:02:03:04:05", "PortID": "Gi1/0/7", "SystemName": "core-\u{7}\nsw", "VlanID": 1 } ] },
            { "InterfaceName": "eno2", "Neighbors": [{ "ChassisID": "x".repeat(500) }] },
            { "InterfaceName": "eno3", "Neighbors": [] },
        ] } });
        let heard = parse_neighbors(text.to_string().as_bytes());
        assert_eq!(heard.keys().collect::<Vec<_>>(), ["eno1", "eno2"]);
        assert_eq!(heard["eno1"].system.as_deref(), Some("core-sw"));
        assert_eq!(heard["eno1"].port.as_deref(), Some("Gi1/0/7"));
        assert_eq!(heard["eno2"].system.as_ref().map(String::len), Some(64));
        for other in [&b""[..], b"{}", b"[]", b"{\"error\":\"org.varlink.service.MethodNotFound\"}", b"\xff"] {
            assert!(parse_neighbors(other).is_empty());
        }
    }
}
