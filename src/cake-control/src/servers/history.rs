//! What sensors measured over time, asked of the node that keeps it.

use cake_node_api::{ClientError, NodeError};
use cake_types::{Problem, SensorHistory, Span};

use super::Servers;
use crate::board::ServerEntry;
use crate::error;

impl Servers {
    /// The curve of one sensor, by its id or name, or of what the whole server draws ([`cake_types::DRAW`]); of all of them, with few
    /// points each, without one. `after`: only what is newer, in seconds since 1970.
    pub async fn history(
        &self,
        entry: &ServerEntry,
        sensor: Option<&str>,
        span: Span,
        after: Option<i64>,
    ) -> Result<SensorHistory, Problem> {
        let node = self.nodes.require()?;
        match node.client.sensor_history(entry.id(), sensor.map(str::to_owned), span, after).await {
            Err(ClientError::Refused(NodeError::Unknown)) => match sensor {
                Some(sensor) => Err(Problem::not_found("sensor", sensor)),
                // Its node will watch it in a moment.
                None => {
                    let (first, step) = (0, span.step());
                    Ok(SensorHistory { span, first, step, curves: Vec::new(), set_aside: None })
                }
            },
            other => other.map_err(error::node),
        }
    }
}
