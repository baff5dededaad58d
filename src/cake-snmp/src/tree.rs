use crate::error::SnmpError;
use crate::message::Binding;
use crate::oid::Oid;
use crate::value::Value;
use std::collections::BTreeMap;

/// Values of one agent: more than the tables of any that is known.
const MOST: usize = 16_384;

/// What an agent said, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<Oid, Value>);

impl Tree {
    pub fn extend(&mut self, bindings: impl IntoIterator<Item = Binding>) -> Result<(), SnmpError> {
        for binding in bindings.into_iter().filter(|binding| binding.value.is_there()) {
            if self.0.len() == MOST {
                return Err(SnmpError::Endless);
            }
            self.0.insert(binding.name, binding.value);
        }
        Ok(())
    }

    /// A column: index and value of each row, in the order of the agent.
    pub fn column<'a>(&'a self, name: &'a [u32]) -> impl Iterator<Item = (&'a [u32], &'a Value)> {
        let from = Oid::new(name);
        let rows = from.map(|from| self.0.range(from..)).into_iter().flatten();
        rows.map_while(move |(oid, value)| Some((oid.below(name)?, value))).filter(|(index, _)| !index.is_empty())
    }

    pub fn at(&self, name: &[u32], index: &[u32]) -> Option<&Value> {
        self.0.get(&Oid::new([name, index].concat())?)
    }

    pub fn number(&self, name: &[u32], index: &[u32]) -> Option<i64> {
        self.at(name, index)?.number()
    }
}
