//! A walk: everything below one name, by GetBulk, and its bounds.

use crate::error::SnmpError;
use crate::message::{Binding, Kind, Request, Response};
use crate::oid::Oid;

/// Values of one table: a switch with 1,000 ports has fewer in a column.
const FOUND_MAX: usize = 2048;
/// Questions of one walk.
const REQUESTS_MAX: u32 = 256;
/// Names in one answer. 25 of them with their values fit into an Ethernet frame.
const REPETITIONS: u8 = 25;

const TOO_BIG: u32 = 1;
/// What agents of version 1 say at the end of what they have.
const NO_SUCH_NAME: u32 = 2;

/// It knows no socket: [`Walk::request`] says what to ask, [`Walk::take`] takes the answer in.
pub struct Walk {
    root: Oid,
    last: Oid,
    found: Vec<Binding>,
    requests: u32,
    repetitions: u8,
}

impl Walk {
    pub fn new(root: Oid) -> Self {
        Self { last: root.clone(), root, found: Vec::new(), requests: 0, repetitions: REPETITIONS }
    }

    pub fn request(&self) -> Request {
        Request { kind: Kind::GetBulk(self.repetitions), names: vec![self.last.clone()] }
    }

    /// Whether that was the end.
    pub fn take(&mut self, response: Response) -> Result<bool, SnmpError> {
        self.requests += 1;
        if self.requests > REQUESTS_MAX {
            return Err(SnmpError::Endless);
        }
        match response.status {
            0 => {}
            TOO_BIG if self.repetitions > 1 => {
                self.repetitions /= 2;
                return Ok(false);
            }
            NO_SUCH_NAME => return Ok(true),
            status => return Err(SnmpError::Refused(status)),
        }
        if response.bindings.is_empty() {
            return Err(SnmpError::Garbled("an answer with nothing in it"));
        }
        for binding in response.bindings {
            if binding.value == crate::Value::EndOfMibView {
                return Ok(true);
            }
            // An agent that goes back or stands still would be walked for ever.
            if binding.name <= self.last {
                return Err(SnmpError::NotRising);
            }
            if binding.name.below(self.root.arcs()).is_none() {
                return Ok(true);
            }
            if self.found.len() == FOUND_MAX {
                return Err(SnmpError::Endless);
            }
            self.last = binding.name.clone();
            self.found.push(binding);
        }
        Ok(false)
    }

    pub fn found(self) -> Vec<Binding> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn oid(arcs: &[u32]) -> Oid {
        Oid::new(arcs).unwrap()
    }

    fn answer(names: &[&[u32]]) -> Response {
        let bindings = names.iter().map(|arcs| Binding { name: oid(arcs), value: Value::Integer(1) }).collect();
        Response { community: vec![], id: 0, status: 0, bindings }
    }

    #[test]
    fn it_ends_where_the_table_ends() {
        let mut walk = Walk::new(oid(&[1, 3, 1]));
        assert!(!walk.take(answer(&[&[1, 3, 1, 1], &[1, 3, 1, 2]])).unwrap());
        assert_eq!(walk.request().names, [oid(&[1, 3, 1, 2])]);
        assert!(walk.take(answer(&[&[1, 3, 1, 3], &[1, 3, 2, 1]])).unwrap());
        assert_eq!(walk.found().len(), 3);
        let mut walk = Walk::new(oid(&[1, 3, 1]));
        let end = Binding { name: oid(&[1, 3, 1]), value: Value::EndOfMibView };
        assert!(walk.take(Response { bindings: vec![end], ..answer(&[]) }).unwrap());
    }

    #[test]
    fn who_goes_back_or_stands_still_is_not_walked_for_ever() {
        for names in
            [&[&[1, 3, 1][..]][..], &[&[1, 3, 1, 2], &[1, 3, 1, 1]], &[&[1, 3, 1, 2], &[1, 3, 1, 2]], &[&[1, 2]]]
        {
            let mut walk = Walk::new(oid(&[1, 3, 1]));
            assert!(matches!(walk.take(answer(names)), Err(SnmpError::NotRising)), "{names:?}");
        }
        let mut walk = Walk::new(oid(&[1, 3, 1]));
        assert!(matches!(walk.take(answer(&[])), Err(SnmpError::Garbled(_))));
        let mut walk = Walk::new(oid(&[1, 3, 1]));
        let mut next = 0;
        let ended = loop {
            next += 1;
            match walk.take(answer(&[&[1, 3, 1, next]])) {
                Ok(end) => assert!(!end),
                Err(error) => break error,
            }
        };
        assert!(matches!(ended, SnmpError::Endless));
        let many: Vec<Vec<u32>> = (0..3000).map(|n| vec![1, 3, 1, n]).collect();
        let many: Vec<&[u32]> = many.iter().map(Vec::as_slice).collect();
        assert!(matches!(Walk::new(oid(&[1, 3, 1])).take(answer(&many)), Err(SnmpError::Endless)));
    }

    #[test]
    fn an_answer_that_would_be_too_big_is_asked_for_in_parts() {
        let mut walk = Walk::new(oid(&[1, 3, 1]));
        let too_big = || Response { status: TOO_BIG, ..answer(&[]) };
        for expected in [12, 6, 3, 1] {
            assert!(!walk.take(too_big()).unwrap());
            assert_eq!(walk.request().kind, Kind::GetBulk(expected));
        }
        assert!(matches!(walk.take(too_big()), Err(SnmpError::Refused(1))));
        assert!(Walk::new(oid(&[1, 3])).take(Response { status: 2, ..answer(&[]) }).unwrap());
        assert!(matches!(
            Walk::new(oid(&[1, 3])).take(Response { status: 5, ..answer(&[]) }),
            Err(SnmpError::Refused(5))
        ));
    }
}
