//! What a change names: only what somebody said.

use serde_json::{Map, Value};

pub fn changes<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}
